use super::desk::Desk;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer;
use std::path::PathBuf;

/// Write the whole history to one file, for offline checking.
///
/// Ledger, certificates, rules and a signed checkpoint: what `orchestrate verify` needs beside a clone.
///
/// Example: orchestrate bundle history.bundle
#[derive(Debug, clap::Args)]
pub struct Bundle {
    /// The file to write.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

impl Bundle {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let full = std::path::absolute(&self.file).doing("cannot tell the current folder")?;
        let Some(path) = full.to_str().map(str::to_owned) else {
            return Err(Trouble::usage("the file's name is not UTF-8", "orchestrate bundle history.bundle"));
        };
        desk.show(&Request::Bundle { path }, |written: &answer::Written, _| {
            format!("{}: {} entries, {} bytes\n", crate::view::text::one_line(&written.path), written.entries, written.bytes)
        })
    }
}
