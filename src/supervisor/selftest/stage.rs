//! The throw-away workshop: a repository, a state folder and the bait around it, all in one private folder that goes at the end.

use super::bait::Bait;
use super::firing::Shots;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::isolation::Isolation;
use crate::domain::name::SeatName;
use crate::edge::chance;
use crate::edge::git::{Gate, Git, found};
use crate::edge::process::{self, start_time};
use crate::edge::script;
use crate::supervisor::charter::{self, Overlay};
use crate::supervisor::place::{self, Place};
use crate::supervisor::protocol::{OWNER_SOCKET, Request, Response};
use crate::supervisor::wire;
use crate::view::Status;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde::de::DeserializeOwned;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SEAT: &str = include_str!("../../../bootstrap/selftest/seat");
/// What runs the repository's tests, whatever the machine has, and the seconds after which they have failed.
const TESTS: &str = "run-tests";
const TESTED: i64 = 120;
/// Far above every account, and above the ranges that are given to containers.
const FIRST_USER: u32 = 2_000_000_000;
/// Seconds that a start may take, and an end.
const START: u32 = 180;
const END: i64 = 30;
const FILES: &[(&str, &str)] = &[
    ("README.md", "# A throw-away repository\n\nIt is here to be attacked.\n"),
    ("src/greeter.py", "def greet(name):\n    return f\"Hello, {name}.\"\n"),
    ("tests/test_greet.py", "from greeter import greet\n\n\ndef test_greets():\n    assert greet(\"Ada\") == \"Hello, Ada.\"\n"),
    (TESTS, include_str!("../../../bootstrap/selftest/run-tests")),
    ("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = [\"src\"]\ntestpaths = [\"tests\"]\n"),
];

/// A workshop to be attacked, with all that lies around it as bait.
pub struct Stage {
    folder: PathBuf,
    pub(super) place: Place,
    pub(super) level: Isolation,
    pub(super) bait: Mutex<Option<Bait>>,
    pub(super) shots: Mutex<Shots>,
    /// Held while it starts and while it ends, so that no start outlives the end.
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    /// The supervisor, and when it was started.
    supervisor: Option<(u32, u64)>,
    ended: bool,
}

impl Stage {
    /// Lays everything out in a fresh private folder; nothing runs yet.
    pub fn lay_out(level: Isolation) -> Result<Self, Failure> {
        let folder = fresh()?;
        let project = folder.join("project");
        let place = Place::at(&folder.join("state").join(place::workshop_id(&project)));
        let stage = Self { folder, place, level, bait: Mutex::default(), shots: Mutex::default(), running: Mutex::default() };
        match stage.furnish(&project) {
            Ok(()) => Ok(stage),
            Err(failure) => stage.end().and(Err(failure)),
        }
    }

    fn furnish(&self, project: &Path) -> Result<(), Failure> {
        const WHAT: &str = "cannot furnish the throw-away workshop";
        for name in ["project", "state", "home", "bait", "work", "rules"] {
            std::fs::DirBuilder::new().mode(0o700).create(self.join(name)).doing(WHAT)?;
        }
        found(&Git::find()?, project, FILES, "a repository to be attacked")?;
        self.rules()?;
        if self.level == Isolation::Users {
            self.people(project)?;
        }
        let seat = self.join("seat");
        std::fs::write(&seat, SEAT).doing(WHAT)?;
        std::fs::set_permissions(&seat, PermissionsExt::from_mode(0o755)).doing(WHAT)?;
        let bait = Bait::lay(&self.join("bait"), &self.join("home"))?;
        *locked(&self.bait) = Some(bait);
        Ok(())
    }

    /// The owner's own policy and gates, with the built-in seats and budgets, which the attacks name and count by, and the throw-away
    /// repository's own tests; and so many attacks by one seat freeze nothing, since each has to be refused for its own reason.
    fn rules(&self) -> Result<(), Failure> {
        const WHAT: &str = "cannot write the throw-away workshop's rules";
        let own = self.join("rules");
        for folder in ["", "gates"] {
            let Some(from) = place::config().map(|config| config.join(folder)).filter(|from| from.is_dir()) else { continue };
            std::fs::create_dir_all(own.join(folder)).doing(WHAT)?;
            for entry in std::fs::read_dir(&from).doing(WHAT)? {
                let entry = entry.doing(WHAT)?;
                if entry.file_type().doing(WHAT)?.is_file() {
                    std::fs::copy(entry.path(), own.join(folder).join(entry.file_name())).doing(WHAT)?;
                    if folder == "gates" {
                        without_limits(&own.join(folder).join(entry.file_name()))?;
                    }
                }
            }
        }
        let path = own.join("config.toml");
        let text = if path.exists() { std::fs::read_to_string(&path).doing(WHAT)? } else { String::new() };
        let mut rules: toml::Table = toml::from_str(&text).doing(format!("cannot read {}", path.display()))?;
        rules.remove("budgets");
        let number = toml::Value::Integer;
        let command = ["/bin/sh", TESTS].map(toml::Value::from).to_vec();
        let mut set = |section: &str, key: &str, value: toml::Value| {
            let section = rules.entry(section).or_insert_with(|| toml::Table::new().into());
            section.as_table_mut().into_iter().for_each(|section| drop(section.insert(key.to_owned(), value.clone())));
        };
        set("freeze", "bypasses", number(0));
        set("freeze", "fencing", number(0));
        set("tasks", "held", number(0));
        set("runner", "command", command.into());
        set("runner", "wall_seconds", number(TESTED));
        set("runner", "runs", number(1));
        std::fs::write(&path, rules.to_string()).doing(WHAT)
    }

    /// Users for the seats: numbers that no account has, so that nothing on the machine has to be changed for a throw-away workshop.
    fn people(&self, project: &Path) -> Result<(), Failure> {
        self.place.prepare(project)?;
        let (charter, _) = charter::load(&Overlay::default())?;
        let first = FIRST_USER + std::process::id() % 100_000 * 100;
        self.place.set_users(&charter.seats().cloned().zip(first..).collect())
    }

    /// Starts the workshop with this very program, and gives the level that was observed.
    pub fn start(&self) -> Result<Isolation, Failure> {
        const WHAT: &str = "cannot start the throw-away workshop";
        let mut running = locked(&self.running);
        if running.ended {
            return Err(Failure::new(WHAT, "it was ended"));
        }
        let own = process::own()?;
        let (own, repo, agent, level) = (text(&own)?, text(&self.repo())?, quoted(&text(&self.join("seat"))?), self.level.as_str());
        let line = [&own, "bootstrap", &repo, "--agent", &agent, "--isolation", level, "--detach", "--yes", "--json"];
        let said = script::run(&line, &self.environment(), &self.folder, START)?;
        let answer = said.output.lines().filter_map(|line| serde_json::from_str::<Response>(line).ok()).next_back();
        match answer {
            Some(Response::Done(_)) => {}
            Some(Response::Failed(failure)) => return Err(failure),
            Some(Response::Refused(refusal)) => return Err(Failure::new(WHAT, &refusal).hint(refusal.hint.clone())),
            Some(Response::Bug(why)) => return Err(Failure::new(WHAT, why)),
            None => return Err(Failure::new(WHAT, said.output)),
        }
        running.supervisor = self.writer()?;
        drop(running);
        self.leave_draft()?;
        let status: Status = self.ask(&Request::Status)?;
        serde_json::from_value(serde_json::Value::String(status.level)).doing("cannot read the level that was observed")
    }

    /// The process that writes the ledger, and when it was started.
    fn writer(&self) -> Result<Option<(u32, u64)>, Failure> {
        const WHAT: &str = "cannot find the supervisor";
        let lock = std::fs::read_to_string(self.place.ledger().with_extension("lock")).doing(WHAT)?;
        let pid: u32 = lock.split(' ').next().unwrap_or_default().parse().doing(WHAT)?;
        Ok(start_time(pid).map(|started| (pid, started)))
    }

    pub(super) fn supervisor(&self) -> Option<u32> {
        locked(&self.running).supervisor.map(|(pid, _)| pid)
    }

    /// The owner's surroundings: rules, a home and a state folder of its own.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let shown = |name: &str| self.join(name).display().to_string();
        let own = |name: &str| std::env::var(name).ok().map(|value| (name.to_owned(), value));
        let set = [
            ("HOME", shown("home")),
            ("LANG", "C.UTF-8".to_owned()),
            ("ORCHESTRATE_STATE", shown("state")),
            ("ORCHESTRATE_CONFIG", shown("rules")),
            ("ORCHESTRATE_CLOCK_AHEAD", shown("clock")),
        ];
        let kept = ["PATH", "ORCHESTRATE_PATIENCE", "TMPDIR"].into_iter().filter_map(own);
        let environment = kept.chain(set.map(|(name, value)| (name.to_owned(), value)));
        #[cfg(debug_assertions)]
        let environment = environment.chain(own(crate::domain::planted::VARIABLE));
        environment.collect()
    }

    /// Asks as the owner.
    pub(super) fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        const WHAT: &str = "cannot ask the throw-away workshop";
        match wire::call(&self.place.join(OWNER_SOCKET), request)? {
            Response::Done(value) => serde_json::from_value(value).doing(WHAT),
            Response::Refused(refusal) => Err(Failure::new(WHAT, &refusal)),
            Response::Failed(failure) => Err(failure),
            Response::Bug(why) => Err(Failure::new(WHAT, why)),
        }
    }

    pub(super) fn gate(&self) -> Result<Gate, Failure> {
        Gate::open(&Git::find()?, &self.place.gate())
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn repo(&self) -> PathBuf {
        self.join("project")
    }

    pub(super) fn home_of(&self, seat: &str) -> Result<PathBuf, Failure> {
        SeatName::new(seat).map(|seat| self.place.home_of(&seat)).doing("cannot find the seat")
    }

    /// Ends everything and takes it away; a second time does nothing.
    pub fn end(&self) -> Result<(), Failure> {
        let mut running = locked(&self.running);
        running.ended = true;
        let stopped = running.supervisor.take().map_or(Ok(()), |(pid, started)| self.stop(pid, started));
        drop(locked(&self.bait).take());
        remove(&self.folder).doing(format!("cannot remove {}", self.folder.display()))?;
        stopped
    }

    /// Asks the supervisor to stop; one that does not is killed, since nothing of it is kept.
    fn stop(&self, pid: u32, started: u64) -> Result<(), Failure> {
        const WHAT: &str = "cannot stop the throw-away workshop";
        let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let Ok(watched) = pidfd_open(number, PidfdFlags::empty()) else { return Ok(()) };
        if start_time(pid) != Some(started) {
            return Ok(());
        }
        let asked = self.ask::<serde_json::Value>(&Request::Down);
        let limit = Timespec { tv_sec: if asked.is_ok() { END } else { 0 }, tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&limit)).doing(WHAT)? > 0;
        if ended { Ok(()) } else { kill_process(number, Signal::KILL).doing(WHAT) }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(failure) = self.end() {
            eprintln!("orchestrate: {failure}");
        }
    }
}

pub(super) fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A gate's own limits are for the owner's tests, not for those of the throw-away repository.
fn without_limits(path: &Path) -> Result<(), Failure> {
    const WHAT: &str = "cannot write the throw-away workshop's gates";
    let text = std::fs::read_to_string(path).doing(WHAT)?;
    // What cannot be read is the start's to refuse, with its own words.
    let Ok(mut gate) = toml::from_str::<toml::Table>(&text) else { return Ok(()) };
    if gate.remove("limits").is_some() { std::fs::write(path, gate.to_string()).doing(WHAT) } else { Ok(()) }
}

/// This very program.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| Failure::new("cannot use a path", format!("{} is not UTF-8", path.display())))
}

/// As `--agent` wants a word.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A new private folder with a short name, since sockets lie below it.
fn fresh() -> Result<PathBuf, Failure> {
    const WHAT: &str = "cannot make a folder for the throw-away workshop";
    let folder = std::env::temp_dir().join(format!("selftest-{}", hex::encode(chance::bytes::<4>()?)));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).doing(WHAT).map(|()| folder.canonicalize().unwrap_or(folder))
}

/// Removes a folder; a try that is still under way may put something into it meanwhile, so that it may take more than once.
fn remove(folder: &Path) -> std::io::Result<()> {
    const MOST: u32 = 100;
    let mut end = Ok(());
    for _ in 0..MOST {
        open_up(folder);
        end = std::fs::remove_dir_all(folder);
        match &end {
            Ok(()) => return Ok(()),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound && !folder.exists() => return Ok(()),
            Err(_) => {}
        }
    }
    end
}

/// Attacks close folders; what cannot be opened again is named when it cannot be removed.
fn open_up(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let path = entry.path();
        if std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).is_ok() {
            open_up(&path);
        }
    }
}
