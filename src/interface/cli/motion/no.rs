use super::super::desk::Desk;
use super::Voice;
use crate::interface::exit::{Exit, Trouble};

/// Say no to a motion.
///
/// Example: orchestrate motion no 3 --note 'the schema cannot be read by the version before'
#[derive(Debug, clap::Args)]
pub struct No {
    #[command(flatten)]
    voice: Voice,
}

impl No {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        self.voice.say(desk, false)
    }
}
