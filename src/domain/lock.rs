//! Write locks: leases on paths, each with a token higher than every token before it.
//!
//! A lock keeps others' pushes away while it is used, and makes a push of a former holder fail that comes after somebody else's lock.
//! Locks do not keep a seat from editing its own clone: they are asked for when the gate judges a push, and again when it lands.

mod guard;
pub mod path;
mod table;
mod terms;

pub use guard::{EVERYTHING, MOST_TOUCHED, admits, told};
pub use table::{Ended, Lease, Locks, Obstacle, Waiting};
pub use terms::Terms;

use super::actor::Actor;
use super::budget;
use super::entry::Millis;
use super::event::Event as Any;
use super::glob::{FoldedPath, Glob};
use super::message::{self, Priority};
use super::name::SeatName;
use super::policy::Act;
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};

/// The longest time that a wish waits.
pub const LONGEST_WAIT: u32 = 3600;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// All of the paths, or none: a wish is never granted in part.
    Granted {
        token: u64,
        seat: SeatName,
        paths: Vec<Glob>,
        priority: Priority,
    },
    /// Its holder asked for it again.
    Renewed {
        tokens: Vec<u64>,
    },
    /// A wish that waits; the same wish again keeps its place.
    Queued {
        paths: Vec<Glob>,
        priority: Priority,
        until: Millis,
    },
    /// A more urgent need of this seat ends a lease, used or not.
    Preempted {
        token: u64,
        ends: Millis,
        seat: SeatName,
    },
    Released {
        token: u64,
        paths: Vec<Glob>,
    },
    /// Nobody waits any more.
    Withdrawn {
        seat: SeatName,
    },
}

/// What a seat wants to lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub paths: Vec<String>,
    pub priority: Priority,
    /// For how long to wait where it cannot be had at once.
    pub wait: Option<u32>,
}

/// Takes all of the paths or none; what the seat holds already is renewed.
pub fn acquire(state: &State, actor: &Actor, now: Millis, wish: &Wish) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let Some(seat) = actor.seat() else {
        return Err(Refusal::new(
            "seat-only",
            "only a seat takes locks; the owner can release one",
            "orchestrate lock release --seat <seat>",
        ));
    };
    let terms = &state.charter().policy.locks;
    let wanted = path::read(&wish.paths, terms)?;
    let (held, fresh): (Vec<Glob>, Vec<Glob>) = wanted.into_iter().partition(|path| kept(&state.locks, terms, (seat, path), now));
    let renewed = renewals(state, seat, &held, now);
    if fresh.is_empty() {
        return Ok(renewed);
    }
    let (seq, again) = place(state, seat, &fresh, wish.priority);
    if !again {
        affordable(state, seat, &fresh, wish.priority, now)?;
    }
    let obstacles = state.locks.before(seat, &fresh, (seq, wish.priority), now);
    if obstacles.is_empty() {
        let token = state.locks.token + 1;
        let granted = Event::Granted { token, seat: seat.clone(), paths: fresh, priority: wish.priority };
        return Ok(renewed.into_iter().chain([Any::Lock(granted)]).collect());
    }
    let Some(seconds) = wish.wait else {
        return Err(denied(&obstacles, now));
    };
    if let Some(other) = state.locks.circle(seat, (&obstacles, wish.priority), now, terms) {
        let why = format!("{other} waits for what {seat} holds: both would wait for ever");
        return Err(Refusal::new(
            "lock-deadlock",
            why,
            "orchestrate lock release && orchestrate lock acquire <all that is needed>... --wait",
        ));
    }
    let until = now + Millis::from(seconds.min(LONGEST_WAIT)) * 1000;
    let queued = Event::Queued { paths: fresh, priority: wish.priority, until };
    Ok(renewed.into_iter().chain([Any::Lock(queued)]).chain(preempted(state, seat, wish.priority, &obstacles, now)).collect())
}

/// Whether a path is the seat's still, as one of its own patterns.
fn kept(locks: &Locks, terms: &Terms, (seat, path): (&SeatName, &Glob), now: Millis) -> bool {
    let silent = |lease: &Lease| lease.ends.is_some() || lease.stale(now, terms) || locks.awaited(lease, now);
    locks.of(seat).any(|(_, lease)| lease.paths.contains(path) && (lease.live(now) || !silent(lease)))
}

/// Leases of the seat on these paths, where renewing them changes anything worth an entry.
fn renewals(state: &State, seat: &SeatName, held: &[Glob], now: Millis) -> Vec<Any> {
    let short = state.charter().policy.locks.lease() / 10;
    let wanted = |lease: &Lease| lease.paths.iter().any(|path| held.contains(path)) && (lease.used + short <= now || !lease.live(now));
    let tokens: Vec<u64> = state.locks.of(seat).filter(|(_, lease)| wanted(lease)).map(|(token, _)| token).collect();
    if tokens.is_empty() { Vec::new() } else { vec![Any::Lock(Event::Renewed { tokens })] }
}

/// A wish's place in the line, and whether it stands there already.
fn place(state: &State, seat: &SeatName, paths: &[Glob], priority: Priority) -> (u64, bool) {
    let same = state.locks.wish(seat).filter(|(_, waiting)| waiting.paths == paths && waiting.priority == priority);
    same.map_or((state.len, false), |(seq, _)| (seq, true))
}

fn affordable(state: &State, seat: &SeatName, fresh: &[Glob], priority: Priority, now: Millis) -> Result<(), Refusal> {
    let most = state.charter().policy.locks.most_paths as usize;
    let holds: usize = state.locks.of(seat).filter(|(_, lease)| lease.live(now)).map(|(_, lease)| lease.paths.len()).sum();
    if holds + fresh.len() > most {
        let why = format!("a seat holds at most {most} paths, and {seat} holds {holds}");
        return Err(Refusal::new("lock-too-many", why, "orchestrate lock release <path>"));
    }
    if priority == Priority::Critical {
        budget::within(state, seat, Act::Decisions, now)?;
    }
    budget::within(state, seat, Act::Locks, now)
}

fn denied(obstacles: &[Obstacle<'_>], now: Millis) -> Refusal {
    let why = match obstacles.first() {
        Some(Obstacle::Lease(token, lease)) => {
            let left = lease.until.saturating_sub(now).div_ceil(1000);
            format!("{} holds {} with token {token}, for {left} s more if it is not used meanwhile", lease.seat, listed(&lease.paths))
        }
        Some(Obstacle::Waiting(_, waiting)) => format!("{} waits for {} and comes first", waiting.seat, listed(&waiting.paths)),
        None => "somebody else comes first".to_owned(),
    };
    Refusal::new("lock-held", why, "orchestrate lock acquire <path>... --wait")
}

/// Paths for people.
pub fn listed(paths: &[Glob]) -> String {
    paths.iter().map(Glob::as_str).collect::<Vec<_>>().join(" ")
}

/// Ends the leases that a more urgent need may end, after their grace, and tells their holders.
fn preempted(state: &State, seat: &SeatName, priority: Priority, obstacles: &[Obstacle<'_>], now: Millis) -> Vec<Any> {
    let terms = &state.charter().policy.locks;
    let ended = obstacles.iter().filter_map(|obstacle| match obstacle {
        Obstacle::Lease(token, lease) => {
            let ends = now + terms.grace(priority, lease.priority)?;
            lease.ends.is_none_or(|before| ends < before).then_some((*token, *lease, ends))
        }
        Obstacle::Waiting(..) => None,
    });
    ended.fold(Vec::new(), |events, (token, lease, ends)| {
        let text = format!(
            "{seat} needs {} urgently. Your lock with token {token} ends in {} s, whether you use it or not: push what is ready, and\norchestrate lock release\n",
            listed(&lease.paths),
            (ends - now) / 1000
        );
        let mail = message::notice(state, now, vec![lease.seat.clone()], "your lock ends soon", &text, None);
        let ended = Any::Lock(Event::Preempted { token, ends, seat: seat.clone() });
        message::chain(events, std::iter::once(ended).chain(mail).collect())
    })
}

/// Gives back what a seat holds, all or these paths; the owner may do it for any seat.
pub fn release(state: &State, actor: &Actor, of: Option<&SeatName>, texts: &[String]) -> Result<Vec<Any>, Refusal> {
    let seat = match (actor, of) {
        (Actor::Seat(own), None) => own,
        (Actor::Seat(own), Some(seat)) if own == seat => own,
        (Actor::Owner, Some(seat)) => seat,
        (Actor::Owner, None) => {
            return Err(Refusal::new("no-such-seat", "the owner holds no locks; say whose", "orchestrate lock release --seat <seat>"));
        }
        (Actor::Seat(_) | Actor::Edge, _) => {
            return Err(Refusal::new("not-your-lock", "a lock is given back by its holder, or by the owner", "orchestrate lock list"));
        }
    };
    path::few(texts)?;
    let paths = texts.iter().map(|text| path::spelled(text)).collect::<Result<Vec<Glob>, Refusal>>()?;
    let meant = |lease: &Lease| lease.paths.iter().filter(|path| paths.is_empty() || paths.contains(path)).cloned().collect::<Vec<Glob>>();
    let leases = state.locks.of(seat).map(|(token, lease)| (token, meant(lease))).filter(|(_, paths)| !paths.is_empty());
    let released = leases.map(|(token, paths)| Any::Lock(Event::Released { token, paths }));
    let waits =
        state.locks.wish(seat).is_some_and(|(_, waiting)| paths.is_empty() || waiting.paths.iter().any(|path| paths.contains(path)));
    let withdrawn = waits.then(|| Any::Lock(Event::Withdrawn { seat: seat.clone() }));
    let events: Vec<Any> = released.chain(withdrawn).collect();
    if events.is_empty() {
        return Err(Refusal::new("no-such-lock", format!("{seat} holds nothing of this"), "orchestrate lock list"));
    }
    Ok(events)
}

/// Grants what can be granted now to those who wait, in their order, and lets those go whose time is over.
pub fn pass(state: &State, now: Millis) -> Vec<Any> {
    let locks = &state.locks;
    if state.frozen.is_some() || locks.queue.is_empty() {
        return Vec::new();
    }
    let over = locks.queue.values().filter(|waiting| waiting.until <= now).map(|waiting| Event::Withdrawn { seat: waiting.seat.clone() });
    let mut served: Vec<(u64, &Waiting)> = Vec::new();
    for (seq, wish) in locks.line().into_iter().filter(|(_, wish)| wish.until > now) {
        let before = locks.before(&wish.seat, &wish.paths, (seq, wish.priority), now);
        let stands = |one: &Obstacle<'_>| !matches!(one, Obstacle::Waiting(seq, _) if served.iter().any(|(other, _)| other == seq));
        let taken = served.iter().any(|(_, other)| path::clash(&other.paths, &wish.paths));
        if !taken && !before.iter().any(stands) {
            served.push((seq, wish));
        }
    }
    let granted = served.into_iter().zip(locks.token + 1..).map(|((_, wish), token)| Event::Granted {
        token,
        seat: wish.seat.clone(),
        paths: wish.paths.clone(),
        priority: wish.priority,
    });
    over.chain(granted).map(Any::Lock).collect()
}

/// When those who wait have to be looked after next: at once, or when time ends something.
pub fn due(state: &State, now: Millis) -> Option<Millis> {
    match state.locks.queue.is_empty() {
        true => None,
        false if pass(state, now).is_empty() => state.locks.next(now),
        false => Some(now),
    }
}

fn lease(seat: &SeatName, paths: &[Glob], priority: Priority, now: Millis, terms: &Terms) -> Lease {
    let (seat, paths) = (seat.clone(), paths.to_vec());
    Lease { seat, paths, priority, since: now, used: now, until: now + terms.lease(), ends: None }
}

/// A commit signed for a seat shows that it is at work: its locks go on.
pub fn used(state: &mut State, seat: &SeatName, now: Millis) {
    keep(state, now, |lease| lease.seat == *seat);
}

/// A push under a lock shows that the lock is used.
pub fn pushed(state: &mut State, seat: &SeatName, touched: &[String], now: Millis) {
    let touched: Vec<FoldedPath> = touched.iter().map(|path| FoldedPath::new(path)).collect();
    keep(state, now, |lease| lease.seat == *seat && touched.iter().any(|path| lease.covers(path)));
}

fn keep(state: &mut State, now: Millis, wanted: impl Fn(&Lease) -> bool) {
    if state.locks.leases.is_empty() {
        return;
    }
    let terms = state.charter().policy.locks;
    state.locks.settle(now, &terms);
    let tokens: Vec<u64> = state.locks.leases.iter().filter(|(_, lease)| wanted(lease)).map(|(token, _)| *token).collect();
    tokens.into_iter().for_each(|token| state.locks.renew(token, now, &terms));
}

pub fn apply(state: &mut State, by: &Actor, seq: u64, time: Millis, event: &Event) {
    let terms = state.charter().policy.locks;
    state.locks.settle(time, &terms);
    match event {
        Event::Granted { token, seat, paths, priority } => {
            let waited = state.locks.wish(seat).is_some_and(|(_, wish)| wish.paths == *paths && wish.priority == *priority);
            if !waited {
                spend(state, seat, *priority, time);
            }
            state.locks.grant(*token, lease(seat, paths, *priority, time, &terms));
        }
        Event::Renewed { tokens } => tokens.iter().for_each(|token| state.locks.renew(*token, time, &terms)),
        Event::Queued { paths, priority, until } => {
            let Some(seat) = by.seat() else { return };
            let (place, again) = place(state, seat, paths, *priority);
            let since = state.locks.wish(seat).filter(|_| again).map_or(time, |(_, wish)| wish.since);
            if !again {
                spend(state, seat, *priority, time);
            }
            state.locks.queue.retain(|_, waiting| waiting.seat != *seat);
            let waiting = Waiting { seat: seat.clone(), paths: paths.clone(), priority: *priority, since, until: *until };
            state.locks.queue.insert(if again { place } else { seq }, waiting);
        }
        Event::Preempted { token, ends, .. } => {
            if let Some(lease) = state.locks.leases.get_mut(token) {
                (lease.ends, lease.until) = (Some(*ends), lease.until.min(*ends));
            }
        }
        Event::Released { token, paths } => state.locks.release(*token, paths, time),
        Event::Withdrawn { seat } => state.locks.queue.retain(|_, waiting| waiting.seat != *seat),
    }
}

fn spend(state: &mut State, seat: &SeatName, priority: Priority, time: Millis) {
    budget::spend(state, seat, Act::Locks, time);
    if priority == Priority::Critical {
        budget::spend(state, seat, Act::Decisions, time);
    }
}

/// The seats that hear of an event: whoever got a lock or waits no more.
pub fn hears(event: &Event) -> Option<&SeatName> {
    match event {
        Event::Granted { seat, .. } | Event::Withdrawn { seat } => Some(seat),
        Event::Renewed { .. } | Event::Queued { .. } | Event::Preempted { .. } | Event::Released { .. } => None,
    }
}

#[cfg(test)]
mod tests;
