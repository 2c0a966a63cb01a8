use super::super::desk::Desk;
use super::super::prompt;
use super::super::task::body;
use crate::domain::message::Priority;
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Sent;
use std::path::PathBuf;

/// Send a message to seats, to `owner`, or to `all`.
///
/// Your socket says who sends it. The body is --body, --body-file, or standard input.
///
/// Example: orchestrate mail send dev-b docs --subject 'names' --body 'I call it Limit, not Cap.'
#[derive(Debug, clap::Args)]
pub struct Send {
    /// Seats, `owner`, or `all`.
    #[arg(required = true, value_name = "RECIPIENT")]
    to: Vec<String>,
    /// One line that says what it is about.
    #[arg(long, short)]
    subject: String,
    /// The text; `-` reads it from standard input.
    #[arg(long, short, conflicts_with = "body_file")]
    body: Option<String>,
    /// A file with the text.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    body_file: Option<PathBuf>,
    /// How urgent it is.
    #[arg(long, value_name = "PRIORITY", default_value = "normal", value_parser = ["low", "normal", "high", "critical"])]
    priority: String,
    /// The sender you mean to be; any other name than your own is refused and recorded.
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// The task it is about.
    #[arg(long, value_name = "TASK")]
    task: Option<TaskId>,
}

impl Send {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let body = match body(self.body, self.body_file)? {
            Some(body) => body,
            None => prompt::everything()?,
        };
        let priority: Priority =
            serde_json::from_value(self.priority.clone().into()).map_err(|why| Trouble::usage(why.to_string(), "--priority high"))?;
        let request = Request::MailSend { from: self.from, to: self.to, subject: self.subject, body, priority, task: self.task };
        desk.show(&request, |sent: &Sent, _| {
            format!("sent {} to {}\n", sent.id.short(), crate::view::text::count(sent.to as u64, "recipient"))
        })
    }
}
