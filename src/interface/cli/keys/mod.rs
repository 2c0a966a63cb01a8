mod export;
mod list;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// See and export the certificates that signatures are judged by.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate keys export | gpg --import")]
pub enum Keys {
    List(list::List),
    Export(export::Export),
}

impl Keys {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::List(command) => command.run(desk),
            Self::Export(command) => command.run(desk),
        }
    }
}
