//! How long the bodies of old messages stay at hand, at least.

use serde::{Deserialize, Serialize};

/// The floor under what the owner may put away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Nothing younger than so many days is put away, whatever is asked for.
    pub keep_days: u32,
}

// What a charter without this section means: it came later than the first charters.
impl Default for Retention {
    fn default() -> Self {
        Self { keep_days: 30 }
    }
}

impl Retention {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
