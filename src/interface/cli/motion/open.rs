use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Put something to those who decide it.
///
/// Who that is says the policy, matter by matter ([decisions]); they get mail, and their voices are signed.
///
/// Example: orchestrate motion open architecture 'one process per seat' --body 'so that one crash is one seat'
#[derive(Debug, clap::Args)]
pub struct Open {
    /// What kind of decision it is, such as `implementation` or `council`.
    matter: String,
    title: String,
    /// What speaks for it and against it.
    #[arg(long, default_value = "")]
    body: String,
}

impl Open {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let request = Request::MotionOpen { matter: self.matter, title: self.title, body: self.body };
        desk.show(&request, |_: &Value, _| "the motion is put; see: orchestrate motion list\n".to_owned())
    }
}
