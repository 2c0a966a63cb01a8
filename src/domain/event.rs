//! Everything that can have happened, noun by noun.

use super::actor::Party;
use super::dsse::Envelope;
use super::{alert, bypass, confirm, deploy, fleet, freeze, key, lock, merge, message, motion, panel, push, refusal, review, task, workshop};
use serde::{Deserialize, Serialize};

/// A recorded fact. To add one: a variant in its noun's file; the compiler names the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Workshop(workshop::Event),
    Key(key::Event),
    Fleet(fleet::Event),
    Push(push::Event),
    Task(task::Event),
    Review(review::Event),
    Panel(panel::Event),
    Motion(motion::Event),
    Merge(merge::Event),
    Deploy(deploy::Event),
    Bypass(bypass::Event),
    Message(message::Event),
    Lock(lock::Event),
    Freeze(freeze::Event),
    Confirm(confirm::Event),
    Refused(refusal::Refused),
    Alert(alert::Event),
}

impl Event {
    /// The statement in this event that still wants its signature, and whose key must make it.
    pub fn unsigned(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Workshop(event) => event.statement(),
            Self::Task(event) => event.statement(),
            Self::Review(event) => event.statement(),
            Self::Message(event) => event.statement(),
            Self::Motion(event) => event.statement(),
            Self::Freeze(event) => event.statement(),
            Self::Confirm(event) => event.statement(),
            Self::Deploy(event) => event.statement(),
            Self::Bypass(event) => event.statement(),
            Self::Panel(event) => event.statement(),
            Self::Key(_) | Self::Fleet(_) | Self::Push(_) | Self::Merge(_) | Self::Lock(_) | Self::Refused(_) | Self::Alert(_) => None,
        }
    }
}
