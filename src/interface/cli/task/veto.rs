use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Stop a task for good, whatever is pushed later.
///
/// For the owner and the roles that may veto.
///
/// Example: orchestrate task veto T1 --reason 'it removes the rate limit'
#[derive(Debug, clap::Args)]
pub struct Veto {
    task: TaskId,
    /// Why, one line; it is recorded.
    #[arg(long, short)]
    reason: String,
}

impl Veto {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let task = self.task.clone();
        desk.show(&Request::TaskVeto { task: self.task, reason: self.reason }, |_: &Value, _| format!("{task} is vetoed\n"))
    }
}
