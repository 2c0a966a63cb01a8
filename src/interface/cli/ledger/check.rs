use super::super::desk::Desk;
use crate::domain::entry::Entry;
use crate::domain::failure::Doing;
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use crate::verify::proof::{Shown, judge};
use crate::view;
use crate::view::text::one_line;
use std::path::PathBuf;

/// Judge a proof without the ledger, on any machine.
///
/// What `orchestrate ledger prove` printed: an entry's, or growth with the older checkpoint beside it. Ends with 1 when it does not hold.
///
/// Example: orchestrate ledger check proof.txt --key WORKSHOP+ID+KEY
#[derive(Debug, clap::Args)]
pub struct Check {
    #[arg(value_hint = clap::ValueHint::FilePath)]
    proof: PathBuf,
    /// The workshop's checkpoint key, known to you from elsewhere (`orchestrate ledger key`).
    #[arg(long)]
    key: String,
    /// Growth: a file with the older checkpoint, such as a mailed report.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    from: Option<PathBuf>,
}

impl Check {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let read = |path: &PathBuf| std::fs::read_to_string(path).doing(format!("cannot read {}", path.display()));
        let older = self.from.as_ref().map(read).transpose()?;
        let shown = judge(&read(&self.proof)?, &self.key, older.as_deref())
            .map_err(|why| Trouble::Refused(Refusal::new("no-proof", why, "orchestrate ledger prove --help")))?;
        if desk.json {
            desk.say_json(&Response::Done(serde_json::to_value(&shown).map_err(|why| Trouble::Bug(why.to_string()))?));
        } else {
            desk.say(&sentence(&shown));
        }
        Ok(Exit::Done)
    }
}

fn sentence(shown: &Shown) -> String {
    match shown {
        Shown::Entry { workshop, seq, size, entry } => {
            let line = Entry::parse(entry.as_bytes()).map(|entry| view::line(&entry)).unwrap_or_default();
            format!("{line}\nentry {seq} stands in the ledger of {}, of {size} entries\n", one_line(workshop))
        }
        Shown::Grown { workshop, old, new } => {
            format!("the ledger of {}, of {new} entries, begins with the {old} of the older checkpoint\n", one_line(workshop))
        }
    }
}
