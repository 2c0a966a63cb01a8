use super::desk::{Desk, complain};
use super::paint::Paint;
use super::status::frozen;
use super::task::code_taken;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::Status;

/// Let a frozen workshop go on.
///
/// The librarian says from her seat that it may (--agree); then the owner opens it, with a one-time code. Shows who froze it and what led to it.
/// The code is typed without echo, or read from standard input; it is never an argument.
///
/// Example: orchestrate thaw
#[derive(Debug, clap::Args)]
pub struct Thaw {
    /// From a seat whose role has a word in it: sign that this freeze may end.
    #[arg(long, conflicts_with = "alone")]
    agree: bool,
    /// As the owner: without that word, for a librarian that is lost or is the trouble. Every report says so.
    #[arg(long)]
    alone: bool,
}

impl Thaw {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        if self.agree {
            return desk.order(&Request::ThawAgree);
        }
        // What is about to be lifted is shown where the question is asked.
        let status: Status = desk.read(&Request::Status)?;
        status.frozen.iter().for_each(|freeze| complain(&frozen(freeze, &Paint { colour: false, ..desk.paint })));
        let code = desk.code("One-time code to thaw the workshop: ")?;
        code_taken(desk, &Request::Thaw { code, alone: self.alone }, "the workshop goes on")
    }
}
