//! The checks: each one a pure judgement about measured evidence, in a file of its own.
//!
//! No evidence, no pass: what was not measured, or could not be, is waited for.

use super::evidence::Evidence;
use super::gate::GateName;
use serde::{Deserialize, Serialize};

mod co_signed;
mod council_agreed;
mod files_judged;
mod harness_unchanged;
pub mod lines_covered;
mod merge_is_current;
mod merge_still_tested;
mod mutants_noticed;
mod new_tests_fail;
mod no_forbidden_entries;
mod nothing_lost;
mod old_tests_pass;
mod others_still_pass;
mod owner_confirmed;
mod qa_verdict;
mod red_ids_pass;
mod reviewed;
mod suite_passes;
#[cfg(test)]
pub(super) mod tests;

/// Every check there is, in the order of the gates they were made for.
pub const CHECKS: &[&Check] = &[
    &new_tests_fail::NEW_TESTS_FAIL,
    &others_still_pass::OTHERS_STILL_PASS,
    &red_ids_pass::RED_IDS_PASS,
    &nothing_lost::NOTHING_LOST,
    &old_tests_pass::OLD_TESTS_PASS,
    &harness_unchanged::HARNESS_UNCHANGED,
    &no_forbidden_entries::NO_FORBIDDEN_ENTRIES,
    &reviewed::REVIEWED,
    &files_judged::FILES_JUDGED,
    &council_agreed::COUNCIL_AGREED,
    &suite_passes::SUITE_PASSES,
    &mutants_noticed::MUTANTS_NOTICED,
    &lines_covered::LINES_COVERED,
    &merge_is_current::MERGE_IS_CURRENT,
    &qa_verdict::QA_VERDICT,
    &co_signed::CO_SIGNED,
    &owner_confirmed::OWNER_CONFIRMED,
    &merge_still_tested::MERGE_STILL_TESTED,
];

/// One judgement inside a gate.
#[derive(Debug)]
pub struct Check {
    pub name: &'static str,
    /// The gate it was made for; a gate file may name it elsewhere too.
    pub gate: GateName,
    /// What it wants to see, one line.
    pub about: &'static str,
    pub judge: fn(&Evidence) -> Verdict,
    /// The command that shows more or mends it.
    pub hint: &'static str,
}

/// What a check says, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass(String),
    Fail(String),
    /// Something is not known yet. Never counts as a pass.
    Wait(String),
    /// The policy does not ask this of the change.
    Exempt(String),
}

impl Verdict {
    /// The reason, whatever the verdict.
    pub fn why(&self) -> &str {
        match self {
            Verdict::Pass(why) | Verdict::Fail(why) | Verdict::Wait(why) | Verdict::Exempt(why) => why,
        }
    }

    /// The word for the verdict.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Pass(_) => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Wait(_) => "wait",
            Verdict::Exempt(_) => "exempt",
        }
    }

    /// Whether the change may go on as far as this verdict goes.
    pub fn lets_through(&self) -> bool {
        matches!(self, Verdict::Pass(_) | Verdict::Exempt(_))
    }

    /// Which verdict decides among several.
    pub(super) fn weight(&self) -> u8 {
        match self {
            Verdict::Exempt(_) => 0,
            Verdict::Pass(_) => 1,
            Verdict::Wait(_) => 2,
            Verdict::Fail(_) => 3,
        }
    }

    /// The same verdict, its reason led by the name of what was judged.
    pub(super) fn about(self, name: &str) -> Self {
        let led = |why: String| format!("{name}: {why}");
        match self {
            Verdict::Pass(why) => Verdict::Pass(led(why)),
            Verdict::Fail(why) => Verdict::Fail(led(why)),
            Verdict::Wait(why) => Verdict::Wait(led(why)),
            Verdict::Exempt(why) => Verdict::Exempt(led(why)),
        }
    }
}

/// The check of this name.
pub fn named(name: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.name == name)
}

/// A judgement that stops early with the verdict of what is missing.
fn settle(judgement: Result<Verdict, Verdict>) -> Verdict {
    match judgement {
        Ok(verdict) | Err(verdict) => verdict,
    }
}
