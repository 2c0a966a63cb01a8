//! From nothing, or from whatever a crash left, to twelve instances that have answered: the supervisor's own main.

use super::audit;
use super::charter::{self, Overlay};
use super::disk;
use super::drive::{self, Ask, Denied, Drive};
use super::hands::{Grip, Keys};
use super::herald;
use super::metrics;
use super::perform;
use super::place::{self, Place, workshop_id};
use super::protocol::{Step, StepState};
use super::relay;
use super::seats;
use super::seats::moods::Moods;
use super::secrets::{self, Handed, Secrets};
use super::serve;
use super::watch;
use super::yard::{Ground, Turn, Yard, blocking};
use crate::domain::actor::{Actor, Party};
use crate::domain::charter::Charter;
use crate::domain::command::Act;
use crate::domain::effect::Effect;
use crate::domain::entry::Millis;
use crate::domain::failure::{Doing, Failure};
use crate::domain::isolation::Isolation;
use crate::domain::{bypass, fleet, lock};
use crate::domain::motion;
use crate::domain::name::SeatName;
use crate::domain::panel;
use crate::domain::state::State;
use crate::domain::workshop::Genesis;
use crate::edge::agent;
use crate::edge::clock::Clock;
use crate::edge::git::{Gate, Git, Move, Source, examine};
use crate::edge::sandbox::{observe, observe_users, show, users_missing};
use crate::edge::tmux::Tmux;
use crate::ledger::Ledger;
use crate::ledger::sqlite::SqliteLedger;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A clock that is further behind the record, in milliseconds, is told.
const ODD: Millis = 60_000;

/// What a start is told; kept in the state folder so that a later start needs to be told nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    pub repo: PathBuf,
    /// The protected branch; the checked-out one where none is named.
    #[serde(default)]
    pub branch: Option<String>,
    /// The command in every seat, and in single ones.
    #[serde(default)]
    pub agent: Option<String>,
    #[serde(default)]
    pub agents: BTreeMap<SeatName, String>,
    pub isolation: Isolation,
    /// How long a start waits for the instances' answers.
    pub patience: u32,
}

impl Options {
    pub fn load(place: &Place) -> Result<Option<Self>, Failure> {
        let path = place.join("start.json");
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).doing(format!("cannot read {}", path.display())),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(Failure::new(format!("cannot read {}", path.display()), why)),
        }
    }

    /// The command of a seat's agent.
    pub fn command<'a>(&'a self, charter: &'a Charter, seat: &SeatName) -> &'a str {
        self.agents.get(seat).or(self.agent.as_ref()).map_or_else(|| charter.agent(seat), String::as_str)
    }

    pub fn save(&self, place: &Place) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(self).doing("cannot write down the start")?;
        std::fs::write(place.join("start.json"), bytes).doing("cannot write down the start")
    }
}

/// Tells whoever waits for the start what is done; a listener that leaves misses the rest.
pub struct Reporter {
    listener: Option<UnixStream>,
    number: u32,
}

impl Reporter {
    pub fn new(listener: Option<UnixStream>) -> Self {
        Self { listener, number: 0 }
    }

    pub fn step(&mut self, name: &str, detail: impl Into<String>, since: Instant) {
        self.tell(name, detail.into(), StepState::Done, since);
    }

    fn tell(&mut self, name: &str, detail: String, state: StepState, since: Instant) {
        let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let step = Step { number: self.number, name: name.to_owned(), detail, state, milliseconds };
        self.number += 1;
        eprintln!("orchestrate: {}: {}", step.name, step.detail);
        let line = serde_json::to_string(&step).unwrap_or_default();
        self.listener = self.listener.take().filter(|mut listener| writeln!(listener, "{line}").is_ok());
    }

    pub fn ready(&mut self, detail: String, since: Instant) {
        self.tell("workshop", detail, StepState::Ready, since);
        self.listener = None;
    }

    pub fn failed(&mut self, failure: &Failure, since: Instant) {
        let words = serde_json::to_string(failure).unwrap_or_else(|_| failure.to_string());
        self.tell("failed", words, StepState::Failed, since);
        self.listener = None;
    }
}

/// Runs the supervisor until it is told to stop.
pub fn supervise(place: &Place, secrets: Secrets, mut reporter: Reporter) -> Result<(), Failure> {
    let begun = Instant::now();
    crate::edge::process::harden()?;
    crate::edge::process::widen()?;
    // Everything private lies in folders that are; what a seat is shown, the mirror, is written for others to read.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().doing("cannot start the supervisor")?;
    let outcome = runtime.block_on(run(place, secrets, &mut reporter, begun));
    if let Err(failure) = &outcome {
        reporter.failed(failure, begun);
    }
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome
}

async fn run(place: &Place, mut secrets: Secrets, reporter: &mut Reporter, begun: Instant) -> Result<(), Failure> {
    let options = Options::load(place)?.ok_or_else(|| Failure::new("cannot start", "nobody said which repository").hint("orchestrate bootstrap <repo>"))?;
    place.clear_work()?;
    let prepared = prepare(place, &options, secrets.passphrase.as_deref(), reporter)?;
    let level = prepared.level.clone();
    let (yard, mut drive) = prepared.yard;
    found(&mut drive, &yard, &prepared.charter, &prepared.source, prepared.fresh, reporter)?;
    let charter = drive.state.charter().clone();
    repository(&yard, &drive.state, &prepared.source, reporter)?;
    reconcile(&yard, &mut drive)?;
    start_entry(&mut drive, &level)?;
    let yard = Arc::new(yard);
    yard.kin.allow(charter.policy.agent.outsiders);
    credential(&yard, secrets.credential.take(), &charter, reporter)?;
    // Nobody is called back before everybody was called.
    let turn = yard.filling.lock().await;
    let (effects, performing) = mpsc::unbounded_channel();
    tokio::spawn(perform::run(Arc::clone(&yard), performing));
    spawn_loop(&yard, drive, prepared.asks, effects)?;
    serve::open_house(&yard)?;
    let seats: Vec<SeatName> = charter.seats().cloned().collect();
    seats.iter().try_for_each(|seat| serve::open_seat(&yard, seat))?;
    tokio::spawn(tick(Arc::clone(&yard)));
    tokio::spawn(watch::watch(Arc::clone(&yard)));
    tokio::spawn(disk::watch(Arc::clone(&yard)));
    seats::moods::attend(&yard)?;
    tokio::spawn(seats::moods::paint(Arc::clone(&yard)));
    tokio::spawn(herald::herald(Arc::clone(&yard)));
    tokio::spawn(super::witness::watch(Arc::clone(&yard)));
    metrics::open(&yard, &charter.policy.metrics).await;
    if let Err(failure) = fill(&yard, &options, &charter, reporter, turn).await {
        stop_panes(&yard).await?;
        return Err(failure);
    }
    let answered = seats::answered(&yard, options.patience, reporter).await?;
    tokio::spawn(prove(Arc::clone(&yard)));
    reporter.ready(format!("{answered} of {} seats answered; isolation level: {}", seats.len(), level.0), begun);
    wait_for_stop(&yard).await;
    // What ends from now on is not called back.
    yard.stop.send_replace(true);
    relay::api::settle(&yard).await;
    stop_panes(&yard).await
}

/// Looks for the API credential, and says which way seats reach their model.
fn credential(yard: &Yard, handed: Option<Handed>, charter: &Charter, reporter: &mut Reporter) -> Result<(), Failure> {
    let since = Instant::now();
    if let Some(handed) = handed {
        yard.hand(handed);
    }
    let terms = &charter.policy.agent;
    let from = yard.unlock(terms)?;
    let host = yard.upstream(&terms.upstream)?.host().to_owned();
    let way = if yard.isolation == Isolation::None { "handed to every seat, which can read it: no walls".to_owned() } else { format!("put in by the relay for {host}") };
    let detail = match from {
        Some(secrets::From::Systemd) => format!("systemd's, {way}"),
        Some(secrets::From::File) => format!("the owner's file, {way}"),
        Some(secrets::From::Environment) => format!("this start's environment, {way}; a restart asks again"),
        Some(secrets::From::Login) => format!("your own login, {way}, as your client last wrote it"),
        None => "none: agents log in by themselves, inside their seats".to_owned(),
    };
    reporter.step("credential", detail, since);
    Ok(())
}

async fn fill(yard: &Arc<Yard>, options: &Options, charter: &Charter, reporter: &mut Reporter, turn: Turn<'_>) -> Result<(), Failure> {
    seats::fill(yard, options, charter, reporter, turn).await?;
    seats::watch(yard)
}

/// Ends all panes, once nobody is starting any: whoever begins to later sees that the supervisor stops.
async fn stop_panes(yard: &Arc<Yard>) -> Result<(), Failure> {
    let turn = yard.filling.lock().await;
    let here = Arc::clone(yard);
    let stopped = blocking(move || here.tmux.get().map_or(Ok(()), Tmux::stop)).await;
    drop(turn);
    stopped
}

struct Prepared {
    yard: (Yard, Drive<Grip>),
    asks: mpsc::UnboundedReceiver<Ask>,
    charter: Charter,
    source: Source,
    fresh: bool,
    level: (String, String),
}

/// Everything that can be found wrong before anything is made.
fn prepare(place: &Place, options: &Options, passphrase: Option<&str>, reporter: &mut Reporter) -> Result<Prepared, Failure> {
    let since = Instant::now();
    let git = Git::find()?;
    let launcher = place.join("bin/orchestrate");
    let users = place.users()?;
    if options.isolation != Isolation::Users && !users.is_empty() {
        let why = "its seats' folders belong to unix users of their own";
        return Err(Failure::new("cannot start at this isolation level", why).hint("--isolation users, or: orchestrate users remove <repo>"));
    }
    let (charter, _) = charter_of(place)?;
    let (source, level, agents) = std::thread::scope(|scope| {
        let level = scope.spawn(|| level(options, &launcher, &users));
        let agents = scope.spawn(|| agents(options, &charter));
        let source = examine(&git, &options.repo, options.branch.as_deref());
        let agents = agents.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (source, level.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), agents)
    });
    let (source, level) = (source?, level?);
    agents?;
    Tmux::find(&place.tmux())?;
    let dirty = if source.dirty { "; uncommitted work stays yours, seats do not see it" } else { "" };
    reporter.step("checks", format!("git {}, isolation level {}{dirty}", git.version(), level.0), since);
    let since = Instant::now();
    let workshop = workshop_id(&options.repo);
    let seats: Vec<SeatName> = charter.seats().cloned().collect();
    if let Some(seat) = seats.iter().find(|seat| options.isolation == Isolation::Users && !users.contains_key(seat)) {
        return Err(Failure::new(format!("cannot start {seat}"), "it has no unix user").hint("orchestrate users setup <repo>"));
    }
    let (ledger, fresh) = open_ledger(place)?;
    let len = ledger.len();
    reporter.step("ledger", if fresh { "new".to_owned() } else { format!("{len} entries") }, since);
    let since = Instant::now();
    let (keys, made) = Keys::open(place, &workshop, &seats, passphrase)?;
    let told = if made > 0 { format!("{made} made") } else { "there already".to_owned() };
    let rest = if keys.sealed() { "sealed" } else { "unencrypted (orchestrate keys seal)" };
    reporter.step("keys", format!("{told}, {rest}"), since);
    let (keys, gate) = (Arc::new(keys), Arc::new(OnceLock::new()));
    let clock = Clock::new(std::env::var_os("ORCHESTRATE_CLOCK_AHEAD").map(PathBuf::from));
    let grip = Grip::new(Arc::clone(&keys), Arc::clone(&gate), clock.clone());
    let drive = Drive::open(Box::new(ledger), grip)?;
    let ahead = clock.at_least(drive.state.now).saturating_sub(clock.wall());
    if ahead > ODD {
        let told = format!("{} s behind the record, whose time goes on from its last entry: date -u; timedatectl set-ntp true", ahead / 1000);
        reporter.step("clock", told, Instant::now());
    }
    let ground = Ground { place: place.clone(), repo: options.repo.clone(), workshop, git, gate, keys, clock, isolation: options.isolation, users };
    let (ask, asks) = mpsc::unbounded_channel();
    Ok(Prepared { yard: (Yard::new(ground, Moods::new()?, ask), drive), asks, charter, source, fresh, level })
}

/// Whether every seat's agent is there and can do what a seat needs.
fn agents(options: &Options, charter: &Charter) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for seat in charter.seats() {
        let launch = agent::resolve(options.command(charter, seat))?;
        if seen.insert(launch.argv[0].clone()) {
            agent::capable(&launch)?;
        }
    }
    Ok(())
}

/// The charter of this start: genesis' own once there is one, else built in under the owner's.
pub fn charter_of(_place: &Place) -> Result<(Charter, Vec<charter::Origin>), Failure> {
    let folder = place::config().filter(|folder| folder.is_dir());
    charter::load(&Overlay { folder: folder.as_deref(), environment: &[], flags: &[] })
}

fn open_ledger(place: &Place) -> Result<(SqliteLedger, bool), Failure> {
    let path = place.ledger();
    if !path.exists() {
        return Ok((SqliteLedger::create(&path)?, true));
    }
    let mut ledger = SqliteLedger::open(&path)?;
    // A file that stays too large is told, and stops nothing.
    if let Err(failure) = crate::edge::process::free_disk(place.root()).and_then(|free| ledger.compact(free)) {
        eprintln!("orchestrate: {failure}");
    }
    Ok((ledger, false))
}

/// The isolation level that the probes saw, and what it leaves open; less than was asked for is a failure.
fn level(options: &Options, launcher: &Path, users: &BTreeMap<SeatName, u32>) -> Result<(String, String), Failure> {
    if options.isolation == Isolation::None {
        let note = "no walls: a seat can read keys, edit the record and type into other panes; only `orchestrate verify` helps".to_owned();
        return Ok(("none".to_owned(), note));
    }
    let seen = match users.values().next() {
        _ if options.isolation != Isolation::Users => observe(launcher),
        Some(user) if rustix::process::geteuid().is_root() => observe_users(launcher, *user),
        _ => return Err(users_missing()),
    };
    if seen.level == Isolation::None {
        let hint = if seen.fix.is_empty() { "orchestrate doctor".to_owned() } else { seen.fix.clone() };
        return Err(Failure::new(format!("isolation level {} cannot be had here", options.isolation.as_str()), seen.why).hint(hint));
    }
    Ok((seen.level.as_str().to_owned(), seen.why))
}

/// Genesis before the first key entry; then every key, then the owner's word on both.
fn found(drive: &mut Drive<Grip>, yard: &Yard, charter: &Charter, source: &Source, fresh: bool, reporter: &mut Reporter) -> Result<(), Failure> {
    let since = Instant::now();
    let mut acts = Vec::new();
    if drive.state.genesis.is_none() {
        let seats = charter.seats().filter_map(|seat| Some((seat.clone(), charter.role_of(seat)?.name.clone()))).collect();
        let genesis = Genesis {
            workshop: yard.workshop.clone(),
            branch: source.branch.clone(),
            base: source.tip.clone(),
            seats,
            draw: yard.keys.draw_commitment(),
            note_key: yard.keys.note_key(&yard.workshop)?,
            charter: charter.canonical(),
        };
        acts.push(Act::Found { genesis: Box::new(genesis) });
    }
    let holders: Vec<(Party, String)> = yard.keys.holders().into_iter().map(|(party, key)| (party, key.certificate_armored())).collect();
    // A revoked key waits for the owner; a new one that a crash kept from being registered is registered now.
    let revoked = |party: &Party| yard.keys.of(party).is_ok_and(|key| drive.state.retired.contains_key(&key.fingerprint()));
    let missing: Vec<&(Party, String)> =
        holders.iter().filter(|(party, _)| !drive.state.keys.contains_key(party) && !revoked(party)).collect();
    let sworn = drive.state.keys.contains_key(&Party::Owner);
    for (party, certificate) in missing {
        let fingerprint = yard.keys.of(party)?.fingerprint();
        acts.push(Act::RegisterKey { holder: party.clone(), fingerprint, certificate: certificate.clone() });
    }
    if !sworn {
        acts.push(Act::Swear);
    }
    must(drive, acts)?;
    drive.state.keys.values().chain(drive.state.retired.values().map(|retired| &retired.key)).try_for_each(|key| yard.trust(&key.certificate))?;
    let owner = drive.state.keys.get(&Party::Owner).map(|key| key.fingerprint.to_string()).unwrap_or_default();
    reporter.step(if fresh { "genesis" } else { "record" }, format!("owner's key {owner}"), since);
    Ok(())
}

/// Records these in one append.
fn must(drive: &mut Drive<Grip>, acts: Vec<Act>) -> Result<(), Failure> {
    let (outcomes, _) = drive.group(acts.into_iter().map(|act| (Actor::Edge, act)).collect());
    outcomes.into_iter().try_for_each(|outcome| match outcome {
        Ok(_) => Ok(()),
        Err(Denied::Failed(failure)) => Err(failure),
        Err(Denied::Refused(refusal)) => Err(Failure::new("the start was refused", &refusal).hint(refusal.hint.clone())),
    })
}

/// The gate, made from exactly the commit that genesis names, and the mirror of approved history.
fn repository(yard: &Yard, state: &State, source: &Source, reporter: &mut Reporter) -> Result<(), Failure> {
    let since = Instant::now();
    let path = yard.place.gate();
    let fresh = !path.exists();
    let gate = if fresh { make_gate(yard, state, source)? } else { found_gate(yard, &path)? };
    let mirror = yard.place.mirror();
    match (mirror.exists(), fresh && gate.tip()? == source.tip) {
        (true, _) => {}
        (false, true) => gate.first_mirror(&mirror)?,
        (false, false) => gate.make_mirror(&mirror)?,
    }
    if !yard.users.is_empty() {
        [mirror, yard.place.join("bin")].iter().try_for_each(|path| show(path))?;
    }
    reporter.step("gate repository", format!("{} at {}", gate.branch(), gate.tip()?.short()), since);
    yard.gate.set(gate).map_err(|_| Failure::new("BUG: the gate was opened twice", ""))
}

fn found_gate(yard: &Yard, path: &Path) -> Result<Gate, Failure> {
    let gate = Gate::open(&yard.git, path)?;
    gate.check()?;
    Ok(gate)
}

fn make_gate(yard: &Yard, state: &State, source: &Source) -> Result<Gate, Failure> {
    let base = state.genesis.as_ref().map(|genesis| genesis.base.clone()).unwrap_or_else(|| source.tip.clone());
    let gate = Gate::create(&yard.git, &yard.place.gate(), source)?;
    if source.tip != base {
        gate.move_refs(&[Move { name: source.branch.clone(), old: Some(source.tip.clone()), new: Some(base) }])?;
    }
    Ok(gate)
}

/// Every reference equals the record's word; what a crash left between intent and word is finished by the loop's first step, and the mirror has it.
fn reconcile(yard: &Yard, drive: &mut Drive<Grip>) -> Result<(), Failure> {
    let effects = drive.outstanding();
    drop(effects);
    let gate = yard.gate()?;
    gate.refresh_mirror(&yard.place.mirror(), gate.branch())?;
    let found = gate.refs()?;
    let differing = watch::difference(&drive.state, &found);
    if differing.is_empty() {
        return Ok(());
    }
    let reason = format!("the gate repository differs from the record: {}", differing.join("; "));
    let words: String = reason.chars().take(190).collect();
    if drive.state.frozen.is_none() {
        match drive.ask(&Actor::Edge, Act::Freeze { reason: words }).0 {
            Ok(_) => eprintln!("orchestrate: FROZEN: {reason}"),
            Err(denied) => eprintln!("orchestrate: cannot freeze: {denied:?}"),
        }
    }
    Ok(())
}

/// Looks once at every object that the gate took from the owner's repository, beside the work; a bad one freezes the workshop.
async fn prove(yard: Arc<Yard>) {
    let mark = yard.place.join("proved");
    if mark.exists() {
        return;
    }
    let here = Arc::clone(&yard);
    let end = match blocking(move || here.gate()?.prove()).await {
        Ok(()) => std::fs::write(&mark, "").doing("cannot note that the gate's objects are proved"),
        Err(failure) => {
            let reason: String = failure.to_string().chars().take(190).collect();
            yard.ask(Actor::Edge, Act::Freeze { reason }).await.map(drop).map_err(|_| failure)
        }
    };
    if let Err(failure) = end {
        eprintln!("orchestrate: {failure}");
    }
}

fn start_entry(drive: &mut Drive<Grip>, level: &(String, String)) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    must(drive, vec![Act::Start { version, level: level.0.clone(), note: level.1.clone() }])
}

/// The loop has a thread of its own; when it ends by a bug, the whole supervisor ends, and nothing moves.
fn spawn_loop(yard: &Arc<Yard>, drive: Drive<Grip>, asks: mpsc::UnboundedReceiver<Ask>, effects: mpsc::UnboundedSender<Vec<Effect>>) -> Result<(), Failure> {
    let here = Arc::clone(yard);
    let report = move |state: &State, batch: Vec<Effect>| {
        here.frozen.send_if_modified(|known| std::mem::replace(known, state.frozen.is_some()) != state.frozen.is_some());
        here.grown.send_replace(state.len);
        if !batch.is_empty() {
            drop(effects.send(batch));
        }
    };
    let work = move || {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drive::run(drive, asks, report)));
        if ended.is_err() {
            eprintln!("orchestrate: BUG: the loop panicked; the supervisor stops");
            std::process::exit(70);
        }
    };
    std::thread::Builder::new().name("loop".to_owned()).spawn(work).map(drop).doing("cannot start the loop")
}

/// So often at least the loop is asked what is due: where an append failed, it takes up then what was lost.
const BEAT: Duration = Duration::from_secs(60);

/// Has the loop do what is due; how long to wait before it is asked again.
async fn beat(yard: &Arc<Yard>) -> Duration {
    match yard.ask(Actor::Edge, Act::Tick).await {
        Err(Denied::Failed(failure)) => {
            eprintln!("orchestrate: {failure}");
            BEAT
        }
        Ok(_) | Err(Denied::Refused(_)) => Duration::ZERO,
    }
}

/// Lets what is due expire, woken by growth, by the earliest due time, or by the beat.
async fn tick(yard: Arc<Yard>) {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    loop {
        grown.borrow_and_update();
        let now = yard.clock.now();
        let due = yard.see(move |state, _| due(state, now)).await;
        let Ok(due) = due else { return };
        let mut left = due.map_or(BEAT, |due| Duration::from_millis(due.saturating_sub(now)).min(BEAT));
        if left.is_zero() {
            left = beat(&yard).await;
            if let Err(failure) = audit::due(&yard, now).await {
                eprintln!("orchestrate: {failure}");
            }
        }
        tokio::select! {
            ended = tokio::time::timeout(left, grown.changed()) => {
                if ended.is_err() && left == BEAT {
                    beat(&yard).await;
                }
            }
            _ = stop.changed() => return,
        }
    }
}

/// When the next message expires, the next lock goes on, a reviewer is overdue, the next seat is called back, or the next epoch begins.
fn due(state: &State, now: Millis) -> Option<Millis> {
    let mail = state.post.due.first().map(|(when, _)| *when);
    mail.into_iter().chain(panel::due(state)).chain(motion::due(state)).chain(bypass::due(state)).chain(audit::ends(state)).chain(fleet::due(state)).chain(lock::due(state, now.max(state.now))).min()
}

async fn wait_for_stop(yard: &Arc<Yard>) {
    let mut stop = yard.stop.subscribe();
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut term {
            Some(term) => term.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // Also where it was said before anybody listened.
        _ = stop.wait_for(|stop| *stop) => {}
        _ = terminated => {}
    }
}
