use super::super::desk::Desk;
use super::{Format, show};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::About;

/// The same over seven days.
///
/// Without a date they end with today.
///
/// Example: orchestrate report weekly --format html > week.html
#[derive(Debug, clap::Args)]
pub struct Weekly {
    /// The last of the seven days, such as 2026-11-20.
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// The time zone whose days are meant; else the policy's.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Weekly {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        show(desk, self.format, About::Week, self.date, self.zone)
    }
}
