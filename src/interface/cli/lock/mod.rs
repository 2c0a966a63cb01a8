mod acquire;
mod list;
mod place;
mod release;
mod why;

pub use list::rows;

use super::desk::Desk;
use super::paint::{Cell, Look, cell, looking};
use crate::interface::exit::{Exit, Trouble};
use crate::view::text::{span, word};
use crate::view::{LockLine, WishLine};

/// Keep others' pushes away from paths for a while.
///
/// A lock is exclusive and ends by itself: after five minutes, unless you commit, push or acquire it again. Paths are
/// taken from the folder you are in; a folder covers all that is below. Whoever comes late with a lock that somebody
/// else has had since is refused at the gate.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate lock acquire src/parser/ --wait")]
pub enum Lock {
    Acquire(acquire::Acquire),
    Release(release::Release),
    List(list::List),
    Why(why::Why),
}

impl Lock {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Acquire(command) => command.run(desk),
            Self::Release(command) => command.run(desk),
            Self::List(command) => command.run(desk),
            Self::Why(command) => command.run(desk),
        }
    }
}

/// A lock as a row of a table.
pub fn row(line: &LockLine, now: u64) -> Vec<Cell> {
    let left = span(line.until.saturating_sub(now));
    let (look, state) = match line.ends {
        _ if line.lapsed => (Look::Dim, "lapsed".to_owned()),
        Some(ends) => (Look::Bad, format!("ends in {}", span(ends.saturating_sub(now)))),
        None => (Look::Plain, format!("{left} left")),
    };
    let paths = crate::domain::lock::listed(&line.paths);
    vec![cell(format!("{}", line.token)), cell(line.seat.as_str()), looking(look, state), cell(word(&line.priority)), cell(paths)]
}

/// A wish that waits, as a row of the same table.
pub fn wish(line: &WishLine, now: u64) -> Vec<Cell> {
    let names: Vec<&str> = line.behind.iter().map(|seat| seat.as_str()).collect();
    let waited = format!("waits {}", span(now.saturating_sub(line.since)));
    let paths = format!("{} (behind {})", crate::domain::lock::listed(&line.paths), names.join(", "));
    vec![cell("-"), cell(line.seat.as_str()), looking(Look::Dim, waited), cell(word(&line.priority)), cell(paths)]
}

/// The pages, for the tests of all commands.
#[cfg(test)]
pub mod pages {
    pub use super::acquire::page as acquire;
    pub use super::list::page as list;
    pub use super::why::page as why;
}
