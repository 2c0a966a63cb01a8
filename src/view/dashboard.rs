//! What the owner's dashboard shows at once: the page of `status`, with the mail on its way and more of what was refused.

use super::status::{RefusalLine, Status, refusal, status};
use crate::domain::actor::Party;
use crate::domain::entry::Millis;
use crate::domain::message::{Delivery, Mail, Priority};
use crate::domain::name::{Digest, TaskId};
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Messages shown at most.
const LETTERS: usize = 100;

/// `Dashboard`: one look at everything, and the entries that came since the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dashboard {
    pub status: Status,
    /// Newest first.
    pub letters: Vec<LetterLine>,
    /// All refusals at hand, newest first.
    pub refusals: Vec<RefusalLine>,
    /// The position of the first of the entries that follow, as they were written.
    pub from: u64,
    pub entries: Vec<String>,
}

/// One message with how far it has come to each of its recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterLine {
    pub id: Digest,
    pub seq: u64,
    pub from: Party,
    pub to: Vec<(Party, Delivery)>,
    pub subject: String,
    pub priority: Priority,
    pub task: Option<TaskId>,
    pub sent: Millis,
}

impl LetterLine {
    /// The recipient that is furthest behind says how far the message has come.
    pub fn standing(&self) -> Delivery {
        let rank = |delivery: &Delivery| match delivery {
            Delivery::Expired => 0,
            Delivery::Queued => 1,
            Delivery::Delivered => 2,
            Delivery::Acknowledged => 3,
        };
        self.to.iter().map(|(_, delivery)| *delivery).min_by_key(rank).unwrap_or(Delivery::Acknowledged)
    }
}

/// The page without its entries, which the ledger has.
pub fn dashboard(state: &State, now: Millis) -> Dashboard {
    let mut letters: Vec<LetterLine> = state.post.mail.iter().map(|(id, mail)| letter(id, mail)).collect();
    letters.sort_by_key(|letter| std::cmp::Reverse(letter.seq));
    letters.truncate(LETTERS);
    let refusals = state.refusals.iter().rev().map(refusal).collect();
    Dashboard { status: status(state, now), letters, refusals, from: state.len, entries: Vec::new() }
}

fn letter(id: &Digest, mail: &Mail) -> LetterLine {
    LetterLine {
        id: id.clone(),
        seq: mail.seq,
        from: mail.from.clone(),
        to: mail.to.iter().map(|(party, delivery)| (party.clone(), *delivery)).collect(),
        subject: mail.subject.clone(),
        priority: mail.priority,
        task: mail.task.clone(),
        sent: mail.sent,
    }
}
