//! Keeps one seat from filling the disk for all: whose files take more than the owner allows is stopped, with its files as they are.
//!
//! It looks when the disk has less room than before. Who closed a folder of its own is taken for too large when the room runs out. A file that is open and has no name any more is not seen (SECURITY.md).

use super::seats::end;
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::name::SeatName;
use crate::edge::disk::{UNCOUNTED, usage};
use crate::edge::process::free_disk;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two questions to the file system how much room there is, which cost nothing.
const EVERY: Duration = Duration::from_secs(2);
/// The share of a seat's limit by which the room has to shrink before anybody's files are counted.
const STEP: u64 = 16;
/// Bytes below which the disk is as good as full.
const SCARCE: u64 = 512 << 20;
/// Counting takes at most one part in so many of the time.
const REST: u32 = 10;

/// Looks for as long as the supervisor lives.
pub async fn watch(yard: Arc<Yard>) {
    let mut stop = yard.stop.subscribe();
    // The first look counts everybody.
    let mut known = u64::MAX;
    let mut rest = EVERY;
    while tokio::time::timeout(rest, stop.changed()).await.is_err() {
        let (Ok(limit), Ok(free)) = (limit(&yard).await, free_disk(yard.place.root())) else { continue };
        known = known.max(free);
        rest = EVERY;
        let scarce = free < SCARCE;
        if limit == 0 || known == free || (!scarce && known - free < limit / STEP) {
            continue;
        }
        let since = Instant::now();
        if let Err(failure) = count(&yard, limit, scarce).await {
            eprintln!("orchestrate: {failure}");
        }
        known = free;
        rest = EVERY.max(since.elapsed() * REST);
    }
}

async fn limit(yard: &Arc<Yard>) -> Result<u64, Failure> {
    yard.see(|state, _| if state.genesis.is_some() { state.charter().policy.agent.disk_bytes } else { 0 }).await
}

async fn count(yard: &Arc<Yard>, limit: u64, scarce: bool) -> Result<(), Failure> {
    for seat in yard.see(|state, _| state.fleet.keys().cloned().collect::<Vec<_>>()).await? {
        let (here, whose) = (Arc::clone(yard), seat.clone());
        let taken = blocking(move || Ok(usage(&here.place.clone_of(&whose)) + usage(&here.place.home_of(&whose)))).await?;
        let bytes = if scarce && taken.hidden { UNCOUNTED } else { taken.bytes };
        if bytes > limit {
            halt(yard, seat, bytes).await?;
        }
    }
    Ok(())
}

/// The entry first: with it nobody starts the seat again.
async fn halt(yard: &Arc<Yard>, seat: SeatName, bytes: u64) -> Result<(), Failure> {
    let told = yard.ask(Actor::Edge, Act::Overfull { seat: seat.clone(), bytes }).await;
    if told.is_err() {
        return Err(Failure::new("cannot stop a seat that fills the disk", format!("no entry could be written about {seat}")));
    }
    end(yard, &seat).await
}
