use super::super::desk::Desk;
use super::super::paint::Paint;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer::Totp;
use crate::view::qr::{self, Code};
use crate::view::text::one_line;

/// Show the secret for your authenticator, as a QR code and a URI.
///
/// With the recovery codes, for the day on which it is lost. Shown only until the first code was used.
///
/// Example: orchestrate totp show
#[derive(Debug, clap::Args)]
pub struct Show {}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::TotpShow, page)
    }
}

fn page(totp: &Totp, paint: &Paint) -> String {
    let code = qr::code(&totp.uri).filter(|_| paint.unicode);
    let lines: String = code.iter().flat_map(Code::lines).map(|line| format!("{}\n", screened(&line, paint))).collect();
    let recovery: String = totp.recovery.iter().map(|code| format!("  {}\n", one_line(code))).collect();
    format!("{lines}{}\n\nRecovery codes, each for one `orchestrate totp reset`; keep them apart from the authenticator:\n{recovery}", one_line(&totp.uri))
}

/// White on black, whatever colours the terminal has; without colours it is right on a dark one.
fn screened(line: &str, paint: &Paint) -> String {
    if paint.colour { format!("\u{1b}[97;40m{line}\u{1b}[0m") } else { line.to_owned() }
}
