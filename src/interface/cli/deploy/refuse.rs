use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{DeployWord, Request};

/// End a deployment; nothing more is done for its merge.
///
/// What is out there stays as it is; the next merge that waits comes to its turn.
///
/// Example: orchestrate deploy refuse T1 --reason 'not today'
#[derive(Debug, clap::Args)]
pub struct Refuse {
    task: TaskId,
    /// Why, in one line.
    #[arg(long)]
    reason: String,
}

impl Refuse {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Deploy { task: self.task, word: DeployWord::Refuse { reason: self.reason } })
    }
}
