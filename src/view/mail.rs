//! One message with its text.

use crate::domain::actor::Party;
use crate::domain::entry::Millis;
use crate::domain::message::{Delivery, Letter, Priority};
use crate::domain::name::{Digest, TaskId};
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPage {
    pub id: Digest,
    pub from: Party,
    pub to: Vec<Recipient>,
    /// The sender's count, and the id of the sender's message before this one.
    pub number: u64,
    pub prev: Option<Digest>,
    pub sent: Millis,
    pub priority: Priority,
    pub task: Option<TaskId>,
    pub subject: String,
    pub body: String,
}

/// A recipient and how far the message came; nothing when it is no longer kept at hand (the ledger has it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    pub party: Party,
    pub state: Option<Delivery>,
}

/// The page of a letter that was read out of its statement.
pub fn mail(letter: &Letter, id: &Digest, state: &State) -> MailPage {
    let known = state.post.mail.get(id);
    let recipient = |party: &Party| Recipient { party: party.clone(), state: known.and_then(|mail| mail.to.get(party)).copied() };
    MailPage {
        id: id.clone(),
        from: letter.from.clone(),
        to: letter.to.iter().map(recipient).collect(),
        number: letter.number,
        prev: letter.prev.clone(),
        sent: letter.sent,
        priority: letter.priority,
        task: letter.task.clone(),
        subject: letter.subject.clone(),
        body: letter.body.clone(),
    }
}
