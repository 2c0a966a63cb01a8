use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Take your yes back, as long as the change is not merged.
///
/// The gate where you said it is open again, and all after it. Nothing moves on a word that was taken back.
///
/// Example: orchestrate review withdraw T1 --reason 'it overflows after all'
#[derive(Debug, clap::Args)]
pub struct Withdraw {
    task: TaskId,
    /// One line; it is recorded and shown to everyone.
    #[arg(long, short)]
    reason: String,
}

impl Withdraw {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::ReviewWithdraw { task: self.task, reason: self.reason })
    }
}
