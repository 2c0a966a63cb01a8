//! The door to a workshop: where it is, how it is started, what is wrong with it.

use super::place::{self, Place};
use super::protocol::Step;
use crate::domain::failure::{Doing, Failure};
use crate::domain::isolation::Isolation;
use crate::domain::name::SeatName;
use crate::view::answer::Audit;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use super::place::workshop_id;

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
}

/// A workshop that runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Started {
    pub workshop: String,
    pub state: PathBuf,
    /// The level that the probes saw hold.
    pub level: String,
}

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub name: String,
    pub ok: bool,
    pub detail: String,
    /// The command that mends it.
    pub fix: String,
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
    let folders = place::states().ok().and_then(|states| std::fs::read_dir(states).ok());
    let entries = folders.into_iter().flatten().flatten();
    let mut repos: Vec<PathBuf> = entries.filter_map(|entry| std::fs::read(entry.path().join("repository")).ok()).map(path).collect();
    repos.sort();
    repos
}

fn path(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes))
}

pub fn bootstrap(options: &BootstrapOptions, _on_step: &mut dyn FnMut(&Step)) -> Result<Started, Failure> {
    Err(Failure::new("cannot start the workshop", format!("no start for {}", options.repo.display())))
}

pub fn supervise(_args: &[String]) -> Failure {
    Failure::new("cannot supervise", "no supervisor")
}

pub fn inner(args: &[OsString]) -> Failure {
    crate::edge::sandbox::inner(args)
}

pub fn doctor(repo: Option<&Path>) -> Vec<Finding> {
    let ok = repo.is_none_or(Path::exists);
    vec![Finding { name: "repository".into(), ok, detail: "looked at".into(), fix: "git init".into() }]
}

pub fn verify_ledger_file(state: &Path) -> Result<Audit, Failure> {
    std::fs::metadata(state.join("ledger.db")).doing("cannot open the ledger")?;
    Err(Failure::new("cannot verify the ledger", "no verifier"))
}
