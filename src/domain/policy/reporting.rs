//! By whose clock days are cut, and when the daily report goes out.

use super::Invalid;
use crate::domain::day::Zone;
use serde::{Deserialize, Serialize};

/// The report's terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reporting {
    /// The IANA name of the zone whose days are reported on.
    pub zone: String,
}

// What a charter without these keys means: they came later than the first charters.
impl Default for Reporting {
    fn default() -> Self {
        Self { zone: "UTC".to_owned() }
    }
}

impl Reporting {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let zone = Zone::named(&self.zone).map_err(|why| Invalid::new("report.zone", why))?;
        if zone.name() == self.zone { Ok(()) } else { Err(Invalid::new("report.zone", format!("it is spelled {}", zone.name()))) }
    }
}
