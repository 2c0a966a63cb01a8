//! What others have seen of the ledger: cosignatures of witnesses, and checkpoints that somebody kept.

use super::book::Book;
use super::chain::Merge;
use super::problems::{Problems, plain};
use super::roster::Roster;
use super::{Pins, Report};
use crate::domain::day;
use crate::domain::event::Event;
use crate::domain::planted;
use crate::domain::workshop;
use crate::ledger::chain::Hash;
use crate::ledger::checkpoint::{Checkpoint, VerifierKey, open_checkpoint, seen_at};
use std::collections::{BTreeMap, BTreeSet};

/// A cosigned checkpoint that the ledger keeps, and that is of this very ledger.
struct Seen<'a> {
    checkpoint: Checkpoint,
    note: &'a str,
}

/// Judges what the ledger says that witnesses saw, and demands the word of those that are pinned.
pub(super) fn judge(book: &Book, roster: &Roster<'_>, pins: &Pins, merges: &[Merge<'_>], report: &mut Report, problems: &mut Problems) {
    let key = match VerifierKey::parse(&roster.genesis.note_key) {
        Ok(key) => key,
        Err(why) => return problems.add(format_args!("entry 0: its checkpoint key cannot be used: {why}")),
    };
    let opened = |note: &str| open_checkpoint(note, &roster.genesis.workshop, std::slice::from_ref(&key)).map_err(|why| why.to_string());
    let kept = notes(book).map(|(seq, note)| (seq, note, opened(note))).collect::<Vec<_>>();
    let told: Vec<Result<Checkpoint, String>> = pins.seen.iter().map(|note| opened(note)).collect();
    let sizes = kept.iter().filter_map(|(_, _, opened)| opened.as_ref().ok()).chain(told.iter().flatten()).map(|seen| seen.size);
    let roots = book.roots(&sizes.collect::<BTreeSet<u64>>());
    let mut seen = Vec::new();
    for (seq, note, opened) in kept {
        match opened.and_then(|checkpoint| fits(checkpoint, seq, &roots)) {
            Ok(checkpoint) => seen.push(Seen { checkpoint, note }),
            Err(why) => problems.entry(seq, format_args!("it says that a witness saw this ledger, and {why}")),
        }
    }
    for kept in told {
        match kept.and_then(|checkpoint| fits(checkpoint, book.len(), &roots)) {
            Ok(checkpoint) => {
                report.lines.push(format!("kept: the ledger begins with the {} entries of the checkpoint given", checkpoint.size))
            }
            Err(why) => problems.add(format_args!("the checkpoint that was kept elsewhere: {why}: the ledger was cut, or written anew")),
        }
    }
    pins.witnesses.iter().for_each(|witness| demand(witness, &seen, merges, report, problems));
}

fn notes(book: &Book) -> impl Iterator<Item = (u64, &str)> {
    book.entries.iter().filter_map(|entry| match &entry.event {
        Event::Workshop(workshop::Event::Witnessed { note }) => Some((entry.seq, note.as_str())),
        _ => None,
    })
}

/// A checkpoint over entries that there are, with the root that they have.
fn fits(checkpoint: Checkpoint, most: u64, roots: &BTreeMap<u64, Hash>) -> Result<Checkpoint, String> {
    if checkpoint.size > most {
        return Err(format!("it is over {} entries, where there are {most}", checkpoint.size));
    }
    match roots.get(&checkpoint.size) {
        Some(root) if *root == checkpoint.root => Ok(checkpoint),
        None if checkpoint.size == 0 => Ok(checkpoint),
        _ => Err(format!("the first {} entries are not those that it was signed over", checkpoint.size)),
    }
}

/// A pinned witness has seen every merge.
fn demand(witness: &str, seen: &[Seen<'_>], merges: &[Merge<'_>], report: &mut Report, problems: &mut Problems) {
    if planted::out("witness-demanded") {
        return;
    }
    let key = match VerifierKey::parse(witness) {
        Ok(key) if key.is_witness() => key,
        Ok(_) => return problems.add(format_args!("{} is the key of a log, not of a witness", plain(witness))),
        Err(why) => return problems.add(format_args!("the witness's key {}: {why}", plain(witness))),
    };
    let good = seen.iter().filter_map(|seen| Some((seen.checkpoint.size, seen_at(seen.note, &key).ok()?)));
    let Some((size, seconds)) = good.max() else {
        return problems.add(format_args!("the witness {} has cosigned nothing of this ledger", plain(key.name())));
    };
    let day = day::Zone::named("UTC").map(|zone| zone.date(seconds.saturating_mul(1000)).to_string()).unwrap_or_default();
    report.lines.push(format!("witness {}: saw the first {size} entries, on {day}", plain(key.name())));
    for merge in merges.iter().filter(|merge| merge.merged >= size) {
        problems.entry(
            merge.merged,
            format_args!("{} was merged after what the witness {} saw last, the first {size} entries", merge.task, plain(key.name())),
        );
    }
}
