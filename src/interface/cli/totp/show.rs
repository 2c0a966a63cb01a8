use super::super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Totp;

/// Show the secret for your authenticator, as an otpauth URI.
///
/// It is shown only until the first code was used.
///
/// Example: orchestrate totp show
#[derive(Debug, clap::Args)]
pub struct Show {}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::TotpShow, |totp: &Totp, _| format!("{}\n", crate::view::text::one_line(&totp.uri)))
    }
}
