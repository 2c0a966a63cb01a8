//! Single refusals are daily bread; a series of them is not.

use super::{Raised, Severity};
use crate::domain::actor::Actor;
use crate::domain::entry::Millis;
use crate::domain::refusal::Refused;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

const HOUR: Millis = 3_600_000;
/// So many refusals of one actor within an hour are a series, and so many a siege.
const SERIES: usize = 20;
const SIEGE: usize = 100;

/// The refusals of one actor within the last hour, and when which of them was told last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    times: VecDeque<Millis>,
    series: Option<Millis>,
    siege: Option<Millis>,
    budget: Option<Millis>,
}

impl Series {
    /// Takes one refusal; gives what it comes to with those before it.
    pub fn take(&mut self, by: &Actor, now: Millis, refused: &Refused) -> Vec<Raised> {
        self.times.push_back(now);
        while self.times.len() > SIEGE || self.times.front().is_some_and(|then| then + HOUR <= now) {
            self.times.pop_front();
        }
        let count = self.times.len();
        let mut raised = Vec::new();
        let mut raise = |severity, what: String| raised.push(Raised { severity, time: now, what });
        if count >= SIEGE && once(&mut self.siege, now) {
            raise(
                Severity::High,
                format!("{by} was refused {count} times and more within an hour, last {}: {}", refused.verb, refused.refusal),
            );
        } else if count >= SERIES && once(&mut self.series, now) {
            raise(Severity::Medium, format!("{by} was refused {count} times within an hour, last {}: {}", refused.verb, refused.refusal));
        }
        if refused.refusal.code == "over-budget" && once(&mut self.budget, now) {
            raise(Severity::Medium, format!("{by} has spent a budget: {}", refused.refusal.why));
        }
        raised
    }
}

/// Whether it was not told within the last hour; then it is told now.
fn once(told: &mut Option<Millis>, now: Millis) -> bool {
    let fresh = told.is_none_or(|then| then + HOUR <= now);
    if fresh {
        *told = Some(now);
    }
    fresh
}
