mod answer;
mod open;
mod review;
mod sign;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// Let a small candidate in without its gates, in an emergency.
///
/// The owner opens it with a one-time code, bound to exactly the candidate that is shown; the librarian signs the other half. It counts for an hour and
/// once. Two seats that the gate draws look at it afterwards, within a day, or its author's next merges wait. Numbers: [bypass] of your rules.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate bypass open T1 --reason 'the site is down'")]
pub enum Bypass {
    Open(open::Open),
    Sign(sign::Sign),
    Review(review::Review),
    Answer(answer::Answer),
}

impl Bypass {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Open(command) => command.run(desk),
            Self::Sign(command) => command.run(desk),
            Self::Review(command) => command.run(desk),
            Self::Answer(command) => command.run(desk),
        }
    }
}
