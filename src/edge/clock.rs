//! The wall clock, the only one.

use crate::domain::entry::Millis;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time; a file named at start can push it forward, so that hours pass in a test without waiting.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Option<PathBuf>,
}

impl Clock {
    /// `offset` names a file with milliseconds to add; a file that is not there adds nothing.
    pub fn new(offset: Option<PathBuf>) -> Self {
        Self { offset }
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn now(&self) -> Millis {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        u64::try_from(real).unwrap_or(Millis::MAX).saturating_add(self.ahead())
    }

    fn ahead(&self) -> Millis {
        let text = self.offset.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}
