use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Answer a no to a change that went round its gates, as the owner.
///
/// Until then `status` shows it, and no further bypass is opened ([bypass] no_stops of your rules). The answer is signed and on record.
///
/// Example: orchestrate bypass answer T1 --note 'right: T2 takes it back'
#[derive(Debug, clap::Args)]
pub struct Answer {
    task: TaskId,
    /// What was done about it, or why it stays, 10 to 8000 characters.
    #[arg(long)]
    note: String,
}

impl Answer {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::BypassAnswer { task: self.task, note: self.note })
    }
}
