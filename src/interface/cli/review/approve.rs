use super::super::desk::Desk;
use super::WordArgs;
use crate::interface::exit::{Exit, Trouble};

/// Accept a change at the gate it stands at.
///
/// Your word is signed and bound to exactly this commit, tree, base and policy; a new commit voids it. At PEER it has a verdict on each file
/// and quotes at least one line of the difference; `review show` ends with the command to fill in.
///
/// Example: orchestrate review approve T1 --quote '+fn parse(text: &str) {' --note 'ran the new test by hand'
#[derive(Debug, clap::Args)]
pub struct Approve {
    #[command(flatten)]
    word: WordArgs,
}

impl Approve {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        self.word.say(desk, true)
    }
}
