use super::super::desk::Desk;
use crate::domain::name::SeatName;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Give a seat a new key; the old one is revoked.
///
/// The owner's act. What the seat has not merged it signs again and submits.
///
/// Example: orchestrate keys rotate dev-a
#[derive(Debug, clap::Args)]
pub struct Rotate {
    seat: SeatName,
}

impl Rotate {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::KeyRotate { seat: self.seat })
    }
}
