use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door;
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Stop the workshop; nothing is lost.
///
/// Ends every process that it started and nothing else. Work, mail and ledger stay; `orchestrate bootstrap` resumes.
///
/// Example: orchestrate down
#[derive(Debug, clap::Args)]
pub struct Down {}

impl Down {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let value = stop(desk)?;
        desk.print(value, |said: &Value, _| format!("{}\n", said["outcome"].as_str().unwrap_or_default()))
    }
}

/// Tells the supervisor to stop and waits until it is gone; gives its answer.
pub fn stop(desk: &Desk) -> Result<Value, Trouble> {
    let value = desk.ask(&Request::Down)?;
    let pid = value.get("pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok());
    pid.map_or(Ok(()), door::wait_gone)?;
    Ok(value)
}
