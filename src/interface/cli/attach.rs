use super::desk::Desk;
use crate::domain::failure::Failure;
use crate::domain::name::SeatName;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer;
use std::os::unix::process::CommandExt;

/// Show the grid of panes, or one seat's pane. Leave it with C-b d; the seats go on.
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
    let Some((program, args)) = answer.argv.split_first() else {
        return Err(Trouble::Bug("the supervisor named no command to attach with".to_owned()));
    };
    let why = std::process::Command::new(program).args(args).exec();
    Err(Failure::new(format!("cannot run {program}"), why).hint("orchestrate doctor").into())
}
