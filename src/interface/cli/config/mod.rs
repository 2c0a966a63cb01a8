mod adopt;
mod show;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// See and adopt the rules: policy, gates and roles.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate config show")]
pub enum Config {
    Show(show::Show),
    Adopt(adopt::Adopt),
}

impl Config {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Show(command) => command.run(desk),
            Self::Adopt(command) => command.run(desk),
        }
    }
}
