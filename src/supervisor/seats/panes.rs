//! The seats' panes: a grid of all, or what is missing in one that lives.

use super::Place;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::SeatName;
use crate::edge::tmux::{Grid, Pane, PaneSpec, Shape, Tmux};
use crate::supervisor::yard::{Yard, blocking};
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;

/// The grid that a start builds before any terminal is attached.
const WIDTH: u16 = 200;
const HEIGHT: u16 = 60;
const COLUMNS: usize = 3;

/// Starts these places' programs: in panes that are there, in new ones, or in a whole new grid where nothing lives.
pub(super) fn start(yard: &Yard, tmux: &Tmux, order: &[SeatName], living: &[Pane], wanted: &[Place]) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    if living.is_empty() {
        return build(yard, tmux, wanted);
    }
    let pane_of = |place: &Place| living.iter().find(|pane| pane.seat == place.seat.as_str());
    for (place, pane) in wanted.iter().filter_map(|place| Some((place, pane_of(place)?))) {
        tmux.respawn(&pane.id, &place.argv, yard.place.root())?;
    }
    let missing = wanted.iter().filter(|place| pane_of(place).is_none());
    let specs: Vec<PaneSpec> = missing.map(|place| spec(yard, place)).collect();
    let order: Vec<&str> = order.iter().map(SeatName::as_str).collect();
    if specs.is_empty() { Ok(()) } else { tmux.restore(&yard.workshop, &order, &specs, &shape(order.len())) }
}

/// Builds the whole grid anew.
fn build(yard: &Yard, tmux: &Tmux, places: &[Place]) -> Result<(), Failure> {
    tmux.stop()?;
    let rows = places.chunks(COLUMNS).map(|row| row.iter().map(|place| spec(yard, place)).collect()).collect();
    tmux.build(&yard.workshop, &Grid { rows, width: WIDTH, height: HEIGHT, config: None }).map(drop)
}

fn shape(seats: usize) -> Shape {
    let rows = (0..seats.div_ceil(COLUMNS)).map(|row| COLUMNS.min(seats - row * COLUMNS)).collect();
    Shape { rows, width: WIDTH, height: HEIGHT }
}

fn spec(yard: &Yard, place: &Place) -> PaneSpec {
    PaneSpec {
        seat: place.seat.to_string(),
        title: place.title.clone(),
        colour: place.colour.clone(),
        argv: place.argv.clone(),
        cwd: yard.place.root().to_owned(),
    }
}

/// Ends what runs in a seat's pane; the end is noted as any other.
pub async fn end(yard: &Arc<Yard>, seat: &SeatName) -> Result<(), Failure> {
    let (here, seat) = (Arc::clone(yard), seat.clone());
    blocking(move || {
        let panes = here.tmux.get().map_or_else(|| Ok(Vec::new()), Tmux::panes)?;
        let alive = panes.iter().filter(|pane| pane.seat == seat.as_str() && !pane.dead);
        let mut pids = alive.filter_map(|pane| i32::try_from(pane.pid).ok().and_then(Pid::from_raw));
        pids.try_for_each(|pid| kill_process(pid, Signal::KILL)).doing(format!("cannot stop {seat}"))
    })
    .await
}
