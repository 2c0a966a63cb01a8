//! What the owner reads of the record: entries as they come, the page over everything, proofs, the whole as a file.

use super::{done, page};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::refusal::Refusal;
use crate::ledger::bundle;
use crate::ledger::chain::{Hash, consistency_proof, inclusion_proof, root_of};
use crate::ledger::checkpoint::{TlogProof, VerifierKey, open_checkpoint};
use crate::ledger::husk::is_husk;
use crate::ledger::{Damage, Verified};
use crate::supervisor::protocol::Response;
use crate::supervisor::yard::{Yard, blocking};
use crate::view;
use crate::view::answer::{Audit, Entries, Since, Written};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most entries in one answer, and read at once for a bundle.
const PAGE: u32 = 2000;
/// Most entries that come with a look at everything.
const TAIL: u64 = 400;
const LONGEST_WAIT: u32 = 3600;

/// Entries as they were written; with `wait`, the first ones that come.
pub async fn entries(yard: &Arc<Yard>, from: u64, most: u32, wait: u32) -> Result<Entries, Failure> {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    let (most, deadline) = (most.min(PAGE), tokio::time::Instant::now() + Duration::from_secs(wait.min(LONGEST_WAIT).into()));
    loop {
        grown.borrow_and_update();
        let (len, records) = yard.see(move |_, ledger| Ok::<_, Failure>((ledger.len(), ledger.read(from, most as usize)?))).await??;
        if !records.is_empty() {
            let entries = records.into_iter().map(|record| String::from_utf8_lossy(&record.bytes).into_owned()).collect();
            return Ok(Entries { from, len, entries });
        }
        let more = tokio::select! {
            more = tokio::time::timeout_at(deadline, grown.changed()) => more.is_ok(),
            _ = stop.changed() => false,
        };
        if !more {
            return Ok(Entries { from, len, entries: Vec::new() });
        }
    }
}

pub fn audit(seen: Result<Verified, Damage>) -> Audit {
    match seen {
        Ok(seen) => Audit { ok: true, entries: seen.len, root: hex::encode(seen.root), sealed: seen.sealed, problems: Vec::new() },
        Err(damage) => Audit { ok: false, entries: damage.seq, root: String::new(), sealed: 0, problems: vec![damage.to_string()] },
    }
}

pub async fn verify(yard: &Arc<Yard>) -> Response {
    match yard.see(|_, ledger| ledger.check()).await {
        Ok(seen) => page(Ok(audit(seen))),
        Err(failure) => Response::Failed(failure),
    }
}

/// A signed checkpoint over everything so far.
pub async fn checkpoint(yard: &Arc<Yard>) -> Result<(u64, String), Failure> {
    let (size, root) = yard.see(|_, ledger| (ledger.len(), ledger.root())).await?;
    yard.keys.checkpoint(&yard.workshop, size, root).map(|note| (size, note))
}

pub async fn prove(yard: &Arc<Yard>, seq: u64) -> Response {
    let looked = yard
        .see(move |_, ledger| {
            let leaves = ledger.leaf_hashes(ledger.len())?;
            let entry = ledger.read(seq, 1)?.pop();
            let path = inclusion_proof(&leaves, seq);
            Ok::<_, Failure>((ledger.len(), ledger.root(), entry, path))
        })
        .await;
    match looked {
        Ok(Ok((_, _, Some(entry), _))) if is_husk(&entry.bytes) => Response::Refused(super::mail::put_away(seq)),
        Ok(Ok((size, root, Some(entry), Some(path)))) => match yard.keys.checkpoint(&yard.workshop, size, root) {
            Ok(note) => {
                let proof = TlogProof { extra: Some(entry.bytes.clone()), index: seq, path, note };
                done(json!({"entry": String::from_utf8_lossy(&entry.bytes), "text": proof.text()}))
            }
            Err(failure) => Response::Failed(failure),
        },
        Ok(Ok((size, ..))) => Response::Refused(Refusal::new(
            "no-such-entry",
            format!("the ledger has the entries 0 to {}", size.saturating_sub(1)),
            "orchestrate log",
        )),
        Ok(Err(failure)) | Err(failure) => Response::Failed(failure),
    }
}

/// How the tree grew from one size to another; a ledger that is shorter than either lost its end.
pub async fn since(yard: &Arc<Yard>, old: u64, new: Option<u64>) -> Response {
    let looked = yard
        .see(move |state, ledger| {
            let (len, root) = (ledger.len(), ledger.root());
            let size = new.unwrap_or(len);
            let leaves = if old <= size && size <= len { ledger.leaf_hashes(size)? } else { Vec::new() };
            let path = if size <= len { consistency_proof(&leaves, old) } else { None };
            let key = state.genesis.as_ref().map(|genesis| genesis.note_key.clone()).unwrap_or_default();
            Ok::<_, Failure>((len, root, path, key))
        })
        .await;
    match looked {
        Ok(Ok((len, root, Some(path), key))) => page(yard.keys.checkpoint(&yard.workshop, len, root).map(|note| Since {
            old,
            new: new.unwrap_or(len),
            path: path.iter().map(|node| STANDARD.encode(node)).collect(),
            note,
            key,
        })),
        Ok(Ok((len, ..))) => {
            let why = format!(
                "the ledger has {len} entries, and {} were asked about: a later size cannot be shorter",
                old.max(new.unwrap_or(old))
            );
            Response::Refused(Refusal::new("not-a-beginning", why, "orchestrate ledger verify"))
        }
        Ok(Err(failure)) | Err(failure) => Response::Failed(failure),
    }
}

/// Writes the bundle beside its place and renames it, so that there is a whole one or none.
pub async fn export(yard: &Arc<Yard>, path: PathBuf) -> Result<Written, Failure> {
    if !path.is_absolute() {
        return Err(Failure::new("cannot write the bundle", "its path is not absolute"));
    }
    let (size, note) = checkpoint(yard).await?;
    let mut all = Vec::new();
    while (all.len() as u64) < size {
        let (from, most) = (all.len() as u64, (size - all.len() as u64).min(u64::from(PAGE)) as usize);
        let records = yard.see(move |_, ledger| ledger.read(from, most)).await??;
        if records.is_empty() {
            return Err(Failure::new("cannot write the bundle", format!("entry {from} is missing")).hint("orchestrate ledger verify"));
        }
        all.extend(records.into_iter().map(|record| record.bytes));
    }
    let written = path.clone();
    let bytes = blocking(move || write(&written, &note, all)).await?;
    Ok(Written { path: path.display().to_string(), entries: size, bytes })
}

fn write(path: &Path, note: &str, entries: Vec<Vec<u8>>) -> Result<u64, Failure> {
    let what = format!("cannot write {}", path.display());
    let draft = path.with_extension("part");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&draft).doing(&what)?);
    bundle::write(&mut file, note, entries.into_iter()).doing(&what)?;
    file.flush().doing(&what)?;
    std::fs::rename(&draft, path).doing(&what)?;
    std::fs::metadata(path).map(|seen| seen.len()).doing(what)
}

/// Everything at once, as soon as there is more than the asker knows of, or the time is over.
pub async fn dashboard(yard: &Arc<Yard>, since: u64, wait: u32) -> Result<view::Dashboard, Failure> {
    more_than(yard, since, wait.min(LONGEST_WAIT)).await;
    let now = yard.clock.now();
    let look = yard.see(move |state, ledger| {
        let mut seen = view::dashboard(state, now);
        let from = since.max(ledger.len().saturating_sub(TAIL)).min(ledger.len());
        let records = ledger.read(from, TAIL as usize)?;
        seen.from = from;
        seen.entries = records.into_iter().map(|record| String::from_utf8_lossy(&record.bytes).into_owned()).collect();
        Ok::<_, Failure>(seen)
    });
    let mut seen = look.await??;
    super::work::complete(yard, &mut seen.status);
    Ok(seen)
}

/// Waits until the ledger is longer than that, the supervisor stops, or the time is over.
async fn more_than(yard: &Arc<Yard>, length: u64, seconds: u32) {
    let (mut grown, mut stop) = (yard.grown.subscribe(), yard.stop.subscribe());
    let longer = grown.wait_for(|now| *now > length);
    tokio::select! {
        more = tokio::time::timeout(Duration::from_secs(seconds.into()), longer) => drop(more),
        ended = stop.wait_for(|stop| *stop) => drop(ended),
    }
}

/// Keeps a cosigned checkpoint, where it is one of this very ledger.
pub async fn witnessed(yard: &Arc<Yard>, note: String) -> Response {
    let size = note.lines().nth(1).and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
    let looked = yard.see(move |state, ledger| {
        let key = state.genesis.as_ref().map(|genesis| genesis.note_key.clone()).unwrap_or_default();
        let leaves = ledger.leaf_hashes(size.min(ledger.len()))?;
        Ok::<_, Failure>((key, ledger.len(), root_of(&leaves)))
    });
    match looked.await {
        Ok(Ok((key, len, root))) => match ours(&note, &key, len, root) {
            Ok(()) => super::outcome(yard.ask(Actor::Owner, Act::Witnessed { note }).await),
            Err(why) => Response::Refused(Refusal::new("not-ours", why, "orchestrate witness --help")),
        },
        Ok(Err(failure)) | Err(failure) => Response::Failed(failure),
    }
}

/// Says why a note is no cosigned checkpoint of the ledger that has this root at the note's size.
fn ours(note: &str, key: &str, len: u64, root: Hash) -> Result<(), String> {
    let key = VerifierKey::parse(key).map_err(|why| why.to_string())?;
    let checkpoint = open_checkpoint(note, key.name(), std::slice::from_ref(&key)).map_err(|why| why.to_string())?;
    match note.lines().filter(|line| line.starts_with("\u{2014} ")).count() {
        _ if checkpoint.size > len => Err(format!("it is over {} entries, and there are {len}", checkpoint.size)),
        _ if checkpoint.root != root => Err(format!("the first {} entries are not those that it is over", checkpoint.size)),
        0 | 1 => Err("nobody but the workshop itself signed it".to_owned()),
        2..=17 => Ok(()),
        _ => Err("it has more than sixteen cosignatures".to_owned()),
    }
}
