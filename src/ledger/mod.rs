//! The only durable truth: entries in order, each a leaf of one Merkle tree, never changed and never dropped.

pub mod archive;
pub mod bundle;
pub mod chain;
pub mod checkpoint;
pub mod husk;
pub mod memory;
pub mod sqlite;

use crate::domain::failure::Failure;
use chain::{Frontier, Hash};
use husk::Husks;
use std::fmt;

/// One entry as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The entry's place, from 0: its leaf index in the tree.
    pub seq: u64,
    pub bytes: Vec<u8>,
}

/// Says why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Another entry stands already where this one was meant to go.
    #[error("the ledger has {found} entries, not {expected}")]
    Conflict { expected: u64, found: u64 },
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The state in which a full check found the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub len: u64,
    pub root: Hash,
    /// Husks, each vouched for by an entry.
    pub sealed: u64,
}

/// The first entry that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub seq: u64,
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.seq, self.what)
    }
}

impl std::error::Error for Damage {}

/// An append-only sequence of entries under one Merkle root.
pub trait Ledger: Send {
    /// The number of entries, and so the place of the next one.
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The RFC 6962 root over all entries.
    fn root(&self) -> Hash;

    /// Appends all entries, the first at `at`, or none; when it returns they are durable.
    fn append(&mut self, at: u64, entries: &[Vec<u8>]) -> Result<(), AppendError>;

    /// Reads up to `max` entries from `from` on, each compared with its leaf hash.
    fn read(&self, from: u64, max: usize) -> Result<Vec<Record>, Failure>;

    /// The leaf hashes of the first `upto` entries.
    fn leaf_hashes(&self, upto: u64) -> Result<Vec<Hash>, Failure>;

    /// Keeps a signed checkpoint over the first `size` entries beside them, where there is a place for it that outlives the process.
    fn keep_note(&mut self, _size: u64, _text: &str) -> Result<(), Failure> {
        Ok(())
    }

    /// Puts other bytes in the place of entries' own, all or none, each only where they stand under the same leaf: a husk for an entry whose
    /// body is in an archive, or the entry for its husk. When it returns they are durable, and what stood there is gone.
    fn replace(&mut self, bodies: &[(u64, Vec<u8>)]) -> Result<(), Failure>;

    /// Hashes every stored entry anew and compares all with what was written.
    fn check(&self) -> Result<Verified, Damage>;
}

/// Refuses an append that was meant for another place.
fn expect_place(expected: u64, found: u64) -> Result<(), AppendError> {
    if expected == found { Ok(()) } else { Err(AppendError::Conflict { expected, found }) }
}

/// Refuses to give leaves that are not there.
fn expect_leaves(upto: u64, len: u64) -> Result<(), Failure> {
    if upto <= len {
        return Ok(());
    }
    Err(Failure::new("cannot read the leaf hashes", format!("{upto} were asked for and the ledger has {len} entries")))
}

/// Says that bytes belong to another entry.
fn misplaced(seq: u64) -> Failure {
    Failure::new("cannot put other bytes in an entry's place", format!("what is to stand for entry {seq} does not have its leaf hash"))
}

/// Judges stored entries one after the other: rebuilds the tree from their bytes and compares it with the one kept while they were written.
struct Audit<'a> {
    kept: &'a Frontier,
    fresh: Frontier,
    husks: Husks,
}

impl<'a> Audit<'a> {
    fn new(kept: &'a Frontier) -> Self {
        Self { kept, fresh: Frontier::default(), husks: Husks::default() }
    }

    /// Takes the next stored entry with its place and leaf hash as they are stored.
    fn entry(&mut self, seq: i64, leaf: &[u8], body: &[u8]) -> Result<(), Damage> {
        let next = self.fresh.len();
        if seq != next as i64 {
            return Err(Damage { seq: next, what: format!("it is missing; number {seq} stands in its place") });
        }
        let fresh = self.husks.take(next, body).map_err(|what| Damage { seq: next, what })?;
        if leaf != fresh {
            return Err(Damage { seq: next, what: "its bytes do not hash to its stored leaf hash".to_owned() });
        }
        self.fresh.append(fresh);
        if self.fresh.len() == self.kept.len() { self.compare() } else { Ok(()) }
    }

    fn compare(&self) -> Result<(), Damage> {
        let what = |what: String| format!("{what} was replaced together with its leaf hash");
        match self.fresh.differs(self.kept) {
            None => Ok(()),
            Some((seq, 1)) => Err(Damage { seq, what: what("it".to_owned()) }),
            Some((seq, size)) => Err(Damage { seq, what: what(format!("an entry from {seq} to {}", seq + size - 1)) }),
        }
    }

    /// Ends the audit; entries beyond the kept tree are damage only where nobody else may have written them.
    fn finish(self, alone: bool) -> Result<Verified, Damage> {
        let (len, written) = (self.fresh.len(), self.kept.len());
        if len < written {
            return Err(Damage { seq: len, what: format!("it and all later ones are missing; {written} were written") });
        }
        if let Some((seq, what)) = self.husks.first() {
            return Err(Damage { seq, what });
        }
        if alone && len > written {
            return Err(Damage { seq: written, what: format!("it was not written by this process; {written} were") });
        }
        Ok(Verified { len, root: self.fresh.root(), sealed: self.husks.vouched })
    }
}

#[cfg(test)]
mod tests;
