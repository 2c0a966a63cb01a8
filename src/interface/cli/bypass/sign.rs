use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Sign the librarian's half of a bypass.
///
/// Example: orchestrate bypass sign T1 --note 'looked at the one line that it changes'
#[derive(Debug, clap::Args)]
pub struct Sign {
    task: TaskId,
    /// What you looked at, 10 to 8000 characters.
    #[arg(long)]
    note: String,
}

impl Sign {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::BypassSign { task: self.task, note: self.note })
    }
}
