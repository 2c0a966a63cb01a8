//! A task that changed hands: whoever had one in it judges nothing of it, whoever saw it sees it again, and nobody takes it away who may not.

use super::world::{Plan, World, seat};
use super::{first, verify};
use crate::domain::actor::Actor;
use crate::domain::event::Event;
use crate::domain::gate::GateName;
use crate::domain::name::TaskId;
use crate::domain::task;

impl World {
    /// Whoever has the task has it no more; the next attempt is another's.
    fn release(&mut self, by: Actor, from: &str) {
        let task = TaskId::new(self.at).unwrap();
        self.former.extend(self.hands.iter().cloned());
        self.number += 1;
        let released = task::Event::Released { task, reason: "enough".to_owned(), from: Some(seat(from)), assign: None };
        self.put(by, Event::Task(released));
    }

    fn take(&mut self, by: &str) {
        let task = TaskId::new(self.at).unwrap();
        self.put(Actor::Seat(seat(by)), Event::Task(task::Event::Taken { task }));
    }
}

fn dev(name: &str) -> Actor {
    Actor::Seat(seat(name))
}

/// dev-a's candidate, shown to these at PEER; then somebody releases it.
fn released(by: Actor, shown: &[&str]) -> (World, Plan) {
    let mut world = World::found(None, None);
    let mine = first(&world);
    world.open(&mine);
    world.submit(&mine, &[]);
    world.drawn(GateName::Peer, shown);
    world.release(by, "dev-a");
    (world, mine)
}

/// The same brought in by this seat, before these at PEER.
fn brought(world: &mut World, mine: Plan, by: &'static str, peers: &[&'static str]) -> Vec<String> {
    let theirs = Plan { author: by, commits: vec![by], peers: peers.to_vec(), ..mine };
    world.take(by);
    let submitted = world.submit(&theirs, &[]);
    let change = world.change.clone().unwrap();
    world.gates(&theirs, &TaskId::new("T1").unwrap(), &change, submitted);
    verify(world, None).problems
}

#[test]
fn a_task_changes_hands_by_who_has_it_the_owner_or_a_role_that_may() {
    for by in [dev("dev-a"), Actor::Owner, dev("librarian")] {
        let (mut world, mine) = released(by.clone(), &["architect-a"]);
        assert_eq!(brought(&mut world, mine, "dev-b", &["architect-a"]), [""; 0], "by {by}");
    }
    for by in [dev("dev-b"), dev("qa-a")] {
        let (mut world, mine) = released(by.clone(), &["architect-a"]);
        let found = brought(&mut world, mine, "dev-b", &["architect-a"]);
        assert!(found.len() == 1 && found[0].contains("took T1 away, which was not its own"), "{by}: {found:?}");
    }
    let (mut world, mine) = released(Actor::Edge, &["architect-a"]);
    assert!(brought(&mut world, mine, "dev-b", &["architect-a"]).iter().any(|why| why.contains("released by nobody")));
}

#[test]
fn who_had_a_hand_in_it_judges_nothing_of_it_and_who_saw_it_sees_it_again() {
    let (mut world, mine) = released(dev("dev-a"), &["architect-a"]);
    let found = brought(&mut world, mine, "dev-a", &["dev-b"]);
    assert!(found.len() == 1 && found[0].contains("architect-a was shown the same work under T1, and was left out"), "{found:?}");
    let (mut world, mine) = released(dev("dev-a"), &["architect-a"]);
    let found = brought(&mut world, mine, "dev-b", &["architect-a", "dev-a"]);
    assert!(found.iter().any(|why| why.contains("dev-a") && why.contains("contributed")), "{found:?}");
    // A record in which the first author's hand is left out.
    let (mut world, mine) = released(dev("dev-a"), &["architect-a"]);
    world.former.clear();
    let found = brought(&mut world, mine, "dev-b", &["architect-a"]);
    assert!(found.iter().any(|why| why.contains("it names dev-b as contributors, and the signatures say dev-a, dev-b")), "{found:?}");
}

#[test]
fn what_was_released_is_not_merged_and_what_is_reserved_is_not_anothers() {
    let mut world = World::found(None, None);
    let mine = first(&world);
    world.open(&mine);
    let submitted = world.submit(&mine, &[]);
    let change = world.change.clone().unwrap();
    world.release(Actor::Owner, "dev-a");
    world.number = 1;
    world.gates(&mine, &TaskId::new("T1").unwrap(), &change, submitted);
    let found = verify(&world, None).problems;
    assert!(found.iter().any(|why| why.contains("had released its task")), "{found:?}");

    let mut world = World::found(Some(|_, draft| {
        if let Event::Task(task::Event::Opened { assign, .. }) = &mut draft.event {
            *assign = Some(seat("dev-b"));
        }
    }), None);
    let mine = first(&world);
    world.run_plan(&mine);
    let found = verify(&world, None).problems;
    assert!(found.len() == 1 && found[0].contains("T1 is taken by dev-a and was reserved for dev-b"), "{found:?}");
}
