use super::super::desk::Desk;
use super::place::from_root;
use crate::domain::name::SeatName;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Give locks back: all of yours, or these paths.
///
/// Do it as soon as you have pushed: others wait. A wish that still waits is given up too. The owner may take any seat's locks away.
///
/// Example: orchestrate lock release
#[derive(Debug, clap::Args)]
pub struct Release {
    /// What to give back, as it was acquired; nothing named means everything.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Whose locks, for the owner.
    #[arg(long, value_name = "SEAT")]
    seat: Option<SeatName>,
}

impl Release {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.order(&Request::LockRelease { paths: from_root(&self.paths), seat: self.seat })
    }
}
