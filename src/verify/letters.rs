//! Messages: each is what its id says, and each sender's are numbered and chained without a gap.

use super::book::Book;
use super::problems::Problems;
use super::roster::Roster;
use super::word;
use crate::domain::actor::{Actor, Party};
use crate::domain::dsse::Envelope;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::message::{self, Letter};
use crate::domain::name::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// The end of each sender's chain, and all messages so far.
#[derive(Default)]
struct Post {
    chains: BTreeMap<Party, (u64, Digest)>,
    sent: BTreeSet<Digest>,
}

pub(super) fn judge(book: &Book, roster: &Roster<'_>, problems: &mut Problems) {
    let mut post = Post::default();
    for entry in &book.entries {
        let Event::Message(event) = &entry.event else { continue };
        let judged = match event {
            message::Event::Sent { id, statement } => post.sent(entry, id, statement, roster),
            message::Event::Sealed { id, letter, .. } => post.told(entry, id, letter, roster),
            message::Event::Delivered { ids, to } => post.known(ids).and_then(|()| own(entry, to)),
            message::Event::Acknowledged { id, by } => post.known(std::slice::from_ref(id)).and_then(|()| own(entry, by)),
            message::Event::Expired { ids } => post.known(ids),
            message::Event::Returned { .. } if entry.by == Actor::Edge => Ok(()),
            message::Event::Returned { to } => Err(format!("{} takes back what was shown to {to}", entry.by)),
        };
        if let Err(why) = judged {
            problems.entry(entry.seq, why);
        }
    }
}

/// A recipient speaks for itself.
fn own(entry: &Entry, party: &Party) -> Result<(), String> {
    if entry.by.party() == *party { Ok(()) } else { Err(format!("{} speaks for the recipient {party}", entry.by)) }
}

impl Post {
    fn known(&self, ids: &[Digest]) -> Result<(), String> {
        match ids.iter().find(|id| !self.sent.contains(id)) {
            Some(id) => Err(format!("the message {} was never sent", id.short())),
            None => Ok(()),
        }
    }

    fn sent(&mut self, entry: &Entry, id: &Digest, statement: &Envelope, roster: &Roster<'_>) -> Result<(), String> {
        let payload = word::payload(statement)?;
        if Digest::of(&payload) != *id {
            return Err(format!("the message is not the one whose id is {}", id.short()));
        }
        let letter: Letter = serde_json::from_slice(&payload).map_err(|why| format!("its message cannot be read: {why}"))?;
        self.told(entry, id, &letter, roster)
    }

    /// A letter as it is told: by its own bytes, or by a husk that the ledger vouches for.
    fn told(&mut self, entry: &Entry, id: &Digest, letter: &Letter, roster: &Roster<'_>) -> Result<(), String> {
        let linked = self.link(letter);
        self.chains.insert(letter.from.clone(), (letter.number, id.clone()));
        if !self.sent.insert(id.clone()) {
            return Err(format!("the message {} was sent before", id.short()));
        }
        if letter.workshop != roster.genesis.workshop {
            return Err(format!("the message is of the workshop {:?}", letter.workshop));
        }
        if letter.from != Party::Gatekeeper && letter.from != entry.by.party() {
            return Err(format!("{} sent a message in the name of {}", entry.by, letter.from));
        }
        linked
    }

    fn link(&self, letter: &Letter) -> Result<(), String> {
        let (number, prev) = self.chains.get(&letter.from).map_or((0, None), |(number, id)| (*number, Some(id)));
        if letter.number != number.saturating_add(1) {
            return Err(format!("message {} of {} follows message {number}: there is a gap or a double", letter.number, letter.from));
        }
        if letter.prev.as_ref() != prev {
            return Err(format!("message {} of {} does not name the one before it", letter.number, letter.from));
        }
        Ok(())
    }
}
