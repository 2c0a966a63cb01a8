//! What no seat decides alone: majorities, both voices, the owner's last word, and time.

use super::*;
use crate::domain::motion;

const HOUR: Millis = 3_600_000;
const NOTE: &str = "looked at every side of it";

impl Workshop {
    fn put(&mut self, by: &str, matter: &str) -> Result<Vec<Entry>, String> {
        let (title, body) = ("may it be so?".to_owned(), String::new());
        self.seat(by, Act::Move { matter: matter.to_owned(), title, body })
    }

    fn say(&mut self, by: &str, accept: bool) -> Result<Vec<Entry>, String> {
        let motion = self.drive.state.moved;
        self.seat(by, Act::Vote { motion, accept, note: NOTE.to_owned() })
    }

    fn owner_says(&mut self, accept: bool) -> Result<Vec<Entry>, String> {
        let motion = self.drive.state.moved;
        self.ask(Actor::Owner, Act::Vote { motion, accept, note: NOTE.to_owned() })
    }

    fn ended(&self) -> Option<bool> {
        self.drive.state.motions[&self.drive.state.moved].closed.as_ref().map(|(passed, _)| *passed)
    }

    fn hours(&mut self, hours: Millis) {
        self.drive.hands.now.set(self.drive.hands.now.get() + hours * HOUR);
        self.edge(Act::Tick);
    }
}

#[test]
fn the_council_decides_by_majority_and_each_voice_counts_once() {
    let mut workshop = Workshop::new();
    workshop.put("planner-a", "council").unwrap();
    assert_eq!(workshop.say("dev-a", true).unwrap_err(), "no-voice");
    assert_eq!(workshop.owner_says(true).unwrap_err(), "not-yet-yours");
    workshop.say("architect-a", true).unwrap();
    assert_eq!(workshop.say("architect-a", true).unwrap_err(), "said-already");
    assert_eq!(workshop.ended(), None, "one of three");
    workshop.say("architect-b", true).unwrap();
    assert_eq!(workshop.ended(), Some(true));
    assert_eq!(workshop.say("architect-c", false).unwrap_err(), "decided");
    workshop.put("planner-a", "council").unwrap();
    for name in ["architect-a", "architect-c"] {
        workshop.say(name, false).unwrap();
    }
    assert_eq!(workshop.ended(), Some(false));
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn a_tie_waits_for_the_third_and_then_for_the_owner() {
    let mut workshop = Workshop::new();
    workshop.put("planner-a", "council").unwrap();
    workshop.hours(25);
    assert!(workshop.drive.state.motions[&1].reminded);
    workshop.say("architect-a", true).unwrap();
    workshop.say("architect-b", false).unwrap();
    workshop.hours(24);
    assert!(!workshop.drive.state.motions[&1].referred, "a tie has twelve hours more");
    workshop.hours(12);
    assert!(workshop.drive.state.motions[&1].referred);
    workshop.owner_says(true).unwrap();
    assert_eq!(workshop.ended(), Some(true));
}

#[test]
fn the_matrix_says_whose_voices_are_wanted() {
    let mut workshop = Workshop::new();
    workshop.put("dev-a", "implementation").unwrap();
    assert_eq!(workshop.say("dev-a", true).unwrap_err(), "no-voice", "nobody decides its own motion");
    workshop.say("dev-b", true).unwrap();
    assert_eq!(workshop.ended(), None, "qa is missing");
    workshop.say("qa-a", true).unwrap();
    assert_eq!(workshop.ended(), Some(true));
    workshop.put("orchestrator", "critical").unwrap();
    assert_eq!(workshop.ended(), None, "the orchestrator alone decides nothing critical");
    workshop.say("librarian", true).unwrap();
    assert_eq!(workshop.ended(), Some(true));
    workshop.put("dev-a", "new-dependency").unwrap();
    workshop.say("librarian", true).unwrap();
    assert_eq!(workshop.ended(), None, "the owner is asked as well");
    workshop.owner_says(false).unwrap();
    assert_eq!(workshop.ended(), Some(false));
    assert_eq!(workshop.put("dev-a", "the-weather").unwrap_err(), "no-such-matter");
    let closed = |event: &Event| matches!(event, Event::Motion(motion::Event::Closed { .. }));
    let records = workshop.drive.ledger().read(0, usize::MAX).unwrap();
    assert_eq!(records.iter().filter(|record| closed(&Entry::parse(&record.bytes).unwrap().event)).count(), 3);
}
