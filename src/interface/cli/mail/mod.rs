mod ack;
mod inbox;
mod read;
mod send;
mod wait;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// Write to seats and to the owner, and read what they wrote.
///
/// A message is registered before it is delivered: queued, delivered, acknowledged, or expired and seen to be.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate mail inbox")]
pub enum Mail {
    Send(send::Send),
    Inbox(inbox::Inbox),
    Read(read::Read),
    Ack(ack::Ack),
    Wait(wait::Wait),
}

impl Mail {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Send(command) => command.run(desk),
            Self::Inbox(command) => command.run(desk),
            Self::Read(command) => command.run(desk),
            Self::Ack(command) => command.run(desk),
            Self::Wait(command) => command.run(desk),
        }
    }
}

/// The pages, for the tests of all commands.
#[cfg(test)]
pub mod pages {
    pub use super::inbox::page as inbox;
    pub use super::read::page as read;
}
