use super::super::desk::Desk;
use super::inbox::page;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::MailLine;

/// Wait until there is a message to read.
///
/// Costs nothing while it waits; ends with 3 when none came in time.
///
/// Example: orchestrate mail wait --seconds 600
#[derive(Debug, clap::Args)]
pub struct Wait {
    /// How long to wait at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    seconds: u32,
}

impl Wait {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let value = desk.ask(&Request::MailWait { seconds: self.seconds })?;
        let none = value.as_array().is_some_and(Vec::is_empty);
        desk.print(value, |lines: &Vec<MailLine>, paint| page(lines, paint))?;
        Ok(if none { Exit::Waiting } else { Exit::Done })
    }
}
