//! The gate changed behind the supervisor's back, while it runs: seen within the minute, and everything stops.

use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::freeze;

#[test]
fn a_reference_that_the_record_does_not_know_freezes_the_workshop() {
    let reason = after(|world| drop(world.gate(&["update-ref", "refs/heads/dev-a/smuggled", "main"])));
    assert!(reason.contains("refs/heads/dev-a/smuggled is not in the record"), "{reason}");
}

#[test]
fn the_protected_branch_moved_by_hand_freezes_the_workshop() {
    let reason = after(|world| {
        world.seat("dev-a").run("git commit -q --allow-empty -m x && git push -q origin HEAD:dev-a/x").ok();
        world.gate(&["update-ref", "refs/heads/main", "refs/heads/dev-a/x"]);
    });
    assert!(reason.contains("refs/heads/main is not at"), "{reason}");
}

#[test]
fn a_setting_that_the_gate_was_not_made_with_freezes_the_workshop() {
    let reason = after(|world| drop(world.gate(&["config", "core.hooksPath", "/tmp"])));
    assert!(reason.contains("config"), "{reason}");
}

#[test]
fn a_replaced_hook_freezes_the_workshop() {
    let reason = after(|world| {
        let hook = world.state().join("hooks/pre-receive");
        std::fs::remove_file(&hook).unwrap();
        std::os::unix::fs::symlink("/bin/true", &hook).unwrap();
    });
    assert!(reason.contains("replaced"), "{reason}");
}

/// Does something to a quiet workshop's gate, lets a minute pass, and gives the reason of the freeze. A push then is refused.
fn after(bend: impl Fn(&World)) -> String {
    let world = World::python().bootstrap();
    world.ahead(90);
    world.seat("dev-b").run("orchestrate mail send owner --subject s --body b").ok();
    assert!(!world.entries().iter().any(|entry| matches!(entry.event, Event::Freeze(_))), "nothing is wrong yet");
    bend(&world);
    world.ahead(180);
    world.seat("dev-b").run("orchestrate mail send owner --subject s --body b").ok();
    let reason = world.wait_for("a freeze", |entry| match &entry.event {
        Event::Freeze(freeze::Event::Frozen { reason, .. }) => Some(reason.clone()),
        _ => None,
    });
    let push = "git checkout -q -b x && git -c commit.gpgsign=false commit -q --allow-empty -m x; git push origin HEAD:dev-b/x";
    world.seat("dev-b").run(push).ends(128).says("frozen");
    reason
}
