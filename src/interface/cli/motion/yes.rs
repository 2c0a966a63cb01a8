use super::super::desk::Desk;
use super::Voice;
use crate::interface::exit::{Exit, Trouble};

/// Say yes to a motion.
///
/// Example: orchestrate motion yes 3 --note 'the schema stays readable by the version before'
#[derive(Debug, clap::Args)]
pub struct Yes {
    #[command(flatten)]
    voice: Voice,
}

impl Yes {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        self.voice.say(desk, true)
    }
}
