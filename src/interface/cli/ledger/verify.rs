use super::super::desk::Desk;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door;
use crate::supervisor::protocol::{Request, Response};
use crate::view::answer::Audit;
use crate::view::text::{count, one_line};
use std::path::{Path, PathBuf};

/// Check every entry and the tree over them.
///
/// Ends with 1 and named reasons when anything does not fit.
///
/// Example: orchestrate ledger verify
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// Read the ledger file directly; done anyway where no supervisor runs.
    #[arg(long)]
    offline: bool,
}

impl Verify {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let audit: Audit = if self.offline || asleep(desk) { offline(desk)? } else { desk.read(&Request::LedgerVerify)? };
        let sound = audit.ok && audit.problems.is_empty();
        if desk.json {
            desk.say_json(&Response::Done(serde_json::to_value(&audit).map_err(|why| Trouble::Bug(why.to_string()))?));
        } else {
            desk.say(&page(&audit, sound));
        }
        Ok(if sound { Exit::Done } else { Exit::Refused })
    }
}

/// A workshop that is there, with nobody in it to ask.
fn asleep(desk: &Desk) -> bool {
    door::find_repository(&here(desk)).is_some_and(|repo| door::is_asleep(&repo))
}

fn here(desk: &Desk) -> PathBuf {
    desk.repo.clone().unwrap_or_else(|| Path::new(".").to_path_buf())
}

fn offline(desk: &Desk) -> Result<Audit, Trouble> {
    let repo = door::find_repository(&here(desk)).ok_or("there is no git repository here").doing("cannot find the workshop")?;
    Ok(door::verify_ledger_file(&door::state_folder(&repo)?)?)
}

fn page(audit: &Audit, sound: bool) -> String {
    let problems: String = audit.problems.iter().map(|problem| format!("  {}\n", one_line(problem))).collect();
    let verdict = if sound { "the ledger holds" } else { "the ledger does NOT hold" };
    let away = match audit.sealed {
        0 => String::new(),
        some => format!("the bodies of {} are put away; an entry vouches for what stands in their places\n", count(some, "message")),
    };
    format!("{} entries, root {}\n{away}{problems}{verdict}\n", audit.entries, one_line(&audit.root))
}
