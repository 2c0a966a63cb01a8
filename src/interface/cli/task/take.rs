use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Take an open task.
///
/// The first seat that may develop and takes it has it.
///
/// Example: orchestrate task take T1
#[derive(Debug, clap::Args)]
pub struct Take {
    task: TaskId,
}

impl Take {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let (task, branch) = (self.task.clone(), self.task.as_str().to_lowercase());
        desk.show(&Request::TaskTake { task: self.task }, |_: &Value, _| {
            format!("{task} is yours\nthen: commit, git push origin HEAD:refs/heads/<you>/{branch}, orchestrate task submit {task}\n")
        })
    }
}
