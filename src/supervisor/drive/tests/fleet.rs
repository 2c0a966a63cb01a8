//! Seats that end and come back, by the clock of the commands alone.

use super::*;
use crate::domain::fleet::{self, After};
use crate::domain::message::{self, Draft, Priority};

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

#[test]
fn who_stays_stuck_is_told_once_and_restarted_as_often_as_the_owner_lets_it() {
    let mut charter = serde_json::to_value(built_in().unwrap()).unwrap();
    charter["policy"]["fleet"] = serde_json::json!({"restarts_per_hour": 6, "first_seconds": 1, "longest_seconds": 300, "stuck_restarts_per_day": 1});
    let mut workshop = Workshop::under(&serde_json::from_value(charter).unwrap());
    let stuck = |instance, api| Act::Stuck { seat: seat("dev-a"), instance, why: "nothing has come of it for long".to_owned(), api };
    let restarts = |entries: &[Entry]| match &entries[0].event {
        Event::Fleet(fleet::Event::Stuck { restart, .. }) => *restart,
        other => panic!("{other:?}"),
    };
    workshop.sit("dev-a");
    let entries = workshop.edge(stuck(1, true));
    assert!(!restarts(&entries), "another instance does not make the API better");
    assert_eq!(crate::domain::alert::severity(&entries[0]), Some(crate::domain::alert::Severity::High));
    assert!(workshop.effects.iter().all(|effect| matches!(effect, Effect::Ring { .. })), "{:?}", workshop.effects);
    assert!(workshop.edge(stuck(1, false)).is_empty(), "it is told once");
    let moves = |instance| Act::Moves { seat: seat("dev-a"), instance };
    assert_eq!(workshop.edge(moves(1)).len(), 1);
    assert!(workshop.edge(moves(1)).is_empty());
    // The next time it is the instance itself: it ends and comes back, once.
    assert!(restarts(&workshop.edge(stuck(1, false))));
    let end = Effect::End { seat: seat("dev-a"), instance: 1 };
    assert!(workshop.effects.contains(&end) && outstanding(&workshop.drive.state).contains(&end), "a crash here loses nothing");
    assert!(workshop.edge(moves(1)).is_empty(), "it is about to end");
    workshop.end("dev-a");
    assert_eq!(workshop.pause("dev-a"), 1000, "with the back-off of every end");
    workshop.pass(1000);
    workshop.recalled();
    workshop.sit("dev-a");
    assert!(workshop.edge(stuck(1, false)).is_empty(), "late news of the one before");
    assert!(!restarts(&workshop.edge(stuck(2, false))), "its day has one restart, and the owner is told");
    workshop.edge(moves(2));
    workshop.pass(24 * HOUR);
    assert!(restarts(&workshop.edge(stuck(2, false))), "another day");
    assert_eq!(workshop.drive.state.post.boxes[&Party::Owner].len(), 4);
    assert_eq!(workshop.seat("dev-b", stuck(2, false)).unwrap_err(), "supervisor-only");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

fn letter(body: &str, priority: Priority) -> Act {
    let (to, subject, body) = (vec!["dev-a".parse().unwrap()], "s".to_owned(), body.to_owned());
    Act::Send { draft: Draft { claimed: None, to, subject, body, priority, task: None } }
}

/// A workshop whose seats may write as much as they like, but for what may wait in one inbox.
fn chatty(max_waiting: u32) -> Workshop {
    let mut charter = serde_json::to_value(built_in().unwrap()).unwrap();
    charter["policy"]["messages"]["max_waiting"] = max_waiting.into();
    charter["policy"]["budgets"]["messages"] = serde_json::json!({});
    Workshop::under(&serde_json::from_value(charter).unwrap())
}

#[test]
fn ten_thousand_messages_to_a_seat_that_is_down_come_once_each_in_small_batches() {
    let (mut workshop, party): (_, Party) = (chatty(0), "dev-a".parse().unwrap());
    for number in 0..10_000 {
        // Eleven others write; one in a hundred is critical, one in a thousand is long.
        let from = workshop.drive.state.fleet_order.iter().filter(|seat| seat.as_str() != "dev-a").nth(number % 11).unwrap().to_string();
        let body = if number % 1000 == 7 { "x".repeat(200_000) } else { number.to_string() };
        let priority = if number % 100 == 99 { Priority::Critical } else { Priority::Normal };
        workshop.seat(&from, letter(&body, priority)).unwrap();
    }
    workshop.sit("dev-a");
    let (mut seen, mut batches, mut first) = (std::collections::BTreeSet::new(), 0, 0);
    loop {
        let (ids, behind) = message::batch(&workshop.drive.state, &party, message::BATCH, message::BATCH_BYTES);
        if ids.is_empty() {
            break;
        }
        let post = &workshop.drive.state.post;
        let bytes: usize = ids.iter().map(|id| post.mail[id].bytes).sum();
        assert!(ids.len() <= message::BATCH && (ids.len() == 1 || bytes <= message::BATCH_BYTES), "{} messages, {bytes} bytes", ids.len());
        first += ids.iter().filter(|id| post.mail[*id].priority == Priority::Critical && batches < 4).count();
        assert_eq!(behind, 10_000 - seen.len() - ids.len());
        assert!(ids.iter().all(|id| seen.insert(id.clone())), "twice");
        workshop.seat("dev-a", Act::Deliver { ids: ids.clone() }).unwrap();
        // An instance that ends in the middle of it: what was not acknowledged comes again, and nothing that was.
        ids.into_iter().for_each(|id| drop(workshop.seat("dev-a", Act::Acknowledge { id }).unwrap()));
        if batches == 200 {
            workshop.end("dev-a");
            workshop.sit("dev-a");
        }
        batches += 1;
    }
    assert_eq!((seen.len(), first), (10_000, 100), "each once, and what is critical before all others");
    assert!((400..450).contains(&batches), "{batches}");
    let post = &workshop.drive.state.post;
    assert!(post.mail.len() <= message::KEPT && post.boxes.values().all(std::collections::BTreeMap::is_empty), "nothing piles up: {}", post.mail.len());
    assert!(post.writers[&party].is_empty(), "{:?}", post.writers);
}

#[test]
fn who_writes_on_and_on_is_told_to_wait_and_nobody_else_is() {
    let (mut workshop, party): (_, Party) = (chatty(50), "dev-a".parse().unwrap());
    for _ in 0..50 {
        workshop.seat("dev-b", letter("flood", Priority::Normal)).unwrap();
    }
    assert_eq!(workshop.seat("dev-b", letter("one more", Priority::Critical)).unwrap_err(), "inbox-full");
    workshop.seat("qa-a", letter("from another", Priority::Normal)).unwrap();
    workshop.ask(Actor::Owner, letter("from the owner", Priority::Normal)).unwrap();
    let one = message::batch(&workshop.drive.state, &party, 1, 1).0;
    workshop.seat("dev-a", Act::Deliver { ids: one.clone() }).unwrap();
    assert_eq!(workshop.seat("dev-b", letter("shown is not dealt with", Priority::Normal)).unwrap_err(), "inbox-full");
    workshop.seat("dev-a", Act::Acknowledge { id: one[0].clone() }).unwrap();
    workshop.seat("dev-b", letter("now", Priority::Normal)).unwrap();
    assert_eq!(workshop.seat("dev-b", letter("and again", Priority::Normal)).unwrap_err(), "inbox-full");
    let bytes = serde_json::to_string(&workshop.drive.state.post).unwrap().len();
    assert!(bytes < 50 * 2_000, "what waits takes {bytes} bytes");
}
