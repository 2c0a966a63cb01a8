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

/// The beginning of an entry's bytes: all that counting needs, without reading the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    pub seq: u64,
    pub time: Millis,
    pub by: &'a str,
    /// The event's noun, such as `task`.
    pub noun: &'a str,
    /// What happened to it, such as `merged`; for a refusal its first field's name.
    pub kind: &'a str,
}

impl<'a> Head<'a> {
    /// Reads the head of canonical bytes; nothing where they do not begin as `Entry::bytes` writes them.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"{\"v\":1,\"seq\":")?;
        let (seq, rest) = number(rest)?;
        let (time, rest) = number(rest.strip_prefix(b",\"time\":")?)?;
        let (by, rest) = word(rest.strip_prefix(b",\"by\":\"")?)?;
        let (noun, rest) = word(rest.strip_prefix(b",\"event\":{\"")?)?;
        let rest = rest.strip_prefix(b":")?;
        let (kind, _) = word(rest.strip_prefix(b"{\"").or_else(|| rest.strip_prefix(b"\""))?)?;
        Some(Self { seq, time, by, noun, kind })
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = bytes.split_at(end);
    std::str::from_utf8(digits).ok()?.parse().ok().map(|number| (number, rest))
}

/// What stands before the next quotation mark; these words never hold an escape.
fn word(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'"')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}
