//! The door to a workshop: where it is, how it is started, what is wrong with it.

use super::charter::{self, Overlay};
use super::place::{self, Place, states};
use super::protocol::{OWNER_SOCKET, Step, StepState};
use super::secrets::Secrets;
use super::start::{self, Options, Reporter};
use crate::domain::failure::{Doing, Failure};
use crate::domain::isolation::Isolation;
use crate::domain::name::SeatName;
use crate::edge::git::{Git, examine};
use crate::edge::keys::KeyStore;
use crate::edge::process::{self, spawn_daemon};
use crate::ledger::Ledger as _;
use crate::ledger::sqlite::SqliteLedger;
use crate::view::answer::Audit;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use super::demo::{DemoStage, demo_stage, plain_clone};
pub use super::doctor::{Finding, doctor};
pub use super::place::workshop_id;
pub use super::secrets::Passphrase;
pub use super::users::{User, remove as users_remove, setup as users_setup};
pub use super::selftest::{Fired, Row as AttackRow, Stage as AttackStage, catalogue as attack_catalogue};

/// How long a start waits for the instances' answers, in seconds.
const PATIENCE: u32 = 30;
/// The names under which our own binary is called inside a seat.
const NAMES: [&str; 2] = ["git-remote-orchestrate", "orchestrate-gpg"];
const HOOKS: [&str; 2] = ["pre-receive", "proc-receive"];

/// What a start is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapOptions {
    pub repo: PathBuf,
    /// The agent's command for all seats; the charter's where nothing is said.
    pub agent: Option<String>,
    /// The command of single seats.
    pub agents: BTreeMap<SeatName, String>,
    /// The lowest level that is accepted; nothing: `sandbox`, never less without being told.
    pub isolation: Option<Isolation>,
    /// Go on without asking.
    pub yes: bool,
    /// What opens the keys, or seals them at a first start.
    pub passphrase: Option<Passphrase>,
}

/// A workshop that runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Started {
    pub workshop: String,
    pub state: PathBuf,
    /// The level that the probes saw hold.
    pub level: String,
}

/// The state folder of a repository's workshop.
pub fn state_folder(repo: &Path) -> Result<PathBuf, Failure> {
    Place::of(repo).map(|place| place.root().to_path_buf())
}

/// The top folder of the git repository at or above a folder.
pub fn find_repository(start: &Path) -> Option<PathBuf> {
    let start = std::fs::canonicalize(start).ok()?;
    let holds = |folder: &&Path| folder.join(".git").exists() || (folder.join("HEAD").is_file() && folder.join("objects").is_dir());
    start.ancestors().find(holds).map(Path::to_path_buf)
}

/// The repositories that have a workshop here, by path.
pub fn known() -> Vec<PathBuf> {
    let folders = states().ok().and_then(|states| std::fs::read_dir(states).ok());
    let entries = folders.into_iter().flatten().flatten();
    let mut repos: Vec<PathBuf> = entries.filter_map(|entry| std::fs::read(entry.path().join("repository")).ok()).map(path).collect();
    repos.sort();
    repos
}

fn path(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes))
}

/// Starts the workshop, or resumes it; `on_step` hears each step as it is done.
pub fn bootstrap(options: &BootstrapOptions, on_step: &mut dyn FnMut(&Step)) -> Result<Started, Failure> {
    let repo = std::fs::canonicalize(&options.repo).doing(format!("cannot find {}", options.repo.display()))?;
    let place = Place::of(&repo)?;
    if runs(&place) {
        match resume(&place, on_step) {
            // One that was killed while it was starting a child is heard of until the child runs, and answers nothing: it is gone.
            Err(_) if !runs(&place) => {}
            resumed => return resumed,
        }
    }
    let source = examine(&Git::find()?, &repo, None)?;
    let repo = source.root;
    charter::load(&Overlay { folder: place::config().filter(|folder| folder.is_dir()).as_deref(), ..Overlay::default() })?;
    let _one_at_a_time = lock(&place)?;
    let fresh = place.prepare(&repo)?;
    let before = Options::load(&place)?;
    let begun = begin(&place, &told(&place, options, repo)?, &secrets(options), on_step);
    if begun.is_err() {
        take_back(&place, fresh, before.as_ref())?;
    }
    begun?;
    Ok(Started { workshop: name(&place), state: place.root().to_owned(), level: level(&place) })
}

fn secrets(options: &BootstrapOptions) -> Secrets {
    let mut secrets = Secrets::of_environment();
    secrets.passphrase = options.passphrase.as_ref().map(|passphrase| passphrase.reveal().to_owned());
    secrets
}

/// How a workshop's keys lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtRest {
    /// There are none yet.
    None,
    Plain,
    Sealed,
    /// A supervisor has them open.
    Open,
}

/// How the keys of a repository's workshop lie now.
pub fn keys_at_rest(repo: &Path) -> Result<AtRest, Failure> {
    let place = Place::of(repo)?;
    let keys = place.join("keys");
    Ok(match () {
        () if runs(&place) => AtRest::Open,
        () if KeyStore::is_sealed(&keys)? => AtRest::Sealed,
        () if place.ledger().exists() => AtRest::Plain,
        () => AtRest::None,
    })
}

/// Seals the keys of a workshop that does not run, or, with `open`, opens them for good; says how many files were changed.
pub fn seal_keys(repo: &Path, passphrase: &Passphrase, open: bool) -> Result<usize, Failure> {
    let place = Place::of(repo)?;
    let what = if open { "cannot unseal the keys" } else { "cannot seal the keys" };
    match keys_at_rest(repo)? {
        AtRest::Open => return Err(Failure::new(what, "the supervisor has them open").hint("orchestrate down")),
        AtRest::None => return Err(Failure::new(what, "there is no workshop yet").hint("orchestrate bootstrap <repo>")),
        AtRest::Plain if open => return Err(Failure::new(what, "they are not sealed").hint("orchestrate keys seal")),
        AtRest::Plain | AtRest::Sealed => {}
    }
    let _one_at_a_time = lock(&place)?;
    let (keys, passphrase) = (place.join("keys"), passphrase.reveal());
    if open { KeyStore::unseal_all(&keys, passphrase) } else { KeyStore::seal_all(&keys, passphrase) }
}

/// Undoes a start that failed: a new folder goes, an old one keeps the options of the last start that did not fail.
fn take_back(place: &Place, fresh: bool, before: Option<&Options>) -> Result<(), Failure> {
    match before {
        _ if fresh => std::fs::remove_dir_all(place.root()).doing("cannot take back a start that failed"),
        Some(before) => before.save(place),
        None => Ok(()),
    }
}

fn name(place: &Place) -> String {
    place.root().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn level(place: &Place) -> String {
    Options::load(place).ok().flatten().map_or_else(|| "unknown".to_owned(), |options| options.isolation.as_str().to_owned())
}

/// This start's options: what is said now, else what was said at the last start, else the defaults.
fn told(place: &Place, said: &BootstrapOptions, repo: PathBuf) -> Result<Options, Failure> {
    let before = Options::load(place)?;
    let kept = |pick: fn(&Options) -> Option<String>| before.as_ref().and_then(pick);
    let mut agents = before.as_ref().map(|options| options.agents.clone()).unwrap_or_default();
    agents.extend(said.agents.clone());
    Ok(Options {
        branch: kept(|options| options.branch.clone()),
        agent: said.agent.clone().or_else(|| kept(|options| options.agent.clone())),
        agents,
        isolation: said.isolation.or_else(|| before.as_ref().map(|options| options.isolation)).unwrap_or(Isolation::Sandbox),
        patience: patience(),
        repo,
    })
}

fn patience() -> u32 {
    std::env::var("ORCHESTRATE_PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(PATIENCE)
}

/// Holds off a second start of the same workshop.
fn lock(place: &Place) -> Result<File, Failure> {
    let parent = states()?;
    place::make_private(&parent)?;
    let path = parent.join(format!(".{}.lock", name(place)));
    let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(&path).doing("cannot lock the start")?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| Failure::new("cannot start", "another start of this workshop is under way").hint("orchestrate status"))?;
    Ok(file)
}

/// Whether a repository has a workshop whose supervisor does not run.
pub fn is_asleep(repo: &Path) -> bool {
    Place::of(repo).is_ok_and(|place| place.ledger().exists() && !runs(&place))
}

pub(super) fn runs(place: &Place) -> bool {
    UnixStream::connect(place.join(OWNER_SOCKET)).is_ok()
}

/// A workshop that runs already starts what has ended in it, and says what it has.
fn resume(place: &Place, on_step: &mut dyn FnMut(&Step)) -> Result<Started, Failure> {
    use super::protocol::{Request, Response};
    let since = Instant::now();
    if let Some(handed) = Secrets::of_environment().credential.take() {
        super::wire::call(&place.join(OWNER_SOCKET), &Request::Credential { handed })?;
    }
    let answer = super::wire::call(&place.join(OWNER_SOCKET), &Request::Resume)?;
    let detail = match answer {
        Response::Done(value) => format!("runs already; {} of {} seats answered", value["answered"], value["seats"]),
        Response::Refused(refusal) => return Err(Failure::new("cannot resume", &refusal).hint(refusal.hint.clone())),
        Response::Failed(failure) => return Err(failure),
        Response::Bug(why) => return Err(Failure::new("cannot resume", why)),
    };
    let milliseconds = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    on_step(&Step { number: 0, name: "workshop".to_owned(), detail, state: StepState::Ready, milliseconds });
    Ok(Started { workshop: name(place), state: place.root().to_owned(), level: level(place) })
}

fn begin(place: &Place, options: &Options, secrets: &Secrets, on_step: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
    options.save(place)?;
    install(place)?;
    let path = place.join("run/start.sock");
    remove(&path)?;
    let listener = UnixListener::bind(&path).doing("cannot listen for the start")?;
    let log = place.join("supervisor.log");
    let pid = spawn_daemon(&place.join("bin/orchestrate"), &[OsString::from("supervise"), place.root().into()], &log)?;
    let heard = hear(&listener, pid, &log, secrets, on_step);
    remove(&path)?;
    heard
}

fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(format!("cannot remove {}", path.display()), why)),
        Err(_) | Ok(()) => Ok(()),
    }
}

/// Puts our own binary where the seats and the gate's hooks find it; a changed one replaces it whole.
fn install(place: &Place) -> Result<(), Failure> {
    const WHAT: &str = "cannot install the program for the seats";
    let own = process::own()?;
    let (draft, target) = (place.join("bin/.orchestrate.new"), place.join("bin/orchestrate"));
    std::fs::copy(&own, &draft).doing(WHAT)?;
    std::fs::rename(&draft, &target).doing(WHAT)?;
    for name in NAMES {
        let link = place.join("bin").join(name);
        remove(&link)?;
        symlink("orchestrate", &link).doing(WHAT)?;
    }
    for name in HOOKS {
        let link = place.join("hooks").join(name);
        remove(&link)?;
        symlink(&target, &link).doing(WHAT)?;
    }
    Ok(())
}

/// Hears the new supervisor's steps until it is ready, has failed, or is gone.
fn hear(listener: &UnixListener, pid: u32, log: &Path, secrets: &Secrets, on_step: &mut dyn FnMut(&Step)) -> Result<(), Failure> {
    let gone = || Failure::new("the supervisor ended before it was ready", last_words(log)).hint(format!("cat '{}'", log.display()));
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
    let child = pidfd_open(raw, PidfdFlags::empty()).map_err(|_| gone())?;
    let mut both = [PollFd::new(listener, PollFlags::IN), PollFd::new(&child, PollFlags::IN)];
    poll(&mut both, None).doing("cannot wait for the supervisor")?;
    if !both[0].revents().contains(PollFlags::IN) {
        return Err(gone());
    }
    let (stream, _) = listener.accept().doing("cannot hear the supervisor")?;
    secrets.send(&stream)?;
    for line in BufReader::new(stream).lines() {
        let line = line.doing("cannot hear the supervisor")?;
        let step: Step = serde_json::from_str(&line).doing("cannot read a step of the start")?;
        match step.state {
            StepState::Done => on_step(&step),
            StepState::Ready => {
                on_step(&step);
                return Ok(());
            }
            StepState::Failed => return Err(serde_json::from_str(&step.detail).unwrap_or_else(|_| Failure::new("the start failed", &step.detail))),
        }
    }
    Err(gone())
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().next_back().unwrap_or("it said nothing").to_owned()
}

/// The supervisor's own main: `supervise <state folder>`.
pub fn supervise(args: &[String]) -> Failure {
    let Some(root) = args.first() else {
        return Failure::new("cannot supervise", "no state folder was named").hint("orchestrate bootstrap <repo>");
    };
    let place = Place::at(Path::new(root));
    let listener = UnixStream::connect(place.join("run/start.sock")).ok();
    let secrets = match Secrets::receive(listener.as_ref()) {
        Ok(secrets) => secrets,
        Err(failure) => return failure,
    };
    match start::supervise(&place, secrets, Reporter::new(listener)) {
        Ok(()) => std::process::exit(0),
        Err(failure) => {
            drop(writeln!(std::io::stderr(), "orchestrate: {failure}"));
            failure
        }
    }
}

/// The first process inside a sandbox.
pub fn inner(args: &[OsString]) -> Failure {
    crate::edge::sandbox::inner(args)
}

/// Checks the ledger of a workshop whose supervisor does not run.
pub fn verify_ledger_file(state: &Path) -> Result<Audit, Failure> {
    let ledger = SqliteLedger::open_read_only(&state.join("ledger.db"))?;
    Ok(super::answer::record::audit(ledger.check()))
}

/// Waits until a supervisor that was told to stop is gone.
pub fn wait_gone(pid: u32) -> Result<(), Failure> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(()) };
    poll(&mut [PollFd::new(&process, PollFlags::IN)], None).map(drop).doing("cannot wait for the supervisor's end")
}

/// Becomes another program, such as tmux; returns only when that failed.
pub fn become_program(argv: &[String]) -> Failure {
    crate::edge::process::replace(argv).hint("orchestrate doctor")
}

/// Runs a program on this terminal, such as tmux, until it ends.
pub fn show_program(argv: &[String]) -> Result<(), Failure> {
    crate::edge::process::show(argv)
}
