use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use crate::view::text::one_line;
use std::path::PathBuf;

/// Work out every draw of an epoch again, offline.
///
/// From the entries and the opened secret alone: who was drawn to review, and which changes chance gave a third reviewer.
/// Ends with 1 and named entries when anything was drawn otherwise.
///
/// Example: orchestrate audit draw 0 --bundle history.bundle
#[derive(Debug, clap::Args)]
pub struct Draw {
    epoch: u32,
    /// The file that `orchestrate bundle` wrote.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    bundle: PathBuf,
}

impl Draw {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let report = crate::verify::draws(&self.bundle, self.epoch)?;
        if desk.json {
            let value = serde_json::to_value(&report).map_err(|why| Trouble::Bug(why.to_string()))?;
            desk.say_json(&Response::Done(value));
        } else {
            let lines = report.lines.iter().chain(&report.problems).map(|line| format!("{}\n", one_line(line)));
            let verdict = if report.ok { "chance was followed" } else { "chance was NOT followed" };
            desk.say(&format!("{}{verdict}\n", lines.collect::<String>()));
        }
        Ok(if report.ok { Exit::Done } else { Exit::Refused })
    }
}
