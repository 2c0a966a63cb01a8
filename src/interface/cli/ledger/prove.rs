use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Note;

/// Print the proof that one entry stands in the ledger.
///
/// In the C2SP tlog-proof format, with the signed checkpoint that it leads to.
///
/// Example: orchestrate ledger prove 42
#[derive(Debug, clap::Args)]
pub struct Prove {
    /// The entry's position, as `orchestrate log` shows it.
    seq: u64,
}

impl Prove {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::LedgerProve { seq: self.seq }, |note: &Note, _| note.text.clone())
    }
}
