//! A task's way through the gates, with what each check saw.

use super::text::count;
use super::turn::{Standing, Turn};
use crate::domain::check::Verdict;
use crate::domain::fix;
use crate::domain::gate::GateName;
use crate::domain::name::{Oid, SeatName, TaskId};
use crate::domain::run::{Completion, Outcome};
use crate::domain::state::State;
use crate::domain::task::{Attempt, RunKind, Stage, Task, Tested};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePage {
    pub task: TaskId,
    pub title: String,
    pub standing: Standing,
    pub author: Option<SeatName>,
    /// 0 when nothing was submitted.
    pub attempt: u32,
    pub commit: Option<Oid>,
    /// What no gate has judged, said first: "not judged yet: peer, qa, deploy". Empty only when every gate has passed.
    pub unjudged: String,
    /// The gates that this change has to pass, in order; all five while it is not measured.
    pub gates: Vec<GateLine>,
    /// The gates that the policy does not ask of this change.
    pub not_needed: Vec<GateName>,
    pub runs: Vec<RunLine>,
    pub turn: Turn,
    pub merged: Option<Oid>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLine {
    pub gate: GateName,
    /// What the gate wants to see.
    pub about: String,
    pub state: GateState,
    /// Why it failed, or what it waits for.
    pub why: String,
    pub checks: Vec<CheckLine>,
    /// The seats drawn for this gate, and their words.
    pub judges: Vec<Judge>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateState {
    /// Not reached: nothing about it has been judged.
    NotJudged,
    /// The change stands here now.
    At,
    Passed,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckLine {
    pub check: String,
    /// `pass`, `fail`, `wait` or `exempt`.
    pub verdict: String,
    pub why: String,
}

/// A drawn seat and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judge {
    pub seat: SeatName,
    pub word: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Has not spoken.
    Awaited,
    Accepts,
    Rejects,
}

/// A test run in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    pub kind: RunKind,
    pub tree: Oid,
    pub harness: String,
    pub command: Vec<String>,
    pub completion: Completion,
    pub passed: usize,
    pub failed: usize,
    pub broken: usize,
    pub skipped: usize,
    pub milliseconds: u64,
    pub note: String,
    /// The ledger position of its statement.
    pub seq: u64,
}

pub fn gate(state: &State, id: &TaskId) -> Option<GatePage> {
    let known = state.tasks.get(id)?;
    let attempt = known.attempt.as_ref();
    let gates = attempt.map_or_else(|| none_judged(state), |attempt| gate_lines(state, attempt));
    let needs = attempt.and_then(|attempt| attempt.needs.as_ref());
    Some(GatePage {
        task: id.clone(),
        title: known.title.clone(),
        standing: Standing::of(known),
        author: known.author.clone(),
        attempt: attempt.map_or(0, |attempt| attempt.number),
        commit: attempt.map(|attempt| attempt.commit.clone()),
        unjudged: unjudged(known, &gates),
        not_needed: needs.map(|needs| GateName::ALL.into_iter().filter(|gate| !needs.gates.contains(gate)).collect()).unwrap_or_default(),
        gates,
        runs: attempt.iter().flat_map(|attempt| &attempt.runs).map(|(kind, tested)| run_line(*kind, tested)).collect(),
        turn: Turn::of(state, id, known),
        merged: known.merged.clone(),
    })
}

fn unjudged(known: &Task, gates: &[GateLine]) -> String {
    match &known.attempt {
        None => return "not judged: nothing was submitted".to_owned(),
        Some(attempt) if attempt.needs.is_none() => return "not judged yet: the candidate is not measured".to_owned(),
        Some(_) => {}
    }
    let open: Vec<&str> =
        gates.iter().filter(|line| matches!(line.state, GateState::NotJudged | GateState::At)).map(|line| line.gate.as_str()).collect();
    if open.is_empty() { String::new() } else { format!("not judged yet: {}", open.join(", ")) }
}

fn none_judged(state: &State) -> Vec<GateLine> {
    GateName::ALL.into_iter().map(|gate| blank(state, gate)).collect()
}

fn blank(state: &State, gate: GateName) -> GateLine {
    let about = state.charter().gate(gate).about.clone();
    GateLine { gate, about, state: GateState::NotJudged, why: "not judged".to_owned(), checks: Vec::new(), judges: Vec::new() }
}

/// The gates that an attempt has to pass, in order, each with its state and its checks.
pub(super) fn gate_lines(state: &State, attempt: &Attempt) -> Vec<GateLine> {
    match &attempt.needs {
        None => none_judged(state),
        Some(needs) => needs.gates.iter().map(|gate| carried(attempt, gate_line(state, attempt, *gate))).collect(),
    }
}

/// A gate that a fix left out on its way says where it is judged.
fn carried(attempt: &Attempt, line: GateLine) -> GateLine {
    let at = fix::judged_with(attempt.fix.as_ref(), line.gate);
    let (Some(fix), true) = (&attempt.fix, at != line.gate && attempt.bypass.is_none()) else { return line };
    let why = format!("{} since attempt {}: judged together with {at}", count(fix.lines, "line"), fix.of);
    match line.state {
        GateState::NotJudged => GateLine { about: why.clone(), why, ..line },
        GateState::At | GateState::Passed | GateState::Failed if line.why.is_empty() => GateLine { why, ..line },
        GateState::At | GateState::Passed | GateState::Failed => line,
    }
}

fn gate_line(state: &State, attempt: &Attempt, gate: GateName) -> GateLine {
    let (now, why, checks) = match (attempt.passed.get(&gate), &attempt.stage) {
        (Some(checks), _) => (GateState::Passed, String::new(), checks.clone()),
        (None, Stage::At(at)) if *at == gate => (GateState::At, waits(state, attempt), verdicts(state, attempt, gate)),
        (None, Stage::Back { gate: at, why }) if *at == gate => (GateState::Failed, why.clone(), Vec::new()),
        (None, Stage::Measuring | Stage::At(_) | Stage::Merging | Stage::Moving { .. } | Stage::Merged | Stage::Back { .. }) => {
            return GateLine { judges: judges(attempt, gate), ..blank(state, gate) };
        }
    };
    let checks = checks.iter().map(|(check, verdict)| check_line(check, verdict)).collect();
    GateLine { state: now, why, checks, judges: judges(attempt, gate), ..blank(state, gate) }
}

fn waits(state: &State, attempt: &Attempt) -> String {
    let known = state.tasks.iter().find(|(_, known)| known.attempt.as_ref() == Some(attempt));
    known.map(|(id, known)| format!("waits for {}", Turn::of(state, id, known).what)).unwrap_or_default()
}

/// What the checks of the gate under judgement say at this moment: the same judgement that the supervisor makes.
fn verdicts(state: &State, attempt: &Attempt, at: GateName) -> Vec<(String, Verdict)> {
    let charter = state.charter();
    let tests = attempt.change.iter().flat_map(|change| charter.policy.tests_of(change)).map(|file| file.path.clone()).collect();
    let Some((task, _)) = state.tasks.iter().find(|(_, known)| known.attempt.as_ref() == Some(attempt)) else { return Vec::new() };
    let Some(evidence) = attempt.evidence(state, task, tests) else { return Vec::new() };
    attempt.judged(charter, at, &evidence).into_iter().map(|(check, verdict)| (check.to_string(), verdict)).collect()
}

fn check_line(check: &str, verdict: &Verdict) -> CheckLine {
    CheckLine { check: check.to_owned(), verdict: verdict.word().to_owned(), why: verdict.why().to_owned() }
}

fn judges(attempt: &Attempt, gate: GateName) -> Vec<Judge> {
    let said = |seat: &SeatName| attempt.approvals.iter().find(|word| word.gate == gate && word.seat == *seat).map(|word| word.accept);
    let judge = |seat: &SeatName| Judge {
        seat: seat.clone(),
        word: match said(seat) {
            None => Word::Awaited,
            Some(true) => Word::Accepts,
            Some(false) => Word::Rejects,
        },
    };
    attempt.draws.get(&gate).map(|draw| draw.seats.iter().map(judge).collect()).unwrap_or_default()
}

pub(super) fn run_line(kind: RunKind, tested: &Tested) -> RunLine {
    let run = &tested.run;
    let ended = |wanted| run.results.values().filter(|outcome| **outcome == wanted).count();
    RunLine {
        kind,
        tree: run.tree.clone(),
        harness: run.harness.clone(),
        command: run.command.clone(),
        completion: run.completion,
        passed: ended(Outcome::Passed),
        failed: ended(Outcome::Failed),
        broken: ended(Outcome::Broken),
        skipped: ended(Outcome::Skipped),
        milliseconds: run.duration_ms,
        note: run.note.clone(),
        seq: tested.seq,
    }
}
