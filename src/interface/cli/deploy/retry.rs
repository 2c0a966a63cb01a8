use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{DeployWord, Request};

/// Begin a held deployment anew, from the first step.
///
/// Look first what the interrupted step has done: only you can know. A new list wants a new confirmation.
///
/// Example: orchestrate deploy retry T1
#[derive(Debug, clap::Args)]
pub struct Retry {
    task: TaskId,
}

impl Retry {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::Deploy { task: self.task, word: DeployWord::Retry })
    }
}
