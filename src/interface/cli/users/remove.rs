use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door;
use std::path::PathBuf;

/// Take the seats' accounts away; clones and homes stay, as root's.
///
/// Only accounts that `users setup` made are ever removed. The workshop must not run.
///
/// Example: orchestrate users remove /path/to/repo
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// The repository; the one that holds the current folder when none is named.
    #[arg(value_name = "REPO")]
    repo: Option<PathBuf>,
}

impl Remove {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let repo = super::repository(desk, self.repo)?;
        let users = door::users_remove(&repo)?;
        super::show(desk, &users, &format!("{} accounts removed; nothing of the seats' work was", users.len()))
    }
}
