//! Sees at once when an instance ends, and brings it back.

use super::super::drive::Denied;
use super::super::start::{Options, Reporter};
use super::super::yard::{Yard, blocking};
use super::{clones, furnish, seat, take_tmux};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::fleet::{self, Instance};
use crate::domain::name::SeatName;
use crate::domain::state::State;
use crate::edge::tmux::{Control, Event, Feed, Pane, Tmux};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a tmux that does not let itself be watched is left alone.
const BREATH: Duration = Duration::from_secs(1);
/// The longest without a look for a tmux that nobody of ours started.
const LONGEST: Duration = Duration::from_secs(3600);

/// Notes the end of an instance when its pane dies or goes, as tmux tells it; also when tmux itself ends.
pub fn watch(yard: &Arc<Yard>) -> Result<(), Failure> {
    let here = Arc::clone(yard);
    let handle = Handle::current();
    let work = move || {
        let mut grid = here.grid.subscribe();
        while !*here.stop.borrow() {
            grid.borrow_and_update();
            if let Err(failure) = listen(&here, &handle) {
                eprintln!("orchestrate: {failure}");
            }
            handle.block_on(look(&here));
            handle.block_on(rest(&here, &mut grid));
        }
    };
    std::thread::Builder::new().name("tmux".to_owned()).spawn(work).map(drop).doing("cannot watch the panes")
}

/// Listens to one tmux server until it ends.
fn listen(yard: &Arc<Yard>, handle: &Handle) -> Result<(), Failure> {
    let Some(tmux) = yard.tmux.get().filter(|tmux| tmux.runs().unwrap_or(true)) else { return Ok(()) };
    let (control, events) = Control::open(tmux, &yard.workshop, Feed::Quiet)?;
    // What ended before anybody listened.
    handle.block_on(look(yard));
    for event in events {
        match event {
            Event::PaneDied(_) => handle.block_on(look(yard)),
            Event::Exit(_) => break,
            event if event.reshapes() => handle.block_on(look(yard)),
            Event::Output { .. } | Event::Other(_) => {}
        }
    }
    drop(control);
    Ok(())
}

/// Waits for the next server: until panes are started, or, where one runs, for a moment.
async fn rest(yard: &Arc<Yard>, grid: &mut tokio::sync::watch::Receiver<u64>) {
    let mut stop = yard.stop.subscribe();
    let here = Arc::clone(yard);
    let runs = blocking(move || here.tmux.get().map_or(Ok(false), Tmux::runs)).await.unwrap_or(true);
    if *stop.borrow_and_update() {
        return;
    }
    tokio::select! {
        _ = tokio::time::timeout(if runs { BREATH } else { LONGEST }, grid.changed()) => {}
        _ = stop.changed() => {}
    }
}

async fn look(yard: &Arc<Yard>) {
    if let Err(failure) = survey(yard).await {
        eprintln!("orchestrate: cannot see who has left: {failure}");
    }
}

/// Notes every instance whose pane is dead or gone.
async fn survey(yard: &Arc<Yard>) -> Result<(), Failure> {
    let turn = yard.filling.lock().await;
    if *yard.stop.borrow() {
        return Ok(());
    }
    let here = Arc::clone(yard);
    let panes = blocking(move || here.tmux.get().map_or_else(|| Ok(Vec::new()), Tmux::panes)).await?;
    let present = yard.see(|state, _| fleet::present(state)).await?;
    let left = present.into_iter().filter_map(|(seat, instance)| {
        let why = end(&panes, &seat)?;
        Some(Act::Leave { seat, instance, why })
    });
    let left: Vec<Act> = left.collect();
    if !left.is_empty() {
        // The kernel may give their numbers to other processes.
        yard.kin.forget();
    }
    tell(yard, left).await;
    drop(turn);
    Ok(())
}

/// Why nobody sits in a seat; nothing where somebody does.
fn end(panes: &[Pane], seat: &SeatName) -> Option<String> {
    match panes.iter().find(|pane| pane.seat == seat.as_str()) {
        None if panes.is_empty() => Some("tmux ended".to_owned()),
        None => Some("its pane was closed".to_owned()),
        Some(pane) if pane.dead => Some(pane.exit.map_or_else(|| "ended by a signal".to_owned(), |code| format!("ended with code {code}"))),
        Some(_) => None,
    }
}

async fn tell(yard: &Arc<Yard>, acts: Vec<Act>) {
    for outcome in yard.ask_all(&Actor::Edge, acts).await {
        if let Err(Denied::Failed(failure)) = outcome {
            eprintln!("orchestrate: {failure}");
        }
    }
}

/// Fills the seats that were called back; one that cannot be filled has left again.
pub async fn refill(yard: &Arc<Yard>) -> Result<(), Failure> {
    let turn = yard.filling.lock().await;
    let (called, charter) = yard.see(|state, _| (fleet::called(state), state.charter().clone())).await?;
    if called.is_empty() || *yard.stop.borrow() {
        return Ok(());
    }
    let outcome = bring_back(yard, &charter, called).await;
    let still = yard.see(|state, _| not_filled(state)).await?;
    let why = outcome.as_ref().err().map_or_else(|| "it could not be started".to_owned(), ToString::to_string);
    tell(yard, still.into_iter().map(|(seat, instance)| Act::Leave { seat, instance, why: why.clone() }).collect()).await;
    drop(turn);
    // What was recorded as filled and could not be started has left again.
    if outcome.is_err() {
        survey(yard).await?;
    }
    outcome
}

fn not_filled(state: &State) -> Vec<(SeatName, u32)> {
    let number = |seat: SeatName| state.fleet.get(&seat).map(|known| (seat, known.instances));
    fleet::called(state).into_iter().filter_map(number).collect()
}

async fn bring_back(yard: &Arc<Yard>, charter: &crate::domain::charter::Charter, called: Vec<SeatName>) -> Result<(), Failure> {
    let options = Options::load(&yard.place)?.ok_or_else(|| Failure::new("cannot start a seat again", "nobody said which repository"))?;
    let here = Arc::clone(yard);
    let living = blocking(move || take_tmux(&here)?.panes()).await?;
    // Where no pane is left, the grid is built anew, and everybody in it.
    let wanted = if living.is_empty() { charter.seats().cloned().collect() } else { called };
    clones(yard, charter).await?;
    let places = furnish(yard, &options, charter, wanted).await?;
    seat(yard, charter, places).await.map(drop)
}

/// Waits until every instance has answered through its own socket, has ended, or the time is over.
pub async fn answered(yard: &Arc<Yard>, seconds: u32, reporter: &mut Reporter) -> Result<usize, Failure> {
    let since = Instant::now();
    let (mut grown, mut stop) = (yard.grown.subscribe(), yard.stop.subscribe());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds.into());
    let (ready, silent) = loop {
        grown.borrow_and_update();
        let (ready, starting, silent) = yard.see(|state, _| roll(state)).await?;
        if starting == 0 {
            break (ready, silent);
        }
        let over = tokio::select! {
            changed = tokio::time::timeout_at(deadline, grown.changed()) => changed.is_err(),
            _ = stop.wait_for(|stop| *stop) => true,
        };
        if over {
            break (ready, silent);
        }
    };
    let detail =
        if silent.is_empty() { format!("{ready} answered") } else { format!("{ready} answered; no answer from {}", silent.join(", ")) };
    reporter.step("instances", detail, since);
    Ok(ready)
}

fn roll(state: &State) -> (usize, usize, Vec<String>) {
    let is = |instance: &Instance, wanted: fn(&Instance) -> bool| wanted(instance);
    let count = |wanted: fn(&Instance) -> bool| state.fleet.values().filter(|seat| is(&seat.instance, wanted)).count();
    let silent = state.fleet.iter().filter(|(_, seat)| !matches!(seat.instance, Instance::Ready { .. })).map(|(name, _)| name.to_string());
    (count(|now| matches!(now, Instance::Ready { .. })), count(|now| matches!(now, Instance::Starting { .. })), silent.collect())
}
