use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Open the secret of the epoch in force, and begin the next.
///
/// The owner's act; it also happens by itself, as often as review.epoch_days says. What was drawn so far can be repeated by
/// anyone from then on, and says nothing about what is drawn next.
///
/// Example: orchestrate audit open
#[derive(Debug, clap::Args)]
pub struct Open {}

impl Open {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::AuditOpen)
    }
}
