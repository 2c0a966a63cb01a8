//! A seat that goes on trying to get round the gates stops the workshop.

use super::refused;
use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::freeze::{self, Trigger};

const MAIN: &str = "git commit -q --allow-empty -S -m x; git push origin HEAD:main";

#[test]
fn the_third_attempt_freezes_and_the_owner_sees_what_led_to_it() {
    let world = World::python();
    world.instead("bypasses = 0", "bypasses = 3");
    let world = world.bootstrap();
    refused(&world, "dev-a", MAIN, &["protected-branch"]);
    refused(&world, "dev-a", "orchestrate mail send dev-b --from librarian --subject s --body b", &["forged-sender"]);
    refused(&world, "dev-b", MAIN, &["protected-branch"]);
    refused(&world, "dev-b", MAIN, &["protected-branch"]);
    world.seat("dev-b").run("git commit -q --allow-empty -m y && git push -q origin HEAD:dev-b/y").ok();
    let mark = world.mark();
    refused(&world, "dev-a", MAIN, &["protected-branch"]);
    let cause = world.wait_from(mark, "the freeze", |entry| match &entry.event {
        Event::Freeze(freeze::Event::Frozen { cause, .. }) => cause.clone(),
        _ => None,
    });
    assert!(cause.trigger == Trigger::Bypass && cause.entries.len() == 3 && cause.seat.is_some_and(|seat| seat.as_str() == "dev-a"));
    world.seat("dev-b").run("git commit -q --allow-empty -m z").ends(128);
    world.seat("dev-b").run("orchestrate lock acquire src").ends(4).says("frozen by the supervisor");
    world.owner(&["status"]).ok().says("dev-a tried 3").says("forged-sender").says("protected-branch");
    world.owner(&["mail", "inbox"]).ok().says("the workshop is frozen");
    let typed = format!("{}\n", world.code_at(30));
    world.owner_types(&["thaw"], &typed).ok().says("dev-a tried 3").says("[protected-branch]");
    refused(&world, "dev-a", MAIN, &["protected-branch"]);
    world.seat("dev-b").run("git commit -q --allow-empty -m z && git push -q origin HEAD:dev-b/y").ok();
    world.owner(&["ledger", "verify"]).ok();
}
