//! What the owner's rules say about locks.

use super::super::entry::Millis;
use super::super::message::Priority;
use super::super::policy::Invalid;
use serde::{Deserialize, Serialize};

/// The section `locks` of the policy; a charter without it means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Whether every path of a push must be covered by a lease of the pusher's own.
    pub required: bool,
    /// Whether a pattern may begin with a wildcard, such as `**`.
    pub wide: bool,
    pub lease_seconds: u32,
    pub stale_seconds: u32,
    /// The longest hold of a lease that somebody else waits for.
    pub hold_seconds: u32,
    pub grace_critical_seconds: u32,
    pub grace_high_seconds: u32,
    /// Patterns that one seat may hold or wait for at a time.
    pub most_paths: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            required: false,
            wide: false,
            lease_seconds: 300,
            stale_seconds: 1800,
            hold_seconds: 3600,
            grace_critical_seconds: 300,
            grace_high_seconds: 900,
            most_paths: 32,
        }
    }
}

impl Terms {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn lease(&self) -> Millis {
        Millis::from(self.lease_seconds) * 1000
    }

    pub fn stale(&self) -> Millis {
        Millis::from(self.stale_seconds) * 1000
    }

    pub fn hold(&self) -> Millis {
        Millis::from(self.hold_seconds) * 1000
    }

    /// How long a holder keeps what somebody with a more urgent need waits for; nothing where the need is not more urgent enough.
    pub fn grace(&self, wanted: Priority, held: Priority) -> Option<Millis> {
        match (wanted, held) {
            (Priority::Critical, Priority::Low | Priority::Normal | Priority::High) => {
                Some(Millis::from(self.grace_critical_seconds) * 1000)
            }
            (Priority::High, Priority::Low) => Some(Millis::from(self.grace_high_seconds) * 1000),
            _ => None,
        }
    }

    pub fn check(&self) -> Result<(), Invalid> {
        let positive = [
            ("locks.lease_seconds", self.lease_seconds),
            ("locks.grace_critical_seconds", self.grace_critical_seconds),
            ("locks.grace_high_seconds", self.grace_high_seconds),
            ("locks.most_paths", self.most_paths),
        ];
        match positive.iter().find(|(_, number)| *number == 0) {
            Some((key, _)) => Err(Invalid::new(*key, "it is at least 1")),
            None if self.stale_seconds <= self.lease_seconds => Err(Invalid::new("locks.stale_seconds", "it is longer than a lease")),
            None if self.hold_seconds < self.lease_seconds => Err(Invalid::new("locks.hold_seconds", "it is at least as long as a lease")),
            None if self.most_paths > 256 => Err(Invalid::new("locks.most_paths", "it is at most 256")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_make_no_sense_are_named() {
        type Break = fn(&mut Terms);
        let cases: [(&str, Break); 5] = [
            ("locks.lease_seconds", |terms| terms.lease_seconds = 0),
            ("locks.stale_seconds", |terms| terms.stale_seconds = 300),
            ("locks.hold_seconds", |terms| terms.hold_seconds = 299),
            ("locks.most_paths", |terms| terms.most_paths = 257),
            ("locks.grace_high_seconds", |terms| terms.grace_high_seconds = 0),
        ];
        assert_eq!(Terms::default().check(), Ok(()));
        for (key, change) in cases {
            let mut terms = Terms::default();
            change(&mut terms);
            assert_eq!(terms.check().unwrap_err().key, key);
        }
    }

    #[test]
    fn only_a_clearly_more_urgent_need_ends_a_lease() {
        let terms = Terms::default();
        let all = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
        let graces: Vec<Vec<u64>> = all.iter().map(|a| all.iter().map(|b| terms.grace(*a, *b).unwrap_or(0) / 1000).collect()).collect();
        assert_eq!(graces, [[0, 0, 0, 0], [0, 0, 0, 0], [900, 0, 0, 0], [300, 300, 300, 0]]);
    }
}
