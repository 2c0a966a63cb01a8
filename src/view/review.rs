//! What waits for somebody's word, and the bundle that the word is about.

use super::gate::{GateLine, RunLine, gate_lines, run_line};
use super::text::word;
use super::turn::spoke;
use crate::domain::actor::Actor;
use crate::domain::change::{Blob, Change, CommitFacts, FileChange, Signature};
use crate::domain::confirm::Shown;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::state::State;
use crate::domain::task::{self, Attempt, RunKind, Stage, Task};
use serde::{Deserialize, Serialize};

/// One task that waits for the asker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewLine {
    pub task: TaskId,
    pub title: String,
    pub gate: GateName,
    pub attempt: u32,
    pub author: Option<SeatName>,
    pub commit: Oid,
    pub lines: u64,
    pub files: u64,
    pub risk: String,
    /// Whether the word can be given now; QA waits for the full run on the merge result.
    pub ready: bool,
    /// The command to run next.
    pub next: String,
}

/// The gate's bundle: what a word is bound to, and what there is to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewPage {
    pub task: TaskId,
    pub title: String,
    pub body: String,
    /// The gate that it stands at, if it stands at one.
    pub gate: Option<GateName>,
    pub attempt: u32,
    pub author: Option<SeatName>,
    pub contributors: Vec<SeatName>,
    pub base: Oid,
    pub candidate: Oid,
    /// What would enter the branch: the candidate's tree, from QA on the merge result's.
    pub tree: Oid,
    /// The ledger position that a word answers, and the digest of everything it is bound to.
    pub index: u64,
    pub digest: Digest,
    pub risk: String,
    pub approvals: u32,
    pub reasons: Vec<String>,
    pub gates: Vec<GateLine>,
    pub runs: Vec<RunLine>,
    pub commits: Vec<CommitLine>,
    pub files: Vec<FileLine>,
    pub lines: u64,
    pub diff: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitLine {
    pub id: Oid,
    pub author: String,
    pub subject: String,
    /// What its signature is worth: `good`, `missing`, `unknown-key` …
    pub signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    pub path: String,
    /// `added`, `deleted`, `changed`; with the mode where it is no plain file.
    pub what: String,
    pub added: u64,
    pub deleted: u64,
    pub binary: bool,
}

/// What waits for this actor's word: reviews for a drawn seat, confirmations for the owner.
pub fn reviews(state: &State, actor: &Actor) -> Vec<ReviewLine> {
    let mut lines: Vec<ReviewLine> = state.tasks.iter().filter_map(|(id, known)| line(state, actor, id, known)).collect();
    lines.sort_by_key(|line| super::task::number(&line.task));
    lines
}

fn line(state: &State, actor: &Actor, id: &TaskId, known: &Task) -> Option<ReviewLine> {
    let attempt = known.attempt.as_ref().filter(|_| known.veto.is_none() && known.merged.is_none())?;
    let gate = gate_of(attempt)?;
    let next = match actor {
        Actor::Seat(seat) => waits_for_seat(attempt, gate, seat).then(|| format!("orchestrate review show {id}"))?,
        Actor::Owner => waits_for_owner(attempt, gate).then(|| format!("orchestrate task confirm {id}"))?,
        Actor::Edge => return None,
    };
    let change = attempt.change.as_ref()?;
    Some(ReviewLine {
        task: id.clone(),
        title: known.title.clone(),
        gate,
        attempt: attempt.number,
        author: known.author.clone(),
        commit: attempt.commit.clone(),
        lines: change.lines(),
        files: change.file_count() as u64,
        risk: attempt.needs.as_ref().map(|needs| word(&needs.risk)).unwrap_or_default(),
        ready: state.frozen.is_none() && (gate < GateName::Qa || attempt.runs.contains_key(&RunKind::Merge)),
        next,
    })
}

fn gate_of(attempt: &Attempt) -> Option<GateName> {
    match attempt.stage {
        Stage::At(gate) => Some(gate),
        Stage::Measuring | Stage::Merging | Stage::Moving { .. } | Stage::Merged | Stage::Back { .. } => None,
    }
}

fn waits_for_seat(attempt: &Attempt, gate: GateName, seat: &SeatName) -> bool {
    attempt.draws.get(&gate).is_some_and(|draw| draw.seats.contains(seat)) && !spoke(attempt, gate, seat)
}

pub(super) fn waits_for_owner(attempt: &Attempt, gate: GateName) -> bool {
    gate == GateName::Deploy && !attempt.confirmed && attempt.needs.as_ref().is_some_and(|needs| needs.owner)
}

/// The bundle of a task's newest attempt, once it is measured; `diff` is the text that the edge made of base and candidate.
pub fn review(state: &State, id: &TaskId, diff: &str) -> Option<ReviewPage> {
    let known = state.tasks.get(id)?;
    let attempt = known.attempt.as_ref()?;
    let (change, needs) = (attempt.change.as_ref()?, attempt.needs.as_ref()?);
    let gate = gate_of(attempt);
    let index = gate.and_then(|gate| attempt.draws.get(&gate)).map_or(attempt.submitted, |draw| draw.seq);
    let at = gate.unwrap_or(GateName::Peer);
    let Ok(bound) = task::bound_at(state, id, attempt, index, at) else { return None };
    Some(ReviewPage {
        task: id.clone(),
        title: known.title.clone(),
        body: known.body.clone(),
        gate,
        attempt: attempt.number,
        author: known.author.clone(),
        contributors: attempt.contributors.iter().cloned().collect(),
        base: change.base.clone(),
        candidate: change.commit.clone(),
        tree: bound.tree.clone(),
        index,
        digest: Shown::of(&bound).0,
        risk: word(&needs.risk),
        approvals: needs.approvals,
        reasons: needs.reasons.clone(),
        gates: gate_lines(state, attempt),
        runs: attempt.runs.iter().map(|(kind, tested)| run_line(*kind, tested)).collect(),
        commits: change.commits.iter().map(commit_line).collect(),
        files: file_lines(change),
        lines: change.lines(),
        diff: diff.to_owned(),
    })
}

fn commit_line(commit: &CommitFacts) -> CommitLine {
    let signature = match &commit.signature {
        Signature::Good(_) => "good",
        Signature::Missing => "missing",
        Signature::OtherFormat => "other-format",
        Signature::UnknownKey => "unknown-key",
        Signature::Bad(_) => "bad",
    };
    let author = format!("{} <{}>", commit.author.name, commit.author.email);
    CommitLine { id: commit.id.clone(), author, subject: commit.subject.clone(), signature: signature.to_owned() }
}

fn file_lines(change: &Change) -> Vec<FileLine> {
    change.files.iter().map(file_line).collect()
}

fn file_line(file: &FileChange) -> FileLine {
    let what = match (&file.old, &file.new) {
        (None, Some(new)) => format!("added{}", mode(None, new)),
        (Some(_), None) => "deleted".to_owned(),
        (old, Some(new)) => format!("changed{}", mode(old.as_ref(), new)),
        (None, None) => "touched".to_owned(),
    };
    FileLine { path: file.path.clone(), what, added: file.added, deleted: file.deleted, binary: file.binary }
}

/// The new mode in words, where it is not that of a plain file or where it changed.
fn mode(old: Option<&Blob>, new: &Blob) -> String {
    let word = match new.mode {
        0o100_644 => "plain",
        0o100_755 => "executable",
        0o120_000 => "symlink",
        0o160_000 => "submodule",
        _ => "odd mode",
    };
    let same = old.map_or(new.mode == 0o100_644, |old| old.mode == new.mode);
    if same { String::new() } else { format!(" ({word})") }
}
