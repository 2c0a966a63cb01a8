//! Limits of tokens and money: at the last token that is allowed, and the one after; by seat, by all, by day.

use super::*;
use crate::domain::charter::Charter;
use crate::domain::fleet;
use crate::domain::spend::{self, Used};

const DAY: Millis = 86_400_000;

fn charter(spending: serde_json::Value) -> Charter {
    let mut value = serde_json::to_value(built_in().unwrap()).unwrap();
    value["policy"]["spending"] = spending;
    serde_json::from_value(value).unwrap()
}

fn under(seat_tokens: u64, tokens: u64) -> Workshop {
    Workshop::under(&charter(serde_json::json!({
        "seat_tokens_per_day": seat_tokens, "tokens_per_day": tokens, "seat_cents_per_day": 0, "cents_per_day": 0, "prices": {}
    })))
}

impl Workshop {
    /// The pauses that so many tokens of a seat bring about.
    fn used(&mut self, name: &str, input: u64) -> Vec<Option<String>> {
        let used = Used { input, ..Used::default() };
        let entries = self.edge(Act::Relayed { seat: seat(name), requests: 1, refused: 0, used, told: Used::default() });
        let paused = entries.iter().filter_map(|entry| match &entry.event {
            Event::Fleet(fleet::Event::Paused { seat, .. }) => Some(seat.as_ref().map(ToString::to_string)),
            _ => None,
        });
        paused.collect()
    }

    fn open(&self, name: &str) -> bool {
        spend::open(&self.drive.state, &seat(name), self.drive.state.now).is_ok()
    }
}

#[test]
fn a_seats_limit_pauses_that_seat_for_that_day_and_is_told_once() {
    let mut workshop = under(100, 0);
    assert!(workshop.used("dev-a", 99).is_empty() && workshop.open("dev-a"));
    assert_eq!(workshop.used("dev-a", 1), [Some("dev-a".to_owned())]);
    assert!(!workshop.open("dev-a") && workshop.open("dev-b"));
    assert!(workshop.used("dev-a", 50).is_empty(), "what was under way ends, and is not told again");
    assert_eq!(workshop.drive.state.post.boxes[&Party::Owner].len(), 1);
    workshop.pass(DAY);
    assert!(workshop.used("dev-a", 1).is_empty() && workshop.open("dev-a"));
    assert_eq!(workshop.drive.state.spending.seats[&seat("dev-a")].input, 151);
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn the_limit_of_all_pauses_all() {
    let mut workshop = under(100, 150);
    assert_eq!(workshop.used("dev-a", 100), [Some("dev-a".to_owned())]);
    assert!(workshop.used("dev-b", 49).is_empty());
    assert_eq!(workshop.used("dev-b", 1), [None]);
    assert!(["dev-a", "dev-b", "qa-a"].iter().all(|name| !workshop.open(name)));
    assert!(workshop.used("qa-a", 500).is_empty(), "told already");
}

#[test]
fn use_counts_for_the_task_under_way_and_only_the_supervisor_counts() {
    let mut workshop = under(0, 0);
    workshop.used("dev-a", 5);
    workshop.at_red();
    workshop.used("dev-a", 7);
    assert_eq!(workshop.drive.state.spending.tasks[&task()].input, 7);
    assert_eq!(workshop.drive.state.spending.seats[&seat("dev-a")].input, 12);
    let forged = Act::Relayed { seat: seat("dev-b"), requests: 0, refused: 0, used: Used { input: 1_000_000, ..Used::default() }, told: Used::default() };
    assert_eq!(workshop.seat("dev-a", forged).unwrap_err(), "supervisor-only");
}

#[test]
fn money_goes_by_the_longest_name_that_fits() {
    let terms = charter(serde_json::json!({
        "seat_tokens_per_day": 0, "tokens_per_day": 0, "seat_cents_per_day": 1, "cents_per_day": 0,
        "prices": {
            "m": {"input": 100, "output": 200, "cache_read": 10, "cache_write": 125},
            "m-large": {"input": 1000, "output": 0, "cache_read": 0, "cache_write": 0},
        }
    }));
    let used = Used { input: 1_000_000, output: 500_000, cache_read: 100_000, cache_write: 8, ..Used::default() };
    let micros = |model: &str| terms.policy.spending.priced(model, used).micros;
    assert_eq!((micros("m-small"), micros("m-large-2"), micros("other")), (1_000_000 + 1_000_000 + 10_000 + 10, 10_000_000, 0));
}
