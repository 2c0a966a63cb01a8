//! The way from an older head to a newer one, as the C2SP tlog-witness protocol hands it to a witness:
//! `old <size>`, the path, an empty line, and the newer checkpoint.

use super::{Checkpoint, NoteError, PATH_LIMIT, decimal, hash, malformed, unverified_checkpoint};
use crate::ledger::chain::{Hash, verify_consistency};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A claim that a log grew from one size to the checkpoint's; nothing in it has been judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    pub old: u64,
    pub path: Vec<Hash>,
    /// The newer checkpoint's note, verbatim.
    pub note: String,
}

impl Growth {
    pub fn text(&self) -> String {
        let path: String = self.path.iter().map(|node| format!("{}\n", STANDARD.encode(node))).collect();
        format!("old {}\n{path}\n{}", self.old, self.note)
    }

    /// Reads what `text` writes, and nothing else.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let Some((head, note)) = text.split_once("\n\n") else { return malformed("growth", "it has no empty line before the checkpoint") };
        let mut lines = head.split('\n');
        let Some(old) = lines.next().and_then(|line| line.strip_prefix("old ")) else {
            return malformed("growth", "its first line is not old and a size");
        };
        let path = lines.map(hash).collect::<Result<Vec<_>, _>>()?;
        if path.len() > PATH_LIMIT {
            return malformed("growth", "its path is longer than any tree is high");
        }
        unverified_checkpoint(note)?;
        Ok(Self { old: decimal(old)?, path, note: note.to_owned() })
    }

    /// Whether the newer checkpoint, which was opened from the note, begins with the older one.
    #[must_use]
    pub fn holds(&self, old: &Checkpoint, new: &Checkpoint) -> bool {
        self.old == old.size && old.origin == new.origin && verify_consistency(old.size, &old.root, new.size, &new.root, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::note;
    use super::*;
    use crate::ledger::chain::{consistency_proof, leaf_hash, root_of};
    use ed25519_dalek::SigningKey;

    fn checkpoint(leaves: &[Hash]) -> Checkpoint {
        Checkpoint { origin: "w-1".to_owned(), size: leaves.len() as u64, root: root_of(leaves) }
    }

    fn growth(leaves: &[Hash], old: usize) -> Growth {
        let note = note(&checkpoint(leaves).text(), &SigningKey::from_bytes(&[1; 32]), "w-1").unwrap();
        Growth { old: old as u64, path: consistency_proof(leaves, old as u64).unwrap(), note }
    }

    #[test]
    fn it_is_read_as_it_was_written_and_holds_for_every_size() {
        let leaves: Vec<Hash> = (0..40_u8).map(|n| leaf_hash(&[n])).collect();
        for new in 0..=leaves.len() {
            for old in 0..=new {
                let growth = growth(&leaves[..new], old);
                assert_eq!(Growth::parse(&growth.text()), Ok(growth.clone()));
                assert!(growth.holds(&checkpoint(&leaves[..old]), &checkpoint(&leaves[..new])), "{old} to {new}");
            }
        }
    }

    #[test]
    fn another_past_does_not_hold() {
        let leaves: Vec<Hash> = (0..40_u8).map(|n| leaf_hash(&[n])).collect();
        let mut other = leaves.clone();
        other[2] = leaf_hash(b"other");
        let growth = growth(&leaves, 20);
        assert!(!growth.holds(&checkpoint(&other[..20]), &checkpoint(&leaves)));
        assert!(!growth.holds(&checkpoint(&leaves[..19]), &checkpoint(&leaves)), "it is about another size");
        assert!(!Growth { path: growth.path[1..].to_vec(), ..growth.clone() }.holds(&checkpoint(&leaves[..20]), &checkpoint(&leaves)));
        assert!(!growth.holds(&Checkpoint { origin: "w-2".to_owned(), ..checkpoint(&leaves[..20]) }, &checkpoint(&leaves)));
    }

    #[test]
    fn malformed_growth_is_refused() {
        let leaves: Vec<Hash> = (0..9_u8).map(|n| leaf_hash(&[n])).collect();
        let good = growth(&leaves, 5).text();
        for bad in [
            "",
            "old 5",
            "old 5\n\n",
            &good.replacen("old 5", "old 05", 1),
            &good.replacen("old 5", "new 5", 1),
            &good.replacen("\n\n", "\n", 1),
            &good.replacen('=', "", 1),
            &format!("{good}junk"),
        ] {
            assert!(Growth::parse(bad).is_err(), "{bad:?}");
        }
        let long = format!("old 5\n{}\n{}", format!("{}\n", STANDARD.encode([0; 32])).repeat(64), &good[good.find("w-1").unwrap()..]);
        assert!(Growth::parse(&long).is_err());
    }
}
