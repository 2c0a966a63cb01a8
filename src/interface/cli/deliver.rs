use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Outcome;
use crate::view::text::one_line;

/// Bring the approved history to your own branch.
///
/// Or to your upstream, where your policy says so. Your branch is only ever fast-forwarded, and only while your tree is clean; else nothing
/// is touched, the reason is named, and the exit code is 1.
///
/// Example: orchestrate deliver
#[derive(Debug, clap::Args)]
pub struct Deliver {}

impl Deliver {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let value = desk.ask(&Request::Deliver)?;
        let stuck = value.get("outcome").and_then(|outcome| outcome.as_str()).is_some_and(|outcome| outcome.contains(": not moved"));
        desk.print(value, |said: &Outcome, _| format!("{}\n", one_line(&said.outcome)))?;
        Ok(if stuck { Exit::Refused } else { Exit::Done })
    }
}
