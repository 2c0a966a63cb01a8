//! Husks: what stands in an entry's place once its body was put away. The tree keeps the leaf of the whole entry.

use super::chain::{Hash, leaf_hash};
use crate::domain::archive;
use crate::domain::entry::{Entry, Head};
use crate::domain::event::Event;
use crate::domain::message;
use crate::domain::name::Digest;
use crate::domain::planted;
use crate::domain::workshop;
use std::collections::BTreeMap;

/// The leaf under which an entry's bytes stand: their own hash, or, for a husk, that of the whole entry, which it states.
pub fn leaf_of(bytes: &[u8]) -> Hash {
    stated(bytes).unwrap_or_else(|| leaf_hash(bytes))
}

/// Whether these are a husk's bytes.
pub fn is_husk(bytes: &[u8]) -> bool {
    Head::read(bytes).is_some_and(|head| (head.noun, head.kind) == ("message", "sealed"))
}

/// The husk of a message's entry; nothing for any other, or for a husk.
pub fn husk_of(bytes: &[u8]) -> Option<Vec<u8>> {
    if Head::read(bytes).is_none_or(|head| (head.noun, head.kind) != ("message", "sent")) {
        return None;
    }
    let entry = Entry::parse(bytes).ok()?;
    let leaf = Digest::new(hex::encode(leaf_hash(bytes))).ok()?;
    archive::husk(&entry, &leaf).map(|husk| husk.bytes())
}

fn stated(bytes: &[u8]) -> Option<Hash> {
    const MARK: &[u8] = b"\"leaf\":\"";
    if !is_husk(bytes) {
        return None;
    }
    let at = bytes.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    hex::decode(bytes.get(at..at + 64)?).ok()?.try_into().ok()
}

/// Judges husks while a ledger is read from its beginning: for each there has to be an entry that vouches for it as it is.
#[derive(Debug, Clone, Default)]
pub struct Husks {
    waiting: BTreeMap<u64, Vec<u8>>,
    /// Husks that were vouched for.
    pub vouched: u64,
}

impl Husks {
    /// Takes the next entry; gives the leaf under which it stands.
    pub fn take(&mut self, seq: u64, bytes: &[u8]) -> Result<Hash, String> {
        match Head::read(bytes).map(|head| (head.noun, head.kind)) {
            Some(("message", "sealed")) => {
                self.waiting.insert(seq, bytes.to_vec());
                stated(bytes).ok_or_else(|| "its body is gone, and it does not say which entry it was".to_owned())
            }
            Some(("workshop", "archived")) if !self.waiting.is_empty() => {
                self.vouch(&Entry::parse(bytes)?);
                Ok(leaf_hash(bytes))
            }
            _ => Ok(leaf_hash(bytes)),
        }
    }

    /// An entry that vouches counts for all that it names, or, where one is not as it was, for none.
    fn vouch(&mut self, entry: &Entry) {
        let Event::Workshop(workshop::Event::Archived { entries, husks, .. }) = &entry.event else { return };
        let found: Option<Vec<&[u8]>> = entries.iter().map(|seq| self.waiting.get(seq).map(Vec::as_slice)).collect();
        if found.is_some_and(|found| archive::digest(found) == *husks) {
            self.vouched += entries.iter().filter(|seq| self.waiting.remove(seq).is_some()).count() as u64;
        }
    }

    /// The first husk that nothing vouched for so far.
    pub fn first(&self) -> Option<(u64, String)> {
        let why = "its body is gone, and no entry vouches for what stands in its place";
        self.doubtful().next().map(|seq| (seq, why.to_owned()))
    }

    /// All of them.
    pub fn doubtful(&self) -> impl Iterator<Item = u64> {
        self.waiting.keys().copied().filter(|_| !planted::out("husks"))
    }
}

/// The letter of a husk.
pub fn letter(entry: &Entry) -> Option<&message::Letter> {
    match &entry.event {
        Event::Message(message::Event::Sealed { letter, .. }) => Some(letter),
        _ => None,
    }
}
