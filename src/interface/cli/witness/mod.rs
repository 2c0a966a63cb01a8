mod ask;
mod cosign;
mod key;
mod serve;
mod show;

use super::desk::Desk;
use crate::domain::failure::Failure;
use crate::interface::exit::{Exit, Trouble};
use crate::verify::witness;
use std::path::PathBuf;

/// See a workshop's ledger grow, from another machine.
///
/// A witness keeps its own key and the last checkpoint that it saw. It puts its name to a newer one only with a proof
/// that the ledger only grew since; `orchestrate verify --witness KEY` demands its name. Needs no workshop: docs/witness.md.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate witness key --name cellar.example.org")]
pub enum Witness {
    Key(key::Key),
    Cosign(cosign::Cosign),
    Show(show::Show),
    Serve(serve::Serve),
    Ask(ask::Ask),
}

impl Witness {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Key(command) => command.run(desk),
            Self::Cosign(command) => command.run(desk),
            Self::Show(command) => command.run(desk),
            Self::Serve(command) => command.run(desk),
            Self::Ask(command) => command.run(desk),
        }
    }
}

/// Where the witness keeps what is its own.
#[derive(Debug, Clone, clap::Args)]
struct Home {
    /// The witness's folder; else $ORCHESTRATE_WITNESS, or orchestrate-witness in the state folder of your account.
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    home: Option<PathBuf>,
}

impl Home {
    fn open(&self, name: Option<&str>) -> Result<witness::Witness, Failure> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = || {
            set("XDG_STATE_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".local/state")))
                .map(|state| state.join("orchestrate-witness"))
        };
        let folder = self.home.clone().or_else(|| set("ORCHESTRATE_WITNESS")).or_else(state);
        let folder = folder.ok_or_else(|| {
            Failure::new("cannot tell where the witness keeps its key", "there is no HOME").hint("orchestrate witness key --home FOLDER")
        })?;
        witness::Witness::open(&folder, name)
    }
}
