use super::super::desk::Desk;
use super::super::paint::{Cell, Paint, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::MailPage;
use crate::view::text::{time, word};

/// Read one message.
///
/// Example: orchestrate mail read 3fa94c0d1e22
#[derive(Debug, clap::Args)]
pub struct Read {
    /// The message's id, or its first digits.
    id: String,
}

impl Read {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::MailRead { id: self.id }, page)
    }
}

pub fn page(mail: &MailPage, paint: &Paint) -> String {
    let to = |recipient: &crate::view::Recipient| match recipient.state {
        Some(state) => format!("{} ({})", recipient.party, word(&state)),
        None => recipient.party.to_string(),
    };
    let names: Vec<String> = mail.to.iter().map(to).collect();
    let mut rows: Vec<Vec<Cell>> = vec![
        vec![cell("from"), cell(mail.from.to_string())],
        vec![cell("to"), cell(names.join(", "))],
        vec![cell("sent"), cell(format!("{}, priority {}", time(mail.sent), word(&mail.priority)))],
        vec![cell("id"), cell(mail.id.as_str())],
    ];
    rows.extend(mail.task.iter().map(|task| vec![cell("task"), cell(task.as_str())]));
    let done = format!("when you have dealt with it: orchestrate mail ack {}\n", mail.id.short());
    format!("{}{}\n{}\n{done}", paint.title(&mail.subject), paint.told(&rows), paint.quote(&mail.body))
}
