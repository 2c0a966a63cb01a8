use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{DeployWord, Request};

/// Bring back what was deployed last and healthy.
///
/// For a deployment whose run has begun; after a run or health check that failed it is done without being asked.
///
/// Example: orchestrate deploy rollback T1
#[derive(Debug, clap::Args)]
pub struct Rollback {
    task: TaskId,
}

impl Rollback {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Deploy { task: self.task, word: DeployWord::Rollback })
    }
}
