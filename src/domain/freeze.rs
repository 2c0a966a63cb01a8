//! The stop that stops everyone: pushes, merges, signatures, submissions and approvals.

mod trigger;

pub use trigger::{Attempts, BYPASSES, Bypass, Cause, Trigger, Triggers, kind, note, reached};

use super::actor::Actor;
use super::command::Command;
use super::entry::Millis;
use super::event::Event as Any;
use super::gate::GateName;
use super::message;
use super::name::TaskId;
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// `cause` where nobody ordered it.
    Frozen {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
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

impl Freeze {
    /// Who froze it, for people.
    pub fn who(&self) -> String {
        who(&self.by)
    }
}

/// Who froze a workshop, for people.
pub fn who(by: &Actor) -> String {
    if *by == Actor::Edge { "the supervisor".to_owned() } else { by.to_string() }
}

/// Stops the workshop; asking twice is no error, so that nobody hesitates.
pub fn freeze(state: &State, actor: &Actor, reason: &str) -> Result<Vec<Any>, Refusal> {
    state.allows(actor, super::role::Capability::Freeze, "freeze")?;
    let reason = Command::line(reason, "a freeze wants a reason", "orchestrate freeze --reason 'what you saw'")?;
    let cause = (*actor == Actor::Edge).then(|| Cause { trigger: Trigger::Integrity, seat: None, entries: Vec::new() });
    let off = cause.is_some() && !state.charter().policy.freeze.integrity;
    Ok(if state.frozen.is_some() || off { Vec::new() } else { frozen(state, state.now, reason, cause) })
}

/// Freezes because a trigger is reached, if one is; a seat's attempts go on being counted until the owner thaws.
pub fn alarm(state: &State, now: Millis) -> Vec<Any> {
    match reached(state).filter(|_| state.frozen.is_none()) {
        Some(cause) => frozen(state, now, cause.reason(), Some(cause)),
        None => Vec::new(),
    }
}

/// The owner was asked to confirm what the owner never wished for: everything stops.
pub fn fraud(state: &State, actor: &Actor, now: Millis, task: &TaskId) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner is asked to confirm", "orchestrate freeze --reason 'what you saw'"));
    }
    let known = state.task(task)?;
    let entries = known.attempt.iter().flat_map(|attempt| [Some(attempt.submitted), attempt.draws.get(&GateName::Deploy).map(|draw| draw.seq)]);
    let cause = Cause { trigger: Trigger::Fraud, seat: known.author.clone(), entries: entries.flatten().collect() };
    Ok(if state.frozen.is_some() { Vec::new() } else { frozen(state, now, format!("{task}: {}", cause.reason()), Some(cause)) })
}

/// A freeze that nobody ordered is told to the owner.
fn frozen(state: &State, now: Millis, reason: String, cause: Option<Cause>) -> Vec<Any> {
    let text = format!("{reason}\n\nLook: orchestrate status, orchestrate log\nThen: orchestrate thaw\n");
    let mail = if cause.is_some() { message::notice_owner(state, now, "the workshop is frozen", &text, None) } else { Vec::new() };
    std::iter::once(Any::Freeze(Event::Frozen { reason, cause })).chain(mail).collect()
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
            format!("the workshop was frozen by {}: {}", freeze.who(), freeze.reason),
            "orchestrate status   (the owner thaws it: orchestrate thaw)",
        )),
    }
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    match event {
        Event::Frozen { .. } => state.locks.freeze(time),
        // The owner has looked at what was counted.
        Event::Thawed { .. } => (state.attempts, state.cause) = Default::default(),
    }
    state.frozen = match event {
        Event::Frozen { reason, cause } => {
            state.cause = cause.clone();
            Some(Freeze { by: by.clone(), since: time, reason: reason.clone() })
        }
        Event::Thawed { .. } => None,
    };
}
