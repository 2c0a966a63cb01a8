mod reset;
mod show;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// See or replace the owner's second factor.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate totp show")]
pub enum Totp {
    Show(show::Show),
    Reset(reset::Reset),
}

impl Totp {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Show(command) => command.run(desk),
            Self::Reset(command) => command.run(desk),
        }
    }
}
