//! The chain of merges as the ledger tells it: each with its intent, each on the one before.

use super::history::{History, Move, Step};
use super::problems::Problems;
use crate::domain::entry::Millis;
use crate::domain::name::{Oid, TaskId};
use std::collections::BTreeSet;

/// One move of the protected branch that the ledger says was made.
pub(super) struct Merge<'a> {
    pub task: &'a TaskId,
    pub attempt: u32,
    pub commit: &'a Oid,
    pub old: &'a Oid,
    pub tree: &'a Oid,
    /// The entries of intent and end.
    pub intended: u64,
    pub merged: u64,
    pub time: Millis,
}

/// Follows the moves from the base on; whatever was neither intended nor on the tip is a problem.
pub(super) fn read<'a>(history: &History<'a>, base: &'a Oid, problems: &mut Problems) -> Vec<Merge<'a>> {
    let mut merges: Vec<Merge<'a>> = Vec::new();
    let mut open: Option<&Move<'a>> = None;
    for step in &history.moves {
        let before = open.take();
        match step.step {
            Step::Intended { .. } => {
                if before.is_some() {
                    problems.entry(step.seq, "a move is intended while another one is open");
                }
                open = Some(step);
            }
            Step::Missed => {}
            Step::Merged { commit } => match joined(before, step, commit) {
                Ok(merge) => merges.push(merge),
                Err(why) => problems.entry(step.seq, why),
            },
        }
    }
    follow(&merges, base, problems);
    merges
}

fn joined<'a>(before: Option<&Move<'a>>, end: &Move<'a>, commit: &'a Oid) -> Result<Merge<'a>, String> {
    let same = before.filter(|intent| intent.task == end.task && intent.attempt == end.attempt);
    match same.map(|intent| (intent.seq, intent.step)) {
        Some((intended, Step::Intended { commit: meant, old, tree })) if meant == commit => {
            Ok(Merge { task: end.task, attempt: end.attempt, commit, old, tree, intended, merged: end.seq, time: end.time })
        }
        Some((intended, _)) => Err(format!("{} was merged as {}, which is not what entry {intended} intended", end.task, commit.short())),
        None => Err(format!("{} was merged as {} without an intent right before", end.task, commit.short())),
    }
}

fn follow(merges: &[Merge<'_>], base: &Oid, problems: &mut Problems) {
    let (mut tip, mut tasks) = (base, BTreeSet::new());
    for merge in merges {
        if merge.old != tip {
            problems.entry(
                merge.intended,
                format_args!("{} was to move the branch from {}, and the tip was {}", merge.task, merge.old.short(), tip.short()),
            );
        }
        if !tasks.insert(merge.task) {
            problems.entry(merge.merged, format_args!("{} was merged a second time", merge.task));
        }
        tip = merge.commit;
    }
}
