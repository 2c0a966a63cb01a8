use super::super::desk::Desk;
use super::cosign::{proof, tell};
use crate::domain::failure::Doing;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::Passphrase;
use crate::verify::witness;
use std::path::PathBuf;

/// Ask a witness that answers over HTTP, by hand.
///
/// Brings it what `orchestrate ledger prove --from SIZE` prints, and prints the checkpoint with its cosignature, for `orchestrate ledger
/// witnessed`. Ends with 1 when it refuses. A workshop asks its own witness by itself: docs/witness.md.
///
/// Example: orchestrate witness ask https://cellar.example.org growth.txt --token-file ~/witness.token
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// Where the witness answers.
    url: String,
    /// A file with the proof; else standard input.
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// A file of yours (mode 0600) with the token that the witness wants.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    token_file: PathBuf,
}

impl Ask {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let (growth, token) = (proof(self.file.as_deref())?, Passphrase::of_file(&self.token_file)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("cannot start")?;
        tell(desk, runtime.block_on(witness::ask(&self.url, token.reveal().trim(), &growth)))
    }
}
