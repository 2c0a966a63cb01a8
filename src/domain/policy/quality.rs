//! What QA asks of a change's tests.

use super::Invalid;
use crate::domain::risk::Risk;
use serde::{Deserialize, Serialize};

/// The sample of hunks that are taken back one at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Hunks that are taken back, at most; 0 is none.
    pub sample: u32,
    /// Of how many in a hundred the tests must notice it, by risk.
    pub noticed_low: u32,
    pub noticed_medium: u32,
    pub noticed_high: u32,
    pub noticed_critical: u32,
    /// Of how many in a hundred of the lines that a change brings must run, and where it is critical; 0 is not asked.
    #[serde(default, skip_serializing_if = "none")]
    pub covered: u32,
    #[serde(default, skip_serializing_if = "none")]
    pub covered_critical: u32,
    /// The same of all source.
    #[serde(default, skip_serializing_if = "none")]
    pub covered_whole: u32,
    /// Whether a change stops of which no tool can tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub covered_or_stopped: bool,
}

fn none(number: &u32) -> bool {
    *number == 0
}

/// What is asked of the lines that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub changed: u32,
    pub whole: u32,
    pub or_stopped: bool,
}

impl Quality {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let all = [("qa.covered", self.covered), ("qa.covered_critical", self.covered_critical), ("qa.covered_whole", self.covered_whole), ("qa.noticed_low", self.noticed_low), ("qa.noticed_medium", self.noticed_medium), ("qa.noticed_high", self.noticed_high), ("qa.noticed_critical", self.noticed_critical)];
        match all.iter().find(|(_, percent)| *percent > 100) {
            Some((key, _)) => Err(Invalid::new(*key, "it is 0 to 100")),
            None if self.sample > 100 => Err(Invalid::new("qa.sample", "it is 0 to 100")),
            None => Ok(()),
        }
    }

    /// What is asked of the lines that run; nothing where none is.
    pub fn covered(&self, risk: Risk) -> Option<Asked> {
        let changed = if risk == Risk::Critical { self.covered_critical.max(self.covered) } else { self.covered };
        (changed > 0 || self.covered_whole > 0).then_some(Asked { changed, whole: self.covered_whole, or_stopped: self.covered_or_stopped })
    }

    /// Of how many in a hundred the taking back must be noticed; nothing where no sample is made.
    pub fn wanted(&self, risk: Risk) -> Option<u32> {
        let percent = match risk {
            Risk::Low => self.noticed_low,
            Risk::Medium => self.noticed_medium,
            Risk::High => self.noticed_high,
            Risk::Critical => self.noticed_critical,
        };
        (self.sample > 0).then_some(percent)
    }
}
