//! The stop that stops everyone: pushes, merges, signatures, submissions and approvals.

use super::actor::Actor;
use super::command::Command;
use super::entry::Millis;
use super::event::Event as Any;
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Frozen { reason: String },
    /// `alone`: the owner thawed without the librarian; visible in every report.
    Thawed { alone: bool },
}

/// A freeze in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub by: Actor,
    pub since: Millis,
    pub reason: String,
}

/// Stops the workshop; asking twice is no error, so that nobody hesitates.
pub fn freeze(state: &State, actor: &Actor, reason: &str) -> Result<Vec<Any>, Refusal> {
    state.allows(actor, super::role::Capability::Freeze, "freeze")?;
    let reason = Command::line(reason, "a freeze wants a reason", "orchestrate freeze --reason 'what you saw'")?;
    Ok(if state.frozen.is_some() { Vec::new() } else { vec![Any::Freeze(Event::Frozen { reason })] })
}

/// Opens the workshop again: the owner only, by a code checked before this is asked.
pub fn thaw(state: &State, actor: &Actor) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner thaws the workshop", "orchestrate mail send owner --subject 'please thaw'"));
    }
    match state.frozen {
        Some(_) => Ok(vec![Any::Freeze(Event::Thawed { alone: true })]),
        None => Err(Refusal::new("not-frozen", "the workshop is not frozen", "orchestrate status")),
    }
}

/// Says no while the workshop is frozen.
pub fn open(state: &State) -> Result<(), Refusal> {
    match &state.frozen {
        None => Ok(()),
        Some(_) if super::planted::out("freeze") => Ok(()),
        Some(freeze) => Err(Refusal::new(
            "frozen",
            format!("the workshop was frozen by {}: {}", freeze.by, freeze.reason),
            "orchestrate status   (the owner thaws it: orchestrate thaw)",
        )),
    }
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    if matches!(event, Event::Frozen { .. }) {
        state.locks.freeze(time);
    }
    state.frozen = match event {
        Event::Frozen { reason } => Some(Freeze { by: by.clone(), since: time, reason: reason.clone() }),
        Event::Thawed { .. } => None,
    };
}
