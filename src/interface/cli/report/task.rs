use super::super::desk::Desk;
use super::{Shape, show};
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::About;

/// One task, from its first entry to its last.
///
/// Example: orchestrate report task T1
#[derive(Debug, clap::Args)]
pub struct Task {
    /// The task's number.
    task: TaskId,
    /// The time zone in which times are shown; else the policy's.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[command(flatten)]
    shape: Shape,
}

impl Task {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        show(desk, &self.shape, About::Task(self.task), None, self.zone)
    }
}
