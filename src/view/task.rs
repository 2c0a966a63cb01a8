//! Tasks: the list, and one with everything that is known about it.

use super::gate::{GateLine, gate_lines};
use super::text::word;
use super::turn::{Standing, Turn};
use crate::domain::actor::Actor;
use crate::domain::confirm::Shown;
use crate::domain::entry::Millis;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::spend::Used;
use crate::domain::state::State;
use crate::domain::task::{self, Attempt, Stage, Task};
use serde::{Deserialize, Serialize};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLine {
    pub task: TaskId,
    pub title: String,
    pub standing: Standing,
    pub author: Option<SeatName>,
    /// The newest attempt's number; 0 when nothing was submitted.
    pub attempt: u32,
    pub turn: Turn,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPage {
    pub task: TaskId,
    pub title: String,
    pub body: String,
    pub standing: Standing,
    pub opened_by: Actor,
    pub opened: Millis,
    pub author: Option<SeatName>,
    pub turn: Turn,
    /// Who vetoed it and why.
    pub veto: Option<(Actor, String)>,
    pub merged: Option<Oid>,
    pub attempt: Option<AttemptPage>,
    /// What a confirmation by the owner would bind, while it stands at DEPLOY.
    pub confirm: Option<Confirmable>,
    pub gates: Vec<GateLine>,
    /// What its author's requests to the model used while it was under way.
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub used: Used,
}

/// The newest candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptPage {
    pub number: u32,
    pub commit: Oid,
    /// The ledger position of the submission.
    pub submitted: u64,
    /// All of the following stand only once the edge has measured the candidate.
    pub measured: Option<Measured>,
    pub contributors: Vec<SeatName>,
    pub owner_confirmed: bool,
    pub stalled: Option<String>,
    /// The gate it came back from and why.
    pub back: Option<(GateName, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub base: Oid,
    pub tree: Oid,
    pub lines: u64,
    pub files: u64,
    pub risk: String,
    pub gates: Vec<GateName>,
    pub approvals: u32,
    pub owner: bool,
    /// Why more than the least is asked.
    pub reasons: Vec<String>,
    /// Why it can not enter at all.
    pub denied: Vec<String>,
}

/// What the owner is shown before a code is typed. `digest` covers all of the rest, and the code is bound to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmable {
    pub digest: Digest,
    pub workshop: String,
    pub attempt: u32,
    pub commit: Oid,
    pub tree: Oid,
    pub base: Oid,
    pub policy: Digest,
    /// The ledger position that the confirmation answers.
    pub index: u64,
    /// Whether the policy asks for it.
    pub needed: bool,
    pub confirmed: bool,
}

/// All tasks, those under way first, each group by number.
pub fn tasks(state: &State) -> Vec<TaskLine> {
    let mut lines: Vec<TaskLine> = state.tasks.iter().map(|(id, known)| line(state, id, known)).collect();
    lines.sort_by_key(|line| (line.standing.is_over(), number(&line.task)));
    lines
}

pub(super) fn number(task: &TaskId) -> u64 {
    task.as_str().trim_start_matches('T').parse().unwrap_or(u64::MAX)
}

pub(super) fn line(state: &State, id: &TaskId, known: &Task) -> TaskLine {
    TaskLine {
        task: id.clone(),
        title: known.title.clone(),
        standing: Standing::of(known),
        author: known.author.clone(),
        attempt: known.attempt.as_ref().map_or(0, |attempt| attempt.number),
        turn: Turn::of(state, id, known),
    }
}

pub fn task(state: &State, id: &TaskId) -> Option<TaskPage> {
    let known = state.tasks.get(id)?;
    Some(TaskPage {
        task: id.clone(),
        title: known.title.clone(),
        body: known.body.clone(),
        standing: Standing::of(known),
        opened_by: known.opened_by.clone(),
        opened: known.opened,
        author: known.author.clone(),
        turn: Turn::of(state, id, known),
        veto: known.veto.clone(),
        merged: known.merged.clone(),
        attempt: known.attempt.as_ref().map(attempt_page),
        confirm: known.attempt.as_ref().and_then(|attempt| confirmable(state, id, attempt)),
        gates: known.attempt.as_ref().map(|attempt| gate_lines(state, attempt)).unwrap_or_default(),
        used: state.spending.tasks.get(id).copied().unwrap_or_default(),
    })
}

fn attempt_page(attempt: &Attempt) -> AttemptPage {
    let back = match &attempt.stage {
        Stage::Back { gate, why } => Some((*gate, why.clone())),
        Stage::Measuring | Stage::At(_) | Stage::Merging | Stage::Moving { .. } | Stage::Merged => None,
    };
    AttemptPage {
        number: attempt.number,
        commit: attempt.commit.clone(),
        submitted: attempt.submitted,
        measured: measured(attempt),
        contributors: attempt.contributors.iter().cloned().collect(),
        owner_confirmed: attempt.confirmed,
        stalled: attempt.stalled.clone(),
        back,
    }
}

fn measured(attempt: &Attempt) -> Option<Measured> {
    let (change, needs) = (attempt.change.as_ref()?, attempt.needs.as_ref()?);
    Some(Measured {
        base: change.base.clone(),
        tree: change.tree.clone(),
        lines: change.lines(),
        files: change.file_count() as u64,
        risk: word(&needs.risk),
        gates: needs.gates.clone(),
        approvals: needs.approvals,
        owner: needs.owner,
        reasons: needs.reasons.clone(),
        denied: needs.denied.clone(),
    })
}

/// Computed exactly as `confirm::confirm` computes it: the owner types a code for this digest and for no other.
fn confirmable(state: &State, id: &TaskId, attempt: &Attempt) -> Option<Confirmable> {
    if attempt.stage != Stage::At(GateName::Deploy) {
        return None;
    }
    let index = attempt.draws.get(&GateName::Deploy).map_or(attempt.submitted, |draw| draw.seq);
    let Ok(bound) = task::bound_at(state, id, attempt, index, GateName::Deploy) else { return None };
    Some(Confirmable {
        digest: Shown::of(&bound).0,
        workshop: bound.workshop.to_owned(),
        attempt: bound.attempt,
        commit: bound.commit.clone(),
        tree: bound.tree.clone(),
        base: bound.base.clone(),
        policy: bound.policy.clone(),
        index,
        needed: attempt.needs.as_ref().is_some_and(|needs| needs.owner),
        confirmed: attempt.confirmed,
    })
}
