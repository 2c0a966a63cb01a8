use super::super::desk::Desk;
use super::Home;
use crate::domain::failure::{Doing, Failure};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use crate::verify::witness::Unsigned;
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The longest proof.
const MOST: u64 = 1 << 20;

/// Put the witness's name to a ledger that only grew.
///
/// Reads what `orchestrate ledger prove --from SIZE` prints and prints the checkpoint with the cosignature, for `orchestrate ledger
/// witnessed`. Ends with 1 when the ledger was cut or written anew since the witness saw it.
///
/// Example: orchestrate witness cosign growth.txt --log WORKSHOP+ID+KEY
#[derive(Debug, clap::Args)]
pub struct Cosign {
    /// A file with the proof; else standard input.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// The workshop's checkpoint key, needed the first time (`orchestrate ledger key`).
    #[arg(long, value_name = "KEY")]
    log: Option<String>,
    #[command(flatten)]
    home: Home,
}

impl Cosign {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let witness = self.home.open(None)?;
        tell(desk, witness.cosign(&proof(self.file.as_deref())?, self.log.as_deref()))
    }
}

/// The proof, out of a file or standard input.
pub(super) fn proof(file: Option<&Path>) -> Result<String, Failure> {
    if let Some(path) = file {
        return std::fs::read_to_string(path).doing(format!("cannot read {}", path.display()));
    }
    let mut text = String::new();
    std::io::stdin().take(MOST).read_to_string(&mut text).doing("cannot read the proof")?;
    Ok(text)
}

/// Prints what a witness signed, or why it did not.
pub(super) fn tell(desk: &Desk, signed: Result<String, Unsigned>) -> Result<Exit, Trouble> {
    match signed {
        Ok(note) if desk.json => desk.say_json(&Response::Done(json!({"text": note}))),
        Ok(note) => desk.say(&note),
        Err(Unsigned::Refused(refusal)) => return Err(refusal.into()),
        Err(Unsigned::Failed(failure)) => return Err(failure.into()),
    }
    Ok(Exit::Done)
}
