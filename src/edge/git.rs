//! Git, driven through its own program: an absolute path, fixed options, a cleared environment, no shell.
//!
//! Nothing here runs git in a tree that a seat can write. Objects are read off the gate's disk and hashed, or through
//! `cat-file --batch`, and taken apart in this process, so that no attribute, filter, replacement, graft, mailmap or setting can
//! change what is seen.

mod checkout;
mod commit;
mod compare;
mod compose;
mod deliver;
mod gate;
mod hunks;
mod inspect;
mod intake;
mod leftover;
mod lines;
mod marks;
mod materialise;
mod merge;
mod mirror;
mod mover;
mod objects;
mod parcel;
pub mod pkt;
mod project;
mod read;
mod seat;
mod serve;
mod sift;
mod source;
mod store;
pub mod stored;
mod text;
mod tree;
mod walk;

pub use checkout::Checkout;
pub use deliver::{Delivered, deliver, push_home};
pub use hunks::Altered;
pub use gate::Gate;
pub use inspect::{Incoming, Inspection, Kind, Update};
pub use lines::Effort;
pub use merge::MergeTree;
pub use mover::Mover;
pub use objects::Quarantine;
pub use parcel::{Packed, Parcel};
pub use project::{found, plain_clone};
pub use read::{Checking, Compared, Reader, Soundness};
pub use seat::CloneSetup;
pub use serve::{Conversation, Limits, Served, Service, serve};
pub use source::{Source, examine};
pub use store::Move;

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const OLDEST: Version = Version(2, 34, 0);
const NOT_FOUND: &str = "apt-get install git";
const PLACES: &str = "/usr/local/bin:/usr/bin:/bin";

/// Options that every run of git by the supervisor gets, whatever a configuration file says.
const FIXED: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.useReplaceRefs=false",
    "core.commitGraph=false",
    "core.bigFileThreshold=16m",
    "core.maxTreeDepth=256",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.logAllRefUpdates=false",
    "core.fsync=objects,reference",
    // One flush for all the objects of a push, not one for each.
    "core.fsyncMethod=batch",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "merge.renames=false",
    "merge.directoryRenames=false",
    "protocol.allow=never",
    "commit.gpgSign=false",
    "gpg.program=/bin/false",
    "gpg.openpgp.program=/bin/false",
    "gpg.ssh.program=/bin/false",
    "gpg.x509.program=/bin/false",
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", PLACES),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ADVICE", "0"),
];

/// A release of git, as `git version` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The git program, found once.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    version: Version,
}

impl Git {
    /// Finds git in the absolute folders of `PATH`, then in the usual ones, and asks its version.
    pub fn find() -> Result<Self, Failure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(std::env::split_paths(PLACES));
        let program = folders.filter(|dir| dir.is_absolute()).map(|dir| dir.join("git")).find(|file| file.is_file());
        Self::at(program.ok_or_else(|| Failure::new("cannot find git", "it is in no folder of PATH").hint(NOT_FOUND))?)
    }

    fn at(program: PathBuf) -> Result<Self, Failure> {
        let unknown = Self { program, version: OLDEST };
        let mut command = unknown.command();
        command.arg("version");
        let said = String::from_utf8_lossy(&must(command, b"", "ask git for its version")?).into_owned();
        let version = parse_version(&said).ok_or_else(|| Failure::new("cannot use git", format!("its version is {said:?}")))?;
        if version < OLDEST {
            let why = format!("it is {version}, and {OLDEST} is the oldest that works");
            return Err(Failure::new("cannot use git", why).hint(NOT_FOUND));
        }
        Ok(Self { version, ..unknown })
    }

    /// The release that was found.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The program's absolute path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A run of git outside any repository, with nothing inherited.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(ENVIRONMENT.iter().copied()).current_dir("/").stdin(Stdio::null());
        configure(&mut command, FIXED.iter().copied());
        command
    }

    /// A run of git on the bare repository at `dir`, and on no other.
    fn bare(&self, dir: &Path) -> Command {
        let mut command = self.command();
        command.args(["-c", "core.bare=true"]).arg(joined("--git-dir=", dir));
        command
    }
}

fn configure<'a>(command: &mut Command, options: impl IntoIterator<Item = &'a str>) {
    for option in options {
        command.args(["-c", option]);
    }
}

fn joined(option: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(option);
    text.push(path);
    text
}

fn parse_version(said: &str) -> Option<Version> {
    let digits = said.trim().strip_prefix("git version ")?;
    let mut parts = digits.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    Some(Version(parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

/// What a run of git left: its exit code (none when a signal ended it) and what it wrote.
struct Ran {
    code: Option<i32>,
    out: Vec<u8>,
    said: String,
}

/// A run of git under way; killed when nobody waits for its end.
struct Started {
    child: Option<Child>,
    fed: Option<std::thread::JoinHandle<()>>,
    cannot: String,
}

/// Starts a command, with `input` on its standard input.
fn start(mut command: Command, input: Vec<u8>, what: &str) -> Result<Started, Failure> {
    let cannot = format!("cannot {what}");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing(&cannot)?;
    let pipe = child.stdin.take();
    // A program that stops reading early has decided; its exit code says what.
    let fed = std::thread::spawn(move || drop(pipe.map(|mut pipe| pipe.write_all(&input))));
    Ok(Started { child: Some(child), fed: Some(fed), cannot })
}

impl Started {
    fn end(mut self) -> Result<Ran, Failure> {
        let child = self.child.take().ok_or_else(|| Failure::new(&self.cannot, "BUG: it was waited for twice"))?;
        let output = child.wait_with_output().doing(&self.cannot)?;
        self.fed.take().map(std::thread::JoinHandle::join).transpose().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(Ran { code: output.status.code(), out: output.stdout, said: spoken(&output.stderr) })
    }

    fn must(self) -> Result<Vec<u8>, Failure> {
        let cannot = self.cannot.clone();
        let ran = self.end()?;
        if ran.code == Some(0) { Ok(ran.out) } else { Err(Failure::new(cannot, ran.why())) }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child
            && child.kill().is_ok()
        {
            drop(child.wait());
        }
    }
}

/// Runs a command to its end, with `input` on its standard input.
fn run(command: Command, input: &[u8], what: &str) -> Result<Ran, Failure> {
    start(command, input.to_vec(), what)?.end()
}

/// Runs a command that has to succeed, and returns what it wrote.
fn must(command: Command, input: &[u8], what: &str) -> Result<Vec<u8>, Failure> {
    start(command, input.to_vec(), what)?.must()
}

impl Ran {
    fn why(&self) -> String {
        match (self.said.is_empty(), self.code) {
            (false, _) => self.said.clone(),
            (true, Some(code)) => format!("git ended with code {code}"),
            (true, None) => "git was killed".into(),
        }
    }
}

/// What a program said on its standard error: short, and safe to print.
fn spoken(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = text.trim().chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c });
    plain.take(2000).collect()
}

/// The one line that a command wrote, without its end.
fn line(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\n").unwrap_or(bytes)
}

fn oid(bytes: &[u8]) -> Result<Oid, Failure> {
    Oid::new(String::from_utf8_lossy(line(bytes))).doing("cannot read an object id that git wrote")
}

/// The id of the empty tree, which git knows without storing it.
fn empty_tree(object_format: &str) -> &'static str {
    match object_format {
        "sha256" => "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
        _ => "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    }
}

/// Where half-made things stand until they are whole: beside `path`, so that a rename moves them, and always the same
/// name, so that the next try clears what a crash left.
fn beside(path: &Path) -> Result<PathBuf, Failure> {
    let name = path.file_name().map(OsStr::to_string_lossy);
    match (name, path.parent()) {
        (Some(name), Some(parent)) => Ok(parent.join(format!(".{name}.making"))),
        (None, _) | (_, None) => Err(Failure::new(format!("cannot make {}", path.display()), "it has no name or no parent folder")),
    }
}

/// Makes `path` whole or not at all: `fill` works on a private folder that is renamed at the end.
fn made_whole(path: &Path, fill: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let what = format!("cannot make {}", path.display());
    if path.symlink_metadata().is_ok() {
        return Err(Failure::new(what, "it exists already").hint(format!("ls -la {}", path.display())));
    }
    let making = beside(path)?;
    if making.symlink_metadata().is_ok() {
        std::fs::remove_dir_all(&making).doing(&what)?;
    }
    private_dir(&making)?;
    let filled = fill(&making).and_then(|()| std::fs::rename(&making, path).doing(&what));
    if filled.is_err() {
        std::fs::remove_dir_all(&making).doing(format!("cannot clear {}", making.display()))?;
    }
    filled
}

fn private_dir(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(path).doing(format!("cannot make {}", path.display()))
}

/// Has two threads do half of it each where there are more than `least`; what each found, in order.
fn halves<T: Sync, R: Send>(all: &[T], least: usize, work: impl Fn(&[T]) -> R + Sync) -> (R, R) {
    let (one, other) = all.split_at(if all.len() > least { all.len() / 2 } else { 0 });
    if one.is_empty() {
        return (work(one), work(other));
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(|| work(one));
        let other = work(other);
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    })
}

#[cfg(test)]
mod tests;
