//! Who holds which lock, who waits, and what that means for a path.

use crate::domain::actor::Actor;
use crate::domain::entry::Millis;
use crate::domain::glob::{FoldedPath, Glob};
use crate::domain::edit;
use crate::domain::lock::{self, Lease, Obstacle, Waiting};
use crate::domain::message::Priority;
use crate::domain::name::SeatName;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// `LockList`, and the locks of `Status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockPage {
    pub now: Millis,
    pub locks: Vec<LockLine>,
    /// In the order in which they are served.
    pub waiting: Vec<WishLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockLine {
    pub token: u64,
    pub seat: SeatName,
    pub paths: Vec<Glob>,
    pub priority: Priority,
    pub since: Millis,
    /// Until when it keeps others away, if it is not used meanwhile.
    pub until: Millis,
    /// Its time is over: it is the holder's only as long as nobody else wants it.
    pub lapsed: bool,
    /// Somebody with a more urgent need ends it here.
    pub ends: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishLine {
    pub seat: SeatName,
    pub paths: Vec<Glob>,
    pub priority: Priority,
    pub since: Millis,
    pub until: Millis,
    /// Whose locks or earlier wishes stand before it.
    pub behind: Vec<SeatName>,
}

/// `LockWhy`: what stands between the asker and one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWhy {
    pub path: String,
    pub now: Millis,
    pub locks: Vec<LockLine>,
    pub waiting: Vec<WishLine>,
    /// What the gate would say to the asker's push of this path now.
    pub refused: Option<Refusal>,
}

/// `LockAcquire`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// Nothing was granted where this is false: it still waits, or waits no more.
    pub granted: bool,
    pub locks: Vec<LockLine>,
    pub now: Millis,
}

pub fn locks(state: &State, now: Millis) -> LockPage {
    let locks = state.locks.leases.iter().map(|(token, lease)| line(*token, lease, now)).collect();
    LockPage { now, locks, waiting: waiting(state, now, |_| true) }
}

fn line(token: u64, lease: &Lease, now: Millis) -> LockLine {
    LockLine {
        token,
        seat: lease.seat.clone(),
        paths: lease.paths.clone(),
        priority: lease.priority,
        since: lease.since,
        until: lease.until,
        lapsed: !lease.live(now),
        ends: lease.ends,
    }
}

fn waiting(state: &State, now: Millis, wanted: impl Fn(&Waiting) -> bool) -> Vec<WishLine> {
    let line = |(seq, wish): (u64, &Waiting)| {
        let before = state.locks.before(&wish.seat, &wish.paths, (seq, wish.priority), now);
        let mut behind: Vec<SeatName> = before.iter().map(Obstacle::seat).cloned().collect();
        behind.dedup();
        let (seat, paths) = (wish.seat.clone(), wish.paths.clone());
        WishLine { seat, paths, priority: wish.priority, since: wish.since, until: wish.until, behind }
    };
    state.locks.line().into_iter().filter(|(_, wish)| wish.until > now && wanted(wish)).map(line).collect()
}

/// What there is about one path.
pub fn lock_why(state: &State, actor: &Actor, path: &str, now: Millis) -> LockWhy {
    let folded = FoldedPath::new(path);
    let about = state.locks.leases.iter().filter(|(_, lease)| lease.touches(&folded));
    let refused = actor.seat().and_then(|seat| lock::admits(state, seat, &[path.to_owned()], now).err());
    LockWhy {
        path: path.to_owned(),
        now,
        locks: about.map(|(token, lease)| line(*token, lease, now)).collect(),
        waiting: waiting(state, now, |wish| lock::path::touches(&folded, &wish.paths)),
        refused,
    }
}

/// What stands between a seat and an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditPage {
    pub path: String,
    pub refused: Option<Refusal>,
}

/// Whether an edit of a path in the clone would be of any use.
pub fn edit(state: &State, actor: &Actor, path: &str, now: Millis) -> EditPage {
    EditPage { path: path.to_owned(), refused: edit::judge(state, actor, path, now).err() }
}

/// What a seat holds of these paths now.
pub fn locked(state: &State, seat: &SeatName, paths: &[Glob], now: Millis) -> Locked {
    let own = |lease: &Lease| lease.live(now) && lease.paths.iter().any(|path| paths.contains(path));
    let held: Vec<(u64, &Lease)> = state.locks.of(seat).filter(|(_, lease)| own(lease)).collect();
    let granted = paths.iter().all(|path| held.iter().any(|(_, lease)| lease.paths.contains(path)));
    let locks = held.into_iter().map(|(token, lease)| line(token, lease, now)).collect();
    Locked { granted, locks, now }
}
