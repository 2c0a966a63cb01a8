mod export;
mod list;
mod revoke;
mod rotate;
mod seal;
mod unseal;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door;
use std::path::{Path, PathBuf};

/// See, export, rotate and revoke keys.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate keys export | gpg --import")]
pub enum Keys {
    List(list::List),
    Export(export::Export),
    Rotate(rotate::Rotate),
    Revoke(revoke::Revoke),
    Seal(seal::Seal),
    Unseal(unseal::Unseal),
}

impl Keys {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::List(command) => command.run(desk),
            Self::Export(command) => command.run(desk),
            Self::Rotate(command) => command.run(desk),
            Self::Revoke(command) => command.run(desk),
            Self::Seal(command) => command.run(desk),
            Self::Unseal(command) => command.run(desk),
        }
    }
}

/// The repository that is meant, or the one that holds the current folder.
fn repository(desk: &Desk) -> Result<PathBuf, Trouble> {
    let start = desk.repo.as_deref().unwrap_or(Path::new("."));
    door::find_repository(start).ok_or_else(|| Trouble::usage("no repository was named", "orchestrate -C <repo> keys seal"))
}
