use super::desk::{Desk, complain};
use super::paint::Paint;
use super::status::frozen;
use super::task::code_taken;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::Status;

/// Let a frozen workshop go on.
///
/// Shows who froze it and what led to it. The owner's act, with a one-time code. The code is typed without echo, or read from standard input; it is never an argument.
///
/// Example: orchestrate thaw
#[derive(Debug, clap::Args)]
pub struct Thaw {}

impl Thaw {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        // What is about to be lifted is shown where the question is asked.
        let status: Status = desk.read(&Request::Status)?;
        status.frozen.iter().for_each(|freeze| complain(&frozen(freeze, &Paint { colour: false, ..desk.paint })));
        let code = desk.code("One-time code to thaw the workshop: ")?;
        code_taken(desk, &Request::Thaw { code }, "the workshop goes on")
    }
}
