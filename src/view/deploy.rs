//! Deployments: what is on its way out of the house, and what is out there.

use super::status::Waiting;
use crate::domain::deploy::{Assent, Deployment, Stage, shipment, terms};
use crate::domain::entry::Millis;
use crate::domain::name::{Digest, Oid, TaskId};
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// All that is under way, and what is out there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployments {
    pub lines: Vec<DeployLine>,
    /// What was deployed last and healthy.
    pub healthy: Option<(TaskId, Oid, Millis)>,
    /// What was over last, and how it ended.
    pub last: Option<(TaskId, Millis, String)>,
}

/// One deployment in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployLine {
    pub task: TaskId,
    pub merge: Oid,
    pub stands: String,
    /// The command that moves it on, where it waits for the owner.
    pub next: String,
}

/// One deployment with everything that the owner decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployPage {
    pub line: DeployLine,
    pub title: String,
    pub tree: Oid,
    pub policy: Digest,
    pub list: Option<Digest>,
    /// What a confirmation is bound to, where one is waited for.
    pub digest: Option<Digest>,
    /// Whether it takes a one-time code.
    pub code: bool,
    /// What came of the steps so far.
    pub done: Vec<String>,
    /// The list itself, and where what commands said is kept; the supervisor fills both in.
    pub text: String,
    pub folder: String,
}

pub fn deployments(state: &State) -> Deployments {
    let healthy = state.deploy.healthy.as_ref().map(|healthy| (healthy.task.clone(), healthy.merge.clone(), healthy.since));
    Deployments { lines: state.deploy.queue.iter().map(|now| line(state, now)).collect(), healthy, last: state.deploy.last.clone() }
}

pub fn deployment(state: &State, task: &TaskId) -> Option<DeployPage> {
    let now = state.deploy.find(task)?;
    let ended = |ok: &bool| if *ok { "well" } else { "BADLY" };
    Some(DeployPage {
        line: line(state, now),
        title: state.tasks.get(task).map(|known| known.title.clone()).unwrap_or_default(),
        tree: now.tree.clone(),
        policy: now.policy.clone(),
        list: now.list.as_ref().map(|(list, _)| list.digest.clone()),
        digest: shipment(state, task).map(|shipment| shipment.digest()),
        code: terms(state).is_none_or(|terms| terms.confirm == Assent::Code),
        done: now.done.iter().map(|(step, ok, note)| format!("{step}: {}: {note}", ended(ok))).collect(),
        text: String::new(),
        folder: String::new(),
    })
}

fn line(state: &State, now: &Deployment) -> DeployLine {
    let task = &now.task;
    let vetoed = state.tasks.get(task).and_then(|known| known.veto.as_ref());
    let first = state.deploy.queue.first().is_some_and(|first| first.task == *task);
    let show = || format!("orchestrate deploy show {task}");
    let (stands, next) = match (&now.stage, now.begun, vetoed) {
        (_, Some((step, _)), _) => (format!("{step} is under way"), String::new()),
        (Stage::Held { step, why }, ..) => (format!("HELD at {step}: {why}"), show()),
        (_, _, Some((by, why))) => (format!("HELD: vetoed by {by}: {why}"), show()),
        _ if !first => ("waits for the one before it".to_owned(), String::new()),
        (Stage::Listed, ..) => ("waits for your confirmation".to_owned(), format!("orchestrate deploy confirm {task}")),
        (Stage::Due(step), ..) if state.frozen.is_some() => (format!("{step} waits for the thaw"), String::new()),
        (Stage::Due(step), ..) => (format!("{step} comes next"), String::new()),
    };
    DeployLine { task: task.clone(), merge: now.merge.clone(), stands, next }
}

/// What of it only the owner can move on.
pub(super) fn waiting(state: &State) -> impl Iterator<Item = Waiting> {
    let open = deployments(state).lines.into_iter().filter(|line| !line.next.is_empty());
    open.map(|line| Waiting { what: format!("the deployment of {}: {}", line.task, line.stands), task: Some(line.task), command: line.next })
}
