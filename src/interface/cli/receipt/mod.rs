mod export;
mod show;

use super::desk::Desk;
use super::log::pages;
use crate::domain::entry::Entry;
use crate::domain::failure::Failure;
use crate::interface::exit::{Exit, Trouble};
use std::path::Path;

/// The signed statements behind a merge, for whoever doubts it.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate receipt show 7f03127476")]
pub enum Receipt {
    Export(export::Export),
    Show(show::Show),
}

impl Receipt {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Export(command) => command.run(desk),
            Self::Show(command) => command.run(desk),
        }
    }
}

/// Every entry: of a bundle, or of the workshop that runs.
pub fn entries(desk: &Desk, bundle: Option<&Path>) -> Result<Vec<Entry>, Trouble> {
    if let Some(bundle) = bundle {
        return Ok(crate::verify::entries(bundle)?);
    }
    let (mut all, mut bad) = (Vec::new(), None);
    pages(desk, 0, |text| match Entry::parse(text.as_bytes()) {
        Ok(entry) => all.push(entry),
        Err(why) => bad = Some(why),
    })?;
    bad.map_or(Ok(all), |why| Err(Failure::new("cannot read an entry", why).hint("orchestrate ledger verify").into()))
}
