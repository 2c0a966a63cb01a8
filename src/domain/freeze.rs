//! The stop that stops everyone: pushes, merges, signatures, submissions and approvals.

mod trigger;

pub use trigger::{Attempts, BYPASSES, Bypass, Cause, Trigger, Triggers, kind, note, reached};

use super::actor::{Actor, Party};
use super::command::Command;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::gate::GateName;
use super::message;
use super::name::{SeatName, TaskId};
use super::refusal::Refusal;
use super::role::Capability;
use super::state::State;
use super::statement;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// `cause` where nobody ordered it.
    Frozen {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// A seat's signed word that exactly this freeze may end.
    Agreed { statement: Envelope },
    /// `alone`: the owner thawed without the librarian; visible in every report.
    Thawed { alone: bool },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Agreed { statement } => Some((statement::signer(statement)?, statement)),
            Self::Frozen { .. } | Self::Thawed { .. } => None,
        }
    }
}

/// A freeze in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub by: Actor,
    pub since: Millis,
    pub reason: String,
    /// The ledger position of its beginning.
    pub seq: u64,
    /// The seats that have said that it may end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agreed: BTreeSet<SeatName>,
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
    state.allows(actor, Capability::Freeze, "freeze")?;
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

/// A freeze that nobody ordered is told to the owner; whoever has a word in its end is told of every one.
fn frozen(state: &State, now: Millis, reason: String, cause: Option<Cause>) -> Vec<Any> {
    const TITLE: &str = "the workshop is frozen";
    let text = |then: &str| format!("{reason}\n\nLook: orchestrate status, orchestrate log\nThen: {then}\n");
    let owner = if cause.is_some() { message::notice_owner(state, now, TITLE, &text("orchestrate thaw"), None) } else { Vec::new() };
    let seats = message::notice(state, now, state.with(Capability::Thaw), TITLE, &text("orchestrate thaw --agree"), None);
    std::iter::once(Any::Freeze(Event::Frozen { reason, cause })).chain(owner).chain(seats).collect()
}

/// A seat's word that the workshop may go on; it ends with this freeze and opens nothing by itself.
pub fn agree(state: &State, actor: &Actor) -> Result<Vec<Any>, Refusal> {
    if !super::planted::out("thaw-agreed") {
        state.allows(actor, Capability::Thaw, "say that the workshop may go on")?;
    }
    let seat = actor.seat().ok_or_else(|| Refusal::new("seat-only", "the owner thaws and agrees with nobody", "orchestrate thaw"))?;
    let freeze = state.frozen.as_ref().ok_or_else(not_frozen)?;
    let genesis = state.genesis.as_ref().ok_or_else(super::workshop::not_founded)?;
    if freeze.agreed.contains(seat) {
        return Ok(Vec::new());
    }
    Ok(vec![Any::Freeze(Event::Agreed { statement: statement::thaw(&genesis.workshop, freeze, seat, &state.policy) })])
}

fn not_frozen() -> Refusal {
    Refusal::new("not-frozen", "the workshop is not frozen", "orchestrate status")
}

/// Opens the workshop again: the owner only, by a code checked after this is asked, and with the word of a seat that has one; where none has spoken,
/// only if the owner says so, for a librarian that is lost or is the trouble.
pub fn thaw(state: &State, actor: &Actor, alone: bool) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner thaws the workshop", "orchestrate mail send owner --subject 'please thaw'"));
    }
    let freeze = state.frozen.as_ref().ok_or_else(not_frozen)?;
    let awaited = state.with(Capability::Thaw);
    if freeze.agreed.is_empty() && !awaited.is_empty() && !alone {
        let names: Vec<&str> = awaited.iter().map(|seat| seat.as_str()).collect();
        let why = format!("{} has not said that the workshop may go on", names.join(" or "));
        return Err(Refusal::new("not-agreed", why, "orchestrate thaw --alone   (without that word; every report says so)"));
    }
    Ok(vec![Any::Freeze(Event::Thawed { alone: freeze.agreed.is_empty() })])
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

pub fn apply(state: &mut State, by: &Actor, time: Millis, seq: u64, event: &Event) {
    match event {
        Event::Frozen { reason, cause } => {
            state.locks.freeze(time);
            state.cause = cause.clone();
            state.frozen = Some(Freeze { by: by.clone(), since: time, reason: reason.clone(), seq, agreed: BTreeSet::new() });
        }
        Event::Agreed { .. } => {
            state.frozen.iter_mut().for_each(|freeze| freeze.agreed.extend(by.seat().cloned()));
        }
        // The owner has looked at what was counted.
        Event::Thawed { .. } => (state.attempts, state.cause, state.frozen) = Default::default(),
    }
}
