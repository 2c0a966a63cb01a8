//! What the owner's rules say about instances that end.

use super::super::entry::Millis;
use super::super::policy::Invalid;
use serde::{Deserialize, Serialize};

/// The section `fleet` of the policy; a charter without it means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How often a seat is started again within an hour.
    pub restarts_per_hour: u32,
    /// The wait before the first restart; each further one within the hour doubles it.
    pub first_seconds: u32,
    pub longest_seconds: u32,
    /// How long a seat is stuck before the owner is told; 0 tells nobody.
    #[serde(default = "stuck_seconds", skip_serializing_if = "is_stuck_seconds")]
    pub stuck_seconds: u32,
    /// How often within a day a seat is started again because it is stuck.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stuck_restarts_per_day: u32,
}

// What a charter without these keys means: they came later than the first charters.
fn stuck_seconds() -> u32 {
    600
}

fn is_stuck_seconds(seconds: &u32) -> bool {
    *seconds == stuck_seconds()
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Default for Terms {
    fn default() -> Self {
        Self { restarts_per_hour: 6, first_seconds: 1, longest_seconds: 300, stuck_seconds: stuck_seconds(), stuck_restarts_per_day: 0 }
    }
}

impl Terms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long a seat stays empty after so many ends within the hour.
    pub fn back_off(&self, ends: usize) -> Millis {
        let doublings = ends.saturating_sub(1).min(16);
        (Millis::from(self.first_seconds) << doublings).min(self.longest_seconds.into()) * 1000
    }

    pub fn check(&self) -> Result<(), Invalid> {
        match () {
            () if self.restarts_per_hour > 1000 => Err(Invalid::new("fleet.restarts_per_hour", "it is at most 1000")),
            () if self.stuck_restarts_per_day > 1000 => Err(Invalid::new("fleet.stuck_restarts_per_day", "it is at most 1000")),
            () if self.longest_seconds < self.first_seconds => {
                Err(Invalid::new("fleet.longest_seconds", "it is at least fleet.first_seconds"))
            }
            () => Ok(()),
        }
    }
}
