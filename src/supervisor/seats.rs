//! Fills the seats: clones, homes, prompts, panes.

mod health;
pub mod moods;
mod panes;
pub mod pulse;
pub mod stuck;

pub use health::{answered, refill, watch};
pub use panes::end;

use super::drive::Denied;
use super::place::{DEEPEST, make_seats_own};
use super::protocol::{API_SOCKET, INSIDE, INSIDE_BIN, INSIDE_MIRROR, RELAY_SOCKET};
use super::start::{Options, Reporter};
use super::yard::{Turn, Yard, blocking};
use crate::domain::actor::{Actor, Party};
use crate::domain::charter::Charter;
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::isolation::Isolation;
use crate::domain::name::{Digest, SeatName};
use crate::domain::planted;
use crate::domain::role::Colour;
use crate::edge::agent::{self, Launch};
use crate::edge::git::CloneSetup;
use crate::edge::process::total_memory;
use crate::edge::sandbox::{Bind, Forward, Limits, Plan, give};
use crate::edge::upstream::Kind as CredentialKind;
use crate::edge::tmux::Tmux;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The port inside a seat that leads to the relay.
const RELAY_PORT: u16 = 3128;
/// The port inside a seat that leads to the model's API.
const API_PORT: u16 = 3129;
/// What a seat holds instead of the owner's credential.
const DUMMY: &str = "sk-ant-the-relay-puts-the-real-key-in";
/// The first thing an agent is told to do, after its prompt.
const FIRST: &str = "Run `orchestrate whoami`, then `orchestrate mail inbox`, and do what your role asks. When nothing is left, stop and wait for mail.";
/// What it is told instead where it goes on with the session that it had.
const AGAIN: &str = "You were started again after an interruption. Run `orchestrate whoami`, then `orchestrate mail inbox`, and go on with what you were doing.";
/// What one seat may use, beside half of the machine's memory.
const LIMITS: Limits = Limits { processes: 2048, open_files: 4096, file_size: 4 << 30, tmp_size: 1 << 30, cpu_seconds: None, memory: None };
/// How deep a seat's home is furnished.
const FURNISHED: u32 = 4;
/// No seat is bound to less memory than this.
const LEAST_MEMORY: u64 = 1 << 30;

/// A seat with all that its pane needs.
struct Place {
    seat: SeatName,
    title: String,
    colour: String,
    argv: Vec<OsString>,
    agent: Vec<String>,
    prompt: Digest,
}

/// Puts an instance into every seat that has none, and leaves the others alone.
pub async fn fill(yard: &Arc<Yard>, options: &Options, charter: &Charter, reporter: &mut Reporter, turn: Turn<'_>) -> Result<(), Failure> {
    let since = Instant::now();
    let wanted: Vec<SeatName> = charter.seats().cloned().collect();
    let (fresh, places) = tokio::join!(clones(yard, charter), furnish(yard, options, charter, wanted));
    let (fresh, places) = (fresh?, places?);
    reporter.step("clones", count(fresh, "made"), since);
    let (furnished, all) = (places.len(), charter.seats().count());
    let left = if furnished < all { format!("; {} could not be furnished, see supervisor.log", all - furnished) } else { String::new() };
    reporter.step("prompts", format!("{furnished} seats{left}"), since);
    let since = Instant::now();
    let total = places.len();
    let (started, held) = seat(yard, charter, places).await?;
    drop(turn);
    let (here, seats) = (Arc::clone(yard), charter.seats().cloned().collect::<Vec<_>>());
    tokio::spawn(async move {
        // What was used while no supervisor ran.
        for seat in seats {
            moods::count(&here, &seat).await;
        }
    });
    let later = if held > 0 { format!("; frozen: {held} seats are filled after the thaw") } else { String::new() };
    reporter.step("tmux grid", format!("{} panes, {started} started{later}", total - held), since);
    if held > 0 {
        tokio::spawn(fill_thawed(Arc::clone(yard), options.clone()));
    }
    Ok(())
}

/// Fills the seats that a freeze held back, once it is over; a later freeze holds them back again.
async fn fill_thawed(yard: Arc<Yard>, options: Options) {
    let (mut frozen, mut stop) = (yard.frozen.subscribe(), yard.stop.subscribe());
    loop {
        tokio::select! {
            thawed = frozen.wait_for(|frozen| !frozen) => if thawed.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match fill_rest(&yard, &options).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(failure) => return eprintln!("orchestrate: cannot fill the seats after the thaw: {failure}"),
        }
    }
}

async fn fill_rest(yard: &Arc<Yard>, options: &Options) -> Result<usize, Failure> {
    let turn = yard.filling.lock().await;
    if *yard.stop.borrow() {
        return Ok(0);
    }
    let charter = yard.see(|state, _| state.charter().clone()).await?;
    let places = furnish(yard, options, &charter, charter.seats().cloned().collect()).await?;
    let held = seat(yard, &charter, places).await?.1;
    drop(turn);
    Ok(held)
}

/// Records each instance before its pane is started, so that its first word finds it expected. Says how many were started, and how many the rules
/// held back.
async fn seat(yard: &Arc<Yard>, charter: &Charter, places: Vec<Place>) -> Result<(usize, usize), Failure> {
    let here = Arc::clone(yard);
    let living = blocking(move || take_tmux(&here)?.panes()).await?;
    let lives = |place: &Place| living.iter().any(|pane| !pane.dead && pane.seat == place.seat.as_str());
    let wanted: Vec<Place> = places.into_iter().filter(|place| !lives(place)).collect();
    let act = |place: &Place| Act::Seat { seat: place.seat.clone(), agent: place.agent.clone(), prompt: place.prompt.clone() };
    let (outcomes, all) = (yard.ask_all(&Actor::Edge, wanted.iter().map(act)).await, wanted.len());
    let mut admitted = Vec::with_capacity(all);
    for (place, outcome) in wanted.into_iter().zip(outcomes) {
        match outcome {
            Ok(_) => admitted.push(place),
            Err(Denied::Refused(_)) => {}
            Err(Denied::Failed(failure)) => return Err(failure),
        }
    }
    let wanted = admitted;
    for place in &wanted {
        yard.expect(&place.seat);
        yard.moods.clear(&place.seat, &yard.place.home_of(&place.seat));
    }
    let (here, count, order) = (Arc::clone(yard), wanted.len(), charter.seats().cloned().collect::<Vec<_>>());
    let started = blocking(move || panes::start(&here, take_tmux(&here)?, &order, &living, &wanted)).await;
    yard.grid.send_modify(|times| *times += 1);
    started.map(|()| (count, all - count))
}

fn take_tmux(yard: &Yard) -> Result<&Tmux, Failure> {
    if let Some(tmux) = yard.tmux.get() {
        return Ok(tmux);
    }
    let tmux = Tmux::find(&yard.place.tmux())?;
    Ok(yard.tmux.get_or_init(|| tmux))
}

fn count(made: usize, verb: &str) -> String {
    if made == 0 { "there already".to_owned() } else { format!("{made} {verb}") }
}

/// Makes the clones that are missing, two at a time.
async fn clones(yard: &Arc<Yard>, charter: &Charter) -> Result<usize, Failure> {
    let missing: Vec<SeatName> = charter.seats().filter(|seat| std::fs::symlink_metadata(yard.place.clone_of(seat)).is_err()).cloned().collect();
    let half = missing.len().div_ceil(2);
    let (first, second) = missing.split_at(half);
    let make = |seats: &[SeatName]| {
        let (here, seats) = (Arc::clone(yard), seats.to_vec());
        blocking(move || seats.iter().try_for_each(|seat| clone(&here, seat)))
    };
    let (first, second) = tokio::join!(make(first), make(second));
    first.and(second).map(|()| missing.len())
}

fn clone(yard: &Yard, seat: &SeatName) -> Result<(), Failure> {
    let gate = yard.gate()?;
    let inside = Inside::of(yard, seat);
    let setup = CloneSetup {
        seat: seat.clone(),
        name: seat.to_string(),
        email: format!("{seat}@{}.orchestrate", yard.workshop),
        signing_key: yard.keys.of(&Party::Seat(seat.clone()))?.fingerprint(),
        gpg_program: inside.bin.join("orchestrate-gpg").to_string_lossy().into_owned(),
        branch: gate.branch().clone(),
        hooks_path: None,
        checkout: true,
    };
    let clone = yard.place.clone_of(seat);
    gate.seat_clone(&yard.place.mirror(), &inside.mirror, &clone, &setup)?;
    // Before the seat's first process: nothing in there is the seat's yet.
    yard.users.get(seat).map_or(Ok(()), |user| give(&clone, *user, DEEPEST))
}

/// Where things are as a seat sees them: inside its sandbox, or on the host where there is none.
struct Inside {
    run: PathBuf,
    bin: PathBuf,
    mirror: PathBuf,
    home: PathBuf,
    clone: PathBuf,
}

impl Inside {
    fn of(yard: &Yard, seat: &SeatName) -> Self {
        if yard.isolation == Isolation::None {
            let place = &yard.place;
            return Self {
                run: place.sockets_of(seat),
                bin: place.join("bin"),
                mirror: place.mirror(),
                home: place.home_of(seat),
                clone: place.clone_of(seat),
            };
        }
        Self {
            run: INSIDE.into(),
            bin: INSIDE_BIN.into(),
            mirror: INSIDE_MIRROR.into(),
            home: Path::new("/home").join(seat.as_str()),
            clone: Path::new("/work").join(yard.workshop.rsplit_once('-').map_or("repository", |(name, _)| name)),
        }
    }
}

/// Furnishes every one of these seats that can be; what a seat did to its own home keeps nobody else from starting.
async fn furnish(yard: &Arc<Yard>, options: &Options, charter: &Charter, seats: Vec<SeatName>) -> Result<Vec<Place>, Failure> {
    let resuming = yard.see(|state, _| state.fleet.iter().filter(|(_, seat)| seat.resumes()).map(|(name, _)| name.clone()).collect()).await?;
    let (here, told, ours) = (Arc::clone(yard), options.clone(), charter.clone());
    blocking(move || furnish_all(&here, &told, &ours, &seats, &resuming)).await
}

fn furnish_all(yard: &Yard, options: &Options, charter: &Charter, seats: &[SeatName], resuming: &BTreeSet<SeatName>) -> Result<Vec<Place>, Failure> {
    let (mut places, mut trouble) = (Vec::new(), None);
    for seat in seats {
        match place(yard, options, charter, seat, resuming.contains(seat)) {
            Ok(place) => places.push(place),
            Err(failure) => {
                eprintln!("orchestrate: {seat} stays as it is: {failure}; {}", failure.hint);
                trouble = trouble.or(Some(failure));
            }
        }
    }
    trouble.filter(|_| places.is_empty()).map_or(Ok(places), Err)
}

fn place(yard: &Yard, options: &Options, charter: &Charter, seat: &SeatName, resumes: bool) -> Result<Place, Failure> {
    let role = charter.role_of(seat).ok_or_else(|| Failure::new("BUG: a seat without a role", seat))?;
    let prompt = charter.prompt(seat).unwrap_or_default();
    let path = yard.place.join("prompts").join(format!("{seat}.md"));
    std::fs::write(&path, &prompt).doing(format!("cannot write {}", path.display()))?;
    let home = yard.place.home_of(seat);
    make_seats_own(&home)?;
    plain_folder(&yard.place.clone_of(seat))?;
    let launch = agent::resolve(options.command(charter, seat))?;
    let plan = plan(yard, seat, &launch, &prompt, &home, resumes)?;
    moods::resume(yard, seat)?;
    yard.moods.watch(seat, &home);
    if let Some(user) = yard.users.get(seat) {
        give(&home, *user, FURNISHED)?;
    }
    Ok(Place {
        seat: seat.clone(),
        title: role.name.to_string(),
        colour: colour(role.colour).to_owned(),
        argv: plan.command(yard.isolation, &yard.launcher)?,
        agent: launch.argv.clone(),
        prompt: Digest::of(prompt.as_bytes()),
    })
}

/// What lies where a seat's clone belongs is a folder, and no way to somewhere else; it may not be there yet.
fn plain_folder(clone: &Path) -> Result<(), Failure> {
    match std::fs::symlink_metadata(clone) {
        Ok(seen) if !seen.is_dir() => {
            let hint = format!("mv '{0}' '{0}.away', then orchestrate bootstrap", clone.display());
            Err(Failure::new(format!("cannot use {} as a clone", clone.display()), "it is no folder").hint(hint))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn plan(yard: &Yard, seat: &SeatName, launch: &Launch, prompt: &str, home: &Path, resumes: bool) -> Result<Plan, Failure> {
    let inside = Inside::of(yard, seat);
    let relay = format!("http://127.0.0.1:{RELAY_PORT}");
    let (home_inside, clone_inside) = (inside.home.display().to_string(), inside.clone.display().to_string());
    let seating = agent::Seating {
        seat: seat.as_str(),
        home,
        home_inside: &home_inside,
        clone_inside: &clone_inside,
        binary_inside: &inside.bin.join("orchestrate").display().to_string(),
        prompt,
        first: FIRST,
        again: resumes.then_some(AGAIN),
        relay: (yard.isolation != Isolation::None).then_some(relay.as_str()),
        credentials: &credentials(yard),
        managed: yard.isolation != Isolation::None,
    };
    let furniture = agent::furnish(launch.kind, &seating)?;
    let mut env = furniture.env;
    env.extend(base_env(&inside, seat));
    let place = &yard.place;
    let mut binds = vec![
        Bind::writable(place.clone_of(seat), &inside.clone),
        Bind::writable(home, &inside.home),
        Bind { writable: planted::out("own-socket-read-only"), ..Bind::read_only(place.sockets_of(seat), &inside.run) },
        Bind { writable: planted::out("programs-read-only"), ..Bind::read_only(place.join("bin"), &inside.bin) },
        Bind { writable: planted::out("mirror-read-only"), ..Bind::read_only(place.mirror(), &inside.mirror) },
    ];
    binds.extend(launch.read_only.iter().map(|path| Bind::read_only(path, path)));
    // Without a sandbox all seats share the host's ports.
    let walled = yard.isolation != Isolation::None;
    let forward = |(port, socket)| Forward { port, socket: inside.run.join(socket) };
    let forwards = if walled { [(RELAY_PORT, RELAY_SOCKET), (API_PORT, API_SOCKET)].map(forward).to_vec() } else { Vec::new() };
    let etc = if walled && !planted::out("managed-settings") { vec![(agent::MANAGED.to_owned(), managed(yard, &inside)?)] } else { Vec::new() };
    Ok(Plan {
        name: seat.to_string(),
        binds,
        env,
        chdir: inside.clone,
        argv: launch.argv.iter().cloned().chain(furniture.args).map(OsString::from).collect(),
        limits: Limits { memory: Some((total_memory()? / 2).max(LEAST_MEMORY)), ..LIMITS },
        forwards,
        etc,
        nested: false,
        user: yard.users.get(seat).copied(),
    })
}

/// The settings that no seat can change: a file beside the programs, which seats see and cannot write.
fn managed(yard: &Yard, inside: &Inside) -> Result<PathBuf, Failure> {
    let path = yard.place.join("bin/managed-settings.json");
    let text = agent::managed(&inside.bin.join("orchestrate").to_string_lossy());
    if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(path);
    }
    std::fs::write(&path, text).doing(format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What an agent needs to reach its model. Behind walls that is a dummy and the way to the relay, which puts the owner's credential in;
/// without walls it is the credential itself. Other models' keys are handed over as they are: nothing of the environment else is.
fn credentials(yard: &Yard) -> BTreeMap<String, String> {
    let others = ["OPENAI_API_KEY", "GEMINI_API_KEY"];
    let mut env: BTreeMap<_, _> = others.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
    let Some(credential) = yard.credential() else { return env };
    if yard.isolation == Isolation::None {
        let name = match credential.kind {
            CredentialKind::ApiKey => "ANTHROPIC_API_KEY",
            CredentialKind::Bearer => "ANTHROPIC_AUTH_TOKEN",
            CredentialKind::Token | CredentialKind::Login => "CLAUDE_CODE_OAUTH_TOKEN",
        };
        env.insert(name.to_owned(), credential.reveal().to_owned());
        env.extend(std::env::var("ANTHROPIC_BASE_URL").map(|url| ("ANTHROPIC_BASE_URL".to_owned(), url)));
    } else {
        env.insert("ANTHROPIC_API_KEY".to_owned(), DUMMY.to_owned());
        env.insert("ANTHROPIC_BASE_URL".to_owned(), format!("http://127.0.0.1:{API_PORT}"));
    }
    env
}

/// What every seat finds in its environment; for its information, never for its identity.
fn base_env(inside: &Inside, seat: &SeatName) -> BTreeMap<String, String> {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", inside.bin.display());
    [
        ("PATH", path),
        ("HOME", inside.home.display().to_string()),
        ("LANG", "C.UTF-8".to_owned()),
        ("TERM", "tmux-256color".to_owned()),
        ("SHELL", "/bin/sh".to_owned()),
        ("ORCHESTRATE_SEAT", seat.to_string()),
        ("ORCHESTRATE_RUN", inside.run.display().to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Red => "red",
        Colour::Green => "green",
        Colour::Yellow => "yellow",
        Colour::Blue => "blue",
        Colour::Magenta => "magenta",
        Colour::Cyan => "cyan",
        Colour::White => "white",
    }
}
