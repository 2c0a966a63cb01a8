//! The archive: entries whose bodies were put away, whole and as they were written, in one file.
//!
//! Line 1 is `orchestrate-archive/v1`, line 2 the workshop's name, then comes one entry per line. Nothing of it is believed: each entry is taken
//! only where the ledger has its leaf.

use super::chain::{Hash, leaf_hash};
use crate::domain::entry::Head;
use crate::domain::name::Digest;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The first line.
pub const HEAD: &str = "orchestrate-archive/v1";
/// Larger files are neither written nor looked at.
pub const MOST_BYTES: u64 = 1 << 30;
const MOST_ENTRY: usize = 32 << 20;

/// An archive taken apart; nothing in it has been judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive<'a> {
    pub workshop: &'a str,
    pub entries: Vec<&'a [u8]>,
    /// Of the whole file: the name by which the ledger's entries call it.
    pub digest: Digest,
}

/// Writes the two lines before the entries.
pub fn begin(out: &mut dyn Write, workshop: &str) -> io::Result<()> {
    writeln!(out, "{HEAD}\n{workshop}")
}

/// Writes the next entry.
pub fn add(out: &mut dyn Write, entry: &[u8]) -> io::Result<()> {
    if entry.is_empty() || entry.len() > MOST_ENTRY || entry.contains(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry is empty, longer than 32 MiB, or holds a newline"));
    }
    out.write_all(entry)?;
    out.write_all(b"\n")
}

/// Whether these are the first bytes of an archive that was encrypted: a packet of OpenPGP's, which no text begins with.
pub fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x80 != 0)
}

/// Reads exactly what is written so.
pub fn read(bytes: &[u8]) -> Result<Archive<'_>, String> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    if is_encrypted(bytes) {
        return Err("the archive is encrypted; its workshop writes down what is inside: orchestrate ledger unseal ARCHIVE --plain FILE".to_owned());
    }
    if lines.next() != Some(HEAD.as_bytes()) {
        return Err(format!("the archive does not begin with {HEAD}"));
    }
    let workshop = lines.next().and_then(|line| std::str::from_utf8(line).ok()).filter(|name| !name.is_empty());
    let workshop = workshop.ok_or("the archive does not say of which workshop it is")?;
    let mut entries: Vec<&[u8]> = lines.collect();
    if entries.pop().is_none_or(|last| !last.is_empty()) {
        return Err("the archive's last line does not end in a newline".to_owned());
    }
    let mut last = None;
    for (line, entry) in (3..).zip(&entries) {
        let seq = Head::read(entry).filter(|_| entry.len() <= MOST_ENTRY).map(|head| head.seq);
        if seq.is_none() || seq <= last {
            return Err(format!("line {line} of the archive is no entry that follows the one before it"));
        }
        last = seq;
    }
    Ok(Archive { workshop, entries, digest: Digest::of(bytes) })
}

impl<'a> Archive<'a> {
    /// The entries by the leaf under which each stands, wherever that is.
    pub fn by_leaf(&self) -> BTreeMap<Hash, &'a [u8]> {
        self.entries.iter().map(|entry| (leaf_hash(entry), *entry)).collect()
    }
}
