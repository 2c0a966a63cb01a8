use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Stop everything for everyone, at once.
///
/// No push, merge, signature or approval goes through until the owner thaws; messages queue in order. For the owner
/// and the roles that may freeze.
///
/// Example: orchestrate freeze --reason 'a test was deleted behind our back'
#[derive(Debug, clap::Args)]
pub struct Freeze {
    /// What you saw, one line; it is recorded and shown to everyone.
    #[arg(long, short)]
    reason: String,
}

impl Freeze {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Freeze { reason: self.reason })
    }
}
