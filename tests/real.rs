//! The real client, where `CLAUDE=/path/to/claude` says where it is: it is nobody's to pass on, so that these do nothing without it.
//!
//! `bootstrap/test --real` fetches the pinned one and runs them. The model is this machine's own: no word leaves it.

use crate::attacks::fleet::{back, shows};
use crate::world::World;
use crate::world::model::{Model, Script};
use crate::world::processes::{Family, kill};

const KEY: &str = "sk-ant-real-0123456789-key-of-the-owner";
const SEAT: &str = "dev-b";

/// A workshop with the real client in one seat, and scripted agents in the others.
fn world(script: Option<Script>) -> Option<(World, Model)> {
    let client = std::env::var("CLAUDE").ok()?;
    let model = script.map_or_else(Model::start, Model::scripted);
    let mut world = World::python();
    world.rule(&format!("[agent]\nupstream = \"http://{}\"\n[fleet]\nfirst_seconds = 0\nlongest_seconds = 0\n", model.address));
    world.set("ANTHROPIC_API_KEY", KEY);
    let (repo, agent) = (world.repo(), world.path("agent"));
    let (seat, others) = (format!("{SEAT}={client}"), agent.to_str().unwrap());
    let said = world.orchestrate(&["bootstrap", repo.to_str().unwrap(), "--agent", others, "--agent", &seat, "--detach", "--yes"]);
    said.ok().says("8 of 8 seats answered");
    Some((world, model))
}

/// A request of a conversation, not one for its title.
fn turn(text: &str) -> bool {
    text.starts_with("POST /v1/messages?beta=true ") && !text.contains("\"tools\":[]")
}

fn session(text: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix("x-claude-code-session-id: ")).unwrap_or_default().to_owned()
}

#[test]
fn the_client_starts_without_a_dialog_reaches_its_model_and_knows_its_tools() {
    let Some((world, model)) = world(None) else { return };
    let heard = model.wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    assert!(heard.contains("user-agent: claude-cli/") && heard.contains(&format!("x-api-key: {KEY}\r\n")), "{}", &heard[..1000]);
    assert!(heard.contains("The supervisor says who you are"), "what the hook said");
    shows(&world, SEAT, "idle");
    // The first turn does not wait for the tools; the next one has them.
    let heard = after_mail(&world, &model);
    for known in ["mcp__orchestrate__whoami", "mcp__orchestrate__submit", "work in your clone, push with git"] {
        assert!(heard.contains(known), "{known}");
    }
}

/// Writes to the seat, and gives the request by which its client tells the model.
fn after_mail(world: &World, model: &Model) -> String {
    world.seat("dev-a").run(&format!("orchestrate mail send {SEAT} --subject hello --body 'go on'")).ok();
    model.wait_heard(|text| turn(text) && text.contains("| go on"))
}

#[test]
fn a_tool_of_the_workshop_is_used_and_nobody_is_asked() {
    let script = |body: &str| {
        (body.contains("mcp__orchestrate__whoami") && !body.contains("tool_result") && !body.contains("\"tools\":[]"))
            .then_some(("mcp__orchestrate__whoami", "{}"))
    };
    let Some((world, model)) = world(Some(script)) else { return };
    model.wait_heard(turn);
    shows(&world, SEAT, "idle");
    after_mail(&world, &model);
    let heard = model.wait_heard(|text| turn(text) && text.contains("tool_result"));
    assert!(heard.contains("dev-b@") && heard.contains("capabilities"), "{}", &heard[heard.len().saturating_sub(3000)..]);
    shows(&world, SEAT, "idle");
}

#[test]
fn an_edit_without_a_task_is_not_made_and_the_model_hears_why() {
    let script = |body: &str| {
        let asks = body.contains("| go on") && !body.contains("tool_result") && !body.contains("\"tools\":[]");
        asks.then_some(("Write", r#"{"file_path":"/work/demo/new.txt","content":"x"}"#))
    };
    let Some((world, model)) = world(Some(script)) else { return };
    model.wait_heard(turn);
    shows(&world, SEAT, "idle");
    after_mail(&world, &model);
    let heard = model.wait_heard(|text| turn(text) && text.contains("tool_result"));
    assert!(heard.contains("no-task"), "{}", &heard[heard.len().saturating_sub(3000)..]);
    assert!(!world.seat(SEAT).clone_folder().join("new.txt").exists());
    shows(&world, SEAT, "idle");
}

#[test]
fn a_task_is_taken_by_its_tool_and_then_edits_are_made() {
    let script = |body: &str| match () {
        () if !body.contains("| go on") || body.contains("\"tools\":[]") => None,
        () if !body.contains("toolu_mcp__orchestrate__take") => Some(("mcp__orchestrate__take", r#"{"task":"T1"}"#)),
        () if !body.contains("toolu_Write") => Some(("Write", r#"{"file_path":"/work/demo/new.txt","content":"x"}"#)),
        () => None,
    };
    let Some((world, model)) = world(Some(script)) else { return };
    model.wait_heard(turn);
    shows(&world, SEAT, "idle");
    world.owner(&["task", "open", "a note"]).ok();
    after_mail(&world, &model);
    model.wait_heard(|text| turn(text) && text.contains("toolu_Write"));
    shows(&world, SEAT, "idle");
    assert_eq!(std::fs::read_to_string(world.seat(SEAT).clone_folder().join("new.txt")).unwrap(), "x");
    assert_eq!(world.fold().tasks.values().next().unwrap().author.as_ref().unwrap().as_str(), SEAT);
}

#[test]
fn mail_wakes_an_idle_client_and_arrives_once() {
    let Some((world, model)) = world(None) else { return };
    model.wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    shows(&world, SEAT, "idle");
    for number in 1..=5 {
        let line = format!("orchestrate mail send {SEAT} --subject 'number {number}' --body 'the body of {number}!'");
        world.seat("dev-a").run(&line).ok();
        model.wait_heard(|text| turn(text) && text.contains(&format!("| the body of {number}!")));
        shows(&world, SEAT, "idle");
    }
    let last = model.heard().into_iter().rfind(|text| turn(text)).unwrap();
    for number in 1..=5 {
        assert_eq!(last.matches(&format!("| the body of {number}!")).count(), 1, "{number}");
    }
    let idle = model.heard().len();
    shows(&world, SEAT, "idle");
    assert_eq!(model.heard().len(), idle, "who waits asks nothing");
}

#[test]
fn a_killed_client_goes_on_with_its_session_and_its_open_mail() {
    let Some((world, model)) = world(None) else { return };
    let first = model.wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    shows(&world, SEAT, "idle");
    world.seat("dev-a").run(&format!("orchestrate mail send {SEAT} --subject kept --body 'never acknowledged'")).ok();
    model.wait_heard(|text| turn(text) && text.contains("| never acknowledged"));
    shows(&world, SEAT, "idle");
    let mark = world.mark();
    kill(client(&world));
    back(&world, mark, SEAT);
    let again = model.wait_heard(|text| turn(text) && text.contains("started again after an interruption"));
    assert!(again.contains("do what your role asks. When nothing is left"), "what was said before is still known");
    assert_eq!(session(&again), session(&first), "the same session");
    model.wait_heard(|text| turn(text) && text.matches("| never acknowledged").count() == 2);
    shows(&world, SEAT, "idle");
}

/// The client's own process, as the host sees it.
fn client(world: &World) -> i32 {
    let real = std::fs::canonicalize(std::env::var("CLAUDE").unwrap()).unwrap();
    let own = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(real.to_str().unwrap().as_bytes())
            && environ.split(|b| *b == 0).any(|word| word == format!("ORCHESTRATE_SEAT={SEAT}").as_bytes())
    };
    Family::of(&world.path("")).all().find(own).unwrap()
}
