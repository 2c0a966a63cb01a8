use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Put the rules in your folder in force.
///
/// Every approval that was bound to the old rules is void. The seats stay as they are.
///
/// Example: orchestrate config adopt
#[derive(Debug, clap::Args)]
pub struct Adopt {}

impl Adopt {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Recharter)
    }
}
