use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Acknowledge a message: you have dealt with it.
///
/// Its sender can see that.
///
/// Example: orchestrate mail ack 3fa94c0d1e22
#[derive(Debug, clap::Args)]
pub struct Ack {
    /// The message's id, or its first digits.
    id: String,
}

impl Ack {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::MailAck { id: self.id }, |_: &Value, _| "acknowledged\n".to_owned())
    }
}
