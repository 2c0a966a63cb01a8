//! The question before each tool of an agent's client: comfort inside the seat, and never a yes without a reason.

use crate::world::World;
use crate::world::processes::{Family, gone, kill};
use serde_json::{Value, json};

/// What the guard says to a tool, and why.
#[track_caller]
fn guard(world: &World, seat: &str, asked: &str) -> (String, String) {
    let said = world.seat(seat).run(&format!("orchestrate hook guard <<'END'\n{asked}\nEND")).ok();
    let said: Value = serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{why}: {said}"));
    let word = |name: &str| said["hookSpecificOutput"][name].as_str().unwrap().to_owned();
    (word("permissionDecision"), word("permissionDecisionReason"))
}

fn edit(path: &str) -> String {
    json!({"hook_event_name": "PreToolUse", "cwd": "/work/demo", "tool_name": "Edit", "tool_input": {"file_path": path, "old_string": "a"}})
        .to_string()
}

#[track_caller]
fn no(world: &World, seat: &str, asked: &str, why: &str) {
    let (word, said) = guard(world, seat, asked);
    assert!(word == "deny" && said.contains(why), "{word}: {said}");
}

#[track_caller]
fn yes(world: &World, seat: &str, asked: &str) {
    assert_eq!(guard(world, seat, asked), ("allow".to_owned(), String::new()));
}

#[test]
fn an_edit_without_a_task_under_somebody_elses_lock_or_while_frozen_gets_a_no() {
    let world = World::python().bootstrap();
    let bash = json!({"tool_name": "Bash", "tool_input": {"command": "true"}}).to_string();
    no(&world, "dev-a", &edit("/work/demo/README.md"), "no-task");
    yes(&world, "dev-a", &edit("/home/dev-a/notes"));
    yes(&world, "dev-a", &edit("/tmp/x"));
    yes(&world, "dev-a", &bash);
    for odd in [
        "",
        "nonsense",
        "{}",
        r#"{"tool_name":"Write","tool_input":{}}"#,
        r#"{"tool_name":"Write","tool_input":{"file_path":["/work/demo/x"]}}"#,
    ] {
        no(&world, "dev-a", odd, "");
    }
    world.owner(&["task", "open", "a note"]).ok();
    let before = world.refusals(0).len();
    world.seat("dev-a").run("orchestrate task take T1").ok();
    yes(&world, "dev-a", &edit("README.md"));
    world.seat("dev-b").run("orchestrate lock acquire docs/").ok();
    no(&world, "dev-a", &edit("/work/demo/src/../docs/a.md"), "lock-held");
    yes(&world, "dev-a", &edit("src/a.py"));
    world.seat("librarian").run("orchestrate freeze --reason 'to see it'").ok();
    no(&world, "dev-a", &edit("src/a.py"), "frozen");
    yes(&world, "dev-a", &bash);
    assert_eq!(world.refusals(0).len(), before, "a question is no attempt");
}

#[test]
fn without_a_supervisor_no_edit_gets_a_yes() {
    let world = World::python().bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    world.seat("dev-a").run("orchestrate task take T1").ok();
    let supervisor = Family::of(&world.path("")).supervisor();
    kill(supervisor);
    assert!(gone(supervisor));
    no(&world, "dev-a", &edit("README.md"), "cannot be reached");
    world.start().ok();
    yes(&world, "dev-a", &edit("README.md"));
}

#[test]
fn the_settings_that_ask_it_are_not_the_seats_to_change() {
    let world = World::python().bootstrap();
    let file = "/etc/claude-code/managed-settings.json";
    world.seat("dev-a").run(&format!("cat {file}")).ok().says("guard").says("dontAsk");
    for attack in [
        format!("echo '{{}}' > {file}"),
        format!("rm -f {file}"),
        format!("mv {file} /tmp/"),
        "mv /etc/claude-code /etc/other".to_owned(),
        "mkdir /etc/claude-code/managed-settings.d".to_owned(),
        "echo x > /opt/orchestrate/bin/managed-settings.json".to_owned(),
    ] {
        assert_ne!(world.seat("dev-a").run(&attack).code, 0, "{attack}");
    }
    world.seat("dev-a").run(&format!("cat {file}")).ok().says("guard");
}
