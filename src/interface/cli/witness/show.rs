use super::super::desk::Desk;
use super::Home;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use crate::view::text::lines;
use serde_json::json;

/// Print the last checkpoint that the witness saw of each workshop.
///
/// `orchestrate verify --seen FILE` demands that a history contains it.
///
/// Example: orchestrate witness show
#[derive(Debug, clap::Args)]
pub struct Show {
    #[command(flatten)]
    home: Home,
}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let seen = self.home.open(None)?.seen()?;
        if desk.json {
            desk.say_json(&Response::Done(json!({"seen": seen})));
        } else {
            seen.iter().for_each(|note| desk.say(&lines(note)));
        }
        Ok(Exit::Done)
    }
}
