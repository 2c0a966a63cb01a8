//! How much an event matters to the owner.

use super::actor::Actor;
use super::entry::Entry;
use super::event::Event;
use super::{confirm, freeze, key, merge, review, task, workshop};
use serde::{Deserialize, Serialize};
use std::fmt;

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

/// How much one entry matters by itself; nothing for ordinary work.
pub fn severity(entry: &Entry) -> Option<Severity> {
    Some(match &entry.event {
        // The supervisor itself freezes only where the gate, its keys or the record are not what they were.
        Event::Freeze(freeze::Event::Frozen { .. }) if entry.by == Actor::Edge => Severity::Critical,
        Event::Freeze(freeze::Event::Frozen { .. }) | Event::Key(key::Event::Revoked { .. }) => Severity::High,
        Event::Freeze(freeze::Event::Thawed { .. }) | Event::Workshop(workshop::Event::Rechartered { .. }) => Severity::Medium,
        // Two seats' numbers stand out: worth a look, and proof of nothing.
        Event::Review(review::Event::Drawn { extra: Some(_), .. }) => Severity::Medium,
        Event::Confirm(confirm::Event::Missed) | Event::Task(task::Event::Vetoed { .. }) => Severity::Medium,
        Event::Task(task::Event::Stalled { .. }) | Event::Merge(merge::Event::Missed { .. }) | Event::Refused(_) => Severity::Low,
        Event::Workshop(_)
        | Event::Key(_)
        | Event::Fleet(_)
        | Event::Push(_)
        | Event::Task(_)
        | Event::Review(_)
        | Event::Merge(_)
        | Event::Message(_)
        | Event::Confirm(_) => return None,
    })
}
