mod show;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// See the owner's second factor, until its first use.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate totp show")]
pub enum Totp {
    Show(show::Show),
}

impl Totp {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Show(command) => command.run(desk),
        }
    }
}
