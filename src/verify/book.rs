//! The entries of a bundle: their bytes sealed by the checkpoint, their form, their order.

use crate::ledger::bundle::Bundle;
use super::problems::Problems;
use super::threads::in_two;
use crate::domain::entry::{Entry, Millis};
use crate::domain::event::Event;
use crate::domain::planted;
use crate::domain::workshop::{self, Genesis};
use super::shelf::Shelf;
use crate::ledger::chain::{Frontier, Hash};
use crate::ledger::husk::{leaf_of, letter};
use crate::ledger::checkpoint::{Checkpoint, VerifierKey, open_checkpoint, unverified_checkpoint};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// The last second that an OpenPGP time can name.
const LAST_SECOND: u64 = u32::MAX as u64;

/// All entries that could be read, each at its own place.
pub(super) struct Book {
    pub entries: Vec<Entry>,
    leaves: Vec<Hash>,
    /// Entries whose bodies are put away and in no archive that was given.
    pub sealed: Vec<u64>,
}

impl Book {
    /// Reads every entry; what is wrong with form or order is a problem, and the entry counts at the place where it stands.
    ///
    /// For a husk the entry itself is taken, where an archive has it.
    pub fn read(bundle: &Bundle<'_>, shelf: &Shelf<'_>, problems: &mut Problems) -> Self {
        let read = in_two(&bundle.entries, |bytes| (leaf_of(bytes), Entry::parse(shelf.whole(bytes).unwrap_or(bytes))));
        let mut book = Self { entries: Vec::with_capacity(read.len()), leaves: Vec::with_capacity(read.len()), sealed: Vec::new() };
        shelf.judge(&bundle.entries, problems);
        for (seq, (leaf, entry)) in (0..).zip(read) {
            book.leaves.push(leaf);
            match entry {
                Ok(entry) if letter(&entry).is_some() => {
                    book.sealed.push(seq);
                    book.take(seq, entry, problems);
                }
                Ok(entry) => book.take(seq, entry, problems),
                Err(why) => problems.entry(seq, format_args!("it cannot be read: {why}")),
            }
        }
        book
    }

    fn take(&mut self, seq: u64, mut entry: Entry, problems: &mut Problems) {
        if entry.seq != seq {
            problems.entry(seq, format_args!("it says that it is number {}", entry.seq));
            entry.seq = seq;
        }
        if self.entries.last().is_some_and(|before| entry.time < before.time) {
            problems.entry(seq, "its time is before that of the entry before it");
        }
        if entry.time / 1000 > LAST_SECOND {
            problems.entry(seq, "its time is later than any signature can be");
        }
        self.entries.push(entry);
    }

    /// The first entry, if it is what a ledger begins with.
    pub fn genesis(&self) -> Option<&Genesis> {
        self.entries.first().filter(|entry| entry.seq == 0).and_then(genesis)
    }

    pub fn len(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The roots over the first so many entries, for each of these sizes that there is.
    pub fn roots(&self, sizes: &BTreeSet<u64>) -> BTreeMap<u64, Hash> {
        let mut frontier = Frontier::default();
        let mut roots = BTreeMap::new();
        for leaf in &self.leaves {
            frontier.append(*leaf);
            if sizes.contains(&frontier.len()) {
                roots.insert(frontier.len(), frontier.root());
            }
        }
        roots
    }
}

/// The workshop that the first entry founds.
pub(super) fn workshop(bundle: &Bundle<'_>) -> Option<String> {
    let first = Entry::parse(bundle.entries.first()?).ok()?;
    genesis(&first).map(|genesis| genesis.workshop.clone())
}

fn genesis(entry: &Entry) -> Option<&Genesis> {
    match &entry.event {
        Event::Workshop(workshop::Event::Founded { genesis }) => Some(genesis),
        _ => None,
    }
}

/// Judges the seal alone: the checkpoint covers exactly these bytes, and the key that genesis names signed it.
pub(super) fn seal(bundle: &Bundle<'_>) -> Result<Checkpoint, String> {
    let claimed = unverified_checkpoint(bundle.note).map_err(|why| format!("the checkpoint cannot be read: {why}"))?;
    if claimed.size != bundle.entries.len() as u64 {
        return Err(format!("the checkpoint covers {} entries and the bundle holds {}", claimed.size, bundle.entries.len()));
    }
    let mut frontier = Frontier::default();
    frontier.extend(bundle.entries.iter().map(|entry| leaf_of(entry)));
    if frontier.root() != claimed.root && !planted::out("checkpoint-root") {
        return Err(
            "the Merkle root over the entries is not the one in the checkpoint: an entry was changed, moved, added or left out".to_owned()
        );
    }
    let first = bundle.entries.first().ok_or("the bundle holds no entry")?;
    let first = Entry::parse(first).map_err(|why| format!("entry 0: it cannot be read: {why}"))?;
    let genesis = genesis(&first).ok_or("entry 0: it is not the founding of a workshop")?;
    let key = VerifierKey::parse(&genesis.note_key).map_err(|why| format!("entry 0: its checkpoint key cannot be used: {why}"))?;
    open_checkpoint(bundle.note, &genesis.workshop, &[key])
        .map_err(|why| format!("the checkpoint is not signed by the key in genesis: {why}"))
}

/// An entry's time as signatures are judged by it.
pub(super) fn moment(time: Millis) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs((time / 1000).min(LAST_SECOND))
}
