//! The wall around one process tree: the system's `bwrap`, and our own first process inside it.
//!
//! Three steps, all by the same binary: *around* (outside: closes descriptors, shields the terminal, bounds the group), `bwrap` (namespaces and
//! the file tree), *inner* (inside: limits, keyring, Landlock, system call filter, forwarders), then the program itself.

mod around;
mod attack;
mod clear;
mod devices;
mod diagnose;
mod etc;
mod filter;
mod forward;
mod inner;
mod limit;
mod observe;
mod probe;
mod stage;
#[cfg(test)]
pub(crate) mod tests;

use crate::domain::failure::{Doing, Failure};
use crate::domain::planted;
pub use crate::domain::isolation::Isolation;
pub use clear::clear;
pub use observe::{Observed, Wall, observe, observe_users, reach};
pub use stage::{give, hand_over, show};
use stage::Other;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// Where our own binary and its other names stand inside every sandbox.
pub const BIN: &str = "/opt/orchestrate/bin";

const RUN_SIZE: u64 = 16 << 20;

/// A file or folder of the host, shown inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    pub source: PathBuf,
    pub target: PathBuf,
    pub writable: bool,
}

impl Bind {
    pub fn read_only(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), target: target.into(), writable: false }
    }

    pub fn writable(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), target: target.into(), writable: true }
    }
}

/// What a process tree may use up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads of the whole tree.
    pub processes: u64,
    pub open_files: u64,
    /// Bytes of one written file.
    pub file_size: u64,
    /// Bytes of `/tmp`, and as many again of `/dev/shm`.
    pub tmp_size: u64,
    /// Seconds of processor time of one process.
    pub cpu_seconds: Option<u64>,
    /// Bytes of private memory of one process; of the whole tree where the caller is root.
    pub memory: Option<u64>,
}

/// A port on the private loopback that leads to a unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub port: u16,
    /// The socket's path as seen inside.
    pub socket: PathBuf,
}

/// A sandbox to be started: what it shows, what it allows, and what runs in it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Host name and user name inside.
    pub name: String,
    pub binds: Vec<Bind>,
    pub env: BTreeMap<String, String>,
    pub chdir: PathBuf,
    pub argv: Vec<OsString>,
    pub limits: Limits,
    pub forwards: Vec<Forward>,
    /// Host files bound read-only below `/etc`, by relative path.
    pub etc: Vec<(String, PathBuf)>,
    /// Lets the program build a sandbox of its own: no Landlock and no ban on user namespaces.
    pub nested: bool,
    /// The unix user that its processes are outside, at level `users`.
    pub user: Option<u32>,
}

/// What the first process inside is told.
#[derive(Debug, Serialize, Deserialize)]
struct Inside {
    limits: Limits,
    forwards: Vec<Forward>,
    writable: Vec<PathBuf>,
    chdir: PathBuf,
    walls: Walls,
    /// Walls that a test build leaves out; no other build heeds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    without: Vec<String>,
}

impl Inside {
    fn has(&self, wall: &str) -> bool {
        !cfg!(debug_assertions) || !self.without.iter().any(|without| without == wall)
    }
}

/// Which walls the first process inside puts up itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Walls {
    Hard,
    Nested,
    Advisory,
}

impl Plan {
    /// Gives the whole command line that starts this plan at an isolation level; `launcher` is our own binary's path on the host.
    pub fn command(&self, isolation: Isolation, launcher: &Path) -> Result<Vec<OsString>, Failure> {
        self.check()?;
        match isolation {
            Isolation::Users if self.user.is_none() || !rustix::process::geteuid().is_root() => Err(users_missing()),
            Isolation::Users => self.walled(launcher, self.user.map(Other::new)),
            Isolation::Sandbox => self.walled(launcher, None),
            Isolation::None => self.advisory(launcher),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let bad = |why: String| Err(Failure::new(format!("cannot plan the sandbox {:?}", self.name), why));
        let named = self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !named || !self.name.starts_with(|c: char| c.is_ascii_lowercase()) || self.name.len() > 31 {
            return bad("its name is not 1 to 31 of a-z, 0-9 and -".into());
        }
        let paths = self.binds.iter().flat_map(|bind| [&bind.source, &bind.target]).chain([&self.chdir]);
        if let Some(path) = paths.into_iter().find(|path| !is_plain(path)) {
            return bad(format!("{} is not a plain absolute path", path.display()));
        }
        if let Some(name) = self.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return bad(format!("{name:?} cannot name an environment variable"));
        }
        if let Some((path, _)) = self.etc.iter().find(|(path, _)| !is_plain(&Path::new("/etc").join(path)) || path.starts_with('/')) {
            return bad(format!("{path:?} is not a path below /etc"));
        }
        if self.argv.is_empty() { bad("it has no command".into()) } else { Ok(()) }
    }

    fn walled(&self, launcher: &Path, other: Option<Other>) -> Result<Vec<OsString>, Failure> {
        let mut around = around::Around::of(self, launcher, other);
        let tree = self.tree(&mut around);
        let mut line = words([launcher.as_os_str(), OsStr::new("inner"), OsStr::new("--around")]);
        line.push(json(&around)?);
        line.extend(words(["--", path_text(&diagnose::bubblewrap()?)?.as_str()]));
        line.extend(self.namespaces());
        line.extend(tree);
        line.extend(self.environment().into_iter().flat_map(|(name, value)| words(["--setenv", name.as_str(), value.as_str()])));
        line.extend(words([
            "--chdir".as_ref(),
            self.chdir.as_os_str(),
            "--".as_ref(),
            format!("{BIN}/orchestrate").as_ref(),
            "inner".as_ref(),
        ]));
        line.push(json(&self.inside(if self.nested { Walls::Nested } else { Walls::Hard }))?);
        line.push("--".into());
        line.extend(self.argv.iter().cloned());
        Ok(line)
    }

    fn advisory(&self, launcher: &Path) -> Result<Vec<OsString>, Failure> {
        let mut line = words(["/usr/bin/env", "-i"]);
        let own = launcher.parent().unwrap_or(Path::new("/"));
        let env = self.environment().into_iter().map(|(name, value)| match name.as_str() {
            "PATH" => (name, value.replacen(BIN, &own.to_string_lossy(), 1)),
            _ => (name, value),
        });
        line.extend(env.map(|(name, value)| OsString::from(format!("{name}={value}"))));
        line.extend(words([launcher.as_os_str(), OsStr::new("inner")]));
        line.push(json(&self.inside(Walls::Advisory))?);
        line.push("--".into());
        line.extend(self.argv.iter().cloned());
        Ok(line)
    }

    fn namespaces(&self) -> Vec<OsString> {
        let (user, group) = ids();
        let mut line = words([
            "--unshare-user",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--die-with-parent",
            "--cap-drop",
            "ALL",
            "--hostname",
            &self.name,
            "--uid",
            &user.to_string(),
            "--gid",
            &group.to_string(),
            "--clearenv",
        ]);
        line.extend(words((!self.out("process-namespace")).then_some("--unshare-pid")));
        line.extend(words((!self.out("network-namespace")).then_some("--unshare-net")));
        if !self.nested {
            line.extend(words(["--disable-userns"]));
        }
        line
    }

    /// Whether a wall is left out of this sandbox; never out of the probe's, which decides the level.
    fn out(&self, guard: &str) -> bool {
        planted::out(guard) && self.name != "probe"
    }

    /// The file tree; what is made read-only again comes last, after every mount point below it exists.
    fn tree(&self, around: &mut around::Around) -> Vec<OsString> {
        let mut line = system();
        let own: Vec<(String, PathBuf)> = self.etc.iter().map(|(path, source)| (path.clone(), around.source(source))).collect();
        line.extend(etc::mounts(&own));
        line.extend(around.mounts());
        line.extend(words(["--remount-ro", "/etc", "--proc", "/proc"]));
        // Root's sandbox would own the host's kernel settings. An ordinary one does not, and a covered /proc forbids nested ones.
        if !self.nested || rustix::process::geteuid().is_root() {
            line.extend(words(["--ro-bind", "/proc/sys", "/proc/sys"]));
            if Path::new("/proc/sysrq-trigger").exists() {
                line.extend(words(["--ro-bind", "/dev/null", "/proc/sysrq-trigger"]));
            }
        }
        line.extend(words(["--dev", "/dev"]));
        line.extend(sized("1777", self.limits.tmp_size, "/dev/shm"));
        if self.out("private-tmp") {
            line.extend(words(["--bind", "/tmp", "/tmp"]));
        } else {
            line.extend(sized("1777", self.limits.tmp_size, "/tmp"));
        }
        line.extend(sized("0755", RUN_SIZE, "/run"));
        for mut bind in self.all_binds(&around.launcher) {
            bind.source = around.source(&bind.source);
            line.extend(mount(&bind));
        }
        line.extend(words(["--remount-ro", "/dev", "--remount-ro", "/"]));
        line
    }

    /// The binds with parents before children, so that a read-only child of a writable folder stays read-only.
    fn all_binds(&self, launcher: &Path) -> Vec<Bind> {
        let mut binds = self.binds.clone();
        if !binds.iter().any(|bind| bind.target.starts_with(BIN)) {
            binds.push(Bind::read_only(launcher, format!("{BIN}/orchestrate")));
        }
        binds.sort_by_key(|bind| bind.target.components().count());
        binds
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        let path = env.remove("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let rest: Vec<&str> = path.split(':').filter(|part| part.starts_with('/') && *part != BIN).collect();
        env.insert("PATH".into(), format!("{BIN}:{}", rest.join(":")));
        env
    }

    fn inside(&self, walls: Walls) -> Inside {
        let writable = self.binds.iter().filter(|bind| bind.writable).map(|bind| bind.target.clone()).collect();
        let without = ["system-calls"].into_iter().filter(|wall| self.out(wall)).map(str::to_owned).collect();
        // Without a network of their own all seats would want the same port.
        let forwards = if self.out("network-namespace") { Vec::new() } else { self.forwards.clone() };
        Inside { limits: self.limits.clone(), forwards, writable, chdir: self.chdir.clone(), walls, without }
    }
}

/// Runs as our step around or inside a sandbox and becomes the next program; returns only when that failed.
pub fn inner(args: &[OsString]) -> Failure {
    let end = match args.first().and_then(|word| word.to_str()) {
        Some("--around") => around::enter(&args[1..]),
        Some("--probe") => probe::enter(&args[1..]),
        Some("--ask") => attack::ask(&args[1..]),
        Some("--attack") => attack::enter(&args[1..]),
        _ => inner::enter(args),
    };
    match end {
        Err(failure) => failure,
        Ok(never) => match never {},
    }
}

/// Splits `JSON -- PROGRAM ARG…` into its parts.
fn told<T: serde::de::DeserializeOwned>(args: &[OsString]) -> Result<(T, &[OsString]), Failure> {
    let what = "cannot read what the sandbox was told";
    match args {
        [text, dashes, program @ ..] if dashes == "--" && !program.is_empty() => {
            let told = serde_json::from_slice(text.as_encoded_bytes()).doing(what)?;
            Ok((told, program))
        }
        _ => {
            Err(Failure::new(what, "it is not `JSON -- PROGRAM`")
                .hint("orchestrate starts this command by itself; run `orchestrate doctor`"))
        }
    }
}

/// Becomes another program; returns only the reason why not.
fn become_program(program: &[OsString]) -> Failure {
    use std::os::unix::process::CommandExt;
    let why = std::process::Command::new(&program[0]).args(&program[1..]).exec();
    Failure::new(format!("cannot start {}", program[0].display()), why)
}

fn json(value: &impl Serialize) -> Result<OsString, Failure> {
    serde_json::to_string(value).map(OsString::from).doing("cannot write down the sandbox's plan (a path that is not UTF-8?)")
}

fn words<S: AsRef<OsStr>>(all: impl IntoIterator<Item = S>) -> Vec<OsString> {
    all.into_iter().map(|word| word.as_ref().to_owned()).collect()
}

fn path_text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| Failure::new("cannot use a path", format!("{} is not UTF-8", path.display())))
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

fn mount(bind: &Bind) -> Vec<OsString> {
    let flag = if bind.writable { "--bind" } else { "--ro-bind" };
    words([OsStr::new(flag), bind.source.as_os_str(), bind.target.as_os_str()])
}

fn sized(mode: &str, size: u64, path: &str) -> Vec<OsString> {
    words(["--perms", mode, "--size", &size.max(4096).to_string(), "--tmpfs", path])
}

/// The system's own folders, whether `/bin` and its like are links into `/usr` or not.
fn system() -> Vec<OsString> {
    let mut line = words(["--ro-bind", "/usr", "/usr"]);
    for path in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        match std::fs::read_link(path) {
            Ok(link) => line.extend(words([OsStr::new("--symlink"), link.as_os_str(), OsStr::new(path)])),
            Err(_) if Path::new(path).is_dir() => line.extend(words(["--ro-bind", path, path])),
            Err(_) => {}
        }
    }
    line
}

/// The user and group inside: the caller's own, or ordinary ones when the caller is root.
fn ids() -> (u32, u32) {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if user == 0 { (1000, 1000) } else { (user, group) }
}

/// What is missing for a unix user per seat.
pub fn users_missing() -> Failure {
    const WHAT: &str = "cannot isolate seats by unix users";
    if !rustix::process::geteuid().is_root() {
        let why = "only root can start processes of other users";
        return Failure::new(WHAT, why).hint("sudo orchestrate users setup <repo>, then sudo orchestrate bootstrap <repo> --isolation users; or --isolation sandbox");
    }
    Failure::new(WHAT, "this workshop's seats have no users yet").hint("orchestrate users setup <repo>")
}
