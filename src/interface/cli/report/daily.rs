use super::super::desk::Desk;
use super::{Shape, show};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::About;

/// One day: what was refused, merged, locked, frozen, and by whom.
///
/// Without a date it is today, as far as it has come.
///
/// Example: orchestrate report daily --date 2026-11-20 --zone Europe/Berlin
#[derive(Debug, clap::Args)]
pub struct Daily {
    /// The day, such as 2026-11-20.
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// The time zone whose day is meant; else the policy's.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    #[command(flatten)]
    shape: Shape,
}

impl Daily {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        show(desk, &self.shape, About::Day, self.date, self.zone)
    }
}
