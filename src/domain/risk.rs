//! How much harm a change can do, by the paths it touches.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A risk class, lowest first. What no rule knows counts as `High`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    Low,
    Medium,
    /// Two approvals, whatever the size.
    High,
    /// Two approvals and the owner's own word.
    Critical,
}

impl Risk {
    pub const ALL: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

    pub fn as_str(self) -> &'static str {
        match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
            Risk::Critical => "critical",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_and_named_alike_everywhere() {
        assert!(Risk::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for risk in Risk::ALL {
            assert_eq!(serde_json::to_string(&risk).unwrap(), format!("\"{risk}\""));
        }
    }
}
