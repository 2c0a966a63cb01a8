//! The question a push is asked: does somebody else hold what it touches, and does it come too late?

use super::super::entry::Millis;
use super::super::glob::{FoldedPath, shown};
use super::super::name::SeatName;
use super::super::planted;
use super::super::refusal::Refusal;
use super::super::state::State;
use super::path::clash;
use super::table::{Ended, Lease, Locks};
use super::terms::Terms;

/// A push records so many of the paths that it touches, of so many bytes together; one that touches more counts as touching everything.
pub const MOST_TOUCHED: usize = 1000;
const MOST_BYTES: usize = 128 * 1024;
/// Stands for every path.
pub const EVERYTHING: &str = "**";

/// The paths of a push as its entry keeps them.
pub fn told(touched: Vec<String>) -> Vec<String> {
    let bytes: usize = touched.iter().map(String::len).sum();
    if touched.len() > MOST_TOUCHED || bytes > MOST_BYTES { vec![EVERYTHING.to_owned()] } else { touched }
}

/// Lets a push pass that needs no lock of anybody else, and comes with no lock that was lost meanwhile.
pub fn admits(state: &State, seat: &SeatName, touched: &[String], now: Millis) -> Result<(), Refusal> {
    let (locks, terms) = (&state.locks, &state.charter().policy.locks);
    touched.iter().try_for_each(|path| {
        let touched = Touched::new(path);
        late(locks, seat, &touched).filter(|_| !planted::out("lock-fencing")).map_or(Ok(()), Err)?;
        held(locks, seat, &touched, now).filter(|_| !planted::out("write-locks")).map_or(Ok(()), Err)?;
        uncovered(locks, terms, seat, &touched, now).map_or(Ok(()), Err)
    })
}

struct Touched<'a> {
    text: &'a str,
    folded: FoldedPath,
    everything: bool,
}

impl<'a> Touched<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, folded: FoldedPath::new(text), everything: text == EVERYTHING }
    }

    fn needs(&self, lease: &Lease) -> bool {
        self.everything || lease.touches(&self.folded)
    }

    fn needed(&self, ended: &Ended) -> bool {
        self.everything || super::path::touches(&self.folded, &ended.paths)
    }

    fn shown(&self) -> String {
        if self.everything { "more paths than are told apart".to_owned() } else { shown(self.text) }
    }
}

fn held(locks: &Locks, seat: &SeatName, path: &Touched<'_>, now: Millis) -> Option<Refusal> {
    let (token, lease) = locks.leases.iter().find(|(_, lease)| lease.seat != *seat && lease.live(now) && path.needs(lease))?;
    let left = lease.until.saturating_sub(now).div_ceil(1000);
    let why = format!("{} is locked by {} with token {token}, for {left} s more if it is not used meanwhile", path.shown(), lease.seat);
    Some(Refusal::new("lock-held", why, format!("orchestrate lock acquire {} --wait && git push", first(lease))))
}

/// A pattern of a lease, as a shell takes it.
pub(super) fn first(lease: &Lease) -> String {
    lease.paths.first().map(|path| format!("'{path}'")).unwrap_or_default()
}

/// The seat's newest lock on the path was taken from it, and somebody else has had a newer one since.
fn late(locks: &Locks, seat: &SeatName, path: &Touched<'_>) -> Option<Refusal> {
    let live = locks.of(seat).filter(|(_, lease)| path.needs(lease)).map(|(token, _)| token).max();
    let over = locks.ended.iter().filter(|ended| ended.seat == *seat && path.needed(ended)).max_by_key(|ended| ended.token)?;
    if !over.lost || live.is_some_and(|token| token > over.token) {
        return None;
    }
    let newer = |token: u64, other: &SeatName| other != seat && token > over.token;
    let holding =
        locks.leases.iter().filter(|(token, lease)| newer(**token, &lease.seat) && path.needs(lease) && clash(&lease.paths, &over.paths));
    let held = locks.ended.iter().filter(|ended| newer(ended.token, &ended.seat) && path.needed(ended) && clash(&ended.paths, &over.paths));
    let since = holding.map(|(token, lease)| (*token, &lease.seat)).chain(held.map(|ended| (ended.token, &ended.seat))).min();
    since.map(|(token, other)| {
        let why = format!(
            "{} was locked by {seat} with token {}, which was lost, and {other} had token {token} after it",
            path.shown(),
            over.token
        );
        let hint = "git fetch && git rebase origin/main && orchestrate lock acquire <path>   (look at what changed meanwhile)";
        Refusal::new("lock-stale", why, hint)
    })
}

fn uncovered(locks: &Locks, terms: &Terms, seat: &SeatName, path: &Touched<'_>, now: Millis) -> Option<Refusal> {
    let own = |lease: &Lease| lease.live(now) && lease.covers(&path.folded);
    if !terms.required || locks.of(seat).any(|(_, lease)| own(lease)) {
        return None;
    }
    let why = format!("{seat} holds no lock on {}, and this workshop wants one for every path", path.shown());
    Some(Refusal::new("lock-needed", why, "orchestrate lock acquire <path>... && git push"))
}
