use super::super::desk::Desk;
use super::Home;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use serde_json::json;

/// Print the witness's key, and make it the first time.
///
/// Everybody who verifies needs it: `orchestrate verify --witness KEY`.
///
/// Example: orchestrate witness key --name cellar.example.org
#[derive(Debug, clap::Args)]
pub struct Key {
    /// The name under which the witness signs, told once; such as this machine's.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    home: Home,
}

impl Key {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let key = self.home.open(self.name.as_deref())?.key()?;
        if desk.json {
            desk.say_json(&Response::Done(json!({"key": key})))
        } else {
            desk.say(&format!("{key}\n"))
        }
        Ok(Exit::Done)
    }
}
