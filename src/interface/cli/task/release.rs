use super::super::desk::Desk;
use crate::domain::name::{SeatName, TaskId};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Give a task back that you took, so that another seat can take it.
///
/// What was under way of it is over, and whoever had a hand in it never reviews it. The owner, and the roles that plan or may veto, take a
/// task away from another seat, with a reason.
///
/// Example: orchestrate task release T1 --reason 'it needs somebody who knows the parser'
#[derive(Debug, clap::Args)]
pub struct Release {
    task: TaskId,
    /// Why, one line; it is recorded. Only who gives back what is their own may leave it out.
    #[arg(long, short, default_value = "")]
    reason: String,
    /// The one seat that may take it then; for those who take it away, and for who opened it until somebody takes it.
    #[arg(long, value_name = "SEAT")]
    assign: Option<SeatName>,
}

impl Release {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let task = self.task.clone();
        let request = Request::TaskRelease { task: self.task, reason: self.reason, assign: self.assign };
        desk.show(&request, |_: &Value, _| format!("{task} can be taken again\n"))
    }
}
