use super::super::desk::Desk;
use crate::domain::name::SeatName;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Take a seat's key away.
///
/// The owner's act. What the key signed and was accepted stays; a commit signed by it is refused from now on, whenever it
/// was made, and the seat can sign, push, submit, review and send nothing until its key is rotated.
///
/// Example: orchestrate keys revoke dev-a --reason 'it asked for signatures all night'
#[derive(Debug, clap::Args)]
pub struct Revoke {
    seat: SeatName,
    /// One line; it is recorded and shown to everyone.
    #[arg(long, short)]
    reason: String,
}

impl Revoke {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::KeyRevoke { seat: self.seat, reason: self.reason })
    }
}
