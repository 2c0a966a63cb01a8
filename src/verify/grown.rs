//! Whether a later head of a ledger still begins with an earlier one: two checkpoints and the path between them, judged without the ledger.

use crate::ledger::chain::{Hash, verify_consistency};
use crate::ledger::checkpoint::{Checkpoint, VerifierKey, open_checkpoint, unverified_checkpoint};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A ledger that only grew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    pub workshop: String,
    pub old: u64,
    pub new: u64,
}

/// The size that a checkpoint is over, without judging it.
pub fn size(note: &str) -> Result<u64, String> {
    unverified_checkpoint(note).map(|checkpoint| checkpoint.size).map_err(|why| why.to_string())
}

/// Finds the checkpoint in a text that may hold more, such as a mailed report: the lines before the first signature, and all signatures.
pub fn find(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let first = lines.iter().position(|line| line.starts_with("\u{2014} "))?;
    let signatures = lines[first..].iter().take_while(|line| line.starts_with("\u{2014} ")).count();
    let begin = first.checked_sub(4)?;
    let note: String = lines[begin..first + signatures].iter().map(|line| format!("{line}\n")).collect();
    unverified_checkpoint(&note).is_ok().then_some(note)
}

/// Judges both signatures by the workshop's checkpoint key, and the path from one root to the other.
pub fn judge(old: &str, new: &str, path: &[String], key: &str) -> Result<Grown, String> {
    let key = VerifierKey::parse(key).map_err(|why| format!("the checkpoint key: {why}"))?;
    let opened = |which: &str, note: &str| {
        open_checkpoint(note, key.name(), std::slice::from_ref(&key)).map_err(|why| format!("the {which} checkpoint: {why}"))
    };
    let (before, after): (Checkpoint, Checkpoint) = (opened("earlier", old)?, opened("later", new)?);
    if before.size > after.size {
        return Err(format!(
            "the later checkpoint is over {} entries, and the earlier over {}: the end is missing",
            after.size, before.size
        ));
    }
    let path = path.iter().map(|node| hash(node)).collect::<Result<Vec<_>, _>>()?;
    if verify_consistency(before.size, &before.root, after.size, &after.root, &path) {
        return Ok(Grown { workshop: before.origin, old: before.size, new: after.size });
    }
    Err(format!("the first {} entries are not those that the earlier checkpoint was signed over", before.size))
}

pub(super) fn hash(text: &str) -> Result<Hash, String> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| Hash::try_from(bytes).ok());
    bytes.ok_or_else(|| format!("{text:?} is no hash in base64"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::{consistency_proof, leaf_hash, root_of};
    use crate::ledger::checkpoint::note;
    use ed25519_dalek::SigningKey;

    fn signing() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn leaves(size: u8) -> Vec<Hash> {
        (0..size).map(|n| leaf_hash(&[n])).collect()
    }

    fn signed(leaves: &[Hash]) -> String {
        let text = Checkpoint { origin: "w-1".to_owned(), size: leaves.len() as u64, root: root_of(leaves) }.text();
        note(&text, &signing(), "w-1").unwrap()
    }

    fn key() -> String {
        VerifierKey::new("w-1", signing().verifying_key()).unwrap().encode()
    }

    fn path(leaves: &[Hash], old: u64) -> Vec<String> {
        consistency_proof(leaves, old).unwrap().iter().map(|node| STANDARD.encode(node)).collect()
    }

    #[test]
    fn a_ledger_that_grew_fits_at_every_size() {
        let all = leaves(20);
        for old in 0..=20_usize {
            let grown = judge(&signed(&all[..old]), &signed(&all), &path(&all, old as u64), &key()).unwrap();
            assert_eq!((grown.old, grown.new), (old as u64, 20));
        }
    }

    #[test]
    fn a_ledger_that_was_altered_or_cut_does_not() {
        let (all, mut forged) = (leaves(20), leaves(20));
        forged[3] = leaf_hash(b"other");
        let no = |old: &str, new: &str, path: &[String]| judge(old, new, path, &key()).unwrap_err();
        assert!(no(&signed(&all[..9]), &signed(&forged), &path(&forged, 9)).contains("the first 9 entries are not those"));
        assert!(no(&signed(&all), &signed(&all[..9]), &[]).contains("the end is missing"));
        assert!(no(&signed(&all[..9]), &signed(&all), &path(&all, 8)).contains("are not those"));
        assert!(no(&signed(&all[..9]), &signed(&all), &["x".to_owned()]).contains("no hash"));
        let other = VerifierKey::new("w-1", SigningKey::from_bytes(&[8; 32]).verifying_key()).unwrap().encode();
        assert!(judge(&signed(&all[..9]), &signed(&all), &path(&all, 9), &other).is_err(), "signed by somebody else");
    }

    #[test]
    fn a_checkpoint_is_found_in_a_report() {
        let note = signed(&leaves(5));
        let report = format!("DAILY SECURITY REPORT\n\n... it was signed \u{2014} so\n\n{note}\nThe report of each day comes by mail.\n");
        assert_eq!(find(&report).as_deref(), Some(note.as_str()));
        assert_eq!(find(&report.replace('\n', "\r\n")).as_deref(), Some(note.as_str()));
        assert_eq!(find(&note).as_deref(), Some(note.as_str()));
        for bad in ["", "\u{2014} a b", "x\n\n\u{2014} a b"] {
            assert_eq!(find(bad), None);
        }
    }
}
