//! Whether somebody from outside was wanted is worked out again, from the entries alone.

use super::super::book::Book;
use super::super::history::History;
use super::super::problems::Problems;
use super::super::shelf::Shelf;
use crate::domain::actor::Actor;
use crate::domain::dsse::Envelope;
use crate::domain::entry::{Entry, VERSION};
use crate::domain::event::Event;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::{review, task};
use crate::ledger::bundle::Bundle;

fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

/// Thirteen candidates of dev-a, each let through by dev-b after four seconds and in a few letters. From the eleventh on
/// somebody from outside is drawn as well; for the last one, these are.
fn entries(last: &[&str]) -> Vec<Vec<u8>> {
    let (task, dev, qa) = (TaskId::new("T1").unwrap(), Actor::Seat(seat("dev-a")), Actor::Seat(seat("dev-b")));
    let mut events = vec![
        (Actor::Owner, Event::Task(task::Event::Opened { task: task.clone(), title: "t".to_owned(), body: String::new(), assign: None })),
        (dev.clone(), Event::Task(task::Event::Taken { task: task.clone() })),
    ];
    for attempt in 1..=13 {
        let commit = Oid::new("1".repeat(40)).unwrap();
        events.push((dev.clone(), Event::Task(task::Event::Submitted { task: task.clone(), attempt, commit })));
        let further = if attempt == 13 { last } else { &["architect-b"] };
        let why = "numbers".to_owned();
        let extra = (attempt >= 11 && !further.is_empty()).then(|| review::Extra { seats: further.iter().map(|name| seat(name)).collect(), why });
        let mut seats = vec![seat("dev-b"), seat("architect-a")];
        let pool = seats.clone();
        seats.extend(extra.iter().flat_map(|extra| extra.seats.clone()));
        let draw = Digest::of(b"draw");
        let drawn = review::Event::Drawn { task: task.clone(), attempt, gate: GateName::Peer, pool, seats, draw, extra };
        events.push((Actor::Edge, Event::Review(drawn)));
        let statement = Envelope { payload_type: String::new(), payload: String::new(), signatures: Vec::new() };
        let (note, bundle) = (format!("looks good {attempt}"), 0);
        let word = review::Event::Decided { task: task.clone(), attempt, gate: GateName::Peer, accept: true, note, reading: Default::default(), bundle, statement };
        events.push((qa.clone(), Event::Review(word)));
    }
    let entry = |(seq, (by, event))| Entry { v: VERSION, seq, time: seq * 4000, by, event }.bytes();
    (0..).zip(events).map(entry).collect()
}

fn problems(last: &[&str], forge: fn(&mut review::Event)) -> Vec<String> {
    let mut entries = entries(last);
    for bytes in &mut entries {
        let mut entry = Entry::parse(bytes).unwrap();
        if let Event::Review(event @ review::Event::Drawn { attempt: 13, .. }) = &mut entry.event {
            forge(event);
        }
        *bytes = entry.bytes();
    }
    let bundle = Bundle { entries: entries.iter().map(Vec::as_slice).collect(), note: "" };
    let mut problems = Problems::default();
    let book = Book::read(&bundle, &Shelf::default(), &mut problems);
    History::read(&book, &mut problems);
    problems.into_lines()
}

#[test]
fn a_draw_without_somebody_from_outside_shows() {
    for last in [&[][..], &["dev-b"], &["dev-b", "architect-b"]] {
        let found = problems(last, |_| ());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("entry 39: T1 drew nobody from outside, though dev-b accepted 12 of 12 changes of dev-a"), "{found:?}");
    }
    for last in [&["architect-b"][..], &["architect-b", "qa-a"]] {
        assert_eq!(problems(last, |_| ()), [""; 0]);
    }
}

#[test]
fn whoever_stands_out_is_no_further_seat() {
    let found = problems(&["architect-b"], |drawn| {
        if let review::Event::Drawn { extra: Some(extra), .. } = drawn {
            extra.seats = vec![seat("dev-b")];
        }
    });
    assert!(found[0].contains("are not the last of those drawn"), "{found:?}");
}
