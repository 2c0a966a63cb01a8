//! How often a seat may do what.

use serde::{Deserialize, Serialize};

/// What is counted against a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    Commits,
    Messages,
    Locks,
    Submissions,
    Reviews,
    Decisions,
}

impl Act {
    pub const ALL: [Act; 6] = [Act::Commits, Act::Messages, Act::Locks, Act::Submissions, Act::Reviews, Act::Decisions];
}

/// How often something may be done; a span that is not given is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
}

impl Budget {
    /// The spans that are limited: how often, in how many milliseconds.
    pub fn spans(&self) -> impl Iterator<Item = (u32, u64)> + use<> {
        let spans = [(self.per_minute, 60_000), (self.per_hour, 3_600_000), (self.per_day, 86_400_000)];
        spans.into_iter().filter_map(|(most, span)| most.map(|most| (most, span)))
    }

    /// How many milliseconds to wait before one more; `times` are those of before, oldest first.
    pub fn wait<'a>(&self, times: impl DoubleEndedIterator<Item = &'a u64> + Clone, now: u64) -> Option<u64> {
        let left = |(most, span): (u32, u64)| match most {
            0 => Some(span),
            _ => times.clone().rev().nth(most as usize - 1).map(|then| (then + span).saturating_sub(now)).filter(|left| *left > 0),
        };
        self.spans().filter_map(left).max()
    }

    /// The same for requests that may be held for a moment: when half of a minute's are used up, those that follow come at even distances, so
    /// that nobody who was quick for a while has to wait for the rest of the minute.
    pub fn pace<'a>(&self, times: impl DoubleEndedIterator<Item = &'a u64> + Clone, now: u64) -> u64 {
        let strict = self.wait(times.clone(), now).unwrap_or(0);
        let even = self.per_minute.filter(|most| *most > 0).and_then(|most| {
            let half = most - most / 2;
            let used = times.clone().rev().take_while(|then| **then + 60_000 > now).count();
            let last = times.clone().next_back().filter(|_| used >= half as usize)?;
            Some((last + 60_000 / u64::from(half)).saturating_sub(now))
        });
        strict.max(even.unwrap_or(0))
    }

    /// The longest memory that `wait` needs: how many times, and how long.
    pub fn memory(&self) -> (usize, u64) {
        self.spans().fold((0, 0), |(most, longest), (times, span)| (most.max(times as usize), longest.max(span)))
    }
}
