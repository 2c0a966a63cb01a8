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
    /// The hour of the zone's clock at which yesterday's report is mailed.
    pub hour: u32,
}

// What a charter without these keys means: they came later than the first charters.
impl Default for Reporting {
    fn default() -> Self {
        Self { zone: "UTC".to_owned(), hour: 7 }
    }
}

impl Reporting {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let zone = Zone::named(&self.zone).map_err(|why| Invalid::new("report.zone", why))?;
        if self.hour > 21 {
            return Err(Invalid::new("report.hour", "it is 0 to 21"));
        }
        if zone.name() == self.zone { Ok(()) } else { Err(Invalid::new("report.zone", format!("it is spelled {}", zone.name()))) }
    }
}
