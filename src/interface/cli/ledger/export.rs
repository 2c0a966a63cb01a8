use super::super::desk::Desk;
use super::super::log::pages;
use crate::domain::failure::{Doing, Failure};
use crate::interface::exit::{Exit, Trouble};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Write all entries as they were written, one JSON line each.
///
/// To a file, or to standard output when none is named.
///
/// Example: orchestrate ledger export ledger.jsonl
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The file; it must not be there yet.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl Export {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let Some(path) = self.file else {
            pages(desk, 0, |entry| desk.say(&format!("{entry}\n")))?;
            return Ok(Exit::Done);
        };
        let what = format!("cannot write {}", path.display());
        let mut file = BufWriter::new(File::create_new(&path).doing(what.clone())?);
        let mut trouble: Option<Failure> = None;
        let count = pages(desk, 0, |entry| {
            if let Err(why) = writeln!(file, "{entry}") {
                trouble.get_or_insert(Failure::new(what.clone(), why));
            }
        })?;
        trouble.map_or(Ok(()), Err)?;
        file.into_inner().map_err(|why| why.into_error()).and_then(|file| file.sync_all()).doing(what)?;
        super::super::complain(&format!("{count} entries written to {}", path.display()));
        Ok(Exit::Done)
    }
}
