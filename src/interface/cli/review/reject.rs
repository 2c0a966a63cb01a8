use super::super::desk::Desk;
use super::WordArgs;
use crate::interface::exit::{Exit, Trouble};

/// Reject a change: it goes back to its author with your note.
///
/// At PEER it names at least one file that is bad, and quotes the difference.
///
/// Example: orchestrate review reject T1 --quote '+let sum = a + b;' --note 'overflows for i64::MIN'
#[derive(Debug, clap::Args)]
pub struct Reject {
    #[command(flatten)]
    word: WordArgs,
}

impl Reject {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        self.word.say(desk, false)
    }
}
