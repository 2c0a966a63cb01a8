use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Bring the approved history to your own branch, or to your upstream where your policy says so.
///
/// Your branch is only ever fast-forwarded, and only while your tree is clean.
///
/// Example: orchestrate deliver
#[derive(Debug, clap::Args)]
pub struct Deliver {}

impl Deliver {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Deliver)
    }
}
