use super::super::desk::Desk;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use std::io::Read as _;
use std::path::PathBuf;

/// The longest cosigned checkpoint.
const MOST: u64 = 1 << 16;

/// Keep a checkpoint that a witness cosigned.
///
/// Reads what `orchestrate witness cosign` printed. It becomes an entry, goes with each bundle, and is what `orchestrate
/// verify --witness` looks for.
///
/// Example: orchestrate ledger witnessed cosigned.txt
#[derive(Debug, clap::Args)]
pub struct Witnessed {
    /// The file; else standard input.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl Witnessed {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let mut note = String::new();
        match &self.file {
            Some(path) => std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut note)),
            None => std::io::stdin().take(MOST).read_to_string(&mut note),
        }
        .doing("cannot read the cosigned checkpoint")?;
        desk.order(&Request::Witnessed { note })
    }
}
