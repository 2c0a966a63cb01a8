use super::super::desk::Desk;
use super::super::passphrase::{Source, told};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door;

/// Lay the private keys of a workshop that does not run open again.
///
/// They then lie unencrypted in files that only you can read, and a start asks for nothing.
///
/// Example: orchestrate keys unseal --passphrase-file ~/.workshop-passphrase
#[derive(Debug, clap::Args)]
pub struct Unseal {
    #[command(flatten)]
    source: Source,
}

impl Unseal {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let repo = super::repository(desk)?;
        let count = door::seal_keys(&repo, &self.source.wanted(false)?, true)?;
        told(desk, format!("{count} files opened; the keys lie unencrypted"))
    }
}
