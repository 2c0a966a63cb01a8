//! Effects become deeds: measure, test, merge, publish. Their results come back as commands by the edge.

mod cover;
pub(super) mod lay;
mod provided;
mod sample;

use super::drive::Denied;
use super::runs::Line;
use super::yard::{Yard, blocking};
use crate::domain::actor::{Actor, Party};
use crate::domain::change::{Blob, Change};
use crate::domain::command::Act;
use crate::domain::effect::{self, Effect};
use crate::domain::failure::Failure;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, RefName, TaskId};
use crate::domain::policy::{PathKind, Policy, RunLimits};
use crate::domain::run::{Completion, Run};
use crate::domain::state::State;
use crate::domain::task::{Attempt, RunKind, Stage};
use crate::edge::git::{Gate, MergeTree, Move};
use crate::edge::keys::sign_commit;
use crate::edge::runner::{self, Harness, Job};
use lay::Laid;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Between two looks whether a run is still waited for, at least.
const APART: Duration = Duration::from_millis(500);

/// What is being done, and whether it was asked for again meanwhile: its end may be the very reason to begin anew.
type UnderWay = BTreeMap<Effect, bool>;

/// Takes effects as they come; the same effect is never done twice at once.
pub async fn run(yard: Arc<Yard>, mut effects: mpsc::UnboundedReceiver<Vec<Effect>>) {
    let (done, mut finished) = mpsc::unbounded_channel();
    let mut under_way: UnderWay = BTreeMap::new();
    loop {
        tokio::select! {
            Some(effect) = finished.recv() => {
                if under_way.remove(&effect) == Some(true) {
                    start(&yard, &done, &mut under_way, effect);
                }
            }
            batch = effects.recv() => {
                let Some(batch) = batch else { return };
                for effect in batch {
                    start(&yard, &done, &mut under_way, effect);
                }
            }
        }
    }
}

fn start(yard: &Arc<Yard>, done: &mpsc::UnboundedSender<Effect>, under_way: &mut UnderWay, effect: Effect) {
    if let Effect::Ring { to } = &effect {
        to.iter().for_each(|party| yard.ring(party));
        return;
    }
    if let Some(again) = under_way.get_mut(&effect) {
        *again = true;
        return;
    }
    under_way.insert(effect.clone(), false);
    let (yard, done) = (Arc::clone(yard), done.clone());
    tokio::spawn(async move {
        if let Err(failure) = perform(&yard, &effect).await {
            stall(&yard, &effect, &failure).await;
        }
        drop(done.send(effect));
    });
}

async fn perform(yard: &Arc<Yard>, effect: &Effect) -> Result<(), Failure> {
    match effect {
        Effect::Measure { task, attempt, commit } => measure(yard, task, *attempt, commit).await,
        Effect::Test { task, attempt, kind } => test(yard, task, *attempt, *kind).await,
        Effect::BuildMerge { task, attempt } => build_merge(yard, task, *attempt).await,
        Effect::Publish => publish(yard).await,
        Effect::Deploy { task, step } => super::deploy::step(yard, task, *step).await,
        Effect::Refill { .. } => super::seats::refill(yard).await,
        Effect::End { seat, instance } => super::seats::stuck::end(yard, seat, *instance).await,
        Effect::Ring { .. } | Effect::Lend | Effect::Alarm | Effect::Draw { .. } | Effect::Redraw { .. } | Effect::Judge { .. } | Effect::FollowUp { .. } | Effect::MoveMain { .. } | Effect::MoveRefs { .. } => Ok(()),
    }
}

/// Trouble outside stops the attempt where it stands and says so.
async fn stall(yard: &Arc<Yard>, effect: &Effect, failure: &Failure) {
    eprintln!("orchestrate: {effect:?}: {failure}");
    let (task, attempt) = match effect {
        Effect::Measure { task, attempt, .. } | Effect::Test { task, attempt, .. } | Effect::BuildMerge { task, attempt } => (task, *attempt),
        Effect::Ring { .. }
        | Effect::Refill { .. }
        | Effect::End { .. }
        | Effect::Lend
        | Effect::Alarm
        | Effect::Draw { .. }
        | Effect::Redraw { .. }
        | Effect::Judge { .. }
        | Effect::MoveMain { .. }
        | Effect::MoveRefs { .. }
        | Effect::Deploy { .. }
        | Effect::FollowUp { .. }
        | Effect::Publish => return,
    };
    let why = format!("{failure}{}", if failure.hint.is_empty() { String::new() } else { format!(" ({})", failure.hint) });
    tell(yard, Act::Stalled { task: task.clone(), attempt, why }).await;
}

/// Brings a result to the loop. A refusal means that the attempt is over; the result is then nobody's.
async fn tell(yard: &Arc<Yard>, act: Act) {
    match yard.ask(Actor::Edge, act).await {
        Ok(_) | Err(Denied::Refused(_)) => {}
        Err(Denied::Failed(failure)) => eprintln!("orchestrate: {failure}"),
    }
}

async fn measure(yard: &Arc<Yard>, task: &TaskId, attempt: u32, commit: &Oid) -> Result<(), Failure> {
    let kept = RefName::new(format!("refs/gate/tasks/{}/{attempt}", task.as_str().to_lowercase())).map_err(|why| Failure::new("cannot keep a candidate", why))?;
    let (here, name, wanted) = (Arc::clone(yard), kept.clone(), commit.clone());
    let asked = task.clone();
    let before = yard.see(move |state, _| Some(state.tasks.get(&asked)?.attempt.as_ref()?.before.as_ref()?.commit.clone())).await?;
    let (change, since) = blocking(move || {
        let gate = here.gate()?;
        if gate.find_ref(&name)?.as_ref() != Some(&wanted) {
            gate.move_refs(&[Move { name, old: None, new: Some(wanted.clone()) }])?;
        }
        let measure = |from: &Oid| gate.change(from, &wanted, &|raw| here.judge(raw));
        Ok((measure(&gate.tip()?)?, before.as_ref().map(measure).transpose()?))
    })
    .await?;
    let (change, since) = (Box::new(change), since.map(Box::new));
    tell(yard, Act::Measured { task: task.clone(), attempt, change, since, kept }).await;
    Ok(())
}

/// What a run needs to know of its attempt.
struct Trial {
    kind: RunKind,
    change: Change,
    tip: Oid,
    policy: Policy,
    limits: RunLimits,
    /// The candidate's run, which mutants are compared with, and how long it took once.
    green: Option<Run>,
    /// A run that is known already for the tree that is asked for.
    known: Option<Run>,
    /// Whether this change needs its tests to be run at all.
    wanted: bool,
    /// Set when nobody waits for the run any more.
    cancel: Arc<AtomicBool>,
}

enum Trialled {
    Run { run: Box<Run>, declared: Vec<String> },
    Conflict(Vec<String>),
}

async fn test(yard: &Arc<Yard>, task: &TaskId, attempt: u32, kind: RunKind) -> Result<(), Failure> {
    let asked = task.clone();
    let Some(author) = yard.see(move |state, _| state.tasks.get(&asked)?.author.clone()).await? else { return Ok(()) };
    let (trialled, tip) = loop {
        let running = yard.runs.turn(Line::of(kind), &author).await?;
        // Only now: while it waited for its turn another attempt may have come, or another tip.
        let Some(trial) = trial(yard, task, attempt, kind).await? else { return Ok(()) };
        let tip = matches!(kind, RunKind::Merge | RunKind::Tip | RunKind::Cover).then(|| trial.tip.clone());
        let (here, cancel) = (Arc::clone(yard), Cancel(Arc::clone(&trial.cancel)));
        let mut trying = std::pin::pin!(blocking(move || {
            let result = try_out(&here, &trial);
            drop(running);
            result
        }));
        tokio::select! {
            trialled = &mut trying => break (trialled?, tip),
            () = unwanted(yard, task, attempt, kind, tip.as_ref()) => {}
        }
        // The place is given back when all is gone; whatever came of it is nobody's.
        drop(cancel);
        if let Err(failure) = trying.await {
            eprintln!("orchestrate: a run of {task} that nobody waits for: {failure}");
        }
        if *yard.stop.borrow() {
            return Ok(());
        }
    };
    let task = task.clone();
    let act = match trialled {
        Trialled::Conflict(paths) => {
            let why = format!("it conflicts with the protected branch in {}", paths.join(", "));
            Act::Conflicted { task, attempt, why }
        }
        Trialled::Run { run, .. } if run.completion == Completion::Infrastructure => Act::Stalled { task, attempt, why: run.note },
        Trialled::Run { run, declared } => Act::Tested { task, attempt, kind, tip, declared, run },
    };
    tell(yard, act).await;
    Ok(())
}

/// Ends a run when it goes, also where nobody comes to say so.
struct Cancel(Arc<AtomicBool>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The attempt, while it waits for this run.
fn waits<'s>(state: &'s State, task: &TaskId, attempt: u32, kind: RunKind) -> Option<&'s Attempt> {
    let known = state.tasks.get(task).filter(|known| known.veto.is_none())?;
    let now = known.attempt.as_ref().filter(|now| now.number == attempt && !now.runs.contains_key(&kind))?;
    let Stage::At(gate) = now.stage else { return None };
    effect::runs_at(state, now, gate).contains(&kind).then_some(now)
}

/// Ends when nobody waits for a run any more: another candidate has come, it was sent back, given back or vetoed, a bypass leaves it out, the
/// branch is no longer what it is made on, or the supervisor stops.
async fn unwanted(yard: &Arc<Yard>, task: &TaskId, attempt: u32, kind: RunKind, tip: Option<&Oid>) {
    let (mut grown, mut stop, mut apart) = (yard.grown.subscribe(), yard.stop.subscribe(), tokio::time::interval(APART));
    apart.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (asked, tip) = (task.clone(), tip.cloned());
        let stands = move |state: &State| tip.is_none() || tip.as_ref() == state.tip();
        if !matches!(yard.see(move |state, _| waits(state, &asked, attempt, kind).is_some() && stands(state)).await, Ok(true)) {
            return;
        }
        let changed = async {
            apart.tick().await;
            grown.changed().await
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            changed = changed => if changed.is_err() { return },
        }
    }
}

async fn trial(yard: &Arc<Yard>, task: &TaskId, attempt: u32, kind: RunKind) -> Result<Option<Trial>, Failure> {
    let task = task.clone();
    yard.see(move |state, _| {
        let now = waits(state, &task, attempt, kind)?;
        let change = now.change.clone()?;
        let gate = match kind {
            RunKind::Base | RunKind::Red => GateName::Red,
            RunKind::Green | RunKind::Kept => GateName::Green,
            RunKind::Merge | RunKind::Tip | RunKind::Sample | RunKind::Cover => GateName::Qa,
        };
        let known = state.base_run.clone().filter(|run| kind == RunKind::Base && run.tree == change.base_tree);
        let wanted = kind != RunKind::Merge || now.needs.is_none() || now.gates().contains(&GateName::Qa);
        let charter = state.charter();
        let (policy, limits) = (charter.policy.clone(), charter.run_limits(gate));
        let times = u64::from(charter.run_limits(GateName::Green).runs.max(1));
        let green = now.runs.get(&RunKind::Green).map(|tested| Run { duration_ms: tested.run.duration_ms / times, ..tested.run.clone() });
        Some(Trial { kind, green, change, tip: state.tip()?.clone(), policy, limits, known, wanted, cancel: Arc::default() })
    })
    .await
}

fn try_out(yard: &Yard, trial: &Trial) -> Result<Trialled, Failure> {
    if let Some(run) = &trial.known {
        return Ok(Trialled::Run { run: Box::new(run.clone()), declared: Vec::new() });
    }
    let gate = yard.gate()?;
    let tree = match tree(gate, trial)? {
        MergeTree::Clean(tree) => tree,
        MergeTree::Conflict(paths) => return Ok(Trialled::Conflict(paths)),
    };
    if !trial.wanted {
        return Ok(Trialled::Run { run: Box::new(unasked(tree)), declared: Vec::new() });
    }
    if trial.kind == RunKind::Sample {
        return sample::run(yard, trial).map(|run| Trialled::Run { run: Box::new(run), declared: Vec::new() });
    }
    if trial.kind == RunKind::Cover {
        return cover::run(yard, trial, &tree).map(|run| Trialled::Run { run: Box::new(run), declared: Vec::new() });
    }
    let run = run_often(yard, trial, &tree)?;
    let declared = if run.missing.is_empty() { Vec::new() } else { declared(yard, trial, &run.missing)? };
    Ok(Trialled::Run { run: Box::new(run), declared })
}

/// The tree that a run of this kind is made on.
fn tree(gate: &Gate, trial: &Trial) -> Result<MergeTree, Failure> {
    match trial.kind {
        RunKind::Base => Ok(MergeTree::Clean(trial.change.base_tree.clone())),
        RunKind::Green | RunKind::Sample => Ok(MergeTree::Clean(trial.change.tree.clone())),
        RunKind::Red => {
            let tests = trial.policy.tests_of(&trial.change);
            let files: Vec<(String, Option<Blob>)> = tests.iter().map(|file| (file.path.clone(), file.new.clone())).collect();
            gate.compose(&trial.change.base_tree, &files).map(MergeTree::Clean)
        }
        // Earlier test files as they were: what is only added stays, so that it cannot be missed either.
        RunKind::Kept => {
            let tests = trial.policy.tests_of(&trial.change);
            let files: Vec<(String, Option<Blob>)> = tests.iter().filter(|file| file.old.is_some()).map(|file| (file.path.clone(), file.old.clone())).collect();
            gate.compose(&trial.change.tree, &files).map(MergeTree::Clean)
        }
        RunKind::Merge | RunKind::Cover => gate.merge(&trial.tip, &trial.change.commit),
        RunKind::Tip => gate.tree_of(&trial.tip).map(MergeTree::Clean),
    }
}

fn unasked(tree: Oid) -> Run {
    Run {
        tree,
        harness: "none".to_owned(),
        command: Vec::new(),
        completion: Completion::Finished,
        results: BTreeMap::new(),
        missing: Vec::new(),
        note: "the policy asks for no test run of this kind of change".to_owned(),
        output: Digest::of(b""),
        duration_ms: 0,
        coverage: None,
    }
}

/// Runs the tests as often as the policy wants of what the author brings; only what all runs agree on counts.
fn run_often(yard: &Yard, trial: &Trial, tree: &Oid) -> Result<Run, Failure> {
    let times = if matches!(trial.kind, RunKind::Red | RunKind::Green) { trial.limits.runs.max(1) } else { 1 };
    let mut laid = Laid::of(yard, tree)?;
    let mut agreed: Option<Run> = None;
    for time in 0..times {
        if time > 0 && !laid.is_as_it_was(yard) {
            laid = Laid::of(yard, tree)?;
        }
        let run = run_in(yard, trial, tree, &laid.dir());
        agreed = Some(match agreed {
            None => run,
            Some(before) => before.agree(run),
        });
        if agreed.as_ref().is_some_and(|run| run.completion != Completion::Finished) {
            break;
        }
    }
    if let Some(run) = &agreed {
        laid.give_back_after(yard, run);
    }
    agreed.ok_or_else(|| Failure::new("BUG: no test run was made", tree))
}

/// One run, on a checkout that nothing was left in.
fn run_tests(yard: &Yard, trial: &Trial, tree: &Oid) -> Result<Run, Failure> {
    let laid = Laid::of(yard, tree)?;
    let run = run_in(yard, trial, tree, &laid.dir());
    laid.give_back_after(yard, &run);
    Ok(run)
}

fn run_in(yard: &Yard, trial: &Trial, tree: &Oid, checkout: &Path) -> Run {
    with_job(yard, trial, tree, checkout, runner::run)
}

fn with_job(yard: &Yard, trial: &Trial, tree: &Oid, checkout: &Path, run: impl FnOnce(&Job) -> Run) -> Run {
    let harness = match &trial.limits.command[..] {
        [] => runner::detect(checkout),
        command => Some(Harness::Command { argv: command.to_vec(), junit: None }),
    };
    let not = |note: String| Run { completion: Completion::Infrastructure, note, ..unasked(tree.clone()) };
    let Some(harness) = harness else {
        return not("no test command was found: set runner.command in your config.toml, then `orchestrate config adopt`".to_owned());
    };
    let dependencies = match provided::binds(&yard.repo, checkout, &trial.limits.provided) {
        Ok(dependencies) => dependencies,
        Err(note) => return not(note),
    };
    let limits = runner::RunLimits {
        wall: Duration::from_secs(trial.limits.wall_seconds.into()),
        output: trial.limits.output_bytes,
        memory: Some(trial.limits.memory_bytes),
        processes: 4096,
    };
    let job = Job { tree, checkout, harness, launcher: &yard.launcher, isolation: yard.isolation, limits, cancel: Some(&trial.cancel), dependencies };
    run(&job)
}

/// The missing symbols that the candidate's own code brings and the base's lacks.
fn declared(yard: &Yard, trial: &Trial, missing: &[String]) -> Result<Vec<String>, Failure> {
    let (base, candidate) = (Laid::of(yard, &trial.change.base_tree)?, Laid::of(yard, &trial.change.tree)?);
    let added = runner::added_symbols(missing, &base.dir(), &candidate.dir(), &|path| trial.policy.kind(path) == PathKind::Test);
    base.give_back(yard);
    candidate.give_back(yard);
    Ok(added)
}

/// What a merge commit says of itself.
struct Draft {
    title: String,
    author: String,
    author_email: String,
    candidate: Oid,
    tip: Oid,
    tree: Oid,
    policy: Digest,
    size: u64,
    root: [u8; 32],
}

async fn build_merge(yard: &Arc<Yard>, task: &TaskId, attempt: u32) -> Result<(), Failure> {
    let wanted = task.clone();
    let draft = yard.see(move |state, ledger| draft(state, ledger, &wanted, attempt)).await?;
    let Some(draft) = draft else { return Ok(()) };
    let (here, name) = (Arc::clone(yard), task.clone());
    let (commit, old, tree) = blocking(move || {
        let raw = compose(&here, &name, attempt, &draft);
        let signed = sign_commit(raw.as_bytes(), &*here.keys.of(&Party::Gatekeeper)?)?;
        Ok((here.gate()?.write_commit(&signed)?, draft.tip, draft.tree))
    })
    .await?;
    tell(yard, Act::MergeBuilt { task: task.clone(), attempt, commit, old, tree }).await;
    Ok(())
}

fn draft(state: &State, ledger: &dyn crate::ledger::Ledger, task: &TaskId, attempt: u32) -> Option<Draft> {
    let known = state.tasks.get(task)?;
    let now = known.attempt.as_ref().filter(|now| now.number == attempt)?;
    let author = known.author.as_ref()?;
    Some(Draft {
        title: known.title.clone(),
        author: author.to_string(),
        author_email: state.email(author),
        candidate: now.commit.clone(),
        tip: state.tip()?.clone(),
        tree: now.runs.get(&RunKind::Merge)?.run.tree.clone(),
        policy: state.policy.clone(),
        size: ledger.len(),
        root: ledger.root(),
    })
}

/// The merge commit, unsigned: one parent, the tested tree, and what leads from it to the record.
fn compose(yard: &Yard, task: &TaskId, attempt: u32, draft: &Draft) -> String {
    let seconds = yard.clock.now() / 1000;
    let workshop = &yard.workshop;
    format!(
        "tree {}\nparent {}\nauthor {} <{}> {seconds} +0000\ncommitter gatekeeper <gatekeeper@{workshop}.orchestrate> {seconds} +0000\n\n{}\n\n\
         Task: {task}\nAttempt: {attempt}\nCandidate: {}\nAuthor-Seat: {}\nPolicy: {}\nCheckpoint: {} {}\nOrigin: {workshop}\n",
        draft.tree,
        draft.tip,
        draft.author,
        draft.author_email,
        draft.title,
        draft.candidate,
        draft.author,
        draft.policy,
        draft.size,
        hex::encode(draft.root),
    )
}

/// So long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// Brings what is merged out, again and again until it is there: nobody else would ask for it before the next merge.
async fn publish(yard: &Arc<Yard>) -> Result<(), Failure> {
    let mut stop = yard.stop.subscribe();
    while let Err(failure) = bring(yard).await {
        eprintln!("orchestrate: {:?}: {failure}", Effect::Publish);
        if tokio::time::timeout(AGAIN, stop.changed()).await.is_ok() {
            break;
        }
    }
    Ok(())
}

/// Brings the approved history to the mirror and, where the owner's policy says so, home.
async fn bring(yard: &Arc<Yard>) -> Result<(), Failure> {
    let here = Arc::clone(yard);
    blocking(move || {
        let gate = here.gate()?;
        gate.refresh_mirror(&here.place.mirror(), gate.branch())
    })
    .await?;
    let automatic = yard.see(|state, _| state.charter().policy.delivery.automatic).await?;
    match if automatic { super::home::deliver(yard).await.map(drop) } else { Ok(()) } {
        // What is merged goes home after the thaw, which asks for everything that is still to be done.
        Ok(()) | Err(Denied::Refused(_)) => Ok(()),
        Err(Denied::Failed(failure)) => Err(failure),
    }
}
