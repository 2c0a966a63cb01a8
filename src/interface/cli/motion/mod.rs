mod list;
mod no;
mod open;
mod yes;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Decide together what no seat decides alone.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate motion list")]
pub enum Motion {
    List(list::List),
    Open(open::Open),
    Yes(yes::Yes),
    No(no::No),
}

impl Motion {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::List(command) => command.run(desk),
            Self::Open(command) => command.run(desk),
            Self::Yes(command) => command.run(desk),
            Self::No(command) => command.run(desk),
        }
    }
}

/// A voice.
#[derive(Debug, clap::Args)]
struct Voice {
    /// The motion's number, with or without its M.
    motion: String,
    /// Why: 10 to 8000 characters.
    #[arg(long, short = 'm', value_name = "TEXT")]
    note: String,
}

impl Voice {
    fn say(self, desk: &Desk, accept: bool) -> Result<Exit, Trouble> {
        let number = self.motion.trim_start_matches(['M', 'm']).parse();
        let motion: u32 = number.map_err(|_| Trouble::usage(format!("{:?} is no number of a motion", self.motion), "orchestrate motion list"))?;
        let done = format!("your voice on M{motion} is signed and recorded\n");
        desk.show(&Request::MotionVote { motion, accept, note: self.note }, |_: &Value, _| done)
    }
}
