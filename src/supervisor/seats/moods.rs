//! What each seat is at, for people: the status page and the panes' borders. Nothing is decided by it.

use super::super::relay::api;
use super::super::relay::meter::Kept;
use super::super::yard::{Yard, blocking};
use super::Inside;
use super::pulse::{self, Met, Pulse};
use super::stuck;
use crate::domain::entry::Millis;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::SeatName;
use crate::edge::agent::{self, At, Notices};
use crate::edge::process;
use crate::edge::tmux::Caption;
use crate::view::{self, Doing, SILENT, SeatLine, Seen};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The least time between two looks, however often a seat writes.
const BREATH: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(3600);
/// How soon a border is looked at again where time alone may change it.
const MINUTE: Duration = Duration::from_secs(60);

/// What is known of the seats' sessions.
pub struct Moods {
    seen: Mutex<BTreeMap<SeatName, Seen>>,
    pulses: Mutex<BTreeMap<SeatName, Pulse>>,
    /// Held while transcripts are read, so that none is read twice at once.
    counting: tokio::sync::Mutex<()>,
    watched: Mutex<BTreeMap<i32, SeatName>>,
    notices: Notices,
    /// How often something changed, told after each time.
    pub changed: watch::Sender<u64>,
}

impl Moods {
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { seen: Mutex::default(), pulses: Mutex::default(), counting: tokio::sync::Mutex::default(), watched: Mutex::default(), notices: Notices::new()?, changed: watch::Sender::new(0) })
    }

    /// Watches a seat's registry from now on, and takes what stands there.
    pub fn watch(&self, seat: &SeatName, home: &Path) {
        if let Some(number) = self.notices.watch(home) {
            self.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(number, seat.clone());
        }
        self.read(seat, home);
    }

    /// Forgets a seat's last session before the next instance begins.
    pub fn clear(&self, seat: &SeatName, home: &Path) {
        agent::forget(home);
        self.pulse(seat, |pulse| *pulse = Pulse::default());
        self.change(seat, |seen| *seen = Seen::default());
    }

    /// Takes the relay's word on whether the model's API turned the seat away for asking too much.
    pub fn limited(&self, seat: &SeatName, limited: bool) {
        self.change(seat, |seen| seen.limited = limited);
    }

    /// Something came of the seat.
    pub fn stir(&self, seat: &SeatName, now: Millis) {
        self.pulse(seat, |pulse| pulse.stir(now));
    }

    /// A request of the seat goes to the model's API; what is given tells how it was met, or when it goes that it was given up.
    pub fn asks<'m>(&'m self, seat: &'m SeatName, now: Millis) -> Asking<'m> {
        self.pulse(seat, |pulse| pulse.asks(now));
        Asking { moods: self, seat, now, met: None }
    }

    fn pulse<T>(&self, seat: &SeatName, work: impl FnOnce(&mut Pulse) -> T) -> T {
        let mut all = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        work(all.entry(seat.clone()).or_default())
    }

    /// Whether the model's API does not serve the seat.
    pub fn in_trouble(&self, seat: &SeatName, now: Millis) -> bool {
        self.pulse(seat, |pulse| pulse.trouble(now).is_some())
    }

    pub fn seen(&self) -> BTreeMap<SeatName, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn read(&self, seat: &SeatName, home: &Path) {
        let session = agent::session(home, process::living);
        self.change(seat, |seen| {
            seen.at = session.as_ref().map(|session| match session.at {
                At::Idle => Doing::Idle,
                At::Busy => Doing::Working,
                At::Waiting => Doing::Waiting,
            });
            seen.waits_for = session.map(|session| session.waits_for).unwrap_or_default();
        });
    }

    fn change(&self, seat: &SeatName, change: impl FnOnce(&mut Seen)) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = all.entry(seat.clone()).or_default();
        let before = seen.clone();
        change(seen);
        if *seen != before {
            self.changed.send_modify(|times| *times += 1);
        }
    }
}

/// A request to the model's API that is under way.
pub struct Asking<'m> {
    moods: &'m Moods,
    seat: &'m SeatName,
    now: Millis,
    met: Option<Met>,
}

impl Asking<'_> {
    /// The API's first word, or what came in its place.
    pub fn met(mut self, now: Millis, met: Met) {
        (self.now, self.met) = (now, Some(met));
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let told = self.moods.pulse(self.seat, |pulse| {
            let before = pulse.trouble(self.now);
            pulse.met(self.now, self.met);
            before != pulse.trouble(self.now)
        });
        if told {
            self.moods.changed.send_modify(|times| *times += 1);
        }
    }
}

/// Reads the registries that change, as the kernel tells it.
pub fn attend(yard: &Arc<Yard>) -> Result<(), Failure> {
    let (here, handle) = (Arc::clone(yard), Handle::current());
    let work = move || {
        let mut stop = here.stop.subscribe();
        while here.moods.notices.wait() {
            let told = here.moods.notices.drain();
            let watched = here.moods.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for seat in told.iter().filter_map(|number| watched.get(number)).collect::<BTreeSet<_>>() {
                here.moods.stir(seat, here.clock.now());
                here.moods.read(seat, &here.place.home_of(seat));
                handle.block_on(count(&here, seat));
            }
            if handle.block_on(async { tokio::time::timeout(BREATH, stop.changed()).await.is_ok() }) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("moods".to_owned()).spawn(work).map(drop).doing("cannot watch the seats' sessions")
}

/// Counts what a seat's transcript tells and the relay did not see, where the seat's agent logs in by itself.
pub async fn count(yard: &Arc<Yard>, seat: &SeatName) {
    let Ok(terms) = yard.see(|state, _| state.charter().policy.spending.clone()).await else { return };
    let one = yard.moods.counting.lock().await;
    let mut marks = yard.meter.read(seat);
    let told = agent::spoken(&yard.place.home_of(seat), &Inside::of(yard, seat).clone.to_string_lossy(), &mut marks);
    let priced = told.iter().map(|spoken| (spoken.message.as_str(), terms.priced(&spoken.model, spoken.used)));
    yard.meter.tell(seat, yard.clock.now(), priced, marks);
    drop(one);
    api::record(yard, seat, false).await;
}

/// Goes on counting a seat's transcripts where the last supervisor ended. What was written before the very first look is not counted.
pub fn resume(yard: &Yard, seat: &SeatName) -> Result<(), Failure> {
    let kept = api::kept_of(yard, seat).map_or_else(
        || {
            let read = agent::ends(&yard.place.home_of(seat), &Inside::of(yard, seat).clone.to_string_lossy());
            let kept = Kept { read, ..Kept::default() };
            api::keep(yard, seat, &kept).map(|()| kept)
        },
        Ok,
    )?;
    yard.meter.resume(seat, kept);
    Ok(())
}

/// Keeps the panes' borders true, woken by what changes.
pub async fn paint(yard: Arc<Yard>) {
    let (mut grown, mut changed, mut grid) = (yard.grown.subscribe(), yard.moods.changed.subscribe(), yard.grid.subscribe());
    let mut stop = yard.stop.subscribe();
    let (mut painted, mut since): (BTreeMap<String, Caption>, _) = (BTreeMap::new(), stuck::Since::default());
    loop {
        grown.borrow_and_update();
        changed.borrow_and_update();
        if grid.has_changed().unwrap_or(false) {
            grid.borrow_and_update();
            painted.clear();
        }
        let Ok(lines) = lines(&yard).await else { return };
        let (wanted, next) = captions(&lines);
        let told = stuck::look(&yard, &mut since, &lines).await;
        if let Err(failure) = show(&yard, &mut painted, wanted).await.and(told) {
            eprintln!("orchestrate: {failure}");
        }
        if tokio::time::timeout(BREATH, stop.changed()).await.is_ok() {
            return;
        }
        tokio::select! {
            _ = tokio::time::timeout(next, grown.changed()) => {}
            _ = changed.changed() => {}
            _ = grid.changed() => painted.clear(),
            _ = stop.changed() => return,
        }
    }
}

/// What every border is to say, and when that may change by the clock alone.
fn captions(lines: &[SeatLine]) -> (BTreeMap<String, Caption>, Duration) {
    let next = lines.iter().map(|line| match line.doing {
        Doing::Starting => Duration::from_millis(SILENT),
        Doing::Working | Doing::Stuck => MINUTE,
        _ => LONGEST,
    });
    let next = next.min().unwrap_or(LONGEST);
    let caption = |line: &SeatLine| (line.seat.to_string(), Caption { text: words(line), tint: tint(line.doing).to_owned() });
    (lines.iter().map(caption).collect(), next)
}

/// The seats' lines, with what is known of their sessions.
pub async fn lines(yard: &Arc<Yard>) -> Result<Vec<SeatLine>, Failure> {
    let now = yard.clock.now();
    let mut status = yard.see(move |state, _| view::status(state, now)).await?;
    told(yard, &mut status);
    Ok(status.seats)
}

/// Adds what is known of the seats' sessions to a page.
pub fn told(yard: &Yard, status: &mut view::Status) {
    let mut seen = yard.moods.seen();
    let now = yard.clock.now();
    for line in &mut status.seats {
        let seen = seen.entry(line.seat.clone()).or_default();
        seen.stuck = got_stuck(yard, line, seen, now).unwrap_or_default();
        line.tell(Some(seen), status.now);
    }
}

/// Why a seat does not get on. Its transcript is looked at only when it says that it works and nothing else has come of it for long.
fn got_stuck(yard: &Yard, line: &SeatLine, seen: &Seen, now: Millis) -> Option<String> {
    let pulse = yard.moods.pulse(&line.seat, |pulse| pulse.clone());
    let trouble = pulse.trouble(now);
    if trouble.is_some() || seen.at != Some(Doing::Working) || !pulse.is_quiet(now) {
        return trouble;
    }
    let clone = Inside::of(yard, &line.seat).clone;
    let trace = agent::trace(&yard.place.home_of(&line.seat), &clone.to_string_lossy());
    pulse::stuck(&pulse, trace.as_ref(), now)
}

fn words(line: &SeatLine) -> String {
    let word = view::text::word(&line.doing);
    if line.waits_for.is_empty() { word } else { format!("{word}: {}", line.waits_for) }
}

fn tint(doing: Doing) -> &'static str {
    match doing {
        Doing::Working => "green",
        Doing::Waiting | Doing::RateLimited | Doing::OutOfBudget | Doing::Starting => "yellow",
        Doing::Silent | Doing::Stuck | Doing::Dead => "red",
        Doing::Vacant | Doing::Ready | Doing::Idle => "default",
    }
}

async fn show(yard: &Arc<Yard>, painted: &mut BTreeMap<String, Caption>, wanted: BTreeMap<String, Caption>) -> Result<(), Failure> {
    let fresh: BTreeMap<String, Caption> = wanted.into_iter().filter(|(seat, caption)| painted.get(seat) != Some(caption)).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let (here, todo) = (Arc::clone(yard), fresh.clone());
    let shown = blocking(move || {
        let Some(tmux) = here.tmux.get() else { return Ok(Vec::new()) };
        let panes = tmux.panes()?;
        let pane = |(seat, caption): (String, Caption)| Some((panes.iter().find(|pane| pane.seat == seat)?.id.clone(), seat, caption));
        let found: Vec<(String, String, Caption)> = todo.into_iter().filter_map(pane).collect();
        tmux.captions(found.iter().map(|(pane, _, caption)| (pane.as_str(), caption)))?;
        Ok(found.into_iter().map(|(_, seat, caption)| (seat, caption)).collect())
    })
    .await?;
    painted.extend(shown);
    Ok(())
}
