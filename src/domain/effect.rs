//! What has to be done outside because of what was recorded.

use super::actor::Party;
use super::bypass;
use super::change::Change;
use super::deploy;
use super::entry::Entry;
use super::event::Event;
use super::fleet;
use super::freeze;
use super::gate::GateName;
use super::lock;
use super::merge;
use super::message;
use super::name::{Oid, SeatName, TaskId};
use super::motion;
use super::panel;
use super::push;
use super::review;
use super::run::Completion;
use super::state::State;
use super::task::{self, Attempt, RunKind, Stage};
use super::workshop;
use std::collections::BTreeSet;

/// One thing to do. Its result comes back only as a command by the edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Measure a candidate against the tip and keep it under a reference of its own.
    Measure { task: TaskId, attempt: u32, commit: Oid },
    /// Run the tests on one of the attempt's trees.
    Test { task: TaskId, attempt: u32, kind: RunKind },
    Draw { task: TaskId, attempt: u32, gate: GateName },
    Redraw { task: TaskId, attempt: u32, gate: GateName },
    Judge { task: TaskId, attempt: u32, gate: GateName },
    /// Draw who looks at a bypass afterwards, and others in the place of who did not.
    FollowUp { task: TaskId },
    /// Build and sign the merge commit.
    BuildMerge { task: TaskId, attempt: u32 },
    /// Move the protected branch from `old` to `commit`.
    MoveMain { task: TaskId, attempt: u32, commit: Oid, old: Oid },
    /// Move the references of an accepted push.
    MoveRefs { push: String },
    /// Bring the approved history to the mirror and, where the owner wants it, home.
    Publish,
    /// Do this step of a deployment.
    Deploy { task: TaskId, step: deploy::Step },
    /// Freeze, since what was refused asks for it.
    Alarm,
    /// Look after those who wait for locks.
    Lend,
    /// Start these seats again.
    Refill { seats: Vec<SeatName> },
    /// End this instance, which is stuck.
    End { seat: SeatName, instance: u32 },
    /// Wake these parties if they wait for mail or for a lock.
    Ring { to: Vec<Party> },
}

/// What an entry, just applied, makes necessary.
pub fn react(state: &State, entry: &Entry) -> Vec<Effect> {
    match &entry.event {
        Event::Task(event) => match event {
            task::Event::Submitted { task, .. }
            | task::Event::Measured { task, .. }
            | task::Event::Tested { task, .. }
            | task::Event::Judged { task, .. }
            | task::Event::Outdated { task, .. } => next(state, task),
            task::Event::Opened { .. } | task::Event::Taken { .. } | task::Event::Released { .. } | task::Event::SentBack { .. } | task::Event::Stalled { .. } | task::Event::Vetoed { .. } => Vec::new(),
        },
        Event::Review(review::Event::Drawn { task, .. } | review::Event::Decided { task, .. }) => next(state, task),
        Event::Panel(event) => seated(state, event),
        Event::Motion(event) => decided(state, event),
        Event::Confirm(super::confirm::Event::Confirmed { task, .. }) => next(state, task),
        Event::Confirm(super::confirm::Event::Used { .. } | super::confirm::Event::Missed | super::confirm::Event::Reset { .. }) => Vec::new(),
        Event::Merge(merge::Event::Merged { .. }) => std::iter::once(Effect::Publish).chain(overtaken(state)).chain(follow_up(state)).collect(),
        Event::Bypass(bypass::Event::Signed { task, .. }) => next(state, task),
        // Whoever waited for the look goes on.
        Event::Bypass(bypass::Event::Reviewed { .. }) => state.tasks.keys().flat_map(|task| next(state, task)).collect(),
        // What waited for the answer goes on.
        Event::Bypass(bypass::Event::Answered { .. }) => waiting(state),
        // Others are drawn in the place of those who did not look.
        Event::Bypass(bypass::Event::Lapsed { task }) => vec![Effect::FollowUp { task: task.clone() }],
        Event::Bypass(bypass::Event::Opened { .. } | bypass::Event::Drawn { .. } | bypass::Event::Redrawn { .. }) => Vec::new(),
        Event::Merge(merge::Event::Intended { task, .. } | merge::Event::Missed { task, .. }) => next(state, task),
        Event::Merge(merge::Event::Home { .. }) => Vec::new(),
        Event::Push(push::Event::Landing { push }) => vec![Effect::MoveRefs { push: push.clone() }],
        Event::Push(push::Event::Accepted { .. } | push::Event::Landed { .. } | push::Event::Dropped { .. }) => Vec::new(),
        Event::Message(message::Event::Sent { statement, .. }) => {
            message::letter(statement).map(|letter| Effect::Ring { to: letter.to }).into_iter().collect()
        }
        Event::Message(message::Event::Returned { to }) => vec![Effect::Ring { to: vec![to.clone()] }],
        Event::Message(message::Event::Delivered { .. } | message::Event::Acknowledged { .. } | message::Event::Expired { .. } | message::Event::Sealed { .. }) => Vec::new(),
        Event::Lock(event) => lent(event),
        Event::Freeze(freeze::Event::Thawed { .. }) => outstanding(state),
        // Nobody waits for a lock any more.
        Event::Freeze(freeze::Event::Frozen { .. }) => vec![Effect::Ring { to: state.fleet_order.iter().cloned().map(Party::Seat).collect() }],
        Event::Refused(_) => alarm(state).into_iter().collect(),
        Event::Fleet(fleet::Event::Stuck { seat, instance, restart: true, .. }) => vec![Effect::End { seat: seat.clone(), instance: *instance }],
        Event::Fleet(fleet::Event::Recalled { seats }) => vec![Effect::Refill { seats: seats.clone() }],
        Event::Deploy(_) | Event::Workshop(workshop::Event::Rechartered { .. }) => deployment(state).into_iter().collect(),
        // What waited for the witness goes on.
        Event::Workshop(workshop::Event::Witnessed { .. }) => waiting(state),
        Event::Workshop(_) | Event::Key(_) | Event::Fleet(_) | Event::Alert(_) | Event::Freeze(freeze::Event::Agreed { .. }) => Vec::new(),
    }
}

/// Merges that are still to be made.
fn waiting(state: &State) -> Vec<Effect> {
    outstanding(state).into_iter().filter(|effect| matches!(effect, Effect::BuildMerge { .. })).collect()
}

fn follow_up(state: &State) -> impl Iterator<Item = Effect> {
    bypass::undrawn(state).map(|task| Effect::FollowUp { task: task.clone() })
}

/// The step of a deployment that can begin now.
fn deployment(state: &State) -> Option<Effect> {
    deploy::due(state).map(|(task, step)| Effect::Deploy { task, step })
}

/// What was merged and is not at home: everything stood still, it could not be brought, or the supervisor died.
fn homeward(state: &State) -> Option<Effect> {
    merge::unbrought(state).then_some(Effect::Publish)
}

fn alarm(state: &State) -> Option<Effect> {
    (state.frozen.is_none() && freeze::reached(state).is_some()).then_some(Effect::Alarm)
}

/// A motion about a change that is decided lets its gate be judged again.
fn decided(state: &State, event: &motion::Event) -> Vec<Effect> {
    let motion::Event::Closed { motion, .. } = event else { return Vec::new() };
    let task = state.motions.get(motion).and_then(|motion| motion.task.as_ref());
    task.map_or_else(Vec::new, |task| next(state, task))
}

/// Others are drawn in the place of who did not answer; a word taken back leaves its gate to be judged again.
fn seated(state: &State, event: &panel::Event) -> Vec<Effect> {
    match event {
        panel::Event::Lapsed { task, attempt, gate, asked: false, .. } => vec![Effect::Redraw { task: task.clone(), attempt: *attempt, gate: *gate }],
        panel::Event::Cosigned { task, .. } | panel::Event::Withdrawn { task, .. } | panel::Event::Lot { task, .. } | panel::Event::Redrawn { task, .. } => next(state, task),
        panel::Event::Lapsed { .. } | panel::Event::Reminded { .. } | panel::Event::Opened { .. } => Vec::new(),
    }
}

/// Those whose merge result was tested on the tip that was: they are tested anew, without anybody's word.
fn overtaken(state: &State) -> impl Iterator<Item = Effect> {
    state.tasks.iter().filter_map(|(task, known)| {
        let attempt = known.attempt.as_ref().filter(|attempt| attempt.is_stale(state))?;
        match attempt.stage {
            Stage::At(gate) if gate >= GateName::Qa => Some(Effect::Judge { task: task.clone(), attempt: attempt.number, gate }),
            Stage::Merging => Some(Effect::BuildMerge { task: task.clone(), attempt: attempt.number }),
            Stage::At(_) | Stage::Measuring | Stage::Moving { .. } | Stage::Merged | Stage::Back { .. } => None,
        }
    })
}

/// Whoever got a lock is told; what is free now goes on to whoever waits.
fn lent(event: &lock::Event) -> Vec<Effect> {
    let ring = lock::hears(event).map(|seat| Effect::Ring { to: vec![Party::Seat(seat.clone())] });
    let free = matches!(event, lock::Event::Released { .. } | lock::Event::Withdrawn { .. }).then_some(Effect::Lend);
    ring.into_iter().chain(free).collect()
}

/// Everything that is still to be done, from the state alone: what a restart begins with.
pub fn outstanding(state: &State) -> Vec<Effect> {
    let landing = state.pushes.keys().map(|push| Effect::MoveRefs { push: push.clone() });
    let steps = state.tasks.keys().flat_map(|task| next(state, task));
    let waiting = (!state.locks.queue.is_empty()).then_some(Effect::Lend);
    let called = fleet::called(state);
    let refill = (!called.is_empty()).then_some(Effect::Refill { seats: called });
    let ending = fleet::ending(state).into_iter().map(|(seat, instance)| Effect::End { seat, instance });
    alarm(state).into_iter().chain(ending).chain(landing).chain(steps).chain(waiting).chain(refill).chain(deployment(state)).chain(follow_up(state)).chain(homeward(state)).collect()
}

/// What a task's newest attempt needs now. A stalled one waits to be told.
fn next(state: &State, task: &TaskId) -> Vec<Effect> {
    let Some(known) = state.tasks.get(task) else { return Vec::new() };
    let Some(attempt) = known.attempt.as_ref().filter(|attempt| attempt.stalled.is_none()) else {
        return Vec::new();
    };
    let (task, attempt_number) = (task.clone(), attempt.number);
    match &attempt.stage {
        Stage::Measuring => vec![Effect::Measure { task, attempt: attempt_number, commit: attempt.commit.clone() }],
        Stage::At(gate) => at_gate(state, &task, attempt, *gate),
        Stage::Merging => vec![Effect::BuildMerge { task, attempt: attempt_number }],
        Stage::Moving { commit, old } => vec![Effect::MoveMain { task, attempt: attempt_number, commit: commit.clone(), old: old.clone() }],
        Stage::Merged | Stage::Back { .. } => Vec::new(),
    }
}

fn at_gate(state: &State, task: &TaskId, attempt: &Attempt, gate: GateName) -> Vec<Effect> {
    let number = attempt.number;
    let wanted = runs_at(state, attempt, gate);
    let has = |kind: &RunKind| attempt.runs.contains_key(kind);
    // Hunks that are taken back are compared with the candidate's own run.
    let early = |kind: &RunKind| *kind == RunKind::Sample && wanted.contains(&RunKind::Green) && !has(&RunKind::Green);
    let tests = wanted.iter().filter(|kind| !has(kind) && !early(kind)).map(|kind| Effect::Test { task: task.clone(), attempt: number, kind: *kind });
    let drawn_gate = matches!(gate, GateName::Peer | GateName::Qa | GateName::Deploy);
    let lapsed = attempt.draws.get(&gate).is_some_and(|draw| !draw.lapsed.is_empty());
    let redraw = lapsed.then(|| Effect::Redraw { task: task.clone(), attempt: number, gate });
    let draw = (drawn_gate && attempt.bypass.is_none() && !attempt.draws.contains_key(&gate)).then(|| Effect::Draw { task: task.clone(), attempt: number, gate });
    let todo: Vec<Effect> = tests.chain(draw).chain(redraw).collect();
    if todo.is_empty() && state.frozen.is_none() { vec![Effect::Judge { task: task.clone(), attempt: number, gate }] } else { todo }
}

/// The runs that are looked at while an attempt stands at this gate.
pub fn runs_at(state: &State, attempt: &Attempt, gate: GateName) -> BTreeSet<RunKind> {
    attempt.judged_at(gate).into_iter().flat_map(|gate| wanted(state, attempt, gate)).collect()
}

/// The runs that a gate looks at. Where base + tests do not build, only the candidate's run can tell which tests are meant.
fn wanted(state: &State, attempt: &Attempt, gate: GateName) -> Vec<RunKind> {
    let unbuilt = attempt.runs.get(&RunKind::Red).is_some_and(|tested| tested.run.completion == Completion::NotBuilt);
    let drifted = attempt.change.as_ref().is_some_and(|change| state.tip() != Some(&change.base)) && state.base_run.is_none();
    match gate {
        GateName::Red if unbuilt => vec![RunKind::Base, RunKind::Red, RunKind::Green],
        GateName::Red => vec![RunKind::Base, RunKind::Red],
        GateName::Green if keeps(state, attempt) => vec![RunKind::Base, RunKind::Red, RunKind::Green, RunKind::Kept],
        GateName::Green => vec![RunKind::Base, RunKind::Red, RunKind::Green],
        GateName::Qa => {
            let tip = drifted.then_some(RunKind::Tip);
            let sample = samples(state, attempt).then_some(RunKind::Sample);
            let cover = covers(state, attempt).then_some(RunKind::Cover);
            [RunKind::Base, RunKind::Merge].into_iter().chain(tip).chain(sample).chain(cover).collect()
        }
        GateName::Deploy => vec![RunKind::Merge],
        GateName::Peer => Vec::new(),
    }
}

/// Whether earlier test files are touched, so that they have to be run as they were.
fn keeps(state: &State, attempt: &Attempt) -> bool {
    let charter = state.charter();
    let asked = charter.gate(GateName::Green).checks.iter().any(|name| name == "old-tests-pass");
    let earlier = |change: &Change| charter.policy.tests_of(change).iter().any(|file| file.old.is_some());
    asked && attempt.change.as_ref().is_some_and(earlier)
}

/// Whether it is told which lines run: where source came through RED and GREEN, and the charter asks.
fn covers(state: &State, attempt: &Attempt) -> bool {
    let charter = state.charter();
    let asked = charter.gate(GateName::Qa).checks.iter().any(|name| name == "lines-covered");
    let wanted = |needs: &super::policy::Needs| needs.gates.contains(&GateName::Red) && charter.policy.qa.covered(needs.risk).is_some();
    asked && attempt.needs.as_ref().is_some_and(wanted)
}

/// Whether hunks are taken back: where source came through RED and GREEN, and the charter asks.
fn samples(state: &State, attempt: &Attempt) -> bool {
    let charter = state.charter();
    let asked = charter.gate(GateName::Qa).checks.iter().any(|name| name == "mutants-noticed");
    let wanted = |needs: &super::policy::Needs| needs.gates.contains(&GateName::Red) && charter.policy.qa.wanted(needs.risk).is_some();
    asked && attempt.needs.as_ref().is_some_and(wanted)
}
