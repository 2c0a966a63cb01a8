use super::super::desk::Desk;
use super::super::passphrase::{Source, told};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::{self, AtRest};

/// Encrypt the private keys of a workshop that does not run.
///
/// Under a passphrase, which every start then asks for. Broken off at any moment, no key is lost: run it again. Old copies
/// in backups and in the blocks of a copying file system are not reached: rotate the seats' keys if that matters.
///
/// Example: orchestrate keys seal
#[derive(Debug, clap::Args)]
pub struct Seal {
    #[command(flatten)]
    source: Source,
}

impl Seal {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let repo = super::repository(desk)?;
        let fresh = door::keys_at_rest(&repo)? != AtRest::Sealed;
        let count = door::seal_keys(&repo, &self.source.wanted(fresh)?, false)?;
        told(desk, format!("{count} files sealed; every start now asks for the passphrase"))
    }
}
