use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Say what you think of a change that went round its gates.
///
/// Only the two seats that the gate drew. A no takes nothing back by itself: it stays open, and no further bypass is opened, until the owner has answered.
///
/// Example: orchestrate bypass review T1 --accept --note 'read it, and it does what it says'
#[derive(Debug, clap::Args)]
pub struct Review {
    task: TaskId,
    /// It is well as it is.
    #[arg(long, conflicts_with = "reject", required_unless_present = "reject")]
    accept: bool,
    /// It should not have come in.
    #[arg(long)]
    reject: bool,
    /// What you looked at, 10 to 8000 characters.
    #[arg(long)]
    note: String,
}

impl Review {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::BypassReview { task: self.task, accept: !self.reject, note: self.note })
    }
}
