//! What many small changes add up to: whoever splits a large one into slices meets the same two reviewers.
//!
//! A change counts from its measuring for as long as it is under way, and for a while after its merge; one that was sent back or vetoed does
//! not. It counts for every seat that had a hand in it, for each folder family that it touches, and for its family of tasks. Times are the
//! ledger's own; dates in commits mean nothing.

use super::change::Change;
use super::entry::Millis;
use super::glob::{FoldedPath, shown};
use super::name::{SeatName, TaskId};
use super::policy::{Invalid, Policy};
use super::risk::Risk;
use super::state::State;
use super::task::{Attempt, Stage, Task};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most hours that a window may have, so that nobody has to remember longer.
pub const MOST_HOURS: u32 = 168;
/// The most reasons that are told.
const MOST_REASONS: usize = 12;

/// The section `cumulative` of the policy: what one reviewer may let through in sum. A charter without it sets no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cumulative {
    /// How long a merged change counts.
    pub hours: u32,
    /// Lines added plus deleted; one more asks for two reviewers. 0 is no limit.
    pub lines: u64,
    /// Distinct files; one more asks for two reviewers. 0 is no limit.
    pub files: u64,
    /// Small changes of low risk; from this one on two reviewers are asked for. 0 is no limit.
    pub fast_track: u64,
}

impl Cumulative {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn span(&self) -> Millis {
        Millis::from(self.hours) * 3_600_000
    }

    pub fn check(&self) -> Result<(), Invalid> {
        if self.hours <= MOST_HOURS { Ok(()) } else { Err(Invalid::new("cumulative.hours", format!("it is at most {MOST_HOURS}"))) }
    }
}

/// A change as the sums see it.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub change: &'a Change,
    pub seats: &'a BTreeSet<SeatName>,
    /// The family of its task.
    pub family: &'a TaskId,
    /// Whether it counts among the small changes of low risk.
    pub fast: bool,
}

impl<'a> Piece<'a> {
    pub fn of(policy: &Policy, change: &'a Change, seats: &'a BTreeSet<SeatName>, family: &'a TaskId) -> Self {
        Self { change, seats, family, fast: is_fast(policy, change) }
    }
}

/// Whether a change is small and of low risk.
pub fn is_fast(policy: &Policy, change: &Change) -> bool {
    let limits = &policy.thresholds;
    let small = change.lines() <= limits.single_review_lines && change.file_count() as u64 <= limits.single_review_files;
    small && policy.risk_of(change) == Risk::Low
}

/// What is summed up for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Seat(SeatName),
    Tasks(TaskId),
    Folder(String),
}

#[derive(Debug, Default)]
struct Sum<'a> {
    lines: u64,
    files: BTreeSet<&'a str>,
    fast: u64,
}

/// The other candidates that count towards the sums now: those under way, and those merged lately.
pub fn others<'a>(state: &'a State, task: &TaskId, now: Millis) -> Vec<Piece<'a>> {
    let policy = &state.charter().policy;
    let span = policy.cumulative.span();
    let counts = |known: &Task, attempt: &Attempt| match known.merged_at {
        Some(merged) => merged + span > now,
        None => known.veto.is_none() && !matches!(attempt.stage, Stage::Back { .. }),
    };
    let others = state.tasks.iter().filter(|(other, _)| *other != task);
    let pieces = others.filter_map(|(other, known)| {
        let attempt = known.attempt.as_ref().filter(|attempt| counts(known, attempt))?;
        let change = attempt.change.as_ref()?;
        Some(Piece::of(policy, change, &attempt.contributors, state.families.of(other)))
    });
    pieces.collect()
}

/// Why a change asks for two reviewers, together with the others that count; one sentence each, and none where it does not.
pub fn over(policy: &Policy, piece: &Piece<'_>, others: &[Piece<'_>]) -> Vec<String> {
    if policy.cumulative.is_default() || super::planted::out("slices") {
        return Vec::new();
    }
    let mut sums: BTreeMap<Key, Sum<'_>> = keys(piece).into_iter().map(|key| (key, Sum::default())).collect();
    std::iter::once(piece).chain(others).for_each(|piece| add(piece, &mut sums));
    sums.iter().flat_map(|(key, sum)| excess(&policy.cumulative, key, sum)).take(MOST_REASONS).collect()
}

fn keys(piece: &Piece<'_>) -> BTreeSet<Key> {
    let seats = piece.seats.iter().cloned().map(Key::Seat);
    let folders = paths(piece.change).into_iter().map(|path| Key::Folder(folder(path)));
    seats.chain([Key::Tasks(piece.family.clone())]).chain(folders).collect()
}

/// Every path that is other in the end, or was in between.
fn paths(change: &Change) -> BTreeSet<&str> {
    change.files.iter().map(|file| &file.path).chain(&change.touched).map(String::as_str).collect()
}

/// The first two folders of a path; the root's own files are a family of their own.
fn folder(path: &str) -> String {
    let segments: Vec<String> = FoldedPath::new(path).segments().collect();
    let folders = &segments[..segments.len().saturating_sub(1)];
    format!("{}/", folders[..folders.len().min(2)].join("/"))
}

fn add<'a>(piece: &Piece<'a>, sums: &mut BTreeMap<Key, Sum<'a>>) {
    let (lines, all) = (piece.change.lines(), paths(piece.change));
    // What was written and taken back again counts wherever the change went.
    let hidden = lines - piece.change.files.iter().map(super::change::FileChange::lines).sum::<u64>();
    let mut folders: BTreeMap<String, (u64, BTreeSet<&'a str>)> = BTreeMap::new();
    for path in &all {
        folders.entry(folder(path)).or_insert((hidden, BTreeSet::new())).1.insert(path);
    }
    for file in &piece.change.files {
        folders.entry(folder(&file.path)).or_default().0 += file.lines();
    }
    let folders = folders.into_iter().map(|(folder, (lines, files))| (Key::Folder(folder), lines, files));
    let whole = piece.seats.iter().cloned().map(Key::Seat).chain([Key::Tasks(piece.family.clone())]).map(|key| (key, lines, all.clone()));
    for (key, lines, files) in whole.chain(folders) {
        if let Some(sum) = sums.get_mut(&key) {
            sum.lines += lines;
            sum.files.extend(files);
            sum.fast += u64::from(piece.fast);
        }
    }
}

fn excess(limits: &Cumulative, key: &Key, sum: &Sum<'_>) -> Vec<String> {
    let (files, hours) = (sum.files.len() as u64, limits.hours);
    let who = match key {
        Key::Seat(seat) => format!("{seat} has"),
        Key::Tasks(family) => format!("{family} and the tasks that belong to it have"),
        Key::Folder(folder) => format!("{} has", shown(folder)),
    };
    let told = |over: bool, what: String| over.then(|| format!("{who} {what} under way or merged within {hours} h"));
    let lines = told(limits.lines > 0 && sum.lines > limits.lines, format!("{} lines, more than {},", sum.lines, limits.lines));
    let many = told(limits.files > 0 && files > limits.files, format!("{files} files, more than {},", limits.files));
    let fast =
        told(limits.fast_track > 0 && sum.fast >= limits.fast_track, format!("{} small changes, {} or more,", sum.fast, limits.fast_track));
    lines.into_iter().chain(many).chain(fast).collect()
}

/// Tasks that belong together: one names the other, or they are called the same but for numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Families {
    of: BTreeMap<TaskId, TaskId>,
    called: BTreeMap<String, TaskId>,
}

impl Families {
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The family of a task, by its first member.
    pub fn of<'a>(&'a self, task: &'a TaskId) -> &'a TaskId {
        self.of.get(task).unwrap_or(task)
    }

    /// Takes a task in; families that it joins are one from now on.
    pub fn open(&mut self, task: &TaskId, title: &str, body: &str) {
        let stem = stem(title);
        let named = names(title).chain(names(body)).filter(|other| self.of.contains_key(other));
        let alike = self.called.get(&stem).cloned();
        let joined: BTreeSet<TaskId> = named.chain(alike).map(|other| self.of(&other).clone()).collect();
        let family = joined.first().cloned().unwrap_or_else(|| task.clone());
        self.of.values_mut().filter(|other| joined.contains(*other)).for_each(|other| *other = family.clone());
        self.of.insert(task.clone(), family);
        if !stem.is_empty() {
            self.called.entry(stem).or_insert_with(|| task.clone());
        }
    }
}

/// A title's letters: what is left is the same for slices that are only numbered.
fn stem(title: &str) -> String {
    let letters: String = title.chars().map(|c| if c.is_alphabetic() { c } else { ' ' }).flat_map(char::to_lowercase).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names(text: &str) -> impl Iterator<Item = TaskId> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(|word| TaskId::new(word.to_ascii_uppercase()).ok())
}

#[cfg(test)]
mod tests;
