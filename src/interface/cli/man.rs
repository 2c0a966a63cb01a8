use super::desk::Desk;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use std::path::PathBuf;

/// Write the man pages, one per command, into a folder.
///
/// Example: orchestrate man ~/.local/share/man/man1
#[derive(Debug, clap::Args)]
pub struct Man {
    /// The folder; it is made when it is not there.
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

impl Man {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let what = format!("cannot write man pages into {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).doing(what.clone())?;
        clap_mangen::generate_to(super::tree(), &self.folder).doing(what)?;
        desk.say(&format!("written to {}\n", self.folder.display()));
        Ok(Exit::Done)
    }
}
