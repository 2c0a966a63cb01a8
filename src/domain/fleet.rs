//! Seats and the instances that sit in them.

use super::actor::Actor;
use super::entry::Millis;
use super::event::Event as Any;
use super::name::{Digest, RoleName, SeatName};
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// An instance was started in the seat; `prompt` is the SHA-256 of what it was told.
    Seated { seat: SeatName, instance: u32, agent: Vec<String>, prompt: Digest },
    /// The instance answered through its own socket.
    Answered { instance: u32 },
    Left { seat: SeatName, instance: u32, why: String },
    /// So many more requests of the seat went to the model's API, and so many were refused, since the last such entry.
    Relayed { seat: SeatName, requests: u64, refused: u64 },
}

/// A seat and what sits in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    pub role: RoleName,
    /// How many instances this seat has had.
    pub instances: u32,
    pub instance: Instance,
    /// Requests to the model's API, as far as they are recorded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instance {
    Vacant,
    Starting { since: Millis },
    Ready { since: Millis },
    Gone { since: Millis, why: String },
}

/// Puts a new instance into a seat.
pub fn seat(state: &State, seat: &SeatName, agent: &[String], prompt: &Digest) -> Result<Vec<Any>, Refusal> {
    let instance = known(state, seat)?.instances + 1;
    Ok(vec![Any::Fleet(Event::Seated { seat: seat.clone(), instance, agent: agent.to_vec(), prompt: prompt.clone() })])
}

/// Takes the first word of an instance as its answer; later words add nothing.
pub fn answer(state: &State, actor: &Actor) -> Result<Vec<Any>, Refusal> {
    let Some(name) = actor.seat() else {
        return Ok(Vec::new());
    };
    let seat = known(state, name)?;
    Ok(match seat.instance {
        Instance::Starting { .. } => vec![Any::Fleet(Event::Answered { instance: seat.instances })],
        Instance::Vacant | Instance::Ready { .. } | Instance::Gone { .. } => Vec::new(),
    })
}

/// Notes that an instance ended; an older instance's end says nothing about the present one.
pub fn leave(state: &State, seat: &SeatName, instance: u32, why: &str) -> Result<Vec<Any>, Refusal> {
    let now = known(state, seat)?;
    let present = matches!(now.instance, Instance::Starting { .. } | Instance::Ready { .. });
    Ok(if present && now.instances == instance {
        vec![Any::Fleet(Event::Left { seat: seat.clone(), instance, why: why.to_owned() })]
    } else {
        Vec::new()
    })
}

/// Notes what the relay counted, in steps large enough not to fill the ledger.
pub fn relayed(state: &State, seat: &SeatName, requests: u64, refused: u64) -> Result<Vec<Any>, Refusal> {
    known(state, seat)?;
    let none = requests == 0 && refused == 0;
    Ok(if none { Vec::new() } else { vec![Any::Fleet(Event::Relayed { seat: seat.clone(), requests, refused })] })
}

fn known<'a>(state: &'a State, seat: &SeatName) -> Result<&'a Seat, Refusal> {
    state.fleet.get(seat).ok_or_else(|| Refusal::new("no-such-seat", format!("there is no seat {seat}"), "orchestrate status"))
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    let (name, instance) = match event {
        Event::Relayed { seat, requests, .. } => return state.fleet.get_mut(seat).into_iter().for_each(|seat| seat.requests += requests),
        Event::Seated { seat, .. } => (Some(seat), Instance::Starting { since: time }),
        Event::Answered { .. } => (by.seat(), Instance::Ready { since: time }),
        Event::Left { seat, why, .. } => (Some(seat), Instance::Gone { since: time, why: why.clone() }),
    };
    let Some(seat) = name.and_then(|name| state.fleet.get_mut(name)) else {
        return;
    };
    if matches!(event, Event::Seated { .. }) {
        seat.instances += 1;
    }
    seat.instance = instance;
}
