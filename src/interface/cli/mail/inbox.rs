use super::super::desk::Desk;
use super::super::paint::{Cell, Look, Paint, cell, looking};
use crate::domain::message::{Delivery, Priority};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::MailLine;
use crate::view::text::{time, word};

/// List your messages that are not acknowledged yet.
///
/// Oldest first, a hundred at once: what was not listed before goes first. What is listed counts as delivered.
///
/// Example: orchestrate mail inbox
#[derive(Debug, clap::Args)]
pub struct Inbox {
    /// Also what you acknowledged or let expire lately.
    #[arg(long)]
    all: bool,
}

impl Inbox {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::Inbox { all: self.all }, |lines: &Vec<MailLine>, paint| page(lines, paint))
    }
}

pub fn page(lines: &[MailLine], paint: &Paint) -> String {
    let row = |line: &MailLine| -> Vec<Cell> {
        let look = match line.state {
            Delivery::Queued => Look::Bold,
            Delivery::Delivered => Look::Plain,
            Delivery::Acknowledged => Look::Dim,
            Delivery::Expired => Look::Bad,
        };
        let urgent = if line.priority >= Priority::High { format!("[{}] ", word(&line.priority)) } else { String::new() };
        let task = line.task.as_ref().map(|task| format!("{task}: ")).unwrap_or_default();
        let subject = format!("{urgent}{task}{}", line.subject);
        vec![
            cell(line.id.short()),
            cell(line.from.to_string()),
            looking(look, word(&line.state)),
            cell(&time(line.sent)[5..16]),
            looking(look, subject),
        ]
    };
    let rows: Vec<Vec<Cell>> = lines.iter().map(row).collect();
    let open = lines.iter().find(|line| matches!(line.state, Delivery::Queued | Delivery::Delivered));
    let next =
        open.map(|line| format!("next: orchestrate mail read {0}, then orchestrate mail ack {0}\n", line.id.short())).unwrap_or_default();
    let more = lines.last().filter(|line| line.more > 0).map(|line| format!("{} more: acknowledge some of these, then list again\n", line.more)).unwrap_or_default();
    if rows.is_empty() { "no messages\n".to_owned() } else { format!("{}{more}{next}", paint.table(&rows)) }
}
