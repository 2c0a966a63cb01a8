//! One recorded event: bytes first, meaning second.

use super::actor::Actor;
use super::event::Event;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC, as the supervisor's clock gave them.
pub type Millis = u64;

/// The entry format's version.
pub const VERSION: u8 = 1;

/// A recorded event. Its canonical bytes are written once and kept as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub v: u8,
    pub seq: u64,
    /// Never smaller than the entry's before it.
    pub time: Millis,
    pub by: Actor,
    pub event: Event,
}

impl Entry {
    /// Writes the canonical bytes: compact JSON in field order.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("BUG: an entry is always writable as JSON")
    }

    /// Reads bytes that are exactly what `bytes` writes; anything else is refused with a reason.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
        if entry.v != VERSION {
            return Err(format!("entry version {} is not known here", entry.v));
        }
        if entry.bytes() != bytes {
            return Err("the entry is not in canonical form".to_owned());
        }
        Ok(entry)
    }
}
