//! Whose process is at the other end of a socket: the kernel names the process, and tmux names the first one of each seat.

use super::Door;
use crate::domain::actor::Actor;
use crate::domain::failure::Failure;
use crate::domain::isolation::Isolation;
use crate::domain::name::SeatName;
use crate::domain::planted;
use crate::domain::refusal::Refusal;
use crate::edge::process::{ancestors, pid_namespace};
use crate::supervisor::yard::{Yard, blocking};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UnixStream;

/// The processes that belong to seats, as far as they have been looked up.
#[derive(Debug, Default)]
pub struct Kin {
    known: Mutex<Known>,
    looking: tokio::sync::Mutex<()>,
    /// The owner lets processes from anywhere speak through seats' sockets.
    anyone: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    /// Each pane's first process.
    first: BTreeMap<u32, SeatName>,
    /// The process namespaces that such a process was found above of; the supervisor's own is never among them.
    spaces: BTreeMap<u64, SeatName>,
}

impl Kin {
    /// Takes the owner's word on who may speak through a seat's socket.
    pub fn allow(&self, anyone: bool) {
        self.anyone.store(anyone, Ordering::Relaxed);
    }

    /// Forgets what was looked up: a seat's pane starts anew.
    pub fn forget(&self) {
        *self.locked() = Known::default();
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seat that a process belongs to, by its namespace where that is known, else by its ancestors.
    fn seat_of(&self, pid: u32) -> Option<SeatName> {
        let space = pid_namespace(pid).filter(|space| pid_namespace(std::process::id()) != Some(*space));
        let mut known = self.locked();
        if let Some(seat) = space.and_then(|space| known.spaces.get(&space)) {
            return Some(seat.clone());
        }
        let above = std::iter::once(pid).chain(ancestors(pid));
        let seat = above.into_iter().find_map(|pid| known.first.get(&pid)).cloned()?;
        space.map(|space| known.spaces.insert(space, seat.clone()));
        Some(seat)
    }

    /// Looks at the panes once more when the answer is not yet the expected one; several who ask at once share one look.
    async fn is_of(&self, yard: &Arc<Yard>, pid: u32, seat: &SeatName) -> Result<bool, Failure> {
        if self.seat_of(pid).as_ref() == Some(seat) {
            return Ok(true);
        }
        let _turn = self.looking.lock().await;
        if self.seat_of(pid).as_ref() == Some(seat) {
            return Ok(true);
        }
        self.look(yard).await?;
        Ok(self.seat_of(pid).as_ref() == Some(seat))
    }

    async fn look(&self, yard: &Arc<Yard>) -> Result<(), Failure> {
        let here = Arc::clone(yard);
        let panes = blocking(move || here.tmux.get().map_or_else(|| Ok(Vec::new()), crate::edge::tmux::Tmux::panes)).await?;
        let first = panes.into_iter().filter(|pane| !pane.dead).filter_map(|pane| Some((pane.pid, SeatName::new(pane.seat).ok()?)));
        *self.locked() = Known { first: first.collect(), spaces: BTreeMap::new() };
        Ok(())
    }

    /// The seat whose process this is, looked up anew where nothing is known of it.
    async fn any_seat(&self, yard: &Arc<Yard>, pid: u32) -> Result<Option<SeatName>, Failure> {
        if self.locked().first.is_empty() {
            self.look(yard).await?;
        }
        Ok(self.seat_of(pid))
    }
}

/// Why what comes through this connection does not count, and on whom the record puts it; none where it does.
pub async fn stranger(yard: &Arc<Yard>, door: &Door, stream: &UnixStream) -> Option<(Actor, Refusal)> {
    let seen = match stream.peer_cred() {
        Ok(peer) => (peer.uid(), peer.pid().and_then(|pid| u32::try_from(pid).ok())),
        Err(why) => return Some((Actor::Edge, outside(door, &format!("the kernel does not say whose process it is: {why}")))),
    };
    match door {
        Door::Seat(seat) => foreign(yard, door, seat, seen).await.map(|refusal| (Actor::Edge, refusal)),
        // Where there are walls, no seat sees this socket.
        Door::Owner if yard.isolation == Isolation::None => disguised(yard, seen.1?).await,
        Door::Owner | Door::Hook => None,
    }
}

async fn foreign(yard: &Arc<Yard>, door: &Door, seat: &SeatName, (uid, pid): (u32, Option<u32>)) -> Option<Refusal> {
    if yard.kin.anyone.load(Ordering::Relaxed) || planted::out("own-processes") {
        return None;
    }
    let Some(pid) = pid.filter(|_| yard.user_of(seat) == uid) else {
        return Some(outside(door, &format!("user {uid} is not the seat's")));
    };
    match yard.kin.is_of(yard, pid, seat).await {
        Ok(true) => None,
        Ok(false) => Some(outside(door, &format!("process {pid} does not come out of the seat's pane"))),
        Err(failure) => Some(outside(door, &failure.to_string())),
    }
}

async fn disguised(yard: &Arc<Yard>, pid: u32) -> Option<(Actor, Refusal)> {
    let seat = yard.kin.any_seat(yard, pid).await.unwrap_or_default()?;
    let why = format!("process {pid} belongs to {seat}: a seat is not the owner");
    Some((Actor::Seat(seat), Refusal::new("outside-process", why, "orchestrate whoami")))
}

fn outside(door: &Door, why: &str) -> Refusal {
    Refusal::new("outside-process", format!("this socket is for {}'s own processes: {why}", door.actor()), "orchestrate explain outside-process")
}
