//! Proofs that stand alone: that an entry is in a ledger, or that a ledger only grew, judged with the workshop's checkpoint key and nothing else.

use super::grown;
use crate::domain::entry::Entry;
use crate::ledger::chain::leaf_hash;
use crate::ledger::checkpoint::{Growth, TlogProof, VerifierKey, open_checkpoint};
use serde::Serialize;

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// The entry, as it was written, stands in the workshop's ledger.
    Entry { workshop: String, seq: u64, size: u64, entry: String },
    /// The ledger of `new` entries begins with the `old` ones that the other checkpoint is over.
    Grown { workshop: String, old: u64, new: u64 },
}

/// Writes the proof that a ledger grew.
pub fn growth(old: u64, path: &[String], note: &str) -> Result<String, String> {
    let path = path.iter().map(|node| grown::hash(node)).collect::<Result<Vec<_>, _>>()?;
    Ok(Growth { old, path, note: note.to_owned() }.text())
}

/// Judges a proof by the workshop's checkpoint key; one of growth needs the text that holds the older checkpoint.
pub fn judge(text: &str, key: &str, older: Option<&str>) -> Result<Shown, String> {
    let key = VerifierKey::parse(key).map_err(|why| format!("the checkpoint key: {why}"))?;
    match (text.starts_with("old "), older) {
        (false, _) => entry(text, &key),
        (true, Some(older)) => grew(text, &key, older),
        (true, None) => Err("a proof of growth needs the older checkpoint beside it".to_owned()),
    }
}

fn entry(text: &str, key: &VerifierKey) -> Result<Shown, String> {
    let proof = TlogProof::parse(text).map_err(|why| why.to_string())?;
    let bytes = proof.extra.as_ref().ok_or("the proof does not bring its entry")?;
    let seen = proof.verify(&leaf_hash(bytes), key.name(), std::slice::from_ref(key)).map_err(|why| why.to_string())?;
    let entry = Entry::parse(bytes).map_err(|why| format!("the entry cannot be read: {why}"))?;
    if entry.seq != proof.index {
        return Err(format!("the entry says that it is number {}, and stands at {}", entry.seq, proof.index));
    }
    Ok(Shown::Entry { workshop: seen.origin, seq: proof.index, size: seen.size, entry: String::from_utf8_lossy(bytes).into_owned() })
}

fn grew(text: &str, key: &VerifierKey, older: &str) -> Result<Shown, String> {
    let growth = Growth::parse(text).map_err(|why| why.to_string())?;
    let older = grown::find(older).ok_or("there is no older checkpoint in what was given")?;
    let opened = |which: &str, note: &str| {
        open_checkpoint(note, key.name(), std::slice::from_ref(key)).map_err(|why| format!("the {which} checkpoint: {why}"))
    };
    let (old, new) = (opened("older", &older)?, opened("newer", &growth.note)?);
    if growth.holds(&old, &new) {
        return Ok(Shown::Grown { workshop: new.origin, old: old.size, new: new.size });
    }
    Err(format!("the ledger of {} entries does not begin with the {} that the older checkpoint was signed over", new.size, old.size))
}
