use super::super::desk::Desk;
use super::{Shape, show};
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
    #[command(flatten)]
    shape: Shape,
}

impl Weekly {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        show(desk, &self.shape, About::Week, self.date, self.zone)
    }
}
