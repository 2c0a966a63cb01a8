use super::super::desk::Desk;
use super::WordArgs;
use crate::interface::exit::{Exit, Trouble};

/// Reject a change: it goes back to its author with your note.
///
/// Example: orchestrate review reject T1 --note 'overflows for i64::MIN, see the last case in the test'
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
