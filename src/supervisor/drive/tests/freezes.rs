//! What freezes by itself: at the last attempt that the rules allow not, and at the one that they do.

use super::*;
use crate::domain::charter::Charter;
use crate::domain::freeze::{BYPASSES, Trigger};

const DAY: Millis = 86_400_000;

impl Workshop {
    /// A refusal with this code, as if a seat had earned it.
    fn earn(&mut self, by: &str, verb: &str, code: &str) -> u64 {
        let at = self.drive.state.len;
        let refusal = Refusal::new(code, "no", "");
        assert_eq!(self.seat(by, Act::Trespass { verb: verb.to_owned(), refusal }).unwrap_err(), code);
        at
    }

    fn earn_all(&mut self, times: u32, by: &str, verb: &str, code: &str) {
        for _ in 0..times {
            self.earn(by, verb, code);
        }
    }

    fn frozen(&self) -> Option<(Trigger, Vec<u64>)> {
        let cause = self.drive.state.cause.clone();
        assert_eq!(cause.is_some(), self.drive.state.frozen.is_some());
        cause.map(|cause| (cause.trigger, cause.entries))
    }

    fn thaw(&mut self) {
        let step = self.drive.state.codes.last_step + 1;
        self.ask(Actor::Owner, Act::Thaw { step: Some(step), alone: true }).unwrap();
    }
}

fn charter(change: impl FnOnce(&mut serde_json::Value)) -> Charter {
    let mut value = serde_json::to_value(built_in().unwrap()).unwrap();
    value["policy"]["freeze"] = serde_json::json!({ "bypasses": 3, "fencing": 5, "integrity": true });
    change(&mut value["policy"]["freeze"]);
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_third_attempt_of_one_seat_to_go_round_a_gate_freezes_and_names_all_three() {
    for rule in BYPASSES {
        let verb = rule.verbs.first().copied().unwrap_or("push");
        let mut workshop = Workshop::new();
        let first = workshop.earn("dev-a", verb, rule.code);
        workshop.earn("dev-b", verb, rule.code);
        workshop.earn("dev-b", verb, rule.code);
        let second = workshop.earn("dev-a", verb, rule.code);
        assert_eq!(workshop.frozen(), None, "{}: two and two", rule.code);
        let third = workshop.earn("dev-a", verb, rule.code);
        assert_eq!(workshop.frozen(), Some((Trigger::Bypass, vec![first, second, third])), "{}", rule.code);
        let frozen = workshop.drive.state.frozen.clone().unwrap();
        assert!(
            frozen.by == Actor::Edge && frozen.reason.contains("dev-a") && frozen.reason.contains(&format!("{first}, {second}, {third}"))
        );
        assert_eq!(workshop.drive.state.post.boxes[&Party::Owner].len(), 1, "the owner is told");
        assert_eq!(workshop.approve("librarian").unwrap_err(), "frozen");
        assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
    }
}

#[test]
fn what_an_honest_seat_gets_wrong_freezes_nothing() {
    let mut workshop = Workshop::new();
    for code in ["ref-not-yours", "unsigned", "not-your-name", "not-drawn", "merge-commit", "stale", "over-budget", "lock-held", "vetoed"] {
        workshop.earn_all(9, "dev-a", "push", code);
    }
    workshop.earn_all(9, "dev-a", "ledger", "not-offered");
    assert_eq!(workshop.frozen(), None);
}

#[test]
fn attempts_are_counted_for_a_day_and_anew_after_a_thaw() {
    for (last, freezes) in [(DAY - 1, true), (DAY, false)] {
        let mut workshop = Workshop::new();
        workshop.earn("dev-a", "push", "protected-branch");
        let first = workshop.drive.state.now;
        workshop.earn("dev-a", "push", "own-work");
        workshop.drive.hands.now.set(first + last - 1000);
        workshop.earn("dev-a", "push", "protected-branch");
        assert_eq!(workshop.frozen().is_some(), freezes, "{last}");
    }
    let mut workshop = Workshop::new();
    workshop.earn_all(3, "dev-a", "push", "protected-branch");
    workshop.earn_all(3, "dev-b", "send", "forged-sender");
    workshop.thaw();
    assert_eq!(workshop.frozen(), None, "what was tried meanwhile was seen by whoever thawed");
    workshop.earn_all(2, "dev-a", "push", "protected-branch");
    assert_eq!(workshop.frozen(), None);
    workshop.earn("dev-a", "push", "protected-branch");
    assert!(workshop.frozen().is_some());
}

#[test]
fn the_fifth_push_under_a_lost_lock_freezes() {
    let mut workshop = Workshop::new();
    let entries: Vec<u64> = (0..4).map(|_| workshop.earn("dev-a", "push", "lock-stale")).collect();
    workshop.earn_all(2, "dev-a", "push", "protected-branch");
    assert_eq!(workshop.frozen(), None, "kinds are counted apart");
    let last = workshop.earn("dev-a", "land", "lock-stale");
    assert_eq!(workshop.frozen(), Some((Trigger::Fencing, [entries, vec![last]].concat())));
}

#[test]
fn the_owner_sets_each_trigger_and_takes_each_away() {
    let mut off = Workshop::under(&charter(|freeze| {
        *freeze = serde_json::json!({ "bypasses": 0, "fencing": 0, "integrity": false });
    }));
    off.earn_all(99, "dev-a", "push", "protected-branch");
    off.earn_all(99, "dev-a", "push", "lock-stale");
    assert_eq!(off.ask(Actor::Edge, Act::Freeze { reason: "odd".to_owned() }).unwrap(), vec![]);
    assert_eq!(off.frozen(), None);
    off.seat("librarian", Act::Freeze { reason: "a word of the librarian always counts".to_owned() }).unwrap();
    assert!(off.drive.state.frozen.is_some() && off.drive.state.cause.is_none());
    let mut one = Workshop::under(&charter(|freeze| freeze["bypasses"] = 1.into()));
    one.earn("dev-a", "push", "protected-branch");
    assert!(one.frozen().is_some());
}

#[test]
fn a_gate_that_is_not_as_the_record_says_freezes_once() {
    let mut workshop = Workshop::new();
    workshop.edge(Act::Freeze { reason: "main is not at 1".to_owned() });
    assert_eq!(workshop.frozen(), Some((Trigger::Integrity, vec![])));
    assert_eq!(workshop.edge(Act::Freeze { reason: "main is not at 1".to_owned() }), vec![]);
}

#[test]
fn a_question_that_the_owner_calls_fraud_freezes_at_once() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    assert_eq!(workshop.seat("dev-b", Act::Fraud { task: task() }).unwrap_err(), "owner-only");
    workshop.ask(Actor::Owner, Act::Fraud { task: task() }).unwrap();
    let (trigger, entries) = workshop.frozen().unwrap();
    assert!(trigger == Trigger::Fraud && entries.len() == 2, "{entries:?}");
    assert!(workshop.drive.state.frozen.as_ref().unwrap().reason.contains("dev-a"));
}

#[test]
fn a_crash_between_the_attempt_and_the_freeze_makes_no_difference() {
    let mut workshop = Workshop::new();
    workshop.earn_all(3, "dev-a", "push", "protected-branch");
    let frozen_at = workshop.drive.state.cause.as_ref().unwrap().entries[2] + 1;
    let records = workshop.drive.ledger().read(0, usize::try_from(frozen_at).unwrap()).unwrap();
    let mut ledger = MemoryLedger::default();
    ledger.append(0, &records.into_iter().map(|record| record.bytes).collect::<Vec<_>>()).unwrap();
    let mut again = Drive::open(Box::new(ledger), Dry::default()).unwrap();
    assert!(again.state.frozen.is_none());
    again.outstanding();
    assert!(again.state.frozen.is_some());
}

#[test]
fn a_thaw_waits_for_the_librarians_word_on_this_very_freeze_or_for_the_owner_alone() {
    let mut workshop = Workshop::new();
    let thaw = |workshop: &mut Workshop, alone| {
        let step = workshop.drive.state.codes.last_step + 1;
        workshop.ask(Actor::Owner, Act::Thaw { step: Some(step), alone })
    };
    let alone = |workshop: &Workshop| {
        let last = workshop.drive.ledger.read(workshop.drive.state.len - 1, 1).unwrap().remove(0);
        String::from_utf8(last.bytes).unwrap().contains(r#"{"thawed":{"alone":true}}"#)
    };
    assert_eq!(workshop.seat("librarian", Act::AgreeThaw).unwrap_err(), "not-frozen");
    workshop.seat("librarian", Act::Freeze { reason: "odd".into() }).unwrap();
    assert_eq!(workshop.drive.state.post.boxes[&Party::Seat(seat("librarian"))].len(), 1, "she is told that her word is wanted");
    assert_eq!(workshop.seat("dev-a", Act::AgreeThaw).unwrap_err(), "not-your-role");
    assert_eq!(workshop.ask(Actor::Owner, Act::AgreeThaw).unwrap_err(), "seat-only");
    assert_eq!(thaw(&mut workshop, false).unwrap_err(), "not-agreed");
    workshop.seat("librarian", Act::AgreeThaw).unwrap();
    let length = workshop.drive.state.len;
    workshop.seat("librarian", Act::AgreeThaw).unwrap();
    assert!(workshop.drive.state.frozen.is_some() && workshop.drive.state.len == length, "it opens nothing, and counts once");
    thaw(&mut workshop, true).unwrap();
    assert!(workshop.drive.state.frozen.is_none() && !alone(&workshop), "nobody was passed over");

    workshop.seat("librarian", Act::Freeze { reason: "odd again".into() }).unwrap();
    assert_eq!(thaw(&mut workshop, false).unwrap_err(), "not-agreed", "the word on the last freeze ended with it");
    thaw(&mut workshop, true).unwrap();
    assert!(alone(&workshop));
}
