//! Seats that end and come back, by the clock of the commands alone.

use super::*;
use crate::domain::fleet::{self, After};
use crate::domain::message::{Draft, Priority};

const HOUR: Millis = 3_600_000;

impl Workshop {
    fn sit(&mut self, name: &str) {
        self.edge(Act::Seat { seat: seat(name), agent: vec!["agent".to_owned()], prompt: Digest::of(b"") });
        self.seat(name, Act::Answer).unwrap();
    }

    fn end(&mut self, name: &str) -> Vec<Entry> {
        let instance = self.drive.state.fleet[&seat(name)].instances;
        self.edge(Act::Leave { seat: seat(name), instance, why: "ended".to_owned() })
    }

    fn after(&self, name: &str) -> After {
        self.drive.state.fleet[&seat(name)].after
    }

    /// How long the seat stays empty.
    fn pause(&self, name: &str) -> Millis {
        match self.after(name) {
            After::Due { at } => at - self.drive.state.now,
            other => panic!("{other:?}"),
        }
    }

    fn recalled(&mut self) -> Vec<Entry> {
        self.edge(Act::Tick)
    }
}

#[test]
fn a_seat_that_ends_comes_back_later_each_time_and_is_given_up_at_last() {
    let mut workshop = Workshop::new();
    for times in 0..6 {
        workshop.sit("dev-a");
        workshop.end("dev-a");
        assert_eq!(workshop.pause("dev-a"), 1000 << times);
        assert_eq!(fleet::due(&workshop.drive.state), Some(workshop.drive.state.now + (1000 << times)));
        workshop.pass(1000 << times);
        workshop.recalled();
        assert_eq!(workshop.after("dev-a"), After::Called);
        assert_eq!(workshop.effects, [Effect::Refill { seats: vec![seat("dev-a")] }]);
        assert_eq!(outstanding(&workshop.drive.state), workshop.effects, "a crash here loses nothing");
    }
    workshop.sit("dev-a");
    let entries = workshop.end("dev-a");
    assert!(matches!(entries[1].event, Event::Fleet(fleet::Event::GivenUp { ends: 7, .. })), "{entries:?}");
    assert_eq!(workshop.drive.state.post.boxes[&Party::Owner].len(), 1, "the owner is told");
    assert_eq!(crate::domain::alert::severity(&entries[1]), Some(crate::domain::alert::Severity::High));
    workshop.pass(2 * HOUR);
    assert!(workshop.recalled().is_empty() && fleet::due(&workshop.drive.state).is_none());
    workshop.sit("dev-a");
    workshop.end("dev-a");
    assert_eq!(workshop.pause("dev-a"), 1000, "the owner's start begins anew");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn ends_within_an_hour_count_and_no_others() {
    let mut workshop = Workshop::new();
    for _ in 0..9 {
        workshop.sit("dev-a");
        workshop.pass(HOUR);
        workshop.end("dev-a");
        assert_eq!(workshop.pause("dev-a"), 1000);
        assert!(workshop.drive.state.fleet[&seat("dev-a")].resumes(), "an instance that worked for an hour is gone on with");
        workshop.pass(1000);
        workshop.recalled();
    }
}

#[test]
fn a_session_that_ends_at_once_twice_is_not_gone_on_with() {
    let mut workshop = Workshop::new();
    let resumes = |workshop: &Workshop| workshop.drive.state.fleet[&seat("dev-a")].resumes();
    assert!(!resumes(&workshop), "there is none yet");
    for expected in [true, false, false] {
        workshop.sit("dev-a");
        workshop.end("dev-a");
        assert_eq!(resumes(&workshop), expected);
    }
    workshop.sit("dev-a");
    workshop.pass(60_000);
    workshop.end("dev-a");
    assert!(resumes(&workshop));
}

#[test]
fn nobody_comes_back_while_frozen_and_all_do_after() {
    let mut workshop = Workshop::new();
    workshop.sit("dev-a");
    workshop.sit("dev-b");
    workshop.end("dev-a");
    workshop.end("dev-b");
    workshop.ask(Actor::Owner, Act::Freeze { reason: "look".to_owned() }).unwrap();
    workshop.pass(HOUR);
    assert!(fleet::due(&workshop.drive.state).is_none() && workshop.recalled().is_empty());
    let step = workshop.drive.state.codes.last_step + 1;
    workshop.ask(Actor::Owner, Act::Thaw { step: Some(step), alone: true }).unwrap();
    workshop.recalled();
    assert_eq!(workshop.effects, [Effect::Refill { seats: vec![seat("dev-a"), seat("dev-b")] }]);
}

#[test]
fn a_start_that_fails_is_an_end_and_an_old_end_is_none() {
    let mut workshop = Workshop::new();
    workshop.sit("dev-a");
    workshop.end("dev-a");
    assert!(workshop.end("dev-a").is_empty(), "it ended once");
    workshop.pass(1000);
    workshop.recalled();
    assert_eq!(workshop.end("dev-a").len(), 1, "it was called and could not be started");
    assert_eq!(workshop.pause("dev-a"), 2000);
    workshop.sit("dev-a");
    assert!(workshop.edge(Act::Leave { seat: seat("dev-a"), instance: 1, why: "late news".to_owned() }).is_empty());
}

#[test]
fn only_the_supervisor_says_who_left() {
    let mut workshop = Workshop::new();
    workshop.sit("dev-a");
    let leave = || Act::Leave { seat: seat("dev-a"), instance: 1, why: "go".to_owned() };
    assert_eq!(workshop.seat("dev-b", leave()).unwrap_err(), "supervisor-only");
    assert_eq!(workshop.ask(Actor::Owner, leave()).unwrap_err(), "supervisor-only");
}

#[test]
fn what_was_shown_and_not_acknowledged_is_shown_to_the_next_instance() {
    let mut workshop = Workshop::new();
    workshop.sit("dev-a");
    let mut send = |subject: &str| {
        let draft = Draft {
            claimed: None,
            to: vec!["dev-a".parse().unwrap()],
            subject: subject.to_owned(),
            body: String::new(),
            priority: Priority::Normal,
            task: None,
        };
        workshop.seat("dev-b", Act::Send { draft }).unwrap();
    };
    send("dealt with");
    send("only shown");
    let party: Party = "dev-a".parse().unwrap();
    let ids: Vec<Digest> = workshop.drive.state.post.boxes[&party].values().cloned().collect();
    workshop.seat("dev-a", Act::Deliver { ids: ids.clone() }).unwrap();
    workshop.seat("dev-a", Act::Acknowledge { id: ids[0].clone() }).unwrap();
    workshop.end("dev-a");
    workshop.pass(1000);
    workshop.recalled();
    workshop.sit("dev-a");
    let state = |id: &Digest| workshop.drive.state.post.mail[id].to[&party];
    assert_eq!(ids.iter().map(state).collect::<Vec<_>>(), [crate::domain::message::Delivery::Acknowledged, crate::domain::message::Delivery::Queued]);
    workshop.seat("dev-a", Act::Acknowledge { id: ids[1].clone() }).unwrap();
    workshop.end("dev-a");
    workshop.sit("dev-a");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}
