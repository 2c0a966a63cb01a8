//! Voices on motions and on the end of a freeze: forged ones are red, true ones are not.

use super::forged::{Forgery, entry, intends, judged, table};
use super::world::{World, party, seat};
use crate::domain::actor::Actor;
use crate::domain::event::Event;
use crate::domain::name::Digest;
use crate::domain::{adoption, freeze, motion, statement, workshop};

const VOICES: &[Forgery] = &[
    entry("thawed without a seat's word, and the entry says with one", |world, draft| {
        if intends(world, draft) {
            frozen(world, Actor::Owner);
            world.put(Actor::Owner, Event::Freeze(freeze::Event::Thawed { alone: false }));
        }
    }),
    entry("thawed with a seat's word, and the entry says without", |world, draft| {
        if intends(world, draft) {
            let freeze = frozen(world, Actor::Owner);
            agreed(world, "librarian", &freeze);
            world.put(Actor::Owner, Event::Freeze(freeze::Event::Thawed { alone: true }));
        }
    }),
    entry("dev-a has no say in the end of a freeze", |world, draft| {
        if intends(world, draft) {
            let freeze = frozen(world, Actor::Owner);
            agreed(world, "dev-a", &freeze);
        }
    }),
    entry("the word that was signed is not on this freeze", |world, draft| {
        if intends(world, draft) {
            let freeze = frozen(world, Actor::Owner);
            agreed(world, "librarian", &freeze::Freeze { seq: freeze.seq - 1, ..freeze });
        }
    }),
    entry("the word that was signed is not on this freeze", |world, draft| {
        if intends(world, draft) {
            let freeze = frozen(world, Actor::Owner);
            agreed(world, "librarian", &freeze::Freeze { reason: "another".to_owned(), ..freeze });
        }
    }),
    entry("the voice that was signed is not this one on M1", |world, draft| {
        if intends(world, draft) {
            let (put, _) = moved(world);
            voted(world, put, &Digest::of(b"another text"));
        }
    }),
    entry("the voice that was signed is not this one on M1", |world, draft| {
        if intends(world, draft) {
            let (put, text) = moved(world);
            voted(world, put + 1, &text);
        }
    }),
    entry("the charter was adopted by M1, which those who have a voice in it did not pass", |world, draft| {
        if intends(world, draft) {
            let charter = other(world);
            asked(world, &charter, Actor::Owner);
            adopted(world, charter);
        }
    }),
    entry("the charter was adopted by M1, which is not about it", |world, draft| {
        if intends(world, draft) {
            let charter = other(world);
            asked(world, &format!("{charter} "), Actor::Owner);
            adopted(world, charter);
        }
    }),
    entry("the charter was adopted by M1, which is not about it", |world, draft| {
        if intends(world, draft) {
            let charter = other(world);
            asked(world, &charter, Actor::Seat(seat("dev-a")));
            adopted(world, charter);
        }
    }),
];

/// Other rules than those of genesis.
fn other(world: &World) -> String {
    world.genesis.charter.replace("\"single_review_lines\":50", "\"single_review_lines\":5000")
}

fn asked(world: &mut World, charter: &str, by: Actor) {
    let title = adoption::title(&Digest::of(charter.as_bytes()));
    let (matter, body) = (adoption::MATTER.to_owned(), String::new());
    world.put(by, Event::Motion(motion::Event::Moved { motion: 1, matter, title, body, task: None, attempt: None }));
}

fn adopted(world: &mut World, charter: String) {
    world.put(Actor::Owner, Event::Workshop(workshop::Event::Rechartered { charter, motion: Some(1) }));
}

#[test]
fn voices() {
    table(VOICES);
}

fn frozen(world: &mut World, by: Actor) -> freeze::Freeze {
    let (seq, reason) = (world.len(), "odd".to_owned());
    world.put(by.clone(), Event::Freeze(freeze::Event::Frozen { reason: reason.clone(), cause: None }));
    freeze::Freeze { by, since: 0, reason, seq, agreed: Default::default() }
}

fn agreed(world: &mut World, by: &str, freeze: &freeze::Freeze) {
    let statement = statement::thaw(&world.genesis.workshop, freeze, &seat(by), &world.policy());
    world.put(Actor::Seat(seat(by)), Event::Freeze(freeze::Event::Agreed { statement }));
}

/// A motion with the place where it was put and the digest of its text.
fn moved(world: &mut World) -> (u64, Digest) {
    let put = world.len();
    let [matter, title, body] = ["tool-choice", "which one", "this"].map(str::to_owned);
    let text = Digest::of(format!("{matter}\n{title}\n{body}").as_bytes());
    let moved = motion::Event::Moved { motion: 1, matter, title, body, task: None, attempt: None };
    world.put(Actor::Seat(seat("dev-a")), Event::Motion(moved));
    (put, text)
}

fn voted(world: &mut World, put: u64, text: &Digest) {
    let note = "it is what we need".to_owned();
    let statement = statement::vote(&world.genesis.workshop, 1, text, &party("librarian"), true, &note, &world.policy(), put);
    world.put(Actor::Seat(seat("librarian")), Event::Motion(motion::Event::Voted { motion: 1, accept: true, note, statement }));
}

/// The same, as they are meant: voices beside a change do not harm it.
#[test]
fn true_voices_are_no_forgery() {
    let voices: Forgery = entry("", |world, draft| {
        if intends(world, draft) {
            let (put, text) = moved(world);
            voted(world, put, &text);
            let freeze = frozen(world, Actor::Owner);
            agreed(world, "librarian", &freeze);
            world.put(Actor::Owner, Event::Freeze(freeze::Event::Thawed { alone: false }));
            frozen(world, Actor::Owner);
            world.put(Actor::Owner, Event::Freeze(freeze::Event::Thawed { alone: true }));
        }
    });
    let report = judged(&voices);
    assert!(report.ok, "{:#?}", report.problems);
}
