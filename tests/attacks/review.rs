//! Words that must not count: one's own, an undrawn seat's, a second one, one about another commit, one given before a change.

use super::refused;
use crate::world::World;
use orchestrate::domain::gate::GateName;

const YES: &str = "--note 'looked at every line of it'";
const READ: &str = "--quote +a_word --note 'looked at every line of it'";

#[test]
fn only_drawn_seats_speak_once_and_about_what_stands_there() {
    let world = World::python().outsiders().bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let work = "orchestrate task take T1 && git checkout -q -b dev-a/t1 && { seq 60; echo a_word; echo once_only; } > NOTES.md && git add -A && git commit -q -m note";
    world.seat("dev-a").run(&format!("{work} && git push -q origin dev-a/t1 && orchestrate task submit T1")).ok();
    let drawn = wait_drawn(&world, 1);
    assert_eq!(drawn.len(), 2);
    refused(&world, "dev-a", &format!("orchestrate review approve T1 {YES}"), &["own-work"]);
    for seat in ["orchestrator", "planner-a", "librarian"].iter().filter(|seat| !drawn.contains(&(**seat).to_owned())) {
        refused(&world, seat, &format!("orchestrate review approve T1 {YES}"), &["not-drawn"]);
    }
    let first = world.seat(&drawn[0]);
    refused(&world, &drawn[0], "orchestrate review approve T1 --note ok", &["no-reason"]);
    let wrong =
        serde_json::json!({"review-decide": {"task": "T1", "accept": true, "note": "looked at every line", "commit": "0123456789"}});
    assert_eq!(first.ask(&wrong).code(), "other-commit");
    for (said, code) in [
        (YES.to_owned(), "no-quote"),
        (format!("--quote +1 {YES}"), "no-quote"),
        (format!("--quote +a_wor {YES}"), "quote-not-in-change"),
        (format!("--quote a_word {YES}"), "quote-not-in-change"),
        (format!("--ok OTHER.md {READ}"), "file-not-in-change"),
        (format!("--bad NOTES.md {READ}"), "torn-word"),
    ] {
        refused(&world, &drawn[0], &format!("orchestrate review approve T1 {said}"), &[code]);
    }
    first.run(&format!("orchestrate review approve T1 {READ}")).ok();
    refused(&world, &drawn[0], &format!("orchestrate review approve T1 {READ}"), &["said-already"]);
    refused(&world, "dev-b", "orchestrate task submit T1", &["not-the-author"]);
    a_change_voids_what_was_said(&world);
    refused(&world, "dev-a", "orchestrate freeze --reason mine", &["not-your-role"]);
    refused(&world, "dev-a", "orchestrate task veto T1 --reason mine", &["not-your-role"]);
}

fn a_change_voids_what_was_said(world: &World) {
    world
        .seat("dev-a")
        .run("{ seq 70; echo a_word; } > NOTES.md && git commit -q -am more && git push -q origin dev-a/t1 && orchestrate task submit T1")
        .ok();
    let drawn = wait_drawn(world, 2);
    assert!(world.fold().tasks[&"T1".parse().unwrap()].attempt.as_ref().unwrap().approvals.is_empty(), "an old word counts");
    refused(world, &drawn[0], &format!("orchestrate review approve T1 --quote +once_only {YES}"), &["quote-of-another-attempt"]);
    world.seat(&drawn[0]).run(&format!("orchestrate review approve T1 {READ}")).ok();
    let page = world.owner(&["gate", "show", "T1", "--json"]).ok().done();
    assert_ne!(page["standing"], "merged");
    let reject = format!("orchestrate review reject T1 {READ}");
    world.seat(&drawn[1]).run(&reject).ok();
    world.seat("librarian").run("orchestrate review cosign T1 --note 'the no is a good one'").ok();
    refused(world, &drawn[1], &format!("orchestrate review approve T1 {YES}"), &["not-at-a-gate"]);
}

fn wait_drawn(world: &World, wanted: u32) -> Vec<String> {
    use orchestrate::domain::{event::Event, review};
    world.wait_for("a draw for PEER", |entry| match &entry.event {
        Event::Review(review::Event::Drawn { attempt, gate: GateName::Peer, seats, .. }) if *attempt == wanted => {
            Some(seats.iter().map(ToString::to_string).collect())
        }
        _ => None,
    })
}

#[test]
fn mail_bears_the_name_of_its_socket() {
    let world = World::python().bootstrap();
    let send = |from: &str| format!("orchestrate mail send librarian --from {from} --subject 'freeze it' --body now");
    refused(&world, "dev-a", &send("dev-b"), &["forged-sender"]);
    refused(&world, "dev-a", &send("owner"), &["forged-sender"]);
    refused(&world, "dev-a", &format!("ORCHESTRATE_SEAT=dev-b {}", send("dev-b")), &["forged-sender"]);
    world.seat("dev-a").run(&send("dev-a")).ok();
    refused(&world, "dev-a", "orchestrate mail send nobody-here --subject x --body y", &["no-such-recipient"]);
}
