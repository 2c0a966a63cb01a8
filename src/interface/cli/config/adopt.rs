use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Adopt the rules in your folder as the charter in force; words bound to the old one are void.
///
/// Example: orchestrate config adopt
#[derive(Debug, clap::Args)]
pub struct Adopt {}

impl Adopt {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Recharter)
    }
}
