//! Another charter: asked for, agreed to, adopted; or visibly without.

use super::*;
use crate::domain::adoption::{MATTER, title};
use crate::domain::charter::Charter;
use crate::domain::event::Event;
use crate::domain::{motion, workshop};

fn charter(third: u32) -> Charter {
    let mut value = serde_json::to_value(built_in().unwrap()).unwrap();
    value["policy"]["review"]["third_percent"] = third.into();
    serde_json::from_value(value).unwrap()
}

impl Workshop {
    fn adopt(&mut self, charter: &Charter, alone: bool) -> Result<Vec<Event>, String> {
        let entries = self.ask(Actor::Owner, Act::Recharter { charter: charter.canonical(), alone })?;
        Ok(entries.into_iter().map(|entry| entry.event).collect())
    }

    fn says(&mut self, seat: &str, motion: u32, accept: bool) -> Result<Vec<Entry>, String> {
        self.seat(seat, Act::Vote { motion, accept, note: "read every line of what changes".to_owned() })
    }
}

fn by(events: &[Event]) -> Option<Option<u32>> {
    events.iter().find_map(|event| if let Event::Workshop(workshop::Event::Rechartered { motion, .. }) = event { Some(*motion) } else { None })
}

#[test]
fn a_charter_counts_when_the_librarian_has_said_yes_to_exactly_it() {
    let mut workshop = Workshop::new();
    let (wanted, other) = (charter(20), charter(30));
    let asked = workshop.adopt(&wanted, false).unwrap();
    let Event::Motion(motion::Event::Moved { motion: 1, matter, title: put, body, .. }) = &asked[0] else { panic!("{asked:?}") };
    assert_eq!((matter.as_str(), put.as_str()), (MATTER, title(&wanted.digest()).as_str()));
    assert!(body.contains("policy.review.third_percent: 10 -> 20") && by(&asked).is_none(), "{body}");
    assert_eq!(workshop.adopt(&wanted, false).unwrap_err(), "not-agreed", "asked once, and not yet answered");
    assert_eq!(workshop.says("dev-a", 1, true).unwrap_err(), "no-voice");
    workshop.says("librarian", 1, true).unwrap();
    assert!(by(&workshop.adopt(&other, false).unwrap()).is_none(), "her yes is to another one");
    assert_eq!(by(&workshop.adopt(&wanted, false).unwrap()), Some(Some(1)));
    assert_eq!(workshop.drive.state.policy, wanted.digest());
    assert!(workshop.adopt(&wanted, false).unwrap().is_empty(), "the same already");
    // What was agreed to before the last adoption is agreed to no more.
    assert_eq!(by(&workshop.adopt(&built_in().unwrap(), true).unwrap()), Some(None));
    assert!(by(&workshop.adopt(&wanted, false).unwrap()).is_none(), "she is asked again");
}

#[test]
fn without_a_yes_only_the_owner_alone_adopts() {
    let mut workshop = Workshop::new();
    let wanted = charter(20);
    workshop.adopt(&wanted, false).unwrap();
    workshop.says("librarian", 1, false).unwrap();
    assert_eq!(workshop.adopt(&wanted, false).unwrap_err(), "not-agreed");
    assert_eq!(by(&workshop.adopt(&wanted, true).unwrap()), Some(None));

    let next = charter(40);
    workshop.adopt(&next, false).unwrap();
    let alone = workshop.adopt(&next, true).unwrap();
    assert_eq!(by(&alone), Some(None));
    assert!(alone.iter().any(|event| matches!(event, Event::Motion(motion::Event::Closed { motion: 2, passed: false, .. }))), "{alone:?}");
    assert_eq!(workshop.says("librarian", 2, true).unwrap_err(), "decided");
}

#[test]
fn a_seats_own_motion_about_a_charter_agrees_to_nothing() {
    let mut workshop = Workshop::new();
    let wanted = charter(20);
    let lie = Act::Move { matter: MATTER.to_owned(), title: title(&wanted.digest()), body: "a comma".to_owned() };
    workshop.seat("dev-a", lie).unwrap();
    workshop.says("librarian", 1, true).unwrap();
    let asked = workshop.adopt(&wanted, false).unwrap();
    assert!(matches!(asked[0], Event::Motion(motion::Event::Moved { motion: 2, .. })), "the owner's own is put: {asked:?}");
}
