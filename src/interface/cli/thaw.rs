use super::desk::Desk;
use super::task::code_taken;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Let a frozen workshop go on.
///
/// The owner's act, with a one-time code. The code is typed without echo, or read from standard input; it is never an argument.
///
/// Example: orchestrate thaw
#[derive(Debug, clap::Args)]
pub struct Thaw {}

impl Thaw {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let code = desk.code("One-time code to thaw the workshop: ")?;
        code_taken(desk, &Request::Thaw { code }, "the workshop goes on")
    }
}
