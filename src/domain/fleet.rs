//! Seats and the instances that sit in them.

mod terms;

pub use terms::Terms;

use super::actor::Actor;
use super::entry::Millis;
use super::event::Event as Any;
use super::message;
use super::name::{Digest, RoleName, SeatName};
use super::refusal::Refusal;
use super::role::Capability;
use super::spend::{self, Used};
use super::state::State;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ends that are remembered, and how long: what a restart is granted by.
const REMEMBERED: Millis = 3_600_000;
/// An instance that ends sooner than this after its last sign of life has not worked.
const QUICK: Millis = 30_000;
/// After so many quick ends in a row the next instance begins a session of its own.
const STUBBORN: u32 = 2;
const DAY: Millis = 86_400_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// An instance was started in the seat; `prompt` is the SHA-256 of what it was told.
    Seated { seat: SeatName, instance: u32, agent: Vec<String>, prompt: Digest },
    /// The instance answered through its own socket.
    Answered { instance: u32 },
    Left { seat: SeatName, instance: u32, why: String },
    /// The time has come to start these seats again.
    Recalled { seats: Vec<SeatName> },
    /// The seat ended so often within an hour that it stays empty until the owner starts it.
    GivenUp { seat: SeatName, ends: u32 },
    /// The seat's files take so many bytes, more than the limit: its instance is ended, and the seat stays empty until the owner starts it.
    Overfull { seat: SeatName, bytes: u64, limit: u64 },
    /// So many more requests of the seat went to the model's API, and so many were refused, since the last such entry.
    Relayed {
        seat: SeatName,
        requests: u64,
        refused: u64,
        /// What they used, by the API's own figures.
        #[serde(default, skip_serializing_if = "Used::is_nothing")]
        used: Used,
        /// What it used beside the relay, with a login of its own: by its own transcripts, which it writes as it likes.
        #[serde(default, skip_serializing_if = "Used::is_nothing")]
        told: Used,
    },
    /// The day's limit of tokens or money is reached: the seat's, or where none is named that of all.
    Paused { seat: Option<SeatName>, why: String },
    /// The seat has been stuck for as long as the owner bears; with `restart` its instance is ended, to be started again with its session.
    Stuck { seat: SeatName, instance: u32, why: String, restart: bool },
    /// It gets on again.
    Moving { seat: SeatName, instance: u32 },
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
    /// When its instances ended, within the last hour.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub ends: VecDeque<Millis>,
    /// Ends in a row that came soon after the start.
    #[serde(default, skip_serializing_if = "is_none")]
    pub quick: u32,
    #[serde(default, skip_serializing_if = "After::is_nothing")]
    pub after: After,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Stuck>,
    /// When it was started again because it was stuck, within the last day.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub freed: VecDeque<Millis>,
}

/// An instance that was told to be stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    pub since: Millis,
    /// It is to end, and to be started again.
    pub restart: bool,
}

/// What follows the end of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum After {
    #[default]
    Nothing,
    /// It is started again at this time.
    Due { at: Millis },
    /// Its start is under way.
    Called,
    /// It is not started again but by the owner.
    GivenUp { since: Millis },
}

impl After {
    fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl Seat {
    pub fn new(role: RoleName) -> Self {
        Self { role, instances: 0, instance: Instance::Vacant, requests: 0, ends: VecDeque::new(), quick: 0, after: After::Nothing, stuck: None, freed: VecDeque::new() }
    }

    /// Whether the next instance goes on with the session of the last one.
    pub fn resumes(&self) -> bool {
        self.instances > 0 && self.quick < STUBBORN
    }

    fn present(&self) -> Option<Millis> {
        match self.instance {
            Instance::Starting { since } | Instance::Ready { since } => Some(since),
            Instance::Vacant | Instance::Gone { .. } => None,
        }
    }

    fn end(&mut self, terms: &Terms, time: Millis) {
        let quick = self.present().is_none_or(|since| time.saturating_sub(since) < QUICK);
        self.quick = if quick { self.quick + 1 } else { 0 };
        self.ends.retain(|end| time.saturating_sub(*end) < REMEMBERED);
        self.ends.push_back(time);
        // Who was stopped for its files ends because of that.
        if !matches!(self.after, After::GivenUp { .. }) {
            self.after = After::Due { at: time + terms.back_off(self.ends.len()) };
        }
    }

    fn halt(&mut self, since: Millis, restart: bool) {
        self.stuck = Some(Stuck { since, restart });
        self.freed.retain(|then| since.saturating_sub(*then) < DAY);
        self.freed.extend(restart.then_some(since));
    }

    fn begin(&mut self) {
        if matches!(self.after, After::GivenUp { .. }) {
            self.ends.clear();
            self.quick = 0;
        }
        self.instances += 1;
        self.after = After::Nothing;
        self.stuck = None;
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_none(number: &u32) -> bool {
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

/// Puts a new instance into a seat. While frozen only where a word belongs that ends the freeze.
pub fn seat(state: &State, seat: &SeatName, agent: &[String], prompt: &Digest) -> Result<Vec<Any>, Refusal> {
    let instance = known(state, seat)?.instances + 1;
    if !state.capable(seat, Capability::Thaw) {
        super::freeze::open(state)?;
    }
    let seated = Any::Fleet(Event::Seated { seat: seat.clone(), instance, agent: agent.to_vec(), prompt: prompt.clone() });
    // What the instance before was shown and did not acknowledge is shown to this one.
    Ok(std::iter::once(seated).chain(message::returned(state, seat)).collect())
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

/// Notes that an instance ended, or could not be started; an older instance's end says nothing about the present one.
pub fn leave(state: &State, now: Millis, seat: &SeatName, instance: u32, why: &str) -> Result<Vec<Any>, Refusal> {
    let known = known(state, seat)?;
    if known.instances != instance || (known.present().is_none() && known.after != After::Called) {
        return Ok(Vec::new());
    }
    let left = Any::Fleet(Event::Left { seat: seat.clone(), instance, why: why.to_owned() });
    let ends = 1 + known.ends.iter().filter(|end| now.saturating_sub(**end) < REMEMBERED).count();
    let ends = u32::try_from(ends).unwrap_or(u32::MAX);
    let hopeless = ends > state.charter().policy.fleet.restarts_per_hour;
    let given_up = if hopeless { give_up(state, now, seat, ends, why) } else { Vec::new() };
    Ok(std::iter::once(left).chain(given_up).collect())
}

fn give_up(state: &State, now: Millis, seat: &SeatName, ends: u32, why: &str) -> Vec<Any> {
    let given_up = Any::Fleet(Event::GivenUp { seat: seat.clone(), ends });
    let subject = format!("{seat} is not started again");
    let text = format!("{seat} ended {ends} times within an hour, the last time so: {why}\n\nLook: orchestrate attach {seat}\nThen: orchestrate bootstrap\n");
    std::iter::once(given_up).chain(message::notice_owner(state, now, &subject, &text, None)).collect()
}

/// Stops a seat whose files take more than the owner allows; once, until it is started again.
pub fn overfull(state: &State, now: Millis, seat: &SeatName, bytes: u64) -> Result<Vec<Any>, Refusal> {
    let limit = state.charter().policy.agent.disk_bytes;
    let stopped = matches!(known(state, seat)?.after, After::GivenUp { .. });
    if stopped || limit == 0 || bytes <= limit {
        return Ok(Vec::new());
    }
    let full = Any::Fleet(Event::Overfull { seat: seat.clone(), bytes, limit });
    let subject = format!("{seat} is stopped: its files take too much of the disk");
    let text = format!(
        "{seat}'s clone and home take {bytes} bytes; agent.disk_bytes allows {limit}. They are as they were.\n\n\
         Make room in them, or adopt another limit: orchestrate config check\nThen: orchestrate bootstrap\n"
    );
    Ok(std::iter::once(full).chain(message::notice_owner(state, now, &subject, &text, None)).collect())
}

/// Tells the owner of an instance that stays stuck, once; it is started again where the owner's rules say so and that can help: `api` says that it
/// is the model's API that does not serve it.
pub fn stuck(state: &State, now: Millis, seat: &SeatName, instance: u32, why: &str, api: bool) -> Result<Vec<Any>, Refusal> {
    let known = known(state, seat)?;
    if known.instances != instance || known.present().is_none() || known.stuck.is_some() {
        return Ok(Vec::new());
    }
    let often = known.freed.iter().filter(|then| now.saturating_sub(**then) < DAY).count();
    let most = state.charter().policy.fleet.stuck_restarts_per_day;
    let restart = !api && state.frozen.is_none() && often < most as usize;
    let stuck = Any::Fleet(Event::Stuck { seat: seat.clone(), instance, why: why.to_owned(), restart });
    let then = match restart {
        true => format!("It is started again with its session, {} of {most} times today.", often + 1),
        false => format!("It is left as it is. Where a new instance would help: end it there, and it is started again with its session.\n\nLook: orchestrate attach {seat}"),
    };
    let text = format!("{seat} says that it works, and gets nowhere: {why}.\n{then}\n");
    Ok(std::iter::once(stuck).chain(message::notice_owner(state, now, &format!("{seat} is stuck"), &text, None)).collect())
}

/// Notes that an instance that was stuck gets on again.
pub fn moves(state: &State, seat: &SeatName, instance: u32) -> Result<Vec<Any>, Refusal> {
    let known = known(state, seat)?;
    let again = known.instances == instance && known.present().is_some() && known.stuck.is_some_and(|stuck| !stuck.restart);
    Ok(again.then(|| Any::Fleet(Event::Moving { seat: seat.clone(), instance })).into_iter().collect())
}

/// The instances that are to end because they are stuck, and have not ended.
pub fn ending(state: &State) -> Vec<(SeatName, u32)> {
    let ends = |seat: &Seat| seat.present().is_some() && seat.stuck.is_some_and(|stuck| stuck.restart);
    state.fleet.iter().filter(|(_, seat)| ends(seat)).map(|(name, seat)| (name.clone(), seat.instances)).collect()
}

/// Calls the seats back whose time has come; nobody is started while frozen.
pub fn recall(state: &State, now: Millis) -> Option<Any> {
    let due = |seat: &Seat| matches!(seat.after, After::Due { at } if at <= now);
    let seats: Vec<SeatName> = state.fleet.iter().filter(|(_, seat)| due(seat)).map(|(name, _)| name.clone()).collect();
    (state.frozen.is_none() && !seats.is_empty()).then_some(Any::Fleet(Event::Recalled { seats }))
}

/// When the next seat is to be called back.
pub fn due(state: &State) -> Option<Millis> {
    let at = |seat: &Seat| if let After::Due { at } = seat.after { Some(at) } else { None };
    state.fleet.values().filter_map(at).min().filter(|_| state.frozen.is_none())
}

/// The seats that were called back and are not filled yet.
pub fn called(state: &State) -> Vec<SeatName> {
    state.fleet.iter().filter(|(_, seat)| seat.after == After::Called).map(|(name, _)| name.clone()).collect()
}

/// Each seat in which somebody sits, with the number of the instance.
pub fn present(state: &State) -> Vec<(SeatName, u32)> {
    state.fleet.iter().filter(|(_, seat)| seat.present().is_some()).map(|(name, seat)| (name.clone(), seat.instances)).collect()
}

/// Notes what the relay counted, in steps large enough not to fill the ledger.
pub fn relayed(state: &State, now: Millis, seat: &SeatName, (requests, refused): (u64, u64), (used, told): (Used, Used)) -> Result<Vec<Any>, Refusal> {
    known(state, seat)?;
    if requests == 0 && refused == 0 && used.is_nothing() && told.is_nothing() {
        return Ok(Vec::new());
    }
    let relayed = Any::Fleet(Event::Relayed { seat: seat.clone(), requests, refused, used, told });
    Ok(std::iter::once(relayed).chain(spend::crossed(state, now, seat, &used)).collect())
}

fn known<'a>(state: &'a State, seat: &SeatName) -> Result<&'a Seat, Refusal> {
    state.fleet.get(seat).ok_or_else(|| Refusal::new("no-such-seat", format!("there is no seat {seat}"), "orchestrate status"))
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    let terms = if state.genesis.is_some() { state.charter().policy.fleet } else { Terms::default() };
    let mut with = |name: Option<&SeatName>, change: &dyn Fn(&mut Seat)| name.and_then(|name| state.fleet.get_mut(name)).into_iter().for_each(change);
    match event {
        Event::Seated { seat, .. } => with(Some(seat), &|seat| {
            seat.begin();
            seat.instance = Instance::Starting { since: time };
        }),
        Event::Answered { .. } => with(by.seat(), &|seat| seat.instance = Instance::Ready { since: time }),
        Event::Left { seat, why, .. } => with(Some(seat), &|seat| {
            seat.end(&terms, time);
            seat.instance = Instance::Gone { since: time, why: why.clone() };
        }),
        Event::Recalled { seats } => seats.iter().for_each(|seat| with(Some(seat), &|seat| seat.after = After::Called)),
        Event::GivenUp { seat, .. } | Event::Overfull { seat, .. } => with(Some(seat), &|seat| seat.after = After::GivenUp { since: time }),
        Event::Relayed { seat, requests, used, told, .. } => {
            with(Some(seat), &|seat| seat.requests += requests);
            spend::apply(state, time, seat, used);
            spend::tell(state, seat, told);
        }
        Event::Stuck { seat, restart, .. } => with(Some(seat), &|seat| seat.halt(time, *restart)),
        Event::Moving { seat, .. } => with(Some(seat), &|seat| seat.stuck = None),
        Event::Paused { .. } => {}
    }
}
