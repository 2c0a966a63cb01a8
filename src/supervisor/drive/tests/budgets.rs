//! Every act that is budgeted, through the loop: as often as the charter says, and not once more until the time is over.

use super::*;
use crate::domain::message::{Draft, Priority};
use crate::domain::policy::Act as Budgeted;

const MINUTE: Millis = 60_000;

impl Workshop {
    fn send(&mut self, by: Actor) -> Result<Vec<Entry>, String> {
        let to = vec![Party::Seat(seat("dev-b"))];
        let draft = Draft { claimed: None, to, subject: "s".to_owned(), body: "b".to_owned(), priority: Priority::Normal, task: None };
        self.ask(by, Act::Send { draft })
    }

    pub(super) fn pass(&mut self, time: Millis) {
        let now = &self.drive.hands.now;
        now.set(now.get() + time);
    }

    /// As if a seat had done something so often just now.
    fn did(&mut self, name: &str, act: Budgeted, times: u32) {
        let now = self.drive.hands.now.get();
        (0..times).for_each(|_| crate::domain::budget::spend(&mut self.drive.state, &seat(name), act, now));
    }
}

#[test]
fn messages_are_counted_and_what_stops_others_is_not() {
    let mut workshop = Workshop::new();
    let librarian = || Actor::Seat(seat("librarian"));
    for _ in 0..10 {
        workshop.send(librarian()).unwrap();
    }
    assert_eq!(workshop.send(librarian()).unwrap_err(), "over-budget");
    workshop.send(Actor::Seat(seat("dev-a"))).unwrap();
    for _ in 0..20 {
        workshop.send(Actor::Owner).unwrap();
    }
    workshop.ask(Actor::Owner, Act::OpenTask { title: "x".to_owned(), body: String::new(), assign: None }).unwrap();
    workshop.seat("librarian", Act::Veto { task: task(), reason: "no".to_owned() }).unwrap();
    workshop.pass(MINUTE);
    workshop.send(librarian()).unwrap();
    workshop.did("librarian", Budgeted::Messages, 300);
    for act in Budgeted::ALL {
        workshop.did("librarian", act, 1000);
    }
    workshop.seat("librarian", Act::Freeze { reason: "nothing keeps me from it".to_owned() }).unwrap();
    assert_eq!(workshop.send(librarian()).unwrap_err(), "over-budget");
}

#[test]
fn submissions_are_counted() {
    let mut workshop = Workshop::new();
    workshop.at_red();
    let submit = |workshop: &mut Workshop| workshop.seat("dev-a", Act::Submit { task: task(), commit: None }).map(drop);
    for _ in 1..10 {
        submit(&mut workshop).unwrap();
    }
    assert_eq!(submit(&mut workshop).unwrap_err(), "over-budget");
    workshop.pass(60 * MINUTE);
    submit(&mut workshop).unwrap();
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn words_at_every_gate_are_counted_as_reviews() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    workshop.did(&drawn[0], Budgeted::Reviews, 14);
    workshop.did(&drawn[1], Budgeted::Reviews, 15);
    workshop.approve(&drawn[0]).unwrap();
    assert_eq!(workshop.drive.state.spent[&seat(&drawn[0])][&Budgeted::Reviews].len(), 15);
    assert_eq!(workshop.approve(&drawn[1]).unwrap_err(), "over-budget");
    workshop.pass(60 * MINUTE);
    workshop.approve(&drawn[1]).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Qa));
}

#[test]
fn a_signature_that_lets_a_critical_change_in_is_a_critical_decision() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    workshop.did("orchestrator", Budgeted::Decisions, 2);
    workshop.approve("orchestrator").unwrap();
    let spent = |workshop: &Workshop, name: &str| {
        workshop.drive.state.spent.get(&seat(name)).and_then(|acts| acts.get(&Budgeted::Decisions)).map_or(0, |times| times.len())
    };
    assert_eq!(spent(&workshop, "orchestrator"), 2, "this one is not critical");
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    let mut state = workshop.drive.state.clone();
    let attempt = state.tasks.get_mut(&task()).unwrap().attempt.as_mut().unwrap();
    attempt.needs.as_mut().unwrap().risk = crate::domain::risk::Risk::Critical;
    workshop.drive.state = state;
    workshop.did("orchestrator", Budgeted::Decisions, 2);
    assert_eq!(workshop.approve("orchestrator").unwrap_err(), "over-budget");
    workshop.approve("librarian").unwrap();
    assert_eq!(spent(&workshop, "librarian"), 1);
    workshop.pass(60 * MINUTE);
    workshop.approve("orchestrator").unwrap();
}
