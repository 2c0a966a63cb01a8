//! The one move of the protected branch: intent, move, word; and the way home to the owner.

use super::bypass;
use super::deploy;
use super::entry::Millis;
use super::event::Event as Any;
use super::gate::GateName;
use super::message;
use super::name::{Oid, TaskId};
use super::refusal::Refusal;
use super::state::State;
use super::task::{self, RunKind, Stage};
use super::witness;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The protected branch is about to move from `old` to `commit`.
    Intended { task: TaskId, attempt: u32, commit: Oid, old: Oid, tree: Oid },
    Merged { task: TaskId, attempt: u32, commit: Oid },
    /// The move did not happen.
    Missed { task: TaskId, attempt: u32, why: String },
    /// The owner's own branch was brought up to date, or why not.
    Home {
        branch: String,
        outcome: String,
        /// What is there now; nothing where it did not get there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<Oid>,
    },
}

/// A merge commit that the edge built and signed, on this tip with this tree.
pub struct Built<'a> {
    pub commit: &'a Oid,
    pub old: &'a Oid,
    pub tree: &'a Oid,
}

/// Writes the intent: only the tested tree, only on the tested tip, nothing frozen, nothing vetoed, every gate passed.
pub fn intend(state: &State, now: Millis, task: &TaskId, number: u32, built: &Built<'_>) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    witness::holds(state)?;
    let (known, attempt) = task::current(state, task, number)?;
    known.vetoed()?;
    let hint = format!("orchestrate gate show {task}");
    if attempt.stage != Stage::Merging || !every_gate(attempt) {
        return Err(Refusal::new("gates-open", format!("{task} has not passed its gates"), hint));
    }
    bypass::looked_at(state, &attempt.contributors, now)?;
    attempt.bypass.map_or(Ok(()), |_| bypass::undisputed(state))?;
    if let Some(refusal) = attempt.bypass.and_then(|_| bypass::usable(state, task, attempt, built.tree, now).err()) {
        return Ok(task::send_back(state, task, attempt, GateName::Deploy, &refusal.why));
    }
    let tested = attempt.runs.get(&RunKind::Merge);
    let same = tested.is_some_and(|tested| tested.tip.as_ref() == Some(built.old) && tested.run.tree == *built.tree);
    if state.tip() != Some(built.old) || !same {
        return Ok(vec![Any::Task(task::Event::Outdated { task: task.clone(), attempt: number })]);
    }
    if state.moving().is_some() {
        return Err(Refusal::new("busy", "another merge is under way", hint));
    }
    let (commit, old, tree) = (built.commit.clone(), built.old.clone(), built.tree.clone());
    Ok(vec![Any::Merge(Event::Intended { task: task.clone(), attempt: number, commit, old, tree })])
}

fn every_gate(attempt: &task::Attempt) -> bool {
    let gates = attempt.gates();
    !gates.is_empty() && gates.iter().all(|gate| attempt.passed.contains_key(gate))
}

/// May the intended move be made now? Asked inside the lock, after the entry is durable.
pub fn still(state: &State, task: &TaskId, number: u32) -> Result<(), Refusal> {
    super::freeze::open(state)?;
    let (known, attempt) = task::current(state, task, number)?;
    known.vetoed()?;
    match attempt.stage {
        Stage::Moving { .. } => Ok(()),
        _ => Err(Refusal::new("gates-open", format!("{task} has not passed its gates any more"), format!("orchestrate gate show {task}"))),
    }
}

/// Takes the edge's word on the move.
pub fn moved(state: &State, task: &TaskId, number: u32, trouble: Option<&str>) -> Result<Vec<Any>, Refusal> {
    let (known, now) = task::current(state, task, number)?;
    let Stage::Moving { commit, .. } = &now.stage else {
        return Ok(Vec::new());
    };
    let (name, attempt, commit) = (task.clone(), number, commit.clone());
    if let Some(why) = trouble {
        return Ok(vec![Any::Merge(Event::Missed { task: name, attempt, why: why.to_owned() })]);
    }
    let text = format!("{task} is on the protected branch as {}: {}", commit.short(), known.title);
    let to = known.author.clone().into_iter().collect();
    let mail = message::notice(state, state.now, to, &format!("{task} is merged"), &text, Some(task));
    let owner = message::notice_owner(state, state.now, &format!("{task} is merged"), &text, Some(task));
    let tree = now.runs.get(&RunKind::Merge).map(|tested| &tested.run.tree);
    let deployed = deploy::queued(state, task, &commit, tree);
    let merged = Any::Merge(Event::Merged { task: name, attempt, commit });
    Ok(std::iter::once(merged).chain(deployed).chain(message::chain(mail, owner)).collect())
}

/// Takes the edge's word on what came home; the same word again says nothing.
pub fn home(state: &State, branch: &str, outcome: &str, commit: Option<&Oid>) -> Vec<Any> {
    let known = state.home.as_ref().is_some_and(|(at, before)| at == branch && before == outcome);
    if known && state.brought.as_ref() == commit {
        return Vec::new();
    }
    vec![Any::Merge(Event::Home { branch: branch.to_owned(), outcome: outcome.to_owned(), commit: commit.cloned() })]
}

/// Whether something was merged that the owner wants to have at once, and has not got.
pub fn unbrought(state: &State) -> bool {
    let merged = state.tip() != state.genesis.as_ref().map(|genesis| &genesis.base);
    merged && state.charter().policy.delivery.automatic && state.brought.as_ref() != state.tip()
}

pub fn apply(state: &mut State, time: Millis, event: &Event) {
    match event {
        Event::Intended { task, attempt, commit, old, .. } => {
            let (commit, old) = (commit.clone(), old.clone());
            task::on_attempt(state, task, *attempt, |now| now.stage = Stage::Moving { commit, old });
        }
        Event::Merged { task, attempt, commit } => {
            let run = state.tasks.get(task).and_then(|known| known.attempt.as_ref()?.runs.get(&RunKind::Merge).map(|tested| tested.run.clone()));
            state.base_run = run.filter(|run| !run.results.is_empty());
            task::on_attempt(state, task, *attempt, |now| {
                now.stage = Stage::Merged;
                now.runs.clear();
            });
            if state.tasks.get(task).and_then(|known| known.attempt.as_ref()).is_some_and(|now| now.bypass.is_some()) {
                bypass::used(state, task, time);
            }
            if let Some(known) = state.tasks.get_mut(task) {
                (known.merged, known.merged_at, known.shown) = (Some(commit.clone()), Some(time), None);
            }
            state.move_tip(commit);
            witness::merged(state);
        }
        Event::Missed { task, attempt, .. } => task::on_attempt(state, task, *attempt, |now| now.stage = Stage::Merging),
        Event::Home { branch, outcome, commit } => {
            state.home = Some((branch.clone(), outcome.clone()));
            state.brought.clone_from(commit);
        }
    }
}
