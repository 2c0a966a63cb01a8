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
    /// Which lines ran, where that was asked and a tool is there that tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Box<Coverage>>,
}

/// How many lines of source there are and ran, in all and of what the change brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    pub tool: String,
    pub lines: u64,
    pub run: u64,
    pub changed: u64,
    pub changed_run: u64,
    /// Some of the lines that the change brings and that did not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
}

impl Run {
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.with(Outcome::Passed)
    }

    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.with(Outcome::Failed)
    }

    /// Two runs of the same tree as one: a test on which they differ is broken, a run that did not finish outweighs one that did.
    #[must_use]
    pub fn agree(self, other: Self) -> Self {
        if self.completion != Completion::Finished {
            return self;
        }
        if other.completion != Completion::Finished {
            return other;
        }
        let ids: std::collections::BTreeSet<&String> = self.results.keys().chain(other.results.keys()).collect();
        let both = |id: &String| match (self.results.get(id), other.results.get(id)) {
            (Some(one), Some(two)) if one == two => *one,
            _ => Outcome::Broken,
        };
        let results = ids.into_iter().map(|id| (id.clone(), both(id))).collect();
        let duration_ms = self.duration_ms + other.duration_ms;
        Self { results, duration_ms, note: if other.note.is_empty() { self.note } else { other.note }, output: other.output, ..self }
    }

    fn with(&self, wanted: Outcome) -> impl Iterator<Item = &str> {
        self.results.iter().filter(move |(_, outcome)| **outcome == wanted).map(|(id, _)| id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(completion: Completion, results: &[(&str, Outcome)]) -> Run {
        Run {
            tree: Oid::new("1".repeat(40)).unwrap(),
            harness: "cargo".to_owned(),
            command: vec![],
            completion,
            results: results.iter().map(|(id, outcome)| ((*id).to_owned(), *outcome)).collect(),
            missing: vec![],
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 5,
            coverage: None,
        }
    }

    #[test]
    fn a_test_that_runs_differ_on_is_broken() {
        let one = run(Completion::Finished, &[("a", Outcome::Passed), ("flaky", Outcome::Failed), ("gone", Outcome::Passed)]);
        let two = run(Completion::Finished, &[("a", Outcome::Passed), ("flaky", Outcome::Passed), ("new", Outcome::Failed)]);
        let both = one.agree(two);
        let seen: Vec<(&str, Outcome)> = both.results.iter().map(|(id, outcome)| (id.as_str(), *outcome)).collect();
        assert_eq!(seen, [("a", Outcome::Passed), ("flaky", Outcome::Broken), ("gone", Outcome::Broken), ("new", Outcome::Broken)]);
        assert_eq!(both.duration_ms, 10);
    }

    #[test]
    fn a_run_that_did_not_finish_outweighs_one_that_did() {
        for worse in [Completion::NotBuilt, Completion::LimitReached, Completion::Infrastructure] {
            let whole = || run(Completion::Finished, &[("a", Outcome::Passed)]);
            assert_eq!(whole().agree(run(worse, &[])).completion, worse);
            assert_eq!(run(worse, &[]).agree(whole()).completion, worse);
        }
    }
}
