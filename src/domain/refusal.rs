//! The rules say no: one code, one sentence, one hint that is a command.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A refusal, as the one who asked sees it and as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable and documented, such as `ref-not-yours`.
    pub code: String,
    /// One sentence: what was refused and why.
    pub why: String,
    /// The command to run next.
    pub hint: String,
}

impl Refusal {
    pub fn new(code: &str, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), why: why.into(), hint: hint.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.why, self.code)
    }
}

impl std::error::Error for Refusal {}

/// A refused attempt as the ledger keeps it, before its answer is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The verb that was tried, such as `push` or `review`.
    pub verb: String,
    /// What it was tried on: a task, a reference, a message id; empty where there is none.
    pub on: String,
    pub refusal: Refusal,
}
