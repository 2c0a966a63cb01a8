mod check;
mod checkpoint;
mod export;
mod key;
mod prove;
mod refusals;
mod seal;
mod since;
mod unseal;
mod verify;
mod witnessed;

pub use since::checkpoint;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// Check and export the record of everything that happened.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate ledger verify")]
pub enum Ledger {
    Verify(verify::Verify),
    Prove(prove::Prove),
    Check(check::Check),
    Since(since::Since),
    Export(export::Export),
    Checkpoint(checkpoint::Checkpoint),
    Refusals(refusals::Refusals),
    Key(key::Key),
    Witnessed(witnessed::Witnessed),
    Seal(seal::Seal),
    Unseal(unseal::Unseal),
}

impl Ledger {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Verify(command) => command.run(desk),
            Self::Prove(command) => command.run(desk),
            Self::Check(command) => command.run(desk),
            Self::Since(command) => command.run(desk),
            Self::Export(command) => command.run(desk),
            Self::Checkpoint(command) => command.run(desk),
            Self::Refusals(command) => command.run(desk),
            Self::Key(command) => command.run(desk),
            Self::Witnessed(command) => command.run(desk),
            Self::Seal(command) => command.run(desk),
            Self::Unseal(command) => command.run(desk),
        }
    }
}
