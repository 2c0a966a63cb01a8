//! Runs a repository's tests on a checkout, in a throw-away sandbox without sockets or network, and tells what each test did.
//!
//! This file is the one user of another edge file: it starts what it runs through `edge::sandbox`.
//! No verdict rests on an exit code alone. What can still be forged: code that is linked into a test's own process can print the
//! words of a test that passed; frozen test files, mutation and reviewers stand against that.

mod cargo;
pub mod cover;
mod execute;
mod go;
mod junit;
mod llvm;
mod messages;
mod node;
mod place;
mod profile;
mod pytest;
mod report;
mod symbols;
#[cfg(test)]
mod tests;
mod toolchain;

use crate::domain::name::Oid;
use crate::domain::run::{Completion, Outcome, Run};
use crate::edge::sandbox::{Bind, Isolation};
use execute::{Bench, Trouble};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
pub use cover::cover;
pub use symbols::added_symbols;

/// What one run may use up; more than this is never a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    pub wall: Duration,
    /// Bytes of output of all processes together.
    pub output: u64,
    /// Bytes of memory.
    pub memory: Option<u64>,
    pub processes: u64,
}

/// Where a tree stands inside of a run's sandbox.
pub const TREE: &str = "/work/tree";

/// The tests of one tree, to be run.
pub struct Job<'a> {
    pub tree: &'a Oid,
    /// A folder with the tree's files, disposable and writable. `.cargo/config.toml` in it is replaced.
    pub checkout: &'a Path,
    pub harness: Harness,
    /// Our own binary's path on the host.
    pub launcher: &'a Path,
    pub isolation: Isolation,
    pub limits: RunLimits,
    /// What the owner provides besides the tree, such as `node_modules` or a virtual environment; targets below `/work/tree`.
    pub dependencies: Vec<Bind>,
    pub cancel: Option<&'a AtomicBool>,
}

/// The tool that finds, runs and reports a repository's tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harness {
    Cargo,
    Pytest,
    Node,
    Go,
    /// The owner's own command, which writes a JUnit file to the path in `ORCHESTRATE_JUNIT`.
    Command {
        argv: Vec<String>,
        /// The file's name in a fresh folder; `junit.xml` when not given.
        junit: Option<String>,
    },
}

impl Harness {
    pub fn as_str(&self) -> &'static str {
        match self {
            Harness::Cargo => "cargo",
            Harness::Pytest => "pytest",
            Harness::Node => "node",
            Harness::Go => "go",
            Harness::Command { .. } => "command",
        }
    }
}

impl fmt::Display for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Tells which harness a checkout's files speak for.
pub fn detect(checkout: &Path) -> Option<Harness> {
    let has = |names: &[&str]| names.iter().any(|name| checkout.join(name).symlink_metadata().is_ok_and(|found| found.is_file()));
    let python = || {
        let files = std::fs::read_dir(checkout.join("tests")).into_iter().flatten().flatten();
        files.map(|file| file.file_name()).any(|name| name.to_string_lossy().ends_with(".py"))
    };
    match () {
        () if has(&["Cargo.toml"]) => Some(Harness::Cargo),
        () if has(&["pyproject.toml", "setup.py", "pytest.ini", "tox.ini"]) || python() => Some(Harness::Pytest),
        () if has(&["package.json"]) => Some(Harness::Node),
        () if has(&["go.mod"]) => Some(Harness::Go),
        () => None,
    }
}

/// What a harness told about a run that it could make.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    command: Vec<String>,
    completion: Completion,
    results: BTreeMap<String, Outcome>,
    missing: Vec<String>,
    note: String,
}

impl Told {
    fn finished(command: Vec<String>, results: BTreeMap<String, Outcome>, note: String) -> Self {
        Self { command, completion: Completion::Finished, results, missing: Vec::new(), note }
    }

    fn not_built(command: Vec<String>, missing: Vec<String>, note: String) -> Self {
        Self { command, completion: Completion::NotBuilt, results: BTreeMap::new(), missing, note }
    }
}

/// Runs the tests; trouble of any kind is told in the run and never a pass.
pub fn run(job: &Job) -> Run {
    let begin = Instant::now();
    let bench = Bench::new(job, begin);
    let told = bench.as_ref().map_err(Trouble::clone).and_then(with);
    let (output, tail) = bench.as_ref().map_or_else(|_| (crate::domain::name::Digest::of(b""), String::new()), Bench::captured);
    let told = told.unwrap_or_else(|trouble| trouble.told(&tail));
    Run {
        tree: job.tree.clone(),
        harness: job.harness.to_string(),
        command: told.command,
        completion: told.completion,
        results: told.results,
        missing: told.missing,
        note: execute::clean(if told.note.is_empty() { &tail } else { &told.note }),
        output,
        coverage: None,
        duration_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Runs one command of the owner's where tests run: its exit code, where it came to an end by itself, and what it said.
pub fn command(job: &Job, argv: &[String]) -> (Result<Option<i32>, String>, String) {
    let begin = Instant::now();
    let ended = Bench::new(job, begin).and_then(|bench| {
        let env = [("PATH".into(), toolchain::path(Path::new("/usr/local/sbin")))].into();
        bench.execute(&execute::Program { argv: argv.iter().map(Into::into).collect(), env, ..execute::Program::default() })
    });
    match ended {
        Ok(ended) => (Ok(ended.code), format!("{}{}", ended.text(), ended.errors())),
        Err(trouble) => (Err(trouble.told("").note), String::new()),
    }
}

fn with(bench: &Bench) -> Result<Told, Trouble> {
    match &bench.job.harness {
        Harness::Cargo => cargo::run(bench),
        Harness::Pytest => pytest::run(bench),
        Harness::Node => node::run(bench),
        Harness::Go => go::run(bench),
        Harness::Command { argv, junit } => report::run(bench, argv, junit.as_deref()),
    }
}
