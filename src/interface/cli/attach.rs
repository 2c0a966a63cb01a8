use super::desk::Desk;
use crate::domain::name::SeatName;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::supervisor::door;
use crate::view::answer;

/// Show the grid of panes, or one seat's pane.
///
/// Leave it with C-b d; the seats go on.
///
/// Example: orchestrate attach dev-a
#[derive(Debug, clap::Args)]
pub struct Attach {
    /// The seat to show alone.
    seat: Option<SeatName>,
}

impl Attach {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let request = Request::Attach { seat: self.seat };
        if desk.json {
            return desk.order(&request);
        }
        become_grid(desk, &request)
    }
}

/// Becomes tmux; returns only when that failed.
pub fn become_grid(desk: &Desk, request: &Request) -> Result<Exit, Trouble> {
    let answer: answer::Attach = desk.read(request)?;
    if answer.argv.is_empty() {
        return Err(Trouble::Bug("the supervisor named no command to attach with".to_owned()));
    }
    Err(door::become_program(&answer.argv).into())
}
