use super::super::desk::Desk;
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use std::path::{Path, PathBuf};

/// Bring back the bodies that an archive holds.
///
/// The archive is decrypted with a key of the workshop's own. Each body is compared with the hash that the ledger kept; an archive that
/// this ledger does not name is refused.
///
/// Example: orchestrate ledger unseal mail.archive
#[derive(Debug, clap::Args)]
pub struct Unseal {
    /// The file that `orchestrate ledger seal` wrote.
    #[arg(value_name = "ARCHIVE", value_hint = clap::ValueHint::FilePath)]
    archive: PathBuf,
    /// Bring nothing back: write what is inside into this new file, for `orchestrate verify --archive` elsewhere.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    plain: Option<PathBuf>,
}

impl Unseal {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let plain = self.plain.as_deref().map(full).transpose()?;
        desk.order(&Request::LedgerUnseal { path: full(&self.archive)?, plain })
    }
}

/// The path as the supervisor, which stands elsewhere, has to be told it.
pub(super) fn full(path: &Path) -> Result<String, Trouble> {
    let full = std::path::absolute(path).doing("cannot tell the current folder")?;
    full.to_str().map(str::to_owned).ok_or_else(|| Trouble::usage("the file's name is not UTF-8", "orchestrate ledger seal --before 2026-10-01 mail.archive"))
}
