use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Note;

/// Print a signed checkpoint of the ledger as it is now.
///
/// In the C2SP tlog-checkpoint format. Keep it somewhere else: a ledger that was cut or replaced later does not fit it.
///
/// Example: orchestrate ledger checkpoint > checkpoint.txt
#[derive(Debug, clap::Args)]
pub struct Checkpoint {}

impl Checkpoint {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::Checkpoint, |note: &Note, _| note.text.clone())
    }
}
