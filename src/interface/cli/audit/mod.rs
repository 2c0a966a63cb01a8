mod draw;
mod open;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// Repeat what chance decided.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate audit draw 0 --bundle history.bundle")]
pub enum Audit {
    Draw(draw::Draw),
    Open(open::Open),
}

impl Audit {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Draw(command) => command.run(desk),
            Self::Open(command) => command.run(desk),
        }
    }
}
