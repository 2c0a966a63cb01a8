//! Deployments in a bundle: a whole one is green, and each way to leave something out is named.

use super::world::World;
use super::{honest, verify};
use crate::domain::actor::Actor;
use crate::domain::deploy::{Event, Listed, Seen, Step};
use crate::domain::entry::Entry;
use crate::domain::event::Event as Any;
use crate::domain::freeze;
use crate::domain::merge;
use crate::domain::name::{Digest, Oid, TaskId};
use crate::domain::statement::{self, Shipment};
use crate::domain::task;

struct Shipping<'w> {
    world: &'w mut World,
    task: TaskId,
    merge: Oid,
    tree: Oid,
}

impl Shipping<'_> {
    fn put(&mut self, by: Actor, event: Event) -> u64 {
        self.world.put(by, Any::Deploy(event));
        self.world.len() - 1
    }

    fn begin(&mut self, step: Step, list: Option<Digest>, confirmed: Option<u64>) -> u64 {
        let (task, merge, tree, policy) = (self.task.clone(), self.merge.clone(), self.tree.clone(), self.world.policy());
        self.put(Actor::Edge, Event::Begun { task, step, merge, tree, policy, list, confirmed })
    }

    fn end(&mut self, step: Step, begun: u64, ok: bool, list: Option<&str>) -> u64 {
        let list = list.map(|list| Listed { digest: Digest::of(list.as_bytes()), files: 1, bytes: 2 });
        let seen = Seen { ok, note: "so".to_owned(), output: Digest::of(b""), list };
        self.put(Actor::Edge, Event::Ended { task: self.task.clone(), step, begun, seen })
    }

    fn step(&mut self, step: Step, ok: bool, list: Option<&str>) -> u64 {
        let begun = self.begin(step, None, None);
        self.end(step, begun, ok, list)
    }

    fn confirm(&mut self, list: &str, index: u64) -> u64 {
        let (list, policy, workshop) = (Digest::of(list.as_bytes()), self.world.policy(), self.world.genesis.workshop.clone());
        let shipment = Shipment { workshop: &workshop, task: &self.task, merge: &self.merge, tree: &self.tree, list: &list, policy: &policy, index };
        let event = Event::Confirmed { task: self.task.clone(), code: Some(1), statement: statement::deployment(&shipment) };
        self.put(Actor::Owner, event)
    }

    fn run(&mut self, list: &str, confirmed: Option<u64>) {
        let begun = self.begin(Step::Run, Some(Digest::of(list.as_bytes())), confirmed);
        self.end(Step::Run, begun, true, None);
    }
}

/// What is forged, if anything, in the record of one deployment.
fn ship(forged: &str) -> Vec<String> {
    let mut world = honest();
    let entries: Vec<Entry> = world.entries.iter().map(|bytes| Entry::parse(bytes).unwrap()).collect();
    let (task, merge, tree) = entries
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            Any::Merge(merge::Event::Intended { task, commit, tree, .. }) => Some((task.clone(), commit.clone(), tree.clone())),
            _ => None,
        })
        .unwrap();
    let mut it = Shipping { world: &mut world, task, merge, tree };
    let of = if forged == "other merge" { Oid::new("7".repeat(40)).unwrap() } else { it.merge.clone() };
    let policy = if forged == "other charter" { Digest::of(b"x") } else { it.world.policy() };
    let queued = Event::Queued { task: it.task.clone(), merge: of, tree: it.tree.clone(), policy };
    it.put(if forged == "queued by a seat" { Actor::Seat("dev-a".parse().unwrap()) } else { Actor::Edge }, queued);
    it.step(Step::Check(1), forged != "no checks", None);
    let index = it.step(Step::List, true, Some("list"));
    let confirmed = match forged {
        "no confirmation" => None,
        "other list confirmed" => Some(it.confirm("other", index)),
        "other position" => Some(it.confirm("list", index - 1)),
        _ => Some(it.confirm("list", index)),
    };
    it.step(Step::Again, true, Some(if forged == "other list" { "longer" } else { "list" }));
    match forged {
        "frozen" => it.world.put(Actor::Owner, Any::Freeze(freeze::Event::Frozen { reason: "x".to_owned(), cause: None })),
        "vetoed" => it.world.put(Actor::Owner, Any::Task(task::Event::Vetoed { task: it.task.clone(), reason: "x".to_owned() })),
        "two at once" => drop(it.begin(Step::Health, None, None)),
        "other tree" => it.tree = it.merge.clone(),
        _ => {}
    }
    it.run("list", confirmed);
    if forged == "run twice" {
        it.run("list", confirmed);
    }
    it.step(Step::Health, true, None);
    verify(&world, None).problems
}

#[test]
fn a_whole_deployment_is_green_and_what_was_left_out_is_named() {
    assert_eq!(ship("nothing"), Vec::<String>::new());
    for (forged, says) in [
        ("other merge", "which no merge of it made"),
        ("other charter", "under another charter"),
        ("queued by a seat", "has a word of dev-a"),
        ("no checks", "was run without its checks"),
        ("no confirmation", "was run without the owner's confirmation"),
        ("other list confirmed", "has a confirmation of something else"),
        ("other position", "has a confirmation of something else"),
        ("other list", "with another list than the one that was confirmed"),
        ("frozen", "while the workshop was frozen"),
        ("vetoed", "although it had been vetoed"),
        ("two at once", "while a step was under way"),
        ("other tree", "with another tree"),
        ("run twice", "a second time on one confirmation"),
    ] {
        let problems = ship(forged);
        assert!(problems.iter().any(|problem| problem.contains(says)), "{forged}: {problems:#?}");
    }
}
