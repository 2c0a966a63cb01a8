//! A large change cut into slices, through a whole workshop: the slice that goes over meets two reviewers, and the offline judge says the same.

use crate::world::World;
use crate::world::seat::yes;
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::review;

fn drawn(world: &World, id: &str, gate: GateName) -> Vec<String> {
    let wanted = id.parse().unwrap();
    world.wait_for("a draw", |entry| match &entry.event {
        Event::Review(review::Event::Drawn { task, gate: at, seats, .. }) if *task == wanted && *at == gate => {
            Some(seats.iter().map(ToString::to_string).collect())
        }
        _ => None,
    })
}

/// A slice of eight lines from its task to its merge; how many reviewers it met.
pub fn merged(world: &World, seat: &str, id: &str, title: &str, path: &str) -> usize {
    let peers = approved(world, seat, id, title, path);
    world.wait_merged(id);
    peers
}

/// The same up to the last word.
pub fn approved(world: &World, seat: &str, id: &str, title: &str, path: &str) -> usize {
    world.owner(&["task", "open", title]).ok();
    let branch = format!("{seat}/{}", id.to_lowercase());
    let work = format!(
        "orchestrate task take {id} && git fetch -q && git checkout -q -B {branch} origin/main && mkdir -p $(dirname {path}) && seq 8 > {path}"
    );
    let lines = format!("{work} && git add -A && git commit -q -m slice && git push -q origin {branch} && orchestrate task submit {id}");
    world.seat(seat).run(&lines).ok();
    let mut peers = 0;
    for gate in [GateName::Peer, GateName::Qa, GateName::Deploy] {
        let seats = drawn(world, id, gate);
        peers = if gate == GateName::Peer { seats.len() } else { peers };
        for seat in seats {
            let word = yes(id);
            world.seat(&seat).run(&format!("for try in 1 2 3 4 5 6; do {word} && break; orchestrate gate show {id} --wait 5; done")).ok();
        }
    }
    peers
}

#[test]
fn slices_meet_two_reviewers_once_they_add_up() {
    let world = World::python();
    world.rule("[cumulative]\nlines = 20\n");
    let world = world.bootstrap();
    assert_eq!(merged(&world, "dev-a", "T1", "notes on reading", "notes/a.md"), 1);
    assert_eq!(merged(&world, "dev-b", "T2", "a word on writing", "notes/b.md"), 1);
    assert_eq!(merged(&world, "dev-b", "T3", "how we count", "other/c.md"), 1, "sixteen lines of dev-b, eight in other/");
    assert_eq!(merged(&world, "dev-a", "T4", "an afterthought", "notes/d.md"), 2, "twenty-four lines in notes/, whoever wrote them");
    world.owner(&["task", "show", "T4"]).ok().says("notes/ has 24 lines");
    let bundle = world.path("bundle");
    world.owner(&["bundle", bundle.to_str().unwrap()]).ok();
    let clone = world.path("clone");
    world.command("git", &["clone", "-q", world.state().join("gate.git").to_str().unwrap(), clone.to_str().unwrap()], "").ok();
    world.orchestrate(&["verify", clone.to_str().unwrap(), "--bundle", bundle.to_str().unwrap()]).ok().says("notes/ has 24 lines");
}
