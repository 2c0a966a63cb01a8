//! What the owner is told, how loudly and by which way; and that the daily report goes out.
//!
//! What is still to be told follows from the entries alone, so that a restart tells what is missing and nothing twice.

mod schedule;
mod series;

pub use schedule::{GRACE, Plan, plan};

use super::actor::Actor;
use super::entry::{Entry, Millis};
use super::event::Event as Any;
use super::name::Digest;
use super::policy::Policy;
use super::state::State;
use super::{bypass, confirm, deploy, fleet, freeze, key, merge, panel, review, task, workshop};
use serde::{Deserialize, Serialize};
use series::Series;
use std::collections::BTreeMap;
use std::fmt;

/// Alerts kept for one way; of more only their number is told.
pub const MOST: usize = 200;
/// The first wait after a failure, and the longest.
const FIRST: Millis = 30_000;
const LONGEST: Millis = 3_600_000;
/// Failures in a row after which the failing itself is told by the other ways.
const TOLD_AFTER: u32 = 3;

/// How loudly something is told, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The ledger has it.
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A way to the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    Tmux,
    Mail,
    Sms,
    Webhook,
}

impl Way {
    pub const ALL: [Way; 4] = [Way::Tmux, Way::Mail, Way::Sms, Way::Webhook];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tmux => "tmux",
            Self::Mail => "mail",
            Self::Sms => "sms",
            Self::Webhook => "webhook",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// One message went out about these entries, and about so many more.
    Told { way: Way, severity: Severity, about: Vec<u64>, more: u64 },
    /// A message did not go out; it is tried again.
    Failed { way: Way, why: String, tries: u32 },
    /// The report of a day that was over, computed from so many entries, went to the owner; the digest is of its JSON.
    Reported { day: String, size: u64, digest: Digest },
    /// The report of a day has not gone out in time.
    Overdue { day: String },
}

/// What an entry makes worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    pub severity: Severity,
    pub time: Millis,
    /// What a series of entries comes to; empty where the entry says all.
    pub what: String,
}

/// What one way still has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    pub waiting: BTreeMap<u64, Raised>,
    /// Alerts beyond those that are kept.
    pub more: u64,
    /// Failures in a row.
    pub tries: u32,
    /// Not before this time, unless something graver than the last message comes.
    pub next: Millis,
    pub last: Severity,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), more: 0, tries: 0, next: 0, last: Severity::Low }
    }
}

/// What is still to be told, and how far the reports have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    pub ways: BTreeMap<Way, Queue>,
    /// The last day whose report went out, and the last that was found overdue.
    pub reported: Option<String>,
    pub overdue: Option<String>,
    series: BTreeMap<Actor, Series>,
}

/// How much one entry matters by itself; nothing for ordinary work.
pub fn severity(entry: &Entry) -> Option<Severity> {
    Some(match &entry.event {
        // The supervisor itself freezes only where the gate, its keys or the record are not what they were.
        Any::Freeze(freeze::Event::Frozen { .. }) if entry.by == Actor::Edge => Severity::Critical,
        Any::Alert(Event::Overdue { .. }) => Severity::Critical,
        // It answered, and not with its word on this ledger: the ledger or the witness is not what it was.
        Any::Workshop(workshop::Event::Unwitnessed { refused: true, .. }) => Severity::Critical,
        Any::Workshop(workshop::Event::Unwitnessed { tries: TOLD_AFTER, .. }) => Severity::High,
        Any::Workshop(workshop::Event::Unwitnessed { tries: 1, .. }) => Severity::Medium,
        Any::Freeze(freeze::Event::Frozen { .. }) | Any::Key(key::Event::Revoked { .. }) | Any::Fleet(fleet::Event::GivenUp { .. } | fleet::Event::Overfull { .. } | fleet::Event::Paused { .. } | fleet::Event::Stuck { .. }) => Severity::High,
        Any::Confirm(confirm::Event::Reset { .. }) => Severity::High,
        Any::Bypass(bypass::Event::Opened { .. } | bypass::Event::Signed { .. } | bypass::Event::Lapsed { .. } | bypass::Event::Reviewed { accept: false, .. }) => Severity::High,
        Any::Bypass(bypass::Event::Drawn { .. } | bypass::Event::Redrawn { .. } | bypass::Event::Reviewed { .. } | bypass::Event::Answered { .. }) => Severity::Medium,
        Any::Deploy(deploy::Event::Ended { seen: deploy::Seen { ok: false, .. }, .. } | deploy::Event::Interrupted { unknown: true, .. }) => Severity::High,
        Any::Deploy(deploy::Event::Begun { step: deploy::Step::Run | deploy::Step::Rollback, .. } | deploy::Event::Over { .. }) => Severity::Medium,
        Any::Freeze(freeze::Event::Thawed { .. }) | Any::Workshop(workshop::Event::Rechartered { .. }) => Severity::Medium,
        // Two seats' numbers stand out: worth a look, and proof of nothing.
        Any::Review(review::Event::Drawn { extra: Some(_), .. }) => Severity::Medium,
        Any::Alert(Event::Failed { tries: TOLD_AFTER, .. }) => Severity::Medium,
        Any::Confirm(confirm::Event::Missed) | Any::Task(task::Event::Vetoed { .. }) => Severity::Medium,
        Any::Task(task::Event::Stalled { .. }) | Any::Merge(merge::Event::Missed { .. }) | Any::Refused(_) => Severity::Low,
        Any::Alert(Event::Failed { .. }) => Severity::Low,
        // It waits for the owner, and for nobody else.
        Any::Panel(panel::Event::Lapsed { asked: true, .. }) => Severity::High,
        Any::Panel(panel::Event::Lapsed { .. } | panel::Event::Withdrawn { .. }) => Severity::Medium,
        Any::Workshop(_)
        | Any::Panel(_)
        | Any::Motion(_)
        | Any::Key(_)
        | Any::Fleet(_)
        | Any::Push(_)
        | Any::Task(_)
        | Any::Review(_)
        | Any::Merge(_)
        | Any::Deploy(_)
        | Any::Message(_)
        | Any::Alert(_)
        | Any::Lock(_)
        | Any::Freeze(freeze::Event::Agreed { .. })
        | Any::Confirm(_) => return None,
    })
}

/// Lets every way that is set up hear of the entry, once it is applied.
pub fn hear(state: &mut State, entry: &Entry) {
    let raised: Vec<Raised> = match &entry.event {
        Any::Refused(refused) => state.alerts.series.entry(entry.by.clone()).or_default().take(&entry.by, entry.time, refused),
        _ => severity(entry).map(|severity| Raised { severity, time: entry.time, what: String::new() }).into_iter().collect(),
    };
    let raised: Vec<Raised> = raised.into_iter().filter(|raised| raised.severity > Severity::Low).collect();
    if raised.is_empty() || state.genesis.is_none() {
        return;
    }
    let policy = &state.charter().policy;
    let ways: Vec<(Way, Raised)> = raised.iter().flat_map(|raised| heard(policy, raised)).collect();
    for (way, raised) in ways {
        state.alerts.ways.entry(way).or_default().add(entry.seq, raised);
    }
}

fn heard(policy: &Policy, raised: &Raised) -> Vec<(Way, Raised)> {
    Way::ALL.into_iter().filter(|way| policy.hears(*way, raised.severity)).map(|way| (way, raised.clone())).collect()
}

impl Queue {
    fn add(&mut self, seq: u64, raised: Raised) {
        // Of two things that one entry raises the graver is told.
        if self.waiting.get(&seq).is_none_or(|before| before.severity < raised.severity) {
            self.waiting.insert(seq, raised);
        }
        if self.waiting.len() > MOST {
            let mildest = self.waiting.iter().min_by_key(|(seq, raised)| (raised.severity, **seq)).map(|(seq, _)| *seq);
            mildest.into_iter().for_each(|seq| drop(self.waiting.remove(&seq)));
            self.more += 1;
        }
    }

    pub fn gravest(&self) -> Severity {
        self.waiting.values().map(|raised| raised.severity).max().unwrap_or(Severity::Low)
    }

    /// When the way may tell what waits; nothing waits: never.
    pub fn due(&self) -> Option<Millis> {
        match () {
            () if self.waiting.is_empty() => None,
            () if self.tries == 0 && self.gravest() > self.last => Some(0),
            () => Some(self.next),
        }
    }
}

/// What came of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub way: Way,
    pub about: Vec<u64>,
    pub more: u64,
    pub trouble: Option<String>,
}

/// Takes the edge's word on a message; one about nothing that still waits leaves no entry.
pub fn told(state: &State, outcome: &Outcome) -> Vec<Any> {
    let queue = state.alerts.ways.get(&outcome.way);
    let tries = queue.map_or(0, |queue| queue.tries);
    if let Some(why) = &outcome.trouble {
        return vec![Any::Alert(Event::Failed { way: outcome.way, why: why.clone(), tries: tries + 1 })];
    }
    let waits = |seq: &&u64| queue.is_some_and(|queue| queue.waiting.contains_key(seq));
    let about: Vec<u64> = outcome.about.iter().filter(waits).copied().collect();
    let severity = |seq: &u64| queue.and_then(|queue| queue.waiting.get(seq)).map(|raised| raised.severity);
    match about.iter().filter_map(severity).max() {
        Some(severity) => vec![Any::Alert(Event::Told { way: outcome.way, severity, about, more: outcome.more })],
        None => Vec::new(),
    }
}

/// The report of a day went out; days only ever follow one another.
pub fn reported(state: &State, day: &str, size: u64, digest: &Digest) -> Vec<Any> {
    if state.alerts.reported.as_deref().is_some_and(|before| before >= day) {
        return Vec::new();
    }
    vec![Any::Alert(Event::Reported { day: day.to_owned(), size, digest: digest.clone() })]
}

/// The report of a day is late: told once.
pub fn overdue(state: &State, day: &str) -> Vec<Any> {
    let known = |kept: &Option<String>| kept.as_deref().is_some_and(|before| before >= day);
    if known(&state.alerts.overdue) || known(&state.alerts.reported) {
        return Vec::new();
    }
    vec![Any::Alert(Event::Overdue { day: day.to_owned() })]
}

pub fn apply(state: &mut State, time: Millis, event: &Event) {
    if state.genesis.is_none() {
        return;
    }
    let pause = state.charter().policy.alerts.digest_seconds;
    match event {
        Event::Told { way, severity, about, more } => {
            let queue = state.alerts.ways.entry(*way).or_default();
            queue.waiting.retain(|seq, _| !about.contains(seq));
            queue.more = queue.more.saturating_sub(*more);
            (queue.tries, queue.last, queue.next) = (0, *severity, time + u64::from(pause) * 1000);
        }
        Event::Failed { way, tries, .. } => {
            let queue = state.alerts.ways.entry(*way).or_default();
            (queue.tries, queue.next) = (*tries, time + back_off(*tries));
        }
        Event::Reported { day, .. } => {
            state.alerts.reported = Some(day.clone());
            state.alerts.ways.entry(Way::Mail).or_default().tries = 0;
        }
        Event::Overdue { day } => state.alerts.overdue = Some(day.clone()),
    }
}

/// Twice as long after each failure, an hour at most.
fn back_off(tries: u32) -> Millis {
    (FIRST << tries.saturating_sub(1).min(16)).min(LONGEST)
}

#[cfg(test)]
mod tests;
