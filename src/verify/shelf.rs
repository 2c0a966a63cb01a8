//! Archives that were brought along: the entries whose bodies were put away, each believed by its leaf alone.

use super::problems::Problems;
use crate::domain::entry::Head;
use crate::ledger::archive;
use crate::ledger::chain::Hash;
use crate::ledger::husk::{Husks, husk_of, is_husk, leaf_of};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Shelf<'a> {
    by_leaf: BTreeMap<Hash, &'a [u8]>,
}

impl<'a> Shelf<'a> {
    /// Takes archives as files; one that is none, or of another workshop, is a problem.
    pub fn read(archives: &'a [Vec<u8>], workshop: &str, problems: &mut Problems) -> Self {
        let mut shelf = Self::default();
        for bytes in archives {
            match archive::read(bytes) {
                Ok(read) if read.workshop == workshop => shelf.by_leaf.extend(read.by_leaf()),
                Ok(read) => problems.add(format_args!("the archive {} is of the workshop {:?}", read.digest.short(), read.workshop)),
                Err(why) => problems.add(why),
            }
        }
        shelf
    }

    /// The whole entry in whose place a husk stands.
    pub fn whole(&self, bytes: &[u8]) -> Option<&'a [u8]> {
        if is_husk(bytes) { self.by_leaf.get(&leaf_of(bytes)).copied() } else { None }
    }

    /// Judges every husk: an entry vouches for it, and it says what the whole entry said, where that is there. What an archive holds beyond
    /// this ledger is a problem too.
    pub fn judge(&self, entries: &[&[u8]], problems: &mut Problems) {
        let (mut husks, mut strange) = (Husks::default(), self.by_leaf.clone());
        for (seq, bytes) in (0..).zip(entries) {
            match husks.take(seq, bytes) {
                Ok(leaf) => drop(strange.remove(&leaf)),
                Err(why) => problems.entry(seq, why),
            }
            if self.whole(bytes).is_some_and(|whole| husk_of(whole).as_deref() != Some(bytes)) {
                problems.entry(seq, "what stands in its place is not what the archive has of it");
            }
        }
        for seq in husks.doubtful() {
            problems.entry(seq, "its body is gone, and no entry vouches for what stands in its place");
        }
        if let Some(entry) = strange.values().next() {
            let seq = Head::read(entry).map_or(0, |head| head.seq);
            problems.add(format_args!("an archive holds {} entries that are not in this ledger, one says that it is number {seq}", strange.len()));
        }
    }
}
