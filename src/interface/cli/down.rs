use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Stop the workshop: ends every process it started and nothing else. Work, mail and ledger stay.
///
/// Example: orchestrate down
#[derive(Debug, clap::Args)]
pub struct Down {}

impl Down {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Down)
    }
}
