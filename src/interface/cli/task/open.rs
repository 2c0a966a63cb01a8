use super::super::desk::Desk;
use super::super::prompt;
use crate::domain::failure::Doing;
use crate::domain::name::SeatName;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Opened;
use std::path::PathBuf;

/// Open a task: one line that says what is to be done.
///
/// The body says how you will know that it is done. For the owner and the roles that plan.
///
/// Example: orchestrate task open 'parse negative numbers' --body 'parse("-1") gives -1' --assign dev-a
#[derive(Debug, clap::Args)]
pub struct Open {
    title: String,
    /// More words; `-` reads them from standard input.
    #[arg(long, conflicts_with = "body_file")]
    body: Option<String>,
    /// A file with more words.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    body_file: Option<PathBuf>,
    /// The one seat that is told and may take it; else all that may take tasks are told.
    #[arg(long, value_name = "SEAT")]
    assign: Option<SeatName>,
}

impl Open {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let body = body(self.body, self.body_file)?.unwrap_or_default();
        let request = Request::TaskOpen { title: self.title, body, assign: self.assign };
        desk.show(&request, |opened: &Opened, _| format!("{0} is open\nfollow it: orchestrate task show {0}\n", opened.task))
    }
}

/// A text given as an argument, in a file, or on standard input.
pub fn body(text: Option<String>, file: Option<PathBuf>) -> Result<Option<String>, Trouble> {
    match (text, file) {
        (Some(dash), _) if dash == "-" => prompt::everything().map(Some),
        (Some(text), _) => Ok(Some(text)),
        (None, Some(file)) if file.as_os_str() == "-" => prompt::everything().map(Some),
        (None, Some(file)) => Ok(Some(std::fs::read_to_string(&file).doing(format!("cannot read {}", file.display()))?)),
        (None, None) => Ok(None),
    }
}
