//! Which level of isolation this machine really gives: seen by trying, not by asking.

use super::probe::{self, Bait};
use super::{Isolation, Limits, Plan, diagnose, json, words};
use crate::domain::failure::{Doing, Failure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// One thing that the wall should keep apart, and what happened when it was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wall {
    pub name: String,
    pub held: bool,
    /// What the try gave: an error, a name, a count.
    pub seen: String,
    /// Whether the level falls when this wall does.
    pub essential: bool,
}

impl Wall {
    pub(super) fn new(name: &str, held: bool, seen: impl fmt::Display) -> Self {
        Self { name: name.into(), held, seen: seen.to_string(), essential: true }
    }

    pub(super) fn minor(mut self) -> Self {
        self.essential = false;
        self
    }
}

/// What a real throw-away sandbox on this machine withstood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    pub level: Isolation,
    pub walls: Vec<Wall>,
    /// Why the level is not higher; empty at level `sandbox`.
    pub why: String,
    /// The command that mends it; empty where nothing is to be mended or no command is known.
    pub fix: String,
}

impl Observed {
    fn nothing(failure: Failure) -> Self {
        Self { level: Isolation::None, walls: Vec::new(), why: format!("{}: {}", failure.what, failure.why), fix: failure.hint }
    }

    fn of(walls: Vec<Wall>) -> Self {
        let fallen: Vec<String> =
            walls.iter().filter(|wall| wall.essential && !wall.held).map(|wall| format!("{} ({})", wall.name, wall.seen)).collect();
        match fallen.is_empty() && !walls.is_empty() {
            true => Self { level: Isolation::Sandbox, walls, why: String::new(), fix: String::new() },
            false => Self { level: Isolation::None, walls, why: format!("these walls did not hold: {}", fallen.join(", ")), fix: mend() },
        }
    }
}

/// Starts a throw-away sandbox that attacks its own wall, and reports what held; `launcher` is our own binary's path.
pub fn observe(launcher: &Path) -> Observed {
    try_walls(launcher, None).map_or_else(Observed::nothing, Observed::of)
}

/// The same with the sandbox of a unix user of its own, and a look from outside at whose its files are.
pub fn observe_users(launcher: &Path, user: u32) -> Observed {
    let all = || {
        let mut walls = try_walls(launcher, Some(user))?;
        walls.push(whose(launcher, user)?);
        Ok(walls)
    };
    let seen = all().map_or_else(Observed::nothing, Observed::of);
    if seen.level == Isolation::Sandbox { Observed { level: Isolation::Users, ..seen } } else { seen }
}

/// Tries from inside a throw-away sandbox, with these paths shown, which of those others are within its reach.
pub fn reach(launcher: &Path, shown: &[PathBuf], wanted: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    const TRY: &str = "for path; do test -e \"$path\" && printf '%s\\n' \"$path\"; done; echo tried";
    let mut argv = words(["/bin/sh", "-c", TRY, "sh"]);
    argv.extend(wanted.iter().map(|path| path.as_os_str().to_owned()));
    let binds = shown.iter().map(|path| super::Bind::read_only(path, path)).collect();
    let output = run(&Plan { argv, binds, ..plan(&Bait { processes: 48, ..Bait::default() }, None)? }, launcher)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.trim_end().strip_suffix("tried") {
        Some(reached) => Ok(reached.lines().map(PathBuf::from).collect()),
        None => Err(Failure::new("cannot try what a seat could reach", String::from_utf8_lossy(&output.stderr).trim()).hint("orchestrate doctor")),
    }
}

/// What a sandbox writes belongs to its own user, on the disk.
fn whose(launcher: &Path, user: u32) -> Result<Wall, Failure> {
    use std::os::unix::fs::MetadataExt as _;
    const WHAT: &str = "cannot look whose a seat's files are";
    let folder = Folder::new().doing(WHAT)?;
    super::give(&folder.0, user, 0)?;
    let binds = vec![super::Bind::writable(&folder.0, "/home/probe")];
    let argv = words(["/bin/sh", "-c", "echo mine > /home/probe/mark"]);
    let output = run(&Plan { argv, binds, ..plan(&Bait { processes: 48, ..Bait::default() }, Some(user))? }, launcher)?;
    let owner = std::fs::symlink_metadata(folder.0.join("mark")).map(|seen| seen.uid());
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    let owner = owner.map_err(|why| Failure::new(WHAT, format!("{why}; {}", said())))?;
    Ok(Wall::new("a unix user of its own", owner == user, format!("its files are user {owner}'s")))
}

fn try_walls(launcher: &Path, user: Option<u32>) -> Result<Vec<Wall>, Failure> {
    let bwrap = diagnose::bubblewrap()?;
    let what = "cannot set the bait for the sandbox's probe";
    let folder = Folder::new().doing(what)?;
    let socket = format!("orchestrate-probe-{}", folder.0.file_name().unwrap_or_default().to_string_lossy());
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(what)?;
    let unix = SocketAddr::from_abstract_name(&socket).and_then(|name| UnixListener::bind_addr(&name)).doing(what)?;
    let namespaces = probe::NAMESPACES.iter().map(|name| ((*name).into(), probe::read_namespace(name))).collect();
    let port = tcp.local_addr().doing(what)?.port();
    let bait = Bait { secret: folder.secret().doing(what)?, socket, port, namespaces, processes: 48 };
    let output = run(&plan(&bait, user)?, launcher)?;
    drop((tcp, unix));
    let report = output.status.success().then(|| serde_json::from_slice::<Vec<Wall>>(&output.stdout));
    match report {
        Some(Ok(walls)) => Ok(walls.into_iter().chain([landlock()]).collect()),
        _ => Err(diagnose::explain(&bwrap, &String::from_utf8_lossy(&output.stderr))),
    }
}

fn plan(bait: &Bait, user: Option<u32>) -> Result<Plan, Failure> {
    let mut argv = words([format!("{}/orchestrate", super::BIN).as_str(), "inner", "--probe"]);
    argv.extend([json(bait)?, "--".into(), "probe".into()]);
    let limits =
        Limits { processes: bait.processes, open_files: 256, file_size: 1 << 20, tmp_size: 1 << 20, cpu_seconds: Some(10), memory: None };
    let (binds, env, forwards, etc) = (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
    Ok(Plan { name: "probe".into(), binds, env, chdir: "/tmp".into(), argv, limits, forwards, etc, nested: false, user })
}

fn run(plan: &Plan, launcher: &Path) -> Result<Output, Failure> {
    let level = if plan.user.is_some() { Isolation::Users } else { Isolation::Sandbox };
    let line = plan.command(level, launcher)?;
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).env_clear().current_dir("/").stdin(Stdio::null());
    command.output().doing(format!("cannot start {}", line[0].display()))
}

/// Root's own files are an ordinary seat's files when root starts the seat; an ordinary caller does not have that weakness.
fn mend() -> String {
    let root = rustix::process::geteuid().is_root();
    if root { "run orchestrate as an ordinary user: `su - USER -c 'orchestrate doctor'`".into() } else { String::new() }
}

fn landlock() -> Wall {
    // SAFETY: asks for a number only; no memory is handed over.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, 1_u32) };
    Wall::new("Landlock, a second wall", version > 0, if version > 0 { format!("ABI {version}") } else { "not in this kernel".into() })
        .minor()
}

/// A private folder that goes away with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(|why| std::io::Error::other(why.to_string()))?;
        let path = std::env::temp_dir().join(format!("orchestrate-{}", hex::encode(chance)));
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&path)?;
        Ok(Self(path))
    }

    fn secret(&self) -> std::io::Result<PathBuf> {
        let path = self.0.join("secret");
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(b"secret")?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(why) = std::fs::remove_dir_all(&self.0) {
            eprintln!("orchestrate: cannot remove {}: {why}", self.0.display());
        }
    }
}
