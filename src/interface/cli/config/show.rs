use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer;

/// Show the rules, their digest, and the folder to change them in.
///
/// Example: orchestrate config show
#[derive(Debug, clap::Args)]
pub struct Show {}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::ConfigShow, |config: &answer::Config, _| {
            format!(
                "# policy {}\n# yours to change: {}\n\n{}\n",
                config.policy,
                config.folder,
                crate::view::text::lines(&config.text).trim_end()
            )
        })
    }
}
