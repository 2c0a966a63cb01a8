use super::super::desk::Desk;
use super::since::checkpoint;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{Request, Response};
use crate::verify::{grown, proof};
use crate::view::answer;
use crate::view::answer::Note;
use serde_json::json;
use std::path::Path;

/// Prove that an entry stands in the ledger, or that it only grew.
///
/// The entry's proof is in the C2SP tlog-proof format and brings the entry; growth between two checkpoints is in the format
/// that tlog-witness asks for. Either is judged without the ledger by `orchestrate ledger check`.
///
/// Example: orchestrate ledger prove 42 > proof.txt
#[derive(Debug, clap::Args)]
pub struct Prove {
    /// The entry's position, as `orchestrate log` shows it.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    seq: Option<u64>,
    /// Growth: a file with the older checkpoint, such as a mailed report, or the number of entries it is over.
    #[arg(long, value_name = "FILE|SIZE")]
    from: Option<String>,
    /// A file with the newer checkpoint; else the ledger as it is now.
    #[arg(long, value_name = "FILE", requires = "from")]
    to: Option<String>,
}

impl Prove {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match (self.seq, &self.from) {
            (Some(seq), _) => desk.show(&Request::LedgerProve { seq }, |note: &Note, _| note.text.clone()),
            (None, from) => growth(desk, from.as_deref().unwrap_or("0"), self.to.as_deref()),
        }
    }
}

fn growth(desk: &Desk, from: &str, to: Option<&str>) -> Result<Exit, Trouble> {
    let size = |note: &String| grown::size(note).doing("cannot read the checkpoint");
    let old = match from.parse() {
        Ok(size) => size,
        Err(_) => size(&checkpoint(Path::new(from))?)?,
    };
    let newer = to.map(|file| checkpoint(Path::new(file))).transpose()?;
    let new = newer.as_ref().map(size).transpose()?;
    let path: answer::Since = desk.read(&Request::LedgerSince { old, new })?;
    let text = proof::growth(old, &path.path, newer.as_ref().unwrap_or(&path.note)).doing("cannot write the proof")?;
    if desk.json {
        desk.say_json(&Response::Done(json!({"text": text, "key": path.key})));
    } else {
        desk.say(&text);
    }
    Ok(Exit::Done)
}
