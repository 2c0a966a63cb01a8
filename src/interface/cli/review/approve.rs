use super::super::desk::Desk;
use super::WordArgs;
use crate::interface::exit::{Exit, Trouble};

/// Accept a change at the gate it stands at.
///
/// Your word is signed and bound to exactly this commit, tree, base and policy; a new commit voids it.
///
/// Example: orchestrate review approve T1 --commit 1a2b3c4d5e --note 'read the parser, ran the new test by hand'
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
