use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{Request, Response};
use crate::view::answer::Since;
use serde_json::json;

/// Print the key that signs the ledger's checkpoints.
///
/// Outsiders and witnesses need it; hand it to them by a way that the workshop cannot change.
///
/// Example: orchestrate ledger key
#[derive(Debug, clap::Args)]
pub struct Key {}

impl Key {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let since: Since = desk.read(&Request::LedgerSince { old: 0, new: Some(0) })?;
        if desk.json {
            desk.say_json(&Response::Done(json!({"key": since.key})))
        } else {
            desk.say(&format!("{}\n", since.key))
        }
        Ok(Exit::Done)
    }
}
