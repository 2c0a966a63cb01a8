use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Try a stalled step again, once what failed outside is mended.
///
/// Example: orchestrate task retry T1
#[derive(Debug, clap::Args)]
pub struct Retry {
    task: TaskId,
}

impl Retry {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let task = self.task.clone();
        desk.show(&Request::TaskRetry { task: self.task }, |_: &Value, _| format!("{task} is tried again\n"))
    }
}
