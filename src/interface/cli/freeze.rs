use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Stop pushes, merges, signatures and approvals for everyone, at once. Only the owner can thaw.
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
