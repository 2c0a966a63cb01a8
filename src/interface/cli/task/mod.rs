pub mod confirm;
mod list;
mod open;
mod release;
mod retry;
mod show;
mod submit;
mod take;
mod veto;

pub use open::body;

use super::desk::Desk;
use super::paint::{Cell, Paint, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::TaskLine;
use crate::view::answer::CodeTaken;
use serde_json::Value;

/// Open, take, submit and follow pieces of work.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate task open 'parse negative numbers'")]
pub enum Task {
    Open(open::Open),
    List(list::List),
    Show(show::Show),
    Take(take::Take),
    Release(release::Release),
    Submit(submit::Submit),
    Retry(retry::Retry),
    Veto(veto::Veto),
    Confirm(confirm::Confirm),
}

impl Task {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Open(command) => command.run(desk),
            Self::List(command) => command.run(desk),
            Self::Show(command) => command.run(desk),
            Self::Take(command) => command.run(desk),
            Self::Release(command) => command.run(desk),
            Self::Submit(command) => command.run(desk),
            Self::Retry(command) => command.run(desk),
            Self::Veto(command) => command.run(desk),
            Self::Confirm(command) => command.run(desk),
        }
    }
}

/// A task as a row of a table.
pub fn row(line: &TaskLine, paint: &Paint) -> Vec<Cell> {
    let author = line.author.as_ref().map_or("-", |author| author.as_str());
    let waits = if line.standing.is_over() { line.title.clone() } else { format!("{}  (waits for {})", line.title, line.turn.what) };
    vec![cell(line.task.as_str()), paint.standing(line.standing), cell(author), cell(waits)]
}

/// Sends something that carries a code; a wrong code is a refusal, however the supervisor words it.
pub fn code_taken(desk: &Desk, request: &Request, done: &str) -> Result<Exit, Trouble> {
    let value = desk.ask(request)?;
    if let Some(taken) = CodeTaken::of(&value).filter(|taken| !taken.accepted) {
        return Err(taken.refusal().into());
    }
    desk.print(value, |_: &Value, _| format!("{done}\n"))
}

/// The pages, for the tests of all commands.
#[cfg(test)]
pub mod pages {
    pub use super::list::page as list;
    pub use super::show::page as show;
}
