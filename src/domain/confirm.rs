//! The owner's second factor, bound to exactly what was shown.

use super::actor::{Actor, Party};
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::gate::GateName;
use super::name::{Digest, TaskId};
use super::refusal::Refusal;
use super::state::State;
use super::statement::{self, Bound};
use super::task::{self, Stage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Wrong codes until a cool-down, a long lock-out, and the end of trying; and the length of the two pauses.
pub const LADDER: [(u32, Millis); 3] = [(3, 5 * 60_000), (5, 60 * 60_000), (10, Millis::MAX)];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The owner confirmed an attempt; `step` is the time step of the code, used once.
    Confirmed { task: TaskId, attempt: u32, step: u64, statement: Envelope },
    /// A code was used for something else than a task, such as a thaw.
    Used { step: u64, what: String },
    Missed,
    /// A recovery code was spent: the secret is a new one from now on.
    Reset { code: u8, generation: u32 },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Confirmed { statement, .. } => Some((Party::Owner, statement)),
            Self::Used { .. } | Self::Missed | Self::Reset { .. } => None,
        }
    }
}

/// Where the owner's code counter stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    pub last_step: u64,
    pub missed: u32,
    pub locked_until: Millis,
    /// How often the secret was made anew, and the recovery codes that were spent on it.
    #[serde(default, skip_serializing_if = "is_first")]
    pub generation: u32,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spent: BTreeSet<u8>,
}

fn is_first(generation: &u32) -> bool {
    *generation == 0
}

impl Codes {
    /// A right code ends a row of wrong ones; what was reset stays reset.
    pub(super) fn after(&self, step: u64) -> Self {
        Self { last_step: step, generation: self.generation, spent: self.spent.clone(), ..Self::default() }
    }
}

/// The digest of what a confirmation binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(pub Digest);

impl Shown {
    pub fn of(bound: &Bound<'_>) -> Self {
        Self(Digest::of(&serde_json::to_vec(bound).expect("BUG: a binding is always writable as JSON")))
    }
}

/// Says whether a code may be tried now; while locked out even the right code is refused.
pub fn unlocked(state: &State, now: Millis) -> Result<(), Refusal> {
    if state.codes.locked_until > now {
        let left = match state.codes.locked_until {
            Millis::MAX => "any more".to_owned(),
            until => format!("for {} s more, the right one neither", (until - now).div_ceil(1000)),
        };
        let why = format!("{} wrong codes in a row: no code is accepted {left}", state.codes.missed);
        return Err(Refusal::new("locked-out", why, "orchestrate totp reset   (with a recovery code, at once)"));
    }
    Ok(())
}

/// Takes a code the edge compared; `None` is a wrong code, a step used before counts as wrong.
pub fn code(state: &State, now: Millis, step: Option<u64>) -> Result<Option<u64>, Refusal> {
    unlocked(state, now)?;
    Ok(step.filter(|step| *step > state.codes.last_step))
}

/// Makes the secret anew, for a recovery code that was never used; also while locked out, as that is what it is for.
pub fn reset(state: &State, actor: &Actor, code: Option<u8>) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner resets the second factor", "orchestrate whoami"));
    }
    Ok(vec![Any::Confirm(match code.filter(|code| !state.codes.spent.contains(code)) {
        Some(code) => Event::Reset { code, generation: state.codes.generation + 1 },
        None => Event::Missed,
    })])
}

/// Confirms an attempt: the owner only, for exactly the digest that was shown.
pub fn confirm(state: &State, actor: &Actor, now: Millis, task: &TaskId, shown: &Digest, step: Option<u64>) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner confirms", format!("orchestrate gate show {task}")));
    }
    let known = state.task(task)?;
    known.vetoed()?;
    let hint = format!("orchestrate task confirm {task}");
    let Some(attempt) = known.attempt.as_ref().filter(|attempt| attempt.stage == Stage::At(GateName::Deploy)) else {
        return Err(Refusal::new("not-at-deploy", format!("{task} does not wait for a confirmation"), format!("orchestrate gate show {task}")));
    };
    let index = attempt.draws.get(&GateName::Deploy).map_or(attempt.submitted, |draw| draw.seq);
    let bound = task::bound_at(state, task, attempt, index, GateName::Deploy)?;
    if Shown::of(&bound).0 != *shown {
        return Err(Refusal::new("other-digest", format!("{task} is not what was shown any more"), hint));
    }
    let Some(step) = code(state, now, step)? else {
        return Ok(vec![Any::Confirm(Event::Missed)]);
    };
    let statement = statement::confirmation(&bound, shown);
    Ok(vec![Any::Confirm(Event::Confirmed { task: task.clone(), attempt: attempt.number, step, statement })])
}

pub fn apply(state: &mut State, time: Millis, event: &Event) {
    match event {
        Event::Confirmed { task, attempt, step, .. } => {
            state.codes = state.codes.after(*step);
            task::on_attempt(state, task, *attempt, |now| now.confirmed = true);
        }
        Event::Used { step, .. } => state.codes = state.codes.after(*step),
        Event::Reset { code, generation } => {
            state.codes = Codes { generation: *generation, ..state.codes.after(0) };
            state.codes.spent.insert(*code);
        }
        Event::Missed => {
            state.codes.missed += 1;
            let rung = LADDER.iter().rev().find(|(count, _)| state.codes.missed >= *count);
            state.codes.locked_until = rung.map_or(0, |(_, pause)| time.saturating_add(*pause));
        }
    }
}
