use super::super::desk::Desk;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Sign a reviewer's no, as the librarian: the change goes back.
///
/// Until then the no holds the gate and sends nothing back. What the gate itself measures as failed needs nobody's signature.
///
/// Example: orchestrate review cosign T1 --note 'the reviewer is right about the error path'
#[derive(Debug, clap::Args)]
pub struct Cosign {
    task: TaskId,
    /// What you looked at, 10 to 8000 characters.
    #[arg(long, short = 'm')]
    note: String,
}

impl Cosign {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::ReviewCosign { task: self.task, note: self.note })
    }
}
