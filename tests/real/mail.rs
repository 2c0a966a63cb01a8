//! Mail to the real client: whatever it is at, each message once.

use super::{SEAT, after_mail, program, send, session, starts_again, turn, waiting, waiting_freely};
use crate::attacks::fleet::{agent, back, shows};
use crate::world::World;
use crate::world::model::{Manner, Model};
use crate::world::processes::{Family, gone, kill};
use orchestrate::domain::event::Event;
use orchestrate::domain::fleet;
use std::time::{Duration, Instant};

/// What a client asks for to compact its conversation; `<summary>` stands in its notices of mail, too.
const SUMMARY: &str = "Your task is to create a detailed summary";

/// Types into the seat's pane, as a person would.
fn types(world: &World, keys: &[&str]) {
    let socket = world.state().join("run/tmux.sock");
    let tmux = |words: &[&str]| world.command("tmux", &[&["-S", socket.to_str().unwrap()], words].concat(), "").ok().out;
    let panes = tmux(&["list-panes", "-a", "-F", "#{@seat} #{pane_id}"]);
    let pane = panes.lines().find_map(|line| line.strip_prefix(&format!("{SEAT} "))).unwrap().to_owned();
    for key in keys {
        tmux(&["send-keys", "-t", &pane, key]);
    }
}

/// How often the last conversation of the seat has this text in it.
fn times(world: &World, text: &str) -> usize {
    world.brain().heard().into_iter().rfind(|heard| turn(heard)).unwrap().matches(text).count()
}

/// Waits until the message has begun a turn, and the turn is over.
fn arrives(world: &World, body: &str) -> String {
    let heard = world.brain().wait_heard(|text| turn(text) && text.contains(&format!("| {body}")));
    shows(world, SEAT, "idle");
    heard
}

/// The processes that wait for the seat's mail.
fn waiters(world: &World) -> Vec<i32> {
    let is = |pid: &i32| {
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let seat = format!("ORCHESTRATE_SEAT={SEAT}");
        read("cmdline").split(|b| *b == 0).any(|word| word == b"mail-waiter") && read("environ").split(|b| *b == 0).any(|word| word == seat.as_bytes())
    };
    Family::of(&world.path("")).all().filter(is).collect()
}

#[test]
fn two_hundred_messages_to_an_idle_client_begin_two_hundred_turns() {
    let count: u32 = std::env::var("MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let Some(world) = waiting_freely(Model::start(), 10 * count) else { return };
    let mut took: Vec<Duration> = Vec::new();
    for number in 1..=count {
        let before = Instant::now();
        send(&world, &format!("number {number}"), &format!("the body of {number}!"));
        let body = format!("| the body of {number}!");
        let begun = world.brain().when(|text| turn(text) && text.contains(&body));
        took.push(begun.saturating_duration_since(before));
        idle(&world);
    }
    let last = world.brain().heard().into_iter().rfind(|text| turn(text)).unwrap();
    let once = (1..=count).filter(|number| last.matches(&format!("| the body of {number}!")).count() == 1).count();
    took.sort();
    eprintln!("figure: {once} of {count} messages once each; from the sender's command to the turn: median {:?}, longest {:?}", took[took.len() / 2], took[took.len() - 1]);
    assert_eq!(once, count as usize);
    assert_eq!(world.refusals(0), [], "no request was turned away for being one too many");
    shows(&world, SEAT, "idle");
    assert_eq!(waiters(&world).len(), 1, "one waits");
}

/// Waits until the client says that it is idle; its own file is asked, and no program is started.
fn idle(world: &World) {
    let folder = world.seat(SEAT).home().join(".claude/sessions");
    let begun = Instant::now();
    while begun.elapsed() < crate::world::DEADLINE {
        let files = std::fs::read_dir(&folder).unwrap().flatten();
        if files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).any(|text| text.contains("\"status\":\"idle\"")) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("it is not idle");
}

#[test]
fn mail_to_a_busy_client_waits_for_its_turn_and_arrives_once() {
    let Some(world) = waiting(Model::start()) else { return };
    world.brain().behave(Manner::Silent);
    after_mail(&world);
    for number in 1..=5 {
        send(&world, "while busy", &format!("busy {number}!"));
    }
    shows(&world, SEAT, "working");
    world.brain().behave(Manner::Well);
    for number in 1..=5 {
        arrives(&world, &format!("busy {number}!"));
    }
    for number in 1..=5 {
        assert_eq!(times(&world, &format!("| busy {number}!")), 1, "{number}");
    }
}

#[test]
fn mail_to_a_client_with_an_open_dialog_answers_nothing_and_arrives_once() {
    let Some(world) = waiting(Model::start()) else { return };
    types(&world, &["/model", "Enter"]);
    shows(&world, SEAT, "waiting: dialog open");
    let before = world.brain().heard().len();
    send(&world, "/clear", "! rm -rf /");
    shows(&world, SEAT, "waiting: dialog open");
    assert_eq!(world.brain().heard().len(), before, "nothing was answered for its user");
    types(&world, &["Escape"]);
    arrives(&world, "! rm -rf /");
    assert_eq!(times(&world, "| ! rm -rf /"), 1);
}

#[test]
fn mail_survives_clear_and_compaction_and_a_supervisor_that_is_killed() {
    let Some(world) = waiting(Model::start()) else { return };
    send(&world, "first", "before clear!");
    let first = session(&arrives(&world, "before clear!"));
    types(&world, &["/clear", "Enter"]);
    // Not acknowledged, and not known to the conversation that begins: it is shown again.
    let again = world.brain().wait_heard(|text| turn(text) && session(text) != first && text.contains("| before clear!"));
    assert_eq!(again.matches("| before clear!").count(), 1);
    shows(&world, SEAT, "idle");
    send(&world, "second", "after clear!");
    arrives(&world, "after clear!");
    assert_eq!(times(&world, "| after clear!"), 1);
    types(&world, &["/compact", "Enter"]);
    world.brain().wait_heard(|text| text.contains(SUMMARY));
    shows(&world, SEAT, "idle");
    send(&world, "third", "after compaction!");
    arrives(&world, "after compaction!");
    assert_eq!(times(&world, "| after compaction!"), 1);
    let (client, supervisor) = (agent(&world, SEAT), Family::of(&world.path("")).supervisor());
    kill(supervisor);
    assert!(gone(supervisor));
    world.start().ok();
    send(&world, "fourth", "after the supervisor!");
    arrives(&world, "after the supervisor!");
    assert_eq!(times(&world, "| after the supervisor!"), 1);
    assert_eq!((agent(&world, SEAT), waiters(&world).len()), (client, 1), "the client was left alone, and one waits");
}

/// A message that was never acknowledged comes once more, to a session that was started again.
fn comes_again(world: &World) {
    world.brain().wait_heard(|text| {
        let interruption = text.find("started again after an interruption");
        turn(text) && interruption.is_some_and(|at| text[at..].matches("| never acknowledged").count() == 1)
    });
}

#[test]
fn a_killed_client_goes_on_with_its_session_and_its_open_mail() {
    let Some(world) = waiting(Model::start()) else { return };
    let first = world.brain().wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    send(&world, "kept", "never acknowledged");
    arrives(&world, "never acknowledged");
    let (mark, waiter) = (world.mark(), waiters(&world));
    kill(agent(&world, SEAT));
    back(&world, mark, SEAT);
    assert!(waiter.into_iter().all(gone), "none waits for who is not there");
    let again = world.brain().wait_heard(|text| turn(text) && text.contains("started again after an interruption"));
    assert!(again.contains("do what your role asks. When nothing is left"), "what was said before is still known");
    assert_eq!(session(&again), session(&first), "the same session");
    // Whether its last words reached the transcript before it was killed is the client's own affair; the message comes in any case.
    comes_again(&world);
    shows(&world, SEAT, "idle");
    assert_eq!(waiters(&world).len(), 1);
}

#[test]
fn a_machine_that_lost_its_power_goes_on_with_the_same_session_and_its_open_mail() {
    let Some(world) = waiting(Model::start()) else { return };
    let first = world.brain().wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    send(&world, "kept", "never acknowledged");
    arrives(&world, "never acknowledged");
    std::fs::write(world.seat(SEAT).clone_folder().join("left.txt"), "work").unwrap();
    Family::power_off(&world.path(""));
    starts_again(&world, &program().unwrap());
    let again = world.brain().wait_heard(|text| turn(text) && text.contains("started again after an interruption"));
    assert_eq!(session(&again), session(&first), "the same session");
    comes_again(&world);
    shows(&world, SEAT, "idle");
    assert_eq!(waiters(&world).len(), 1);
    assert_eq!(std::fs::read_to_string(world.seat(SEAT).clone_folder().join("left.txt")).unwrap(), "work");
}

#[test]
fn mail_before_while_and_after_the_client_compacts_by_itself_arrives_once() {
    let Some(world) = waiting(Model::start()) else { return };
    // A client whose window is small; it is told so by its own settings, which it reads at its start.
    let path = world.seat(SEAT).home().join(".claude/settings.json");
    let mut settings: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    settings["env"]["CLAUDE_CODE_AUTO_COMPACT_WINDOW"] = "100000".into();
    std::fs::write(&path, settings.to_string()).unwrap();
    // With a turn that its transcript has, so that it goes on with it.
    send(&world, "zero", "to begin with!");
    arrives(&world, "to begin with!");
    let mark = world.mark();
    kill(agent(&world, SEAT));
    back(&world, mark, SEAT);
    world.brain().wait_heard(|text| turn(text) && text.contains("started again after an interruption"));
    shows(&world, SEAT, "idle");
    world.brain().weigh(90_000);
    send(&world, "first", "before it!");
    let before = arrives(&world, "before it!");
    assert_eq!(before.matches("| before it!").count(), 1);
    // The next turn does not fit: it is compacted first, and that takes its time.
    world.brain().weigh(0);
    world.brain().behave(Manner::Silent);
    send(&world, "second", "that makes it!");
    world.brain().wait_heard(|text| text.contains(SUMMARY));
    send(&world, "third", "while it does!");
    world.brain().behave(Manner::Well);
    for body in ["that makes it!", "while it does!"] {
        arrives(&world, body);
    }
    send(&world, "fourth", "after it!");
    arrives(&world, "after it!");
    let compacted = world.brain().heard().iter().filter(|text| text.contains(SUMMARY)).count();
    eprintln!("figure: {compacted} requests for a summary; mail before, while and after");
    for body in ["that makes it!", "while it does!", "after it!"] {
        assert_eq!(times(&world, &format!("| {body}")), 1, "{body}");
    }
    assert!(times(&world, "| before it!") <= 1, "it was told before, and at most its summary has it");
    assert_eq!(waiters(&world).len(), 1, "one waits");
}

#[test]
fn many_messages_to_a_client_that_is_down_come_once_each_in_batches_that_it_can_take() {
    const MANY: usize = 400;
    let Some(world) = waiting(Model::start()) else { return };
    // It is down for as long as this takes.
    world.owner(&["freeze", "--reason", "nobody starts again"]).ok();
    let mark = world.mark();
    kill(agent(&world, SEAT));
    world.wait_from(mark, "that it is down", |entry| match &entry.event {
        Event::Fleet(fleet::Event::Left { seat, .. }) if seat.as_str() == SEAT => Some(()),
        _ => None,
    });
    let flood = format!("for i in $(seq {MANY}); do echo $i; done | xargs -P 8 -I_ orchestrate mail send {SEAT} --subject flood --body 'flood _!' >/dev/null");
    world.seat("dev-a").run(&flood).ok();
    let code = world.code_at(0);
    world.owner_types(&["thaw", "--alone"], &format!("{code}\n")).ok();
    back(&world, mark, SEAT);
    let whole = |text: &str| turn(text) && (1..=MANY).all(|number| text.matches(&format!("| flood {number}!")).count() == 1);
    let last = world.brain().wait_heard(whole);
    shows(&world, SEAT, "idle");
    let heard = world.brain().heard();
    let told = |text: &String| text.matches("| flood ").count();
    let mut steps: Vec<usize> = heard.iter().filter(|text| turn(text)).map(told).collect();
    steps.dedup();
    let most = steps.windows(2).map(|two| two[1].saturating_sub(two[0])).max().unwrap();
    eprintln!("figure: {MANY} messages to a client that was down came in {} batches, at most {most} at once", steps.len() - 1);
    assert!(most <= 25 && last.contains("more messages wait and come after these"), "{steps:?}");
}
