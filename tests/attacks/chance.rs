//! Chance is repeated by whoever doubts it: the secret of an epoch is opened, and every draw is worked out again from the bundle alone.

use crate::world::World;
use orchestrate::domain::event::Event;
use orchestrate::domain::{panel, review};

const DAY: u64 = 24 * 3600;

#[test]
fn every_draw_of_an_epoch_is_repeated_once_its_secret_is_open() {
    let world = World::python();
    world.instead("third_percent = 0", "third_percent = 100");
    let world = world.bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let work = "orchestrate task take T1 && git checkout -q -b dev-a/t1 && seq 5 > NOTES.md && git add -A && git commit -q -m note";
    world.seat("dev-a").run(&format!("{work} && git push -q origin dev-a/t1 && orchestrate task submit T1")).ok();
    let third = world.wait_for("the lot", |entry| match &entry.event {
        Event::Panel(panel::Event::Lot { seat, .. }) => Some(seat.clone()),
        _ => None,
    });
    let panel = world.wait_for("the draw", |entry| match &entry.event {
        Event::Review(review::Event::Drawn { seats, .. }) => Some(seats.clone()),
        _ => None,
    });
    assert!(third.is_some_and(|third| !panel.contains(&third) && third.as_str() != "dev-a"));
    let bundle = world.path("bundle");
    let bundle = bundle.to_str().unwrap();
    world.owner(&["bundle", bundle]).ok();
    world.orchestrate(&["audit", "draw", "0", "--bundle", bundle]).ends(1).says("is not open in this bundle");
    world.seat("dev-a").run("orchestrate audit open").ends(1).says("not-offered");
    world.owner(&["audit", "open"]).ok();
    world.owner(&["bundle", bundle]).ok();
    let said = world.orchestrate(&["audit", "draw", "0", "--bundle", bundle]).ok();
    said.says("1 draws repeated; 1 of 1 changes were given a third reviewer");
    world.orchestrate(&["audit", "draw", "1", "--bundle", bundle]).ends(1);
    world.down().ok();
    world.start().ok();
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn who_is_drawn_in_the_place_of_the_silent_is_worked_out_again() {
    let world = World::python().every_seat();
    world.instead("third_percent = 0", "third_percent = 100");
    let world = world.bootstrap();
    world.owner(&["task", "open", "a note"]).ok();
    let work = "orchestrate task take T1 && git checkout -q -b dev-a/t1 && seq 5 > NOTES.md && git add -A && git commit -q -m note";
    world.seat("dev-a").run(&format!("{work} && git push -q origin dev-a/t1 && orchestrate task submit T1")).ok();
    world.wait_for("the lot", |entry| matches!(entry.event, Event::Panel(panel::Event::Lot { .. })).then_some(()));
    world.ahead(DAY + 60);
    // Whoever writes wakes the supervisor, which looks at the clock then.
    world.seat("docs").run("orchestrate mail send dev-a --subject 'a day later' --body 'nobody has spoken'").ok();
    let (out, seats) = world.wait_for("a redraw", |entry| match &entry.event {
        Event::Panel(panel::Event::Redrawn { out, seats, .. }) => Some((out.clone(), seats.clone())),
        _ => None,
    });
    assert_eq!((out.len(), seats.len()), (2, 2), "one of the draw, one of the lot");
    assert!(seats.iter().all(|seat| !out.contains(seat)));
    let (bundle, repo) = (world.path("bundle"), world.repo());
    let (bundle, repo) = (bundle.to_str().unwrap(), repo.to_str().unwrap());
    world.owner(&["bundle", bundle]).ok();
    world.orchestrate(&["verify", repo, "--bundle", bundle]).ok();
    world.owner(&["audit", "open"]).ok();
    world.owner(&["bundle", bundle]).ok();
    world
        .orchestrate(&["audit", "draw", "0", "--bundle", bundle])
        .ok()
        .says("2 draws repeated; 1 of 1 changes were given a third reviewer");
    world.orchestrate(&["verify", repo, "--bundle", bundle]).ok();
}
