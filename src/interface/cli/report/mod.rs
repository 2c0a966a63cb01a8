mod daily;
mod task;
mod weekly;

use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::{About, Request};
use crate::view::report::{Report as Page, html, text};

/// What happened, counted from the ledger.
///
/// A report carries the signed checkpoint over exactly the entries it was computed from: keep it, and a ledger that was
/// altered later contradicts it. The same entries give the same report, byte for byte.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate report daily --format html > report.html")]
pub enum Report {
    Daily(daily::Daily),
    Weekly(weekly::Weekly),
    Task(task::Task),
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal or a mail.
    Text,
    /// One page that needs nothing beside it.
    Html,
    /// Every number, as docs/report.md names them.
    Json,
}

impl Report {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Daily(command) => command.run(desk),
            Self::Weekly(command) => command.run(desk),
            Self::Task(command) => command.run(desk),
        }
    }
}

/// What all reports can be asked.
#[derive(Debug, clap::Args)]
struct Shape {
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Send it to your mail, sealed by the gatekeeper's key, instead of printing it.
    #[arg(long, conflicts_with = "format")]
    mail: bool,
}

fn show(desk: &Desk, shape: &Shape, about: About, date: Option<String>, zone: Option<String>) -> Result<Exit, Trouble> {
    if shape.mail {
        return desk.order(&Request::ReportMail { about, date, zone });
    }
    let request = Request::Report { about, date, zone };
    if desk.json {
        return desk.show(&request, |report: &Page, _| text(report));
    }
    let report: Page = desk.read(&request)?;
    match shape.format {
        Format::Text => desk.say(&text(&report)),
        Format::Html => desk.say(&html(&report)),
        Format::Json => desk.say_json(&report),
    }
    Ok(Exit::Done)
}
