//! A recipient's messages.

use crate::domain::actor::{Actor, Party};
use crate::domain::entry::Millis;
use crate::domain::message::{Delivery, Mail, Priority};
use crate::domain::name::{Digest, TaskId};
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// One message in a recipient's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLine {
    pub id: Digest,
    /// The ledger position of its registration.
    pub seq: u64,
    pub from: Party,
    pub subject: String,
    pub priority: Priority,
    pub task: Option<TaskId>,
    pub sent: Millis,
    pub expires: Millis,
    pub state: Delivery,
    /// On the last line: how many messages wait that are not listed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: usize,
}

fn is_none(number: &usize) -> bool {
    *number == 0
}

/// These messages of the recipient's, with how many wait behind them.
pub fn mails(state: &State, actor: &Actor, ids: &[Digest], more: usize) -> Vec<MailLine> {
    let party = actor.party();
    let mut lines: Vec<MailLine> = ids.iter().filter_map(|id| line(id, state.post.mail.get(id)?, &party)).collect();
    lines.last_mut().into_iter().for_each(|line| line.more = more);
    lines
}

/// What waits for this recipient, oldest first; with `all` also what it acknowledged or let expire, as far as it is kept at hand.
pub fn inbox(state: &State, actor: &Actor, all: bool) -> Vec<MailLine> {
    let party = actor.party();
    if all {
        let mut lines: Vec<MailLine> = state.post.mail.iter().filter_map(|(id, mail)| line(id, mail, &party)).collect();
        lines.sort_by_key(|line| line.seq);
        return lines;
    }
    let waiting = state.post.boxes.get(&party).into_iter().flat_map(|inbox| inbox.values());
    waiting.filter_map(|id| state.post.mail.get(id).and_then(|mail| line(id, mail, &party))).collect()
}

fn line(id: &Digest, mail: &Mail, party: &Party) -> Option<MailLine> {
    let state = *mail.to.get(party)?;
    Some(MailLine {
        id: id.clone(),
        seq: mail.seq,
        from: mail.from.clone(),
        subject: mail.subject.clone(),
        priority: mail.priority,
        task: mail.task.clone(),
        sent: mail.sent,
        expires: mail.expires,
        state,
        more: 0,
    })
}
