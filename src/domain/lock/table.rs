//! Who holds what, who waits for what, and what was held lately.

use super::super::entry::Millis;
use super::super::glob::{FoldedPath, Glob};
use super::super::message::Priority;
use super::super::name::SeatName;
use super::path::{clash, covers, touches};
use super::terms::Terms;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long an ended lease is remembered, and how many of them.
pub const REMEMBERED: Millis = 86_400_000;
pub const MOST_ENDED: usize = 4096;

/// All locks: the fold of the lock events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locks {
    /// The last token that was given; the next is higher, whatever happens.
    pub token: u64,
    /// What was granted and has not ended, by token; one whose time is over is still its holder's until somebody else wants it.
    pub leases: BTreeMap<u64, Lease>,
    /// What ended, oldest first.
    pub ended: VecDeque<Ended>,
    /// Who waits, by the ledger position of the wish.
    pub queue: BTreeMap<u64, Waiting>,
}

/// The right to write some paths, alone, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub seat: SeatName,
    pub paths: Vec<Glob>,
    pub priority: Priority,
    pub since: Millis,
    /// The last sign of use.
    pub used: Millis,
    /// It excludes others as long as this lies ahead.
    pub until: Millis,
    /// When a more urgent need ends it, used or not.
    pub ends: Option<Millis>,
}

/// A lease that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub token: u64,
    pub seat: SeatName,
    pub paths: Vec<Glob>,
    pub at: Millis,
    /// Its holder did not give it back: it lapsed, or was taken away.
    pub lost: bool,
}

/// A wish that could not be granted at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub seat: SeatName,
    pub paths: Vec<Glob>,
    pub priority: Priority,
    pub since: Millis,
    /// After this nobody waits any more.
    pub until: Millis,
}

/// What stands between a wish and its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle<'a> {
    Lease(u64, &'a Lease),
    /// Somebody waits for it who came first, or has the more urgent need.
    Waiting(u64, &'a Waiting),
}

impl Obstacle<'_> {
    pub fn seat(&self) -> &SeatName {
        match self {
            Self::Lease(_, lease) => &lease.seat,
            Self::Waiting(_, waiting) => &waiting.seat,
        }
    }
}

impl Lease {
    pub fn live(&self, now: Millis) -> bool {
        now < self.until
    }

    /// Whether it has been silent for so long that it is over, also where nobody else wants it.
    pub fn stale(&self, now: Millis, terms: &Terms) -> bool {
        self.used + terms.stale() <= now && !self.live(now)
    }

    /// Whether a need of this priority ends it sooner or later, used or not.
    pub fn yields(&self, priority: Priority, terms: &Terms) -> bool {
        self.ends.is_some() || terms.grace(priority, self.priority).is_some()
    }

    pub fn touches(&self, path: &FoldedPath) -> bool {
        touches(path, &self.paths)
    }

    pub fn covers(&self, path: &FoldedPath) -> bool {
        self.paths.iter().any(|glob| covers(path, glob))
    }
}

/// Whoever has the more urgent need comes first, then whoever came first.
fn rank(seq: u64, priority: Priority) -> (Reverse<Priority>, u64) {
    (Reverse(priority), seq)
}

impl Locks {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The leases of a seat, by token.
    pub fn of<'a>(&'a self, seat: &SeatName) -> impl Iterator<Item = (u64, &'a Lease)> {
        self.leases.iter().filter(move |(_, lease)| lease.seat == *seat).map(|(token, lease)| (*token, lease))
    }

    /// What a seat waits for.
    pub fn wish<'a>(&'a self, seat: &SeatName) -> Option<(u64, &'a Waiting)> {
        self.queue.iter().find(|(_, waiting)| waiting.seat == *seat).map(|(seq, waiting)| (*seq, waiting))
    }

    /// The leases and wishes of others that stand before a wish made at a place of the ledger.
    pub fn before(&self, seat: &SeatName, paths: &[Glob], wish: (u64, Priority), now: Millis) -> Vec<Obstacle<'_>> {
        let leases = self.leases.iter().filter(|(_, lease)| lease.seat != *seat && lease.live(now) && clash(&lease.paths, paths));
        let ahead = |seq: u64, waiting: &Waiting| rank(seq, waiting.priority) < rank(wish.0, wish.1);
        let waiting = self
            .queue
            .iter()
            .filter(|(seq, waiting)| waiting.seat != *seat && waiting.until > now && ahead(**seq, waiting) && clash(&waiting.paths, paths));
        let waiting = waiting.map(|(seq, waiting)| Obstacle::Waiting(*seq, waiting));
        leases.map(|(token, lease)| Obstacle::Lease(*token, lease)).chain(waiting).collect()
    }

    /// Whether somebody else waits for what a lease is on.
    pub fn awaited(&self, lease: &Lease, now: Millis) -> bool {
        self.queue.values().any(|waiting| waiting.seat != lease.seat && waiting.until > now && clash(&waiting.paths, &lease.paths))
    }

    /// Finds who of those in a wish's way waits in the end for the wish's own seat. What yields by itself keeps nobody waiting for ever.
    pub fn circle(&self, seat: &SeatName, wish: (&[Obstacle<'_>], Priority), now: Millis, terms: &Terms) -> Option<SeatName> {
        let lasting = |one: &&Obstacle<'_>, priority| !matches!(one, Obstacle::Lease(_, lease) if lease.yields(priority, terms));
        let mut seen: BTreeSet<SeatName> = BTreeSet::new();
        let first = wish.0.iter().filter(|one| lasting(one, wish.1));
        let mut todo: Vec<(SeatName, SeatName)> = first.map(|one| (one.seat().clone(), one.seat().clone())).collect();
        while let Some((next, first)) = todo.pop() {
            if next == *seat {
                return Some(first);
            }
            if !seen.insert(next.clone()) {
                continue;
            }
            if let Some((seq, wish)) = self.wish(&next).filter(|(_, wish)| wish.until > now) {
                let further = self.before(&next, &wish.paths, (seq, wish.priority), now);
                let further = further.iter().filter(|one| lasting(one, wish.priority));
                todo.extend(further.map(|one| (one.seat().clone(), first.clone())));
            }
        }
        None
    }

    /// The waiting in the order in which they are served.
    pub fn line(&self) -> Vec<(u64, &Waiting)> {
        let mut line: Vec<(u64, &Waiting)> = self.queue.iter().map(|(seq, waiting)| (*seq, waiting)).collect();
        line.sort_by_key(|(seq, waiting)| rank(*seq, waiting.priority));
        line
    }

    /// When time alone next ends a wish or a lease.
    pub fn next(&self, now: Millis) -> Option<Millis> {
        let all = self.queue.values().map(|waiting| waiting.until).chain(self.leases.values().map(|lease| lease.until));
        all.filter(|when| *when > now).min()
    }

    pub(super) fn grant(&mut self, token: u64, lease: Lease) {
        let (at, seat) = (lease.since, lease.seat.clone());
        let lapsed = self.leases.iter().filter(|(_, other)| other.seat != seat && clash(&other.paths, &lease.paths));
        let lapsed: Vec<u64> = lapsed.map(|(token, _)| *token).collect();
        lapsed.into_iter().for_each(|token| self.lose(token, at));
        self.queue.retain(|_, waiting| waiting.seat != seat || waiting.paths != lease.paths);
        self.token = self.token.max(token);
        self.leases.insert(token, lease);
    }

    pub(super) fn lose(&mut self, token: u64, at: Millis) {
        if let Some(lease) = self.leases.remove(&token) {
            self.end(Ended { token, seat: lease.seat, paths: lease.paths, at, lost: true });
        }
    }

    pub(super) fn release(&mut self, token: u64, paths: &[Glob], at: Millis) {
        let Some(lease) = self.leases.get_mut(&token) else { return };
        lease.paths.retain(|path| !paths.contains(path));
        let (seat, rest) = (lease.seat.clone(), lease.paths.len());
        if rest == 0 {
            self.leases.remove(&token);
        }
        self.end(Ended { token, seat, paths: paths.to_vec(), at, lost: false });
    }

    fn end(&mut self, ended: Ended) {
        self.ended.push_back(ended);
        while self.ended.len() > MOST_ENDED {
            self.ended.pop_front();
        }
    }

    /// A sign of use keeps a lease, unless a more urgent need ends it, or others have waited for it long enough.
    pub(super) fn renew(&mut self, token: u64, now: Millis, terms: &Terms) {
        let Some(lease) = self.leases.get(&token) else { return };
        let awaited = self.awaited(lease, now);
        if awaited && !lease.live(now) {
            return;
        }
        let longest = if awaited { lease.since + terms.hold() } else { Millis::MAX };
        let until = (now + terms.lease()).min(longest).min(lease.ends.unwrap_or(Millis::MAX)).max(lease.until);
        if let Some(lease) = self.leases.get_mut(&token) {
            (lease.used, lease.until) = (now, until);
        }
    }

    /// Ends what has been silent too long, and forgets what ended long ago.
    pub(super) fn settle(&mut self, now: Millis, terms: &Terms) {
        let silent = self.leases.iter().filter(|(_, lease)| lease.stale(now, terms));
        let silent: Vec<u64> = silent.map(|(token, _)| *token).collect();
        silent.into_iter().for_each(|token| self.lose(token, now));
        self.queue.retain(|_, waiting| waiting.until > now);
        while self.ended.front().is_some_and(|ended| ended.at + REMEMBERED <= now) {
            self.ended.pop_front();
        }
    }

    /// A freeze takes every lock away.
    pub fn freeze(&mut self, now: Millis) {
        let all: Vec<u64> = self.leases.keys().copied().collect();
        all.into_iter().for_each(|token| self.lose(token, now));
        self.queue.clear();
    }
}
