//! Bodies of old messages, put away: what stays of an entry, whose word that is, and which may go.
//!
//! The tree over the ledger is over whole entries. A husk brings the leaf hash of the entry in whose place it stands, so that the tree stays as it
//! is; that the husk says nothing else than the entry did is vouched for by an entry of its own, `Archived`, which is in the tree.

use super::actor::Actor;
use super::entry::Entry;
use super::event::Event as Any;
use super::message::{self, Letter};
use super::name::{Digest, TaskId};
use super::refusal::Refusal;
use super::state::State;
use super::task::Task;
use super::workshop;
use std::collections::BTreeSet;

/// Most messages that one entry vouches for.
pub const MOST: usize = 512;

/// What stays of a message's entry when its body goes: all but body and signature. Nothing for any other entry.
pub fn husk(entry: &Entry, leaf: &Digest) -> Option<Entry> {
    let Any::Message(message::Event::Sent { id, statement }) = &entry.event else { return None };
    let letter = Letter { body: String::new(), ..message::letter(statement)? };
    let sealed = message::Event::Sealed { leaf: leaf.clone(), id: id.clone(), letter: Box::new(letter), bytes: statement.payload.len() };
    Some(Entry { event: Any::Message(sealed), ..entry.clone() })
}

/// The one digest over several husks' bytes, in their order.
pub fn digest<'a>(husks: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let all: String = husks.into_iter().map(|husk| Digest::of(husk).to_string()).collect();
    Digest::of(all.as_bytes())
}

/// What stays whatever its age: messages that somebody has before him, and those about work under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    open: BTreeSet<u64>,
    tasks: BTreeSet<TaskId>,
}

impl Kept {
    pub fn of(state: &State) -> Self {
        let under_way = |(task, known): (&TaskId, &Task)| (known.merged.is_none() && known.vetoed().is_ok()).then(|| task.clone());
        Self { open: state.post.open(), tasks: state.tasks.iter().filter_map(under_way).collect() }
    }

    pub fn keeps(&self, seq: u64, task: Option<&TaskId>) -> bool {
        self.open.contains(&seq) || task.is_some_and(|task| self.tasks.contains(task))
    }
}

/// Vouches for husks, before they take the place of what is in the archive: the owner's act, on messages that are over.
pub fn archived(state: &State, actor: &Actor, entries: &[u64], husks: &Digest, archive: &Digest) -> Result<Vec<Any>, Refusal> {
    owner(actor)?;
    super::freeze::open(state)?;
    let in_order = entries.windows(2).all(|pair| pair[0] < pair[1]);
    if entries.is_empty() || entries.len() > MOST || !in_order || entries.last().is_some_and(|last| *last >= state.len) {
        return Err(Refusal::new("malformed", format!("1 to {MOST} entries of this ledger are put away at once, in their order"), HINT));
    }
    let open = state.post.open();
    if let Some(seq) = entries.iter().find(|seq| open.contains(seq)) {
        return Err(Refusal::new("mail-open", format!("the message of entry {seq} waits to be acknowledged"), "orchestrate mail inbox"));
    }
    let (entries, husks, archive) = (entries.to_vec(), husks.clone(), archive.clone());
    Ok(vec![Any::Workshop(workshop::Event::Archived { entries, husks, archive })])
}

/// Says that bodies are brought back from an archive.
pub fn restored(actor: &Actor, entries: u64, archive: &Digest) -> Result<Vec<Any>, Refusal> {
    owner(actor)?;
    Ok(vec![Any::Workshop(workshop::Event::Restored { entries, archive: archive.clone() })])
}

const HINT: &str = "orchestrate ledger seal --before 2026-10-01 mail.archive";

fn owner(actor: &Actor) -> Result<(), Refusal> {
    match actor {
        Actor::Owner => Ok(()),
        Actor::Edge | Actor::Seat(_) => Err(Refusal::new("owner-only", "only the owner puts bodies away and brings them back", HINT)),
    }
}
