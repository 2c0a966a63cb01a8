//! Whose a task is: taken, reserved for somebody, given back or taken away.

use super::{Event, Stage, Task};
use crate::domain::actor::Actor;
use crate::domain::budget;
use crate::domain::command::Command;
use crate::domain::entry::Millis;
use crate::domain::event::Event as Any;
use crate::domain::gate::GateName;
use crate::domain::message;
use crate::domain::name::{SeatName, TaskId};
use crate::domain::planted;
use crate::domain::policy::Act;
use crate::domain::refusal::Refusal;
use crate::domain::role::Capability;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// The section `tasks` of the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Unfinished tasks that a seat may have at once; 0, which a charter without it means, is any number.
    pub held: u32,
}

impl Terms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One seat works on a task at a time; the first to take it has it, or for whom it is reserved.
pub fn take(state: &State, actor: &Actor, task: &TaskId) -> Result<Vec<Any>, Refusal> {
    super::super::freeze::open(state)?;
    state.allows(actor, Capability::TakeTask, "take a task")?;
    let known = state.task(task)?;
    known.vetoed()?;
    let Some(seat) = actor.seat() else {
        return Err(Refusal::new("seat-only", "only a seat takes a task", "orchestrate task list"));
    };
    match (&known.author, &known.assigned) {
        (Some(author), _) if author == seat => Ok(Vec::new()),
        (Some(author), _) => Err(Refusal::new("taken", format!("{author} works on {task}"), "orchestrate task list")),
        (None, Some(other)) if other != seat && !planted::out("reserved") => {
            Err(Refusal::new("reserved", format!("{task} is reserved for {other}"), "orchestrate task list"))
        }
        (None, _) => few(state, seat).map(|()| vec![Any::Task(Event::Taken { task: task.clone() })]),
    }
}

/// Says no to one who has as many unfinished tasks as a seat may have.
fn few(state: &State, seat: &SeatName) -> Result<(), Refusal> {
    let most = state.charter().policy.tasks.held as usize;
    let unfinished = |known: &&Task| known.author.as_ref() == Some(seat) && known.merged.is_none() && known.veto.is_none();
    let has = state.tasks.values().filter(unfinished).count();
    if most == 0 || has < most {
        return Ok(());
    }
    let why = format!("{seat} has {has} unfinished tasks, and a seat has at most {most}: finish one, or give one back (orchestrate task release)");
    Err(Refusal::new("too-many-tasks", why, "orchestrate task list"))
}

/// Says no where a task would be reserved for one that cannot take it.
pub(super) fn assignable(state: &State, assign: Option<&SeatName>) -> Result<(), Refusal> {
    match assign.filter(|seat| !state.capable(seat, Capability::TakeTask)) {
        None => Ok(()),
        Some(seat) => Err(Refusal::new("no-such-seat", format!("{seat} is no seat that takes tasks"), "orchestrate status")),
    }
}

/// Gives a task back, or takes it away; what was under way of it is over, and whoever had a hand in it stays a contributor.
pub fn release(state: &State, actor: &Actor, now: Millis, task: &TaskId, reason: &str, assign: Option<&SeatName>) -> Result<Vec<Any>, Refusal> {
    super::super::freeze::open(state)?;
    let known = state.task(task)?;
    known.vetoed()?;
    let own = mine(known, actor) && assign.is_none();
    if !own && !may(state, known, actor) {
        let why = format!("{task} is given back by who has it, or taken away by the owner, or by a role that plans or may veto");
        return Err(Refusal::new("not-your-task", why, "orchestrate mail send orchestrator"));
    }
    standing(known, task, assign)?;
    assignable(state, assign)?;
    let reason = match reason {
        "" if own => String::new(),
        words => Command::line(words, "taking a task away wants a reason", &format!("orchestrate task release {task} --reason 'why'"))?,
    };
    // Whoever may take it is written to.
    actor.seat().map_or(Ok(()), |seat| budget::within(state, seat, Act::Messages, now))?;
    let from = known.author.clone();
    let released = Any::Task(Event::Released { task: task.clone(), reason: reason.clone(), from: from.clone(), assign: assign.cloned() });
    let told = from.into_iter().filter(|seat| actor.seat() != Some(seat)).collect();
    let text = format!("{actor} took {task} away from you: {reason}\n\nWhat you pushed of it stays. See: orchestrate task list");
    let lost = message::notice(state, now, told, &format!("{task} is not yours any more"), &text, Some(task));
    let to = assign.map_or_else(|| state.with(Capability::TakeTask), |seat| vec![seat.clone()]);
    let to = to.into_iter().filter(|seat| actor.seat() != Some(seat)).collect();
    let text = format!("{task}: {}\n\n{actor} released it. {reason}\n\nTake it: orchestrate task take {task}", known.title);
    let open = message::notice(state, now, to, &format!("{task} is open"), &text, Some(task));
    Ok(std::iter::once(released).chain(message::chain(lost, open)).collect())
}

/// Who has it, or for whom it is reserved.
fn mine(known: &Task, actor: &Actor) -> bool {
    actor.seat().is_some() && known.author.as_ref().or(known.assigned.as_ref()) == actor.seat()
}

/// The owner may, and who plans or may veto; who opened it may reserve it for another until somebody takes it.
fn may(state: &State, known: &Task, actor: &Actor) -> bool {
    match actor {
        Actor::Owner => true,
        Actor::Edge => false,
        Actor::Seat(seat) => {
            let able = [Capability::Plan, Capability::Veto].iter().any(|capability| state.capable(seat, *capability));
            able || (known.author.is_none() && known.opened_by == *actor) || planted::out("release-role")
        }
    }
}

fn standing(known: &Task, task: &TaskId, assign: Option<&SeatName>) -> Result<(), Refusal> {
    let moving = known.attempt.as_ref().is_some_and(|attempt| matches!(attempt.stage, Stage::Moving { .. }));
    match () {
        () if known.merged.is_some() => {
            Err(Refusal::new("merged-already", format!("{task} is on the protected branch already"), "orchestrate task list"))
        }
        () if moving => Err(Refusal::new("merging", format!("{task} is being merged at this moment"), format!("orchestrate task show {task}"))),
        () if known.author.is_none() && known.assigned.as_ref() == assign => {
            Err(Refusal::new("not-taken", format!("nobody has {task}"), format!("orchestrate task take {task}")))
        }
        () => Ok(()),
    }
}

impl Task {
    /// Nobody's, or somebody's to take: its candidate ends, with everything said about it, and its hands stay known.
    pub(super) fn let_go(&mut self, from: Option<&SeatName>, assign: Option<&SeatName>) {
        self.former.extend(from.cloned());
        self.assigned = assign.cloned();
        self.author = None;
        let Some(attempt) = &mut self.attempt else { return };
        self.former.extend(attempt.contributors.iter().cloned());
        let gate = match &attempt.stage {
            Stage::At(gate) | Stage::Back { gate, .. } => *gate,
            Stage::Measuring | Stage::Merging | Stage::Moving { .. } | Stage::Merged => GateName::Red,
        };
        attempt.stage = Stage::Back { gate, why: "its task was released".to_owned() };
        // Nothing of it is built on: neither a fix nor a bypass.
        (attempt.failed, attempt.round, attempt.stalled) = (None, None, None);
    }
}
