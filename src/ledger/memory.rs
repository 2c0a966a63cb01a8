//! A ledger that lasts as long as its process: for tests, simulation and dry runs.

use super::chain::{Frontier, Hash, leaf_hash};
use super::husk::leaf_of;
use super::{AppendError, Audit, Damage, Ledger, Record, Verified, expect_leaves, expect_place, misplaced};
use crate::domain::failure::Failure;

/// Entries in memory; durable is here what the process remembers.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    entries: Vec<(Hash, Vec<u8>)>,
    frontier: Frontier,
}

impl Ledger for MemoryLedger {
    fn len(&self) -> u64 {
        self.frontier.len()
    }

    fn root(&self) -> Hash {
        self.frontier.root()
    }

    fn append(&mut self, at: u64, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        expect_place(at, self.len())?;
        for body in entries {
            let leaf = leaf_hash(body);
            self.entries.push((leaf, body.clone()));
            self.frontier.append(leaf);
        }
        Ok(())
    }

    fn read(&self, from: u64, max: usize) -> Result<Vec<Record>, Failure> {
        let record = |(seq, (_, body)): (u64, &(Hash, Vec<u8>))| Record { seq, bytes: body.clone() };
        let first = usize::try_from(from).unwrap_or(usize::MAX);
        Ok((from..=u64::MAX).zip(self.entries.iter().skip(first)).take(max).map(record).collect())
    }

    fn leaf_hashes(&self, upto: u64) -> Result<Vec<Hash>, Failure> {
        expect_leaves(upto, self.len())?;
        Ok(self.entries[..upto as usize].iter().map(|(leaf, _)| *leaf).collect())
    }

    fn replace(&mut self, bodies: &[(u64, Vec<u8>)]) -> Result<(), Failure> {
        let fits = |(seq, body): &(u64, Vec<u8>)| self.entries.get(*seq as usize).is_some_and(|(leaf, _)| *leaf == leaf_of(body));
        if let Some((seq, _)) = bodies.iter().find(|body| !fits(body)) {
            return Err(misplaced(*seq));
        }
        bodies.iter().for_each(|(seq, body)| self.entries[*seq as usize].1.clone_from(body));
        Ok(())
    }

    fn check(&self) -> Result<Verified, Damage> {
        let mut audit = Audit::new(&self.frontier);
        for (seq, (leaf, body)) in self.entries.iter().enumerate() {
            audit.entry(seq as i64, leaf, body)?;
        }
        audit.finish(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_entry_is_named() {
        let mut ledger = MemoryLedger::default();
        ledger.append(0, &[b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]).unwrap();
        let mut altered = ledger.clone();
        altered.entries[1].1 = b"B".to_vec();
        assert_eq!(altered.check().unwrap_err().seq, 1);
        altered.entries[1].0 = leaf_hash(b"B");
        assert_eq!(altered.check().unwrap_err().seq, 0, "somewhere in 0..=1");
        let mut shorter = ledger.clone();
        shorter.entries.pop();
        assert_eq!(shorter.check().unwrap_err().seq, 2);
        let mut last = ledger.clone();
        last.entries[2] = (leaf_hash(b"C"), b"C".to_vec());
        assert_eq!(last.check().unwrap_err(), Damage { seq: 2, what: "it was replaced together with its leaf hash".into() });
    }
}
