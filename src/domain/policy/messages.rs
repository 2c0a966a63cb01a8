//! What the messages between seats may be.

use serde::{Deserialize, Serialize};

/// The section `messages` of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageLimits {
    pub max_body_bytes: u64,
    /// After this time an unacknowledged message is expired, and seen to be.
    pub ttl_seconds: u32,
    /// Messages of one seat that a recipient may have and not acknowledge; 0 for any number.
    #[serde(default = "max_waiting", skip_serializing_if = "is_max_waiting")]
    pub max_waiting: u32,
}

// What a charter without this key means: it came later than the first charters.
fn max_waiting() -> u32 {
    1000
}

fn is_max_waiting(number: &u32) -> bool {
    *number == max_waiting()
}
