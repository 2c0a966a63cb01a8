//! What one run of a repository's tests showed: per-test results, never only an exit code.

use super::name::{Digest, Oid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    /// Failed by a judgement of the test itself (assertion, panic, explicit failure).
    Failed,
    /// Could not be judged: collection, import or set-up error, crash of the harness.
    Broken,
    /// Skipped, ignored, expected to fail, or deselected.
    Skipped,
}

/// What the runner saw of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completion {
    /// The harness ran to its end and its report was read whole.
    Finished,
    /// The code under test did not build; the message is in `note`.
    NotBuilt,
    /// Time, memory or output limit reached: never a pass.
    LimitReached,
    /// A tool was missing or the report could not be read: never a pass and never the author's fault.
    Infrastructure,
}

/// One run of the tests on one tree, made by the supervisor's own runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The tree that was materialised and tested.
    pub tree: Oid,
    /// The harness that ran: `cargo`, `pytest`, `node`, `go`, `command`.
    pub harness: String,
    /// The command line as it ran.
    pub command: Vec<String>,
    pub completion: Completion,
    /// Test id to outcome; ids are the harness's own full names.
    pub results: BTreeMap<String, Outcome>,
    /// Symbols the code under test lacks, when `completion` is `NotBuilt` and every build error is a missing symbol; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// A short excerpt of what the harness said, for people: at most 4 KiB, control bytes removed.
    pub note: String,
    /// SHA-256 of the whole captured output.
    pub output: Digest,
    pub duration_ms: u64,
}

impl Run {
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.with(Outcome::Passed)
    }

    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.with(Outcome::Failed)
    }

    fn with(&self, wanted: Outcome) -> impl Iterator<Item = &str> {
        self.results.iter().filter(move |(_, outcome)| **outcome == wanted).map(|(id, _)| id.as_str())
    }
}
