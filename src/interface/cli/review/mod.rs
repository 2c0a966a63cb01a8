mod approve;
mod cosign;
mod list;
mod reject;
pub mod show;
mod withdraw;

use super::desk::Desk;
use crate::domain::name::TaskId;
use crate::domain::reading::Said;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use serde_json::Value;

/// Judge other seats' work, as the gate drew you to.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate review list")]
pub enum Review {
    List(list::List),
    Show(show::Show),
    Approve(approve::Approve),
    Reject(reject::Reject),
    Cosign(cosign::Cosign),
    Withdraw(withdraw::Withdraw),
}

impl Review {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::List(command) => command.run(desk),
            Self::Show(command) => command.run(desk),
            Self::Approve(command) => command.run(desk),
            Self::Reject(command) => command.run(desk),
            Self::Cosign(command) => command.run(desk),
            Self::Withdraw(command) => command.run(desk),
        }
    }
}

/// A reviewer's word.
#[derive(Debug, clap::Args)]
struct WordArgs {
    task: TaskId,
    /// What you looked at and what you found: 10 to 8000 characters; `-` reads it from standard input.
    #[arg(long, short = 'm', value_name = "TEXT")]
    note: String,
    /// A file of the change that is as it should be; may be given again. Where only one file changed, the word itself is its verdict.
    #[arg(long, value_name = "PATH")]
    ok: Vec<String>,
    /// A file of the change that is not; may be given again.
    #[arg(long, value_name = "PATH")]
    bad: Vec<String>,
    /// Whole lines of the difference that you looked at, as `review show` has them, with their signs; may be given again.
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    quote: Vec<String>,
    /// The commit you looked at; the word is refused when the task is at another one by now.
    #[arg(long, value_name = "OID")]
    commit: Option<String>,
}

impl WordArgs {
    fn say(self, desk: &Desk, accept: bool) -> Result<Exit, Trouble> {
        let note = if self.note == "-" { super::prompt::everything()? } else { self.note };
        let word = if accept { "accepted" } else { "rejected" };
        let done = format!("{} {word}; signed and recorded\n", self.task);
        let said = Said { ok: self.ok, bad: self.bad, quotes: self.quote };
        let request = Request::ReviewDecide { task: self.task, accept, note, commit: self.commit, said };
        desk.show(&request, |_: &Value, _| done)
    }
}

/// The pages, for the tests of all commands.
#[cfg(test)]
pub mod pages {
    pub use super::list::page as list;
}
