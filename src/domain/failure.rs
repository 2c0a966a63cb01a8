//! The outside did not work: what, why, and the command to run next.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A failure of something outside the rules: a process, a file, a socket. Never a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What did not work, a lower-case fragment: "cannot open the ledger".
    pub what: String,
    /// The cause as the outside told it.
    pub why: String,
    /// A command (or one sentence) that mends it; empty where none is known.
    pub hint: String,
}

impl Failure {
    pub fn new(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { what: what.into(), why: why.to_string(), hint: String::new() }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Failure {}

/// Turns any error into a failure that says what was being done.
pub trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|why| Failure::new(what, why))
    }
}
