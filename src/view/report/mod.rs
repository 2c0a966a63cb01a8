//! The security report: a pure function of the first entries of a ledger and of the charter they adopt. One struct, three renderings.
//!
//! Nothing in it was said by an agent: every number is counted from entries, and whoever has the entries counts the same.

mod book;
mod chart;
mod html;
mod page;
mod tally;
mod text;

pub use html::html;
pub use tally::Tally;
pub use text::text;

use crate::domain::actor::Actor;
use crate::domain::alert::Severity;
use crate::domain::collusion::{Finding, Pair};
use crate::domain::day::Span;
use crate::domain::entry::Millis;
use crate::domain::name::{Digest, RoleName, SeatName, TaskId};
use crate::domain::spend::Used;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Day,
    Week,
    Task(TaskId),
}

/// The report. Field by field this is what `--format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub subject: Subject,
    pub workshop: String,
    pub span: Span,
    /// Whether the span had ended when the report was made; else more entries may still fall into it.
    pub over: bool,
    /// It was computed from the entries `0..size`; `count` of them fall into the span, from `first` on.
    pub size: u64,
    pub first: Option<u64>,
    pub count: u64,
    /// The signed checkpoint over exactly those entries, as a C2SP note: a ledger that was altered later does not fit it.
    pub checkpoint: String,
    /// The charter in force at the end.
    pub policy: Digest,
    pub level: String,
    pub level_note: String,
    pub not_promised: Vec<String>,
    /// What the owner should look at, one sentence each.
    pub attention: Vec<String>,
    /// One for each hour of the span; a day of 23 or 25 hours has as many. Empty in a task's report.
    pub hours: Vec<Hour>,
    pub events: Events,
    pub four_eyes: FourEyes,
    pub tertiary: Tertiary,
    pub rates: Rates,
    pub locks: Locks,
    pub collusion: Collusion,
    pub freezes: Vec<Stop>,
    pub health: Health,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    pub entries: u64,
    pub refused: u64,
}

/// Security Events Summary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Entries by noun and kind.
    pub kinds: BTreeMap<String, BTreeMap<String, u64>>,
    pub severities: BTreeMap<Severity, u64>,
    pub refused: u64,
    /// Refusals by code, most frequent first.
    pub refusals: Vec<Refusals>,
    /// Everything above `low`, and in a task's report all that happened to it; the first so many.
    pub notable: Vec<Notable>,
    pub left_out: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    pub code: String,
    pub count: u64,
    pub by: BTreeSet<Actor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notable {
    pub seq: u64,
    pub time: Millis,
    pub by: Actor,
    pub severity: Option<Severity>,
    pub what: String,
}

/// 4-Eyes Compliance: each merge, and whose eyes were on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FourEyes {
    pub compliant: u64,
    pub merges: Vec<Merge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    pub seq: u64,
    pub time: Millis,
    pub task: TaskId,
    pub title: String,
    pub author: Option<SeatName>,
    pub contributors: BTreeSet<SeatName>,
    pub needed: u32,
    pub peers: BTreeSet<SeatName>,
    pub qa: BTreeSet<SeatName>,
    pub deploy: BTreeSet<SeatName>,
    /// Whether the owner's own word was needed, and whether it is there.
    pub owner_needed: bool,
    pub owner: bool,
    /// What is missing, one sentence each; empty where the rule was kept.
    pub missing: Vec<String>,
}

/// Tertiary Reviews: a further reviewer that the numbers of a pair asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tertiary {
    pub extra: Vec<Extra>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    pub seq: u64,
    pub task: TaskId,
    pub seats: Vec<SeatName>,
    pub why: String,
}

/// Rate Limiting: who met a budget, and what was spent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    pub refused: Vec<OverBudget>,
    pub spent: Vec<Spent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverBudget {
    pub by: Actor,
    pub verb: String,
    pub count: u64,
}

/// What a seat did of what is counted; the allowance of a day is the charter's, where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub seat: SeatName,
    pub commits: u64,
    pub messages: u64,
    pub submissions: u64,
    pub reviews: u64,
    pub requests: u64,
    pub requests_refused: u64,
    /// What the model's API said they used, and what the seat's own transcripts say it used beside the relay.
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub used: Used,
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub told: Used,
    /// Commits signed in the busiest hour of the clock, and how many an hour allows.
    pub busiest: u64,
    pub commits_per_hour: Option<u32>,
}

/// Locks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locks {
    /// What happened to locks, by kind.
    pub kinds: BTreeMap<String, u64>,
}

/// Collusion: the pairs' numbers, and what stands out among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collusion {
    pub pairs: Vec<Pair>,
    pub findings: Vec<Finding>,
}

/// A freeze; `until` is nothing where it was still in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub seq: u64,
    pub by: Actor,
    pub reason: String,
    pub since: Millis,
    pub until: Option<Millis>,
    /// The owner thawed it without the librarian.
    pub alone: bool,
}

/// Health of the workshop itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub starts: u64,
    pub stops: u64,
    /// Starts that no stop came before: the supervisor had been killed, or its machine.
    pub crashes: u64,
    /// The supervisor's version at the end.
    pub version: String,
    pub seats: Vec<SeatHealth>,
    pub expired: u64,
    pub stalled: Vec<(TaskId, String)>,
    pub missed: u64,
    /// The longest time without an entry, and when it began.
    pub silence: Millis,
    pub silence_since: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatHealth {
    pub seat: SeatName,
    pub role: RoleName,
    /// Whether its instance had answered and not ended, at the end.
    pub answers: bool,
    /// Instances started, and ended, within the span.
    pub started: u64,
    pub ended: u64,
    /// Why the last of them ended.
    pub why: String,
}

impl Report {
    pub fn title(&self) -> &'static str {
        match self.subject {
            Subject::Day => "DAILY SECURITY REPORT",
            Subject::Week => "WEEKLY SECURITY REPORT",
            Subject::Task(_) => "TASK SECURITY REPORT",
        }
    }
}

#[cfg(test)]
mod tests;
