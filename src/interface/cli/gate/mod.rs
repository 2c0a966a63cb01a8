pub mod show;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// See what the gates have seen.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate gate show T1")]
pub enum Gate {
    Show(show::Show),
}

impl Gate {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Show(command) => command.run(desk),
        }
    }
}
