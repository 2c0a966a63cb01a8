//! Motions: what no seat decides alone. Who decides what is data; each voice is a signed word, and none counts twice.

use super::actor::{Actor, Party};
use super::budget;
use super::command::Command;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::message;
use super::name::{Digest, SeatName, TaskId};
use super::policy::{Act, Decision};
use super::refusal::Refusal;
use super::state::State;
use super::statement;
use super::task::Attempt;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why a motion is closed by the owner.
const BY_OWNER: &str = "the owner decided";
/// The matter of a change that touches what the council decides.
pub const CHANGE: &str = "council";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// `attempt` where the motion is about exactly one candidate of a task.
    Moved { motion: u32, matter: String, title: String, body: String, task: Option<TaskId>, attempt: Option<u32> },
    Voted { motion: u32, accept: bool, note: String, statement: Envelope },
    Reminded { motion: u32, seats: Vec<SeatName> },
    /// The seats could not decide it in their time: the owner does.
    Referred { motion: u32, why: String },
    Closed { motion: u32, passed: bool, why: String },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Voted { statement, .. } => Some((statement::signer(statement)?, statement)),
            Self::Moved { .. } | Self::Reminded { .. } | Self::Referred { .. } | Self::Closed { .. } => None,
        }
    }
}

/// A motion and what was said on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Motion {
    pub matter: String,
    pub title: String,
    pub body: String,
    pub by: Actor,
    pub moved: Millis,
    pub seq: u64,
    pub task: Option<TaskId>,
    pub attempt: Option<u32>,
    /// Who may not speak: whoever contributed to the change that it is about.
    pub apart: BTreeSet<SeatName>,
    pub voices: BTreeMap<SeatName, bool>,
    pub reminded: bool,
    /// The owner decides, because the seats could not, or as the matter says.
    pub referred: bool,
    pub closed: Option<(bool, String)>,
}

/// How a motion stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Open,
    Tied,
    /// The seats have said yes, and the matter is the owner's as well.
    Owner,
    Passed,
    Refused,
}

impl Motion {
    /// Whose voice counts: for each place the seats of its roles.
    fn places(&self, state: &State, rule: &Decision) -> Vec<Vec<SeatName>> {
        let of = |roles: &String| {
            let named: Vec<&str> = roles.split('|').collect();
            let all = state.charter().roles.iter().filter(|role| named.contains(&role.name.as_str()));
            all.flat_map(|role| role.seats.clone()).filter(|seat| !self.apart.contains(seat)).collect()
        };
        rule.by.iter().map(of).collect()
    }

    pub fn voters(&self, state: &State, rule: &Decision) -> BTreeSet<SeatName> {
        self.places(state, rule).into_iter().flatten().collect()
    }

    pub fn standing(&self, state: &State, rule: &Decision) -> Standing {
        let passed = if rule.owner { Standing::Owner } else { Standing::Passed };
        let (yes, no) = (self.voices.values().filter(|accept| **accept).count(), self.voices.values().filter(|accept| !**accept).count());
        if rule.majority {
            let all = self.voters(state, rule).len();
            return match () {
                () if yes * 2 > all => passed,
                () if no * 2 > all => Standing::Refused,
                () if yes == no && yes > 0 => Standing::Tied,
                () => Standing::Open,
            };
        }
        let places = self.places(state, rule);
        let said = |place: &Vec<SeatName>| place.iter().any(|seat| self.voices.get(seat) == Some(&true));
        match () {
            () if no > 0 => Standing::Refused,
            () if !places.is_empty() && places.iter().all(said) && yes >= places.len() => passed,
            () => Standing::Open,
        }
    }
}

fn rule<'s>(state: &'s State, matter: &str) -> Result<&'s Decision, Refusal> {
    let rules = &state.charter().policy.decisions;
    rules.get(matter).ok_or_else(|| {
        let known = rules.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Refusal::new("no-such-matter", format!("there is no matter {matter:?}; there are {known}"), "orchestrate motion list")
    })
}

/// Puts something to those who decide it.
pub fn moved(state: &State, actor: &Actor, now: Millis, matter: &str, title: &str, body: &str) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    rule(state, matter)?;
    let title = Command::line(title, "a motion wants a title of one line", "orchestrate motion open MATTER 'what is to be decided'")?;
    if body.len() > 65_536 {
        return Err(Refusal::new("too-long", "a motion's body is at most 64 KiB", "put the rest into a file of the repository"));
    }
    if let Some(seat) = actor.seat() {
        budget::within(state, seat, Act::Decisions, now)?;
    }
    Ok(put(state, matter, &title, body, None, &BTreeSet::new()))
}

/// The motion of a change that touches what the council decides, put by the gate itself.
pub fn of_change(state: &State, task: &TaskId, attempt: &Attempt) -> Vec<Any> {
    if !attempt.needs.as_ref().is_some_and(|needs| needs.council) || find(state, task, attempt.number).is_some() {
        return Vec::new();
    }
    let title = format!("{task}, attempt {}: may it change what it touches?", attempt.number);
    let body = format!("Look: orchestrate review show {task}");
    put(state, CHANGE, &title, &body, Some((task, attempt.number)), &attempt.contributors)
}

/// A motion that the owner's own act puts: the owner hears how it ends.
pub fn put_by_owner(state: &State, matter: &str, title: &str, body: &str) -> Vec<Any> {
    put(state, matter, title, body, None, &BTreeSet::new())
}

fn put(state: &State, matter: &str, title: &str, body: &str, about: Option<(&TaskId, u32)>, apart: &BTreeSet<SeatName>) -> Vec<Any> {
    let motion = state.moved + 1;
    let (task, attempt) = about.map(|(task, attempt)| (task.clone(), attempt)).unzip();
    let seats: Vec<SeatName> = state.charter().policy.decisions.get(matter).map_or_else(Vec::new, |rule| {
        let roles: Vec<&str> = rule.by.iter().flat_map(|place| place.split('|')).collect();
        let all = state.charter().roles.iter().filter(|role| roles.contains(&role.name.as_str()));
        all.flat_map(|role| role.seats.clone()).filter(|seat| !apart.contains(seat)).collect()
    });
    let text = format!("M{motion} ({matter}): {title}\n\n{body}\n\nSay: orchestrate motion yes {motion} --note '…'\n or: orchestrate motion no {motion} --note '…'");
    let mail = message::notice(state, state.now, seats, &format!("M{motion} wants your voice"), &text, task.as_ref());
    let moved = Any::Motion(Event::Moved { motion, matter: matter.to_owned(), title: title.to_owned(), body: body.to_owned(), task, attempt });
    std::iter::once(moved).chain(mail).collect()
}

/// The motion about a candidate.
pub fn find<'s>(state: &'s State, task: &TaskId, attempt: u32) -> Option<(&'s u32, &'s Motion)> {
    state.motions.iter().rev().find(|(_, motion)| motion.task.as_ref() == Some(task) && motion.attempt == Some(attempt))
}

/// A voice: of whom the matter names, once; the owner's where the matter is the owner's, or was referred.
pub fn vote(state: &State, actor: &Actor, now: Millis, motion: u32, accept: bool, note: &str) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let known = state.motions.get(&motion);
    let known = known.ok_or_else(|| Refusal::new("no-such-motion", format!("there is no motion M{motion}"), "orchestrate motion list"))?;
    let hint = "orchestrate motion list";
    if known.closed.is_some() {
        return Err(Refusal::new("decided", format!("M{motion} is decided"), hint));
    }
    let rule = rule(state, &known.matter)?;
    let length = note.trim().chars().count();
    if !(10..=8000).contains(&length) {
        return Err(Refusal::new("no-reason", "a voice wants a note of 10 to 8000 characters", "orchestrate motion yes MOTION --note 'why'"));
    }
    match actor {
        Actor::Owner if known.referred || known.standing(state, rule) == Standing::Owner => {}
        Actor::Owner => return Err(Refusal::new("not-yet-yours", format!("the seats decide M{motion} first"), hint)),
        Actor::Seat(seat) if !known.voters(state, rule).contains(seat) || known.by == *actor => {
            return Err(Refusal::new("no-voice", format!("{seat} has no voice in {} here", known.matter), hint));
        }
        Actor::Seat(seat) if known.voices.contains_key(seat) => return Err(Refusal::new("said-already", format!("{seat} has spoken on M{motion}"), hint)),
        Actor::Seat(seat) => budget::within(state, seat, Act::Decisions, now)?,
        Actor::Edge => return Err(Refusal::new("seat-only", "only seats and the owner have voices", hint)),
    }
    let genesis = state.genesis.as_ref().ok_or_else(super::workshop::not_founded)?;
    let text = Digest::of(format!("{}\n{}\n{}", known.matter, known.title, known.body).as_bytes());
    let statement = statement::vote(&genesis.workshop, motion, &text, &actor.party(), accept, note, &state.policy, known.seq);
    let voted = Any::Motion(Event::Voted { motion, accept, note: note.to_owned(), statement });
    let mut after = known.clone();
    let closed = match actor {
        Actor::Owner => close(state, motion, &after, accept, BY_OWNER),
        Actor::Seat(seat) => {
            after.voices.insert(seat.clone(), accept);
            match after.standing(state, rule) {
                Standing::Passed => close(state, motion, &after, true, "those whom the matter asks said yes"),
                Standing::Refused => close(state, motion, &after, false, "those whom the matter asks said no"),
                Standing::Owner => refer(state, motion, &after, "the seats said yes, and the matter is the owner's too"),
                Standing::Open | Standing::Tied => Vec::new(),
            }
        }
        Actor::Edge => Vec::new(),
    };
    Ok(std::iter::once(voted).chain(closed).collect())
}

fn close(state: &State, motion: u32, known: &Motion, passed: bool, why: &str) -> Vec<Any> {
    let word = if passed { "passed" } else { "refused" };
    let to: Vec<SeatName> = known.by.seat().into_iter().cloned().collect();
    let (subject, text) = (format!("M{motion} is {word}"), format!("{}\n\n{why}", known.title));
    let mail = match known.by {
        Actor::Owner if why != BY_OWNER => message::notice_owner(state, state.now, &subject, &text, known.task.as_ref()),
        _ => message::notice(state, state.now, to, &subject, &text, known.task.as_ref()),
    };
    std::iter::once(Any::Motion(Event::Closed { motion, passed, why: why.to_owned() })).chain(mail).collect()
}

fn refer(state: &State, motion: u32, known: &Motion, why: &str) -> Vec<Any> {
    let text = format!("M{motion} ({}): {}\n\n{why}\n\nSay: orchestrate motion yes {motion} --note '…'", known.matter, known.title);
    let mail = message::notice_owner(state, state.now, &format!("M{motion} waits for you"), &text, known.task.as_ref());
    std::iter::once(Any::Motion(Event::Referred { motion, why: why.to_owned() })).chain(mail).collect()
}

fn open(state: &State) -> impl Iterator<Item = (u32, &Motion, &Decision)> {
    let thawed = state.frozen.is_none();
    let live = state.motions.iter().filter(move |(_, motion)| thawed && motion.closed.is_none() && !motion.referred);
    live.filter_map(|(number, motion)| Some((*number, motion, state.charter().policy.decisions.get(&motion.matter)?)))
}

/// Half of the time, its end, and the end of the longer time that a tie has.
fn times(motion: &Motion, rule: &Decision) -> [Millis; 3] {
    let hour = 3_600_000;
    let end = motion.moved + Millis::from(rule.hours) * hour;
    [motion.moved + Millis::from(rule.hours) * hour / 2, end, end + Millis::from(rule.tie_hours) * hour]
}

pub fn due(state: &State) -> Option<Millis> {
    let moments = open(state).map(|(_, motion, rule)| {
        let [half, end, longer] = times(motion, rule);
        let tied = motion.standing(state, rule) == Standing::Tied;
        if motion.reminded { if tied { longer } else { end } } else { half }
    });
    moments.min()
}

/// Reminds whoever has not spoken by half of the time; what is not decided by its end, a tie some hours later, is the owner's.
pub fn tick(state: &State, now: Millis) -> Vec<Any> {
    open(state).fold(Vec::new(), |events, (number, motion, rule)| {
        let [half, end, longer] = times(motion, rule);
        let end = if motion.standing(state, rule) == Standing::Tied { longer } else { end };
        match () {
            () if now >= end => message::chain(events, refer(state, number, motion, "the seats did not decide it in their time")),
            () if now >= half && !motion.reminded => {
                let seats: Vec<SeatName> = motion.voters(state, rule).into_iter().filter(|seat| !motion.voices.contains_key(seat)).collect();
                let text = format!("M{number} still waits for your voice: {}", motion.title);
                let mail = message::notice(state, now, seats.clone(), &format!("M{number} still wants your voice"), &text, motion.task.as_ref());
                let reminded = Any::Motion(Event::Reminded { motion: number, seats });
                message::chain(events, std::iter::once(reminded).chain(mail).collect())
            }
            () => events,
        }
    })
}

pub fn apply(state: &mut State, by: &Actor, seq: u64, time: Millis, event: &Event) {
    match event {
        Event::Moved { motion, matter, title, body, task, attempt } => {
            let apart = task.as_ref().and_then(|task| state.tasks.get(task)?.attempt.as_ref()).map(|attempt| attempt.contributors.clone()).unwrap_or_default();
            by.seat().into_iter().for_each(|seat| budget::spend(state, seat, Act::Decisions, time));
            let (matter, title, body, by) = (matter.clone(), title.clone(), body.clone(), by.clone());
            let (task, attempt, voices) = (task.clone(), *attempt, BTreeMap::new());
            state.moved = *motion;
            let fresh = Motion { matter, title, body, by, moved: time, seq, task, attempt, apart, voices, reminded: false, referred: false, closed: None };
            state.motions.insert(*motion, fresh);
        }
        Event::Voted { motion, accept, .. } => {
            let Some(seat) = by.seat() else { return };
            budget::spend(state, seat, Act::Decisions, time);
            if let Some(known) = state.motions.get_mut(motion) {
                known.voices.insert(seat.clone(), *accept);
            }
        }
        Event::Reminded { motion, .. } => with(state, *motion, |known| known.reminded = true),
        Event::Referred { motion, .. } => with(state, *motion, |known| known.referred = true),
        Event::Closed { motion, passed, why } => with(state, *motion, |known| known.closed = Some((*passed, why.clone()))),
    }
}

fn with(state: &mut State, motion: u32, change: impl FnOnce(&mut Motion)) {
    if let Some(known) = state.motions.get_mut(&motion) {
        change(known);
    }
}
