use super::super::desk::Desk;
use crate::domain::failure::{Doing, Failure};
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{Request, Response};
use crate::verify::grown;
use crate::view::answer;
use crate::view::text::{count, one_line};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Prove that the ledger only grew since a checkpoint.
///
/// The checkpoint may stand in a report that was mailed. Ends with 1 when the ledger was cut or altered since. With two
/// files the later one is compared instead of the ledger as it is now.
///
/// Example: orchestrate ledger since report-of-monday.txt
#[derive(Debug, clap::Args)]
pub struct Since {
    /// A file with the earlier checkpoint, such as a report.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    earlier: PathBuf,
    /// A file with the later one; else the ledger as it is now.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    later: Option<PathBuf>,
}

impl Since {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let old = checkpoint(&self.earlier)?;
        let new = self.later.as_deref().map(checkpoint).transpose()?;
        let size = |note: &String| grown::size(note).doing("cannot read the checkpoint");
        let (from, to) = (size(&old)?, new.as_ref().map(size).transpose()?);
        let path: answer::Since = desk.read(&Request::LedgerSince { old: from, new: to })?;
        let new = new.unwrap_or_else(|| path.note.clone());
        let grown = grown::judge(&old, &new, &path.path, &path.key)
            .map_err(|why| Trouble::Refused(Refusal::new("not-a-beginning", why, "orchestrate ledger verify")))?;
        let proof =
            json!({"workshop": grown.workshop, "old": grown.old, "new": grown.new, "path": path.path, "note": new, "key": path.key});
        if desk.json {
            desk.say_json(&Response::Done(proof));
        } else {
            let path: String = path.path.iter().map(|node| format!("{}\n", one_line(node))).collect();
            let end =
                format!("the ledger of {} begins with just those {}", count(grown.new, "entry"), grown.old).replace("entrys", "entries");
            desk.say(&format!("old {}\n{path}\n{new}\n{end}\n", grown.old));
        }
        Ok(Exit::Done)
    }
}

/// The checkpoint in a file that may hold more.
pub fn checkpoint(file: &Path) -> Result<String, Failure> {
    let what = format!("cannot read a checkpoint from {}", file.display());
    let text = std::fs::read_to_string(file).doing(&what)?;
    grown::find(&text).ok_or_else(|| Failure::new(what, "there is none in it").hint("orchestrate ledger checkpoint"))
}
