use super::super::desk::Desk;
use super::super::explain::codes::CODES;
use super::super::receipt::entries;
use crate::interface::exit::{Exit, Trouble};
use crate::view::sarif;
use std::path::PathBuf;

/// Print every refusal as SARIF 2.1.0.
///
/// For tools that collect findings; each result names its entry, who was refused, and the rule.
///
/// Example: orchestrate ledger refusals > refusals.sarif
#[derive(Debug, clap::Args)]
pub struct Refusals {
    /// Of a bundle instead of the workshop that runs.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    bundle: Option<PathBuf>,
}

impl Refusals {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let all = entries(desk, self.bundle.as_deref())?;
        desk.say_json(&sarif::sarif(&all, CODES));
        Ok(Exit::Done)
    }
}
