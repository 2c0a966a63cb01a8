//! The wall clock, the only one.

use crate::domain::entry::Millis;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time; a file named at start can push it forward, so that hours pass in a test without waiting.
///
/// It never goes back: where the machine's clock is set back, it goes on from where it stood, so that leases, budgets and terms still end.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Option<PathBuf>,
    /// What was told last, and when; all clones share it.
    told: Arc<Mutex<Option<(Millis, Instant)>>>,
}

impl Clock {
    /// `offset` names a file with milliseconds to add; a file that is not there adds nothing.
    pub fn new(offset: Option<PathBuf>) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Milliseconds since 1970-01-01 UTC, or what has passed since it was told last, where that is more.
    pub fn now(&self) -> Millis {
        self.at_least(0)
    }

    /// The same, from this moment on: a record's last entry is never later than now.
    pub fn at_least(&self, moment: Millis) -> Millis {
        let (wall, here) = (self.wall(), Instant::now());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = told.map_or(0, |(then, at)| then.saturating_add(u64::try_from(here.saturating_duration_since(at).as_millis()).unwrap_or(0)));
        let now = wall.max(passed).max(moment);
        // Kept from where it was set, so that rounding does not add up.
        if now > passed || told.is_none() {
            *told = Some((now, here));
        }
        now
    }

    /// What the machine's clock says, set back or not: what others' clocks are compared with.
    pub fn wall(&self) -> Millis {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        u64::try_from(real).unwrap_or(Millis::MAX).saturating_add(self.ahead())
    }

    fn ahead(&self) -> Millis {
        let text = self.offset.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_where_it_stood() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ahead");
        std::fs::write(&file, "3600000").unwrap();
        let clock = Clock::new(Some(file.clone()));
        let other = clock.clone();
        let before = clock.now();
        assert!(before >= clock.wall() - 60_000);
        std::fs::write(&file, "0").unwrap();
        let after = other.now();
        assert!(after >= before && clock.wall() < before, "{before} {after}");
        let later = std::iter::repeat_with(|| clock.now()).find(|now| *now > after + 5).unwrap();
        assert!(later < after + 3_600_000, "it goes on at its own pace");
        std::fs::write(&file, "7200000").unwrap();
        assert!(clock.now() >= before + 3_000_000, "set forward, it follows");
    }

    #[test]
    fn a_record_from_the_future_is_gone_on_with() {
        let clock = Clock::new(None);
        let future = clock.wall() + 86_400_000;
        assert_eq!(clock.at_least(future), future);
        assert!(std::iter::repeat_with(|| clock.now()).any(|now| now > future) && clock.wall() < future);
    }
}
