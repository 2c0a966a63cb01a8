//! A deployment: what follows a merge, one at a time and step by step; each step is on record before it begins and after it has ended.

mod terms;

pub use terms::{Assent, Order, Terms, Where};

use super::actor::{Actor, Party};
use super::command::Command;
use super::confirm;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::gate::GateName;
use super::message;
use super::name::{Digest, Oid, TaskId};
use super::refusal::Refusal;
use super::state::State;
use super::statement::{self, Shipment};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One step, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The owner's check of this number, from 1 on.
    Check(u32),
    /// What would be transferred, and whether a secret is in it.
    List,
    /// The same once more, right before it is transferred.
    Again,
    Run,
    Health,
    /// What was deployed last and healthy comes back.
    Rollback,
    /// Whether it is healthy again.
    Restored,
}

impl Step {
    /// Whether it brings back what was there before, which nothing but a freeze stops.
    fn undoes(self) -> bool {
        matches!(self, Self::Rollback | Self::Restored)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(number) => write!(f, "check {number}"),
            Self::List => f.write_str("list"),
            Self::Again => f.write_str("second list"),
            Self::Run => f.write_str("run"),
            Self::Health => f.write_str("health check"),
            Self::Rollback => f.write_str("rollback"),
            Self::Restored => f.write_str("health check after the rollback"),
        }
    }
}

/// What would be transferred: the digest of its list, and how much it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub digest: Digest,
    pub files: u64,
    pub bytes: u64,
}

/// What came of a step: never what it said, which can hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub ok: bool,
    pub note: String,
    /// SHA-256 of what it said.
    pub output: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A merge is to be deployed, from the first step on; a second time: anew.
    Queued { task: TaskId, merge: Oid, tree: Oid, policy: Digest },
    /// A step is about to begin; `list` and `confirmed` are what the run is bound to.
    Begun {
        task: TaskId,
        step: Step,
        merge: Oid,
        tree: Oid,
        policy: Digest,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        list: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirmed: Option<u64>,
    },
    /// The step that began at entry `begun` has ended.
    Ended { task: TaskId, step: Step, begun: u64, seen: Seen },
    /// The owner confirmed the list; `code` is the time step of a code, where the policy asks for one.
    Confirmed { task: TaskId, code: Option<u64>, statement: Envelope },
    /// The supervisor ended while a step was under way. What ran in the sandbox left nothing behind; of the rest nobody knows.
    Interrupted { task: TaskId, step: Step, unknown: bool, why: String },
    /// The owner wants back what was there before.
    Undoing { task: TaskId, policy: Digest },
    /// Nothing more is done for this merge.
    Over { task: TaskId, why: String },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        if let Self::Confirmed { statement, .. } = self { Some((Party::Owner, statement)) } else { None }
    }

    pub fn task(&self) -> &TaskId {
        match self {
            Self::Queued { task, .. }
            | Self::Begun { task, .. }
            | Self::Ended { task, .. }
            | Self::Confirmed { task, .. }
            | Self::Interrupted { task, .. }
            | Self::Undoing { task, .. }
            | Self::Over { task, .. } => task,
        }
    }
}

/// Where a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// This step comes next, or is under way.
    Due(Step),
    /// The owner's word on the list is waited for.
    Listed,
    /// The owner has to look, and to say how it goes on.
    Held { step: Step, why: String },
}

/// One merge on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    pub task: TaskId,
    pub merge: Oid,
    pub tree: Oid,
    pub policy: Digest,
    pub stage: Stage,
    /// The step under way, and the entry that says so.
    pub begun: Option<(Step, u64)>,
    pub list: Option<(Listed, u64)>,
    pub confirmed: Option<u64>,
    /// Whether the run has begun, so that something may be out there.
    pub ran: bool,
    /// What came of the steps so far.
    pub done: Vec<(Step, bool, String)>,
}

/// What is out there and healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthy {
    pub task: TaskId,
    pub merge: Oid,
    pub tree: Oid,
    pub since: Millis,
}

/// All deployments that are not over, first come first served; and what came of those before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployments {
    pub queue: Vec<Deployment>,
    pub healthy: Option<Healthy>,
    /// The newest that is over, and how it ended.
    pub last: Option<(TaskId, Millis, String)>,
}

impl Deployments {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn find(&self, task: &TaskId) -> Option<&Deployment> {
        self.queue.iter().find(|deployment| deployment.task == *task)
    }
}

/// What follows a step.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    Stage(Stage),
    Deployed,
    Restored,
}

/// How this workshop's merges go out, if they do.
pub fn terms(state: &State) -> Option<&Terms> {
    let workshop = &state.genesis.as_ref()?.workshop;
    state.charter().gate(GateName::Deploy).deployment.as_ref().filter(|terms| terms.workshop == *workshop)
}

fn first_step(terms: &Terms) -> Step {
    if terms.checks.is_empty() { Step::List } else { Step::Check(1) }
}

/// The command of a step, where it is one.
pub fn order(terms: &Terms, step: Step) -> Option<&Order> {
    match step {
        Step::Check(number) => terms.checks.get(number as usize - 1),
        Step::List | Step::Again => terms.dry_run.as_ref(),
        Step::Run => Some(&terms.run),
        Step::Health | Step::Restored => Some(&terms.health),
        Step::Rollback => Some(terms.rollback.as_ref().unwrap_or(&terms.run)),
    }
}

/// What was put out is taken back by itself; everything else that goes wrong waits for the owner.
fn after(state: &State, step: Step, seen: &Seen) -> Next {
    let held = |why: &str| Next::Stage(Stage::Held { step, why: why.to_owned() });
    let due = |step| Next::Stage(Stage::Due(step));
    match step {
        Step::Run | Step::Health if !seen.ok && state.deploy.healthy.is_some() => due(Step::Rollback),
        Step::Run | Step::Health if !seen.ok => held(&format!("{}; nothing was deployed before that could come back", seen.note)),
        _ if !seen.ok => held(&seen.note),
        Step::Check(number) if terms(state).is_some_and(|terms| terms.checks.len() > number as usize) => due(Step::Check(number + 1)),
        Step::Check(_) => due(Step::List),
        Step::List => Next::Stage(Stage::Listed),
        Step::Again => due(Step::Run),
        Step::Run => due(Step::Health),
        Step::Health => Next::Deployed,
        Step::Rollback => due(Step::Restored),
        Step::Restored => Next::Restored,
    }
}

/// A merge is to be deployed, where the charter says how.
pub fn queued(state: &State, task: &TaskId, merge: &Oid, tree: Option<&Oid>) -> Option<Any> {
    terms(state)?;
    let (task, merge, policy) = (task.clone(), merge.clone(), state.policy.clone());
    Some(Any::Deploy(Event::Queued { task, merge, tree: tree?.clone(), policy }))
}

/// The step that can begin now: one deployment at a time, the others wait for its end.
pub fn due(state: &State) -> Option<(TaskId, Step)> {
    let first = state.deploy.queue.first().filter(|first| first.begun.is_none() && state.frozen.is_none())?;
    match first.stage {
        Stage::Due(step) => Some((first.task.clone(), step)),
        // Another charter was adopted: what was listed under the old one is listed anew.
        Stage::Listed if first.policy != state.policy => Some((first.task.clone(), Step::List)),
        Stage::Listed | Stage::Held { .. } => None,
    }
}

/// Lets a step begin: the first in line, not under way, under the same charter, nothing frozen, nothing vetoed.
pub fn begin(state: &State, task: &TaskId, step: Step) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let first = state.deploy.queue.first().filter(|first| first.task == *task && first.begun.is_none()).ok_or_else(|| waits(task))?;
    if !step.undoes() {
        state.task(task)?.vetoed()?;
    }
    if first.policy != state.policy {
        return Ok(rechartered(state, first, step));
    }
    if first.stage != Stage::Due(step) {
        return Err(waits(task));
    }
    let bound = step == Step::Run;
    let list = first.list.as_ref().filter(|_| bound).map(|(list, _)| list.digest.clone());
    let confirmed = first.confirmed.filter(|_| bound);
    if bound && (list.is_none() || confirmed.is_none()) {
        return Err(waits(task));
    }
    let (tree, policy) = (if step.undoes() { previous(state, first) } else { first.tree.clone() }, state.policy.clone());
    Ok(vec![Any::Deploy(Event::Begun { task: task.clone(), step, merge: first.merge.clone(), tree, policy, list, confirmed })])
}

fn previous(state: &State, first: &Deployment) -> Oid {
    state.deploy.healthy.as_ref().map_or_else(|| first.tree.clone(), |healthy| healthy.tree.clone())
}

/// Nothing of this task is on its way out.
pub fn none(task: &TaskId) -> Refusal {
    Refusal::new("no-deployment", format!("there is no deployment of {task} that is not over"), "orchestrate deploy show")
}

fn waits(task: &TaskId) -> Refusal {
    Refusal::new("deploy-waits", format!("the deployment of {task} does not wait for this now"), format!("orchestrate deploy show {task}"))
}

/// Under another charter it begins anew; where something is out there already, the owner says how it goes on.
fn rechartered(state: &State, first: &Deployment, step: Step) -> Vec<Any> {
    let task = first.task.clone();
    if first.ran {
        let why = "another charter was adopted after the run had begun".to_owned();
        return held(state, Event::Interrupted { task, step, unknown: true, why });
    }
    let anew = queued(state, &task, &first.merge, Some(&first.tree));
    vec![anew.unwrap_or_else(|| Any::Deploy(Event::Over { task, why: "the charter has no deployment any more".to_owned() }))]
}

/// Takes what came of a step; of one that is not under way it is nobody's.
pub fn ended(state: &State, task: &TaskId, step: Step, begun: u64, seen: &Seen) -> Vec<Any> {
    let Some(now) = state.deploy.find(task).filter(|now| now.begun == Some((step, begun))) else { return Vec::new() };
    let mut seen = seen.clone();
    let other = step == Step::Again && seen.list.as_ref() != now.list.as_ref().map(|(list, _)| list);
    if seen.ok && other {
        (seen.ok, seen.note) = (false, "the list is not the one that was confirmed".to_owned());
    }
    let mail = told(state, now, step, &seen);
    std::iter::once(Any::Deploy(Event::Ended { task: task.clone(), step, begun, seen })).chain(mail).collect()
}

/// The owner hears of what waits for a word, of the end, and of what went wrong.
fn told(state: &State, now: &Deployment, step: Step, seen: &Seen) -> Vec<Any> {
    let task = &now.task;
    let (subject, text) = match after(state, step, seen) {
        Next::Stage(Stage::Listed) => (format!("{task} waits to be deployed"), format!("Look and confirm: orchestrate deploy confirm {task}")),
        Next::Stage(Stage::Held { why, .. }) => (format!("deployment held ({task})"), format!("{step}: {why}\n\n{}", how(task))),
        Next::Stage(Stage::Due(Step::Rollback)) => (format!("deployment failed ({task})"), format!("{step}: {}\n\nWhat was there before comes back.", seen.note)),
        Next::Stage(Stage::Due(_)) => return Vec::new(),
        Next::Deployed => (format!("{task} is deployed"), format!("{} is out there and healthy.", now.merge.short())),
        Next::Restored => (format!("deployment rolled back ({task})"), format!("What was there before is there again, and healthy.\n\nLook: orchestrate deploy show {task}")),
    };
    message::notice_owner(state, state.now, &subject, &text, Some(task))
}

fn how(task: &TaskId) -> String {
    format!("Look: orchestrate deploy show {task}\nThen: orchestrate deploy retry {task}, rollback {task}, or refuse {task} --reason '…'")
}

fn held(state: &State, event: Event) -> Vec<Any> {
    let task = event.task().clone();
    let why = if let Event::Interrupted { step, why, .. } = &event { format!("{step}: {why}") } else { String::new() };
    let text = format!("{why}. Whether it was done, in part or not at all, is unknown, and it may still be running; nothing is run again by itself.\n\n{}", how(&task));
    let mail = message::notice_owner(state, state.now, &format!("deployment held ({task})"), &text, Some(&task));
    std::iter::once(Any::Deploy(event)).chain(mail).collect()
}

/// At a start: a step that was under way has nobody any more who knows how it ended.
pub fn interrupted(state: &State) -> Vec<Any> {
    let cut = state.deploy.queue.iter().find_map(|now| Some((now, now.begun?)));
    let Some((now, (step, _))) = cut else { return Vec::new() };
    let place = terms(state).and_then(|terms| order(terms, step)).map(|order| order.place);
    let inside = matches!(step, Step::List | Step::Again) && place.is_none() || place == Some(Where::Sandbox);
    let why = "the supervisor ended while it was under way".to_owned();
    let event = Event::Interrupted { task: now.task.clone(), step, unknown: !inside, why };
    if inside { vec![Any::Deploy(event)] } else { held(state, event) }
}

/// What the owner says about a deployment.
#[derive(Debug, Clone)]
pub enum Word {
    /// `code` is the time step of a right code; `None` is a wrong one, or none.
    Confirm { shown: Digest, code: Option<u64> },
    Refuse { reason: String },
    Retry,
    Rollback,
}

/// The owner's word: only the owner's, and never while a step is under way.
pub fn say(state: &State, actor: &Actor, now: Millis, task: &TaskId, word: &Word) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner decides about deployments", format!("orchestrate task show {task}")));
    }
    let found = state.deploy.find(task).ok_or_else(|| none(task))?;
    if found.begun.is_some() {
        return Err(waits(task));
    }
    match word {
        Word::Confirm { shown, code } => confirm(state, now, found, shown, *code),
        Word::Refuse { reason } => {
            let why = Command::line(reason, "a refusal wants a reason", &format!("orchestrate deploy refuse {task} --reason 'why'"))?;
            Ok(vec![Any::Deploy(Event::Over { task: task.clone(), why })])
        }
        Word::Retry => retry(state, found),
        Word::Rollback => rollback(state, found),
    }
}

fn confirm(state: &State, now: Millis, found: &Deployment, shown: &Digest, code: Option<u64>) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let task = &found.task;
    state.task(task)?.vetoed()?;
    let (shipment, assent) = shipment(state, task).zip(terms(state).map(|terms| terms.confirm)).ok_or_else(|| waits(task))?;
    if shipment.digest() != *shown {
        return Err(Refusal::new("other-digest", format!("{task} is not what was shown any more"), format!("orchestrate deploy confirm {task}")));
    }
    let code = match assent {
        Assent::Digest => None,
        Assent::Code => match confirm::code(state, now, code)? {
            None => return Ok(vec![Any::Confirm(confirm::Event::Missed)]),
            used => used,
        },
    };
    Ok(vec![Any::Deploy(Event::Confirmed { task: task.clone(), code, statement: statement::deployment(&shipment) })])
}

/// What a confirmation is bound to, where a deployment waits for one.
pub fn shipment<'a>(state: &'a State, task: &TaskId) -> Option<Shipment<'a>> {
    let found = state.deploy.queue.first().filter(|first| first.task == *task && first.policy == state.policy && first.stage == Stage::Listed)?;
    let (list, index) = found.list.as_ref()?;
    let workshop = &state.genesis.as_ref()?.workshop;
    Some(Shipment { workshop, task: &found.task, merge: &found.merge, tree: &found.tree, list: &list.digest, policy: &found.policy, index: *index })
}

/// Everything from the first step on, under the charter in force, with a confirmation of its own.
fn retry(state: &State, found: &Deployment) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    state.task(&found.task)?.vetoed()?;
    let held = matches!(found.stage, Stage::Held { .. });
    let anew = queued(state, &found.task, &found.merge, Some(&found.tree)).filter(|_| held);
    anew.map(|anew| vec![anew]).ok_or_else(|| waits(&found.task))
}

fn rollback(state: &State, found: &Deployment) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let undoing = matches!(found.stage, Stage::Due(step) if step.undoes());
    if !found.ran || undoing || state.deploy.healthy.is_none() || terms(state).is_none() {
        return Err(waits(&found.task));
    }
    Ok(vec![Any::Deploy(Event::Undoing { task: found.task.clone(), policy: state.policy.clone() })])
}

/// Whether a veto still stops something of this task.
pub fn stoppable(state: &State, task: &TaskId) -> bool {
    state.deploy.find(task).is_some()
}

pub fn apply(state: &mut State, seq: u64, time: Millis, event: &Event) {
    let task = event.task().clone();
    match event {
        Event::Queued { merge, tree, policy, .. } => {
            let fresh = fresh(state, &task, merge, tree, policy);
            match state.deploy.queue.iter_mut().find(|known| known.task == task) {
                // What may be out there stays so, whatever is listed anew.
                Some(known) => *known = Deployment { ran: known.ran, ..fresh },
                None => state.deploy.queue.push(fresh),
            }
        }
        Event::Begun { step, .. } => on(state, &task, |now| {
            now.begun = Some((*step, seq));
            now.ran |= *step == Step::Run;
        }),
        Event::Ended { step, seen, .. } => finish(state, seq, time, &task, *step, seen),
        Event::Confirmed { code, .. } => {
            code.iter().for_each(|code| state.codes = state.codes.after(*code));
            on(state, &task, |now| (now.confirmed, now.stage) = (Some(seq), Stage::Due(Step::Again)));
        }
        Event::Interrupted { step, unknown, why, .. } => on(state, &task, |now| {
            now.begun = None;
            if *unknown {
                now.stage = Stage::Held { step: *step, why: format!("{why}: its outcome is unknown") };
            }
        }),
        Event::Undoing { policy, .. } => on(state, &task, |now| (now.policy, now.stage) = (policy.clone(), Stage::Due(Step::Rollback))),
        Event::Over { why, .. } => over(state, time, &task, format!("ended: {why}")),
    }
}

fn fresh(state: &State, task: &TaskId, merge: &Oid, tree: &Oid, policy: &Digest) -> Deployment {
    let stage = Stage::Due(terms(state).map_or(Step::List, first_step));
    let (task, merge, tree, policy) = (task.clone(), merge.clone(), tree.clone(), policy.clone());
    Deployment { task, merge, tree, policy, stage, begun: None, list: None, confirmed: None, ran: false, done: Vec::new() }
}

fn on(state: &mut State, task: &TaskId, change: impl FnOnce(&mut Deployment)) {
    if let Some(now) = state.deploy.queue.iter_mut().find(|now| now.task == *task) {
        change(now);
    }
}

fn finish(state: &mut State, seq: u64, time: Millis, task: &TaskId, step: Step, seen: &Seen) {
    let next = after(state, step, seen);
    on(state, task, |now| {
        now.begun = None;
        now.done.push((step, seen.ok, seen.note.clone()));
        if step == Step::List {
            now.list = seen.list.clone().map(|list| (list, seq));
        }
        if let Next::Stage(stage) = &next {
            now.stage = stage.clone();
        }
    });
    match next {
        Next::Stage(_) => {}
        Next::Deployed => {
            let healthy = |now: &Deployment| Healthy { task: now.task.clone(), merge: now.merge.clone(), tree: now.tree.clone(), since: time };
            state.deploy.healthy = state.deploy.find(task).map(healthy);
            over(state, time, task, "deployed and healthy".to_owned());
        }
        Next::Restored => over(state, time, task, "rolled back: what was there before is there again".to_owned()),
    }
}

fn over(state: &mut State, time: Millis, task: &TaskId, how: String) {
    state.deploy.queue.retain(|now| now.task != *task);
    state.deploy.last = Some((task.clone(), time, how));
}
