//! How far one seat is walled off from another and from the supervisor.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A level of isolation, strongest first; what counts is the level that was observed, not the one wished for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The sandbox, and a unix user per seat behind it.
    Users,
    /// Own user, process, ipc and network namespaces, system call filter, built file tree.
    Sandbox,
    /// A clean environment and nothing else: the gates are advisory.
    None,
}

impl Isolation {
    pub fn as_str(self) -> &'static str {
        match self {
            Isolation::Users => "users",
            Isolation::Sandbox => "sandbox",
            Isolation::None => "none",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
