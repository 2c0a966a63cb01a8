use super::super::desk::Desk;
use super::unseal::full;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::answer;
use crate::view::text::{count, one_line};
use std::path::PathBuf;

/// Put the bodies of old messages away, into one file.
///
/// Hashes, signed checkpoints, senders, recipients and subjects stay, and all stays provable; who has the file can judge the words
/// too. It is encrypted to a key of the workshop's own. Messages that wait to be acknowledged, that work under way is about, or that are younger than `retention.keep_days` stay.
///
/// Example: orchestrate ledger seal --before 2026-10-01 mail.archive
#[derive(Debug, clap::Args)]
pub struct Seal {
    /// A day of the policy's zone, as 2026-10-01, or an entry's position.
    #[arg(long, value_name = "DATE|INDEX")]
    before: String,
    /// The file to write; it must not be there yet. Keep it: nobody else has what is in it.
    #[arg(value_name = "ARCHIVE", value_hint = clap::ValueHint::FilePath)]
    archive: PathBuf,
}

impl Seal {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::LedgerSeal { before: self.before, path: full(&self.archive)? }, |written: &answer::Written, _| {
            format!("{}: the bodies of {}, {} bytes\n", one_line(&written.path), count(written.entries, "message"), written.bytes)
        })
    }
}
