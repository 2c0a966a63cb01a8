//! Which roles together decide what.

use super::Invalid;
use crate::domain::glob::Glob;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who decides a matter, and in what time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Roles, one voice of each; `a|b` is either. With `majority`: all seats of them, more than half of whom must say yes.
    pub by: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub majority: bool,
    /// Whether the owner's word is wanted as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner: bool,
    /// How long the seats have, with a reminder at half; then the owner decides.
    pub hours: u32,
    /// How much longer a tie waits for the voice that is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tie_hours: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What the architecture council is asked about, without anybody's wish.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Council {
    pub paths: Vec<Glob>,
}

impl Council {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn check(decisions: &BTreeMap<String, Decision>, council: &Council) -> Result<(), Invalid> {
    for (matter, rule) in decisions {
        let key = format!("decisions.{matter}");
        if rule.by.is_empty() || rule.by.iter().any(|roles| roles.trim().is_empty()) {
            return Err(Invalid::new(key, "it names no role"));
        }
        if rule.hours == 0 || rule.hours > 8760 || rule.tie_hours > 8760 {
            return Err(Invalid::new(key, "hours are 1 to 8760"));
        }
    }
    if !council.paths.is_empty() && !decisions.contains_key(crate::domain::motion::CHANGE) {
        return Err(Invalid::new("council.paths", "there is no decisions.council that says who decides"));
    }
    Ok(())
}
