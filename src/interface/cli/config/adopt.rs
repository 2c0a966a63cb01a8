use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Put the rules in your folder in force.
///
/// The librarian is asked first, by a motion that tells her every value that changes; when she has said yes, ask again. Every approval that was bound
/// to the old rules is void. The seats stay as they are.
///
/// Example: orchestrate config adopt
#[derive(Debug, clap::Args)]
pub struct Adopt {
    /// Without those who have a voice in it. The record and every report say so.
    #[arg(long)]
    alone: bool,
}

impl Adopt {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Recharter { alone: self.alone })
    }
}
