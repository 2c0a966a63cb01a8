use super::super::desk::Desk;
use super::super::task::code_taken;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;

/// Replace a lost or locked second factor, with a recovery code.
///
/// Asks for one of the codes that `totp show` gave you. Each works once; the old secret counts no more, and `totp show`
/// has the new one. It works while you are locked out, and your alerts tell of it.
///
/// Example: orchestrate totp reset
#[derive(Debug, clap::Args)]
pub struct Reset {}

impl Reset {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let code = desk.code("Recovery code: ")?;
        code_taken(desk, &Request::TotpReset { code }, "the old secret counts no more; take the new one: orchestrate totp show")
    }
}
