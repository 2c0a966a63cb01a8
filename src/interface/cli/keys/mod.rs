mod export;
mod list;
mod revoke;
mod rotate;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// See, export, rotate and revoke keys.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate keys export | gpg --import")]
pub enum Keys {
    List(list::List),
    Export(export::Export),
    Rotate(rotate::Rotate),
    Revoke(revoke::Revoke),
}

impl Keys {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::List(command) => command.run(desk),
            Self::Export(command) => command.run(desk),
            Self::Rotate(command) => command.run(desk),
            Self::Revoke(command) => command.run(desk),
        }
    }
}
