//! Locks: taking one may wait on the seat's bell; nothing here decides.

use super::{denial, page, said};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::Failure;
use crate::domain::glob::{Glob, MAX_PATH};
use crate::domain::lock::{LONGEST_WAIT, Wish, path};
use crate::domain::name::SeatName;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::supervisor::protocol::{Request, Response};
use crate::supervisor::yard::Yard;
use crate::view::{self, Locked};
use std::sync::Arc;
use std::time::Duration;

type Bell = tokio::sync::watch::Receiver<u64>;

pub async fn answer(yard: &Arc<Yard>, actor: Actor, request: Request) -> Response {
    let now = yard.clock.now();
    match request {
        Request::LockList => page(yard.see(move |state, _| view::locks(state, now.max(state.now))).await),
        Request::LockWhy { path } | Request::EditMay { path } if path.len() > MAX_PATH => {
            Response::Refused(Refusal::new("lock-path", "the path is too long to be one", "orchestrate lock list"))
        }
        Request::LockWhy { path } => page(yard.see(move |state, _| view::lock_why(state, &actor, &path, now.max(state.now))).await),
        Request::EditMay { path } => page(yard.see(move |state, _| view::edit(state, &actor, &path, now.max(state.now))).await),
        Request::LockAcquire { paths, priority, wait } => acquire(yard, actor, Wish { paths, priority, wait }).await,
        Request::LockRelease { paths, seat } => match yard.ask(actor, Act::Unlock { seat, paths }).await {
            Ok(entries) => said(if entries.len() == 1 { "given back".to_owned() } else { format!("{} locks given back", entries.len()) }),
            Err(denied) => denial(denied),
        },
        _ => Response::Bug("BUG: no lock request".to_owned()),
    }
}

async fn acquire(yard: &Arc<Yard>, actor: Actor, wish: Wish) -> Response {
    // The bell first: what is granted between the entry and the look is heard.
    let bell = yard.bell(&actor.party());
    let paths = wish.paths.iter().filter_map(|text| path::spelled(text).ok()).collect();
    let (seat, wait) = (actor.seat().cloned(), wish.wait.unwrap_or(0).min(LONGEST_WAIT));
    let asked = yard.ask(actor, Act::Lock { wish });
    let Some(seat) = seat else {
        return asked.await.map_or_else(denial, |_| Response::Bug("BUG: a lock was granted to nobody's seat".to_owned()));
    };
    let asking = Asking { yard, seat, paths };
    // Asked for at once, so that one turn of the loop does both.
    match tokio::join!(biased; asked, asking.look()) {
        (Err(denied), _) => denial(denied),
        (Ok(_), looked) => page(asking.granted(bell, looked, wait).await),
    }
}

/// Who waits for what.
struct Asking<'a> {
    yard: &'a Yard,
    seat: SeatName,
    paths: Vec<Glob>,
}

impl Asking<'_> {
    /// What the seat has of it, and whether it waits for the rest.
    async fn look(&self) -> Result<(Locked, bool), Failure> {
        let (now, seat, paths) = (self.yard.clock.now(), self.seat.clone(), self.paths.clone());
        self.yard.see(move |state, _| look(state, &seat, &paths, now)).await
    }

    /// Waits on the bell until the wish is granted or waits no more.
    async fn granted(&self, mut bell: Bell, mut looked: Result<(Locked, bool), Failure>, seconds: u32) -> Result<Locked, Failure> {
        let mut stop = self.yard.stop.subscribe();
        // The supervisor's own look at the time ends the wish; this is for one that is kept from it.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(u64::from(seconds) + 5);
        loop {
            let (locked, waits) = looked?;
            if locked.granted || !waits {
                return Ok(locked);
            }
            let rung = tokio::select! {
                rung = tokio::time::timeout_at(deadline, bell.changed()) => rung.is_ok(),
                _ = stop.changed() => false,
            };
            if !rung {
                return Ok(locked);
            }
            looked = self.look().await;
        }
    }
}

fn look(state: &State, seat: &SeatName, paths: &[Glob], now: Millis) -> (Locked, bool) {
    let now = now.max(state.now);
    let waits = state.locks.wish(seat).is_some_and(|(_, wish)| wish.until > now && wish.paths.iter().all(|path| paths.contains(path)));
    (view::locked(state, seat, paths, now), waits)
}
