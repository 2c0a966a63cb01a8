use super::super::desk::Desk;
use crate::interface::client::quoted;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door;
use std::path::PathBuf;

/// Make an account for every seat.
///
/// It has no password, no home and no shell. The workshop must not run. Run again, it changes nothing.
///
/// Example: orchestrate users setup /path/to/repo
#[derive(Debug, clap::Args)]
pub struct Setup {
    /// The repository; the one that holds the current folder when none is named.
    #[arg(value_name = "REPO")]
    repo: Option<PathBuf>,
}

impl Setup {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let repo = super::repository(desk, self.repo)?;
        let users = door::users_setup(&repo)?;
        super::show(desk, &users, &format!("next: orchestrate bootstrap {} --isolation users", quoted(&repo)))
    }
}
