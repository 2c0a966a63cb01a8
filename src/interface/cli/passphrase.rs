//! Where a passphrase comes from: a descriptor, a file, systemd, or the person at the terminal.

use super::prompt;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::Passphrase;
use std::path::PathBuf;

/// The options by which a passphrase is given.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// Read the passphrase of the workshop's keys from this open descriptor.
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file")]
    passphrase_fd: Option<u32>,
    /// Read the passphrase of the workshop's keys from this file, which only you can read.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    passphrase_file: Option<PathBuf>,
}

impl Source {
    /// What was given without asking anyone; systemd's credential `orchestrate-passphrase` comes last.
    pub fn given(&self) -> Result<Option<Passphrase>, Trouble> {
        match (self.passphrase_fd, &self.passphrase_file) {
            (Some(number), _) => Ok(Some(Passphrase::of_descriptor(number)?)),
            (None, Some(path)) => Ok(Some(Passphrase::of_file(path)?)),
            (None, None) => Ok(Passphrase::of_systemd()?),
        }
    }

    /// What was given, or typed; there has to be one.
    pub fn wanted(&self, twice: bool) -> Result<Passphrase, Trouble> {
        let asked = || if twice { chosen("Passphrase for the workshop's keys: ") } else { asked() };
        let found = self.given()?.map_or_else(asked, |given| Ok(Some(given)))?;
        found
            .ok_or_else(|| Trouble::usage("no passphrase was given", "--passphrase-file FILE, --passphrase-fd N, or type it at a terminal"))
    }
}

/// The passphrase of sealed keys, where there is somebody to type it.
pub fn asked() -> Result<Option<Passphrase>, Trouble> {
    let typed = prompt::secret("Passphrase of the workshop's keys: ")?;
    Ok(typed.filter(|text| !text.is_empty()).map(|text| Passphrase::new(&text)).transpose()?)
}

/// A new passphrase, typed twice; nothing where nothing is typed, or nobody is there.
pub fn chosen(question: &str) -> Result<Option<Passphrase>, Trouble> {
    let Some(first) = prompt::secret(question)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let again = prompt::secret("The same again: ")?;
    if again.as_deref() != Some(&*first) {
        return Err(Trouble::usage("the two passphrases differ", "type the same one twice"));
    }
    Ok(Some(Passphrase::new(&first)?))
}

/// How a command that changed the keys ends.
pub fn told(desk: &super::desk::Desk, outcome: String) -> Result<Exit, Trouble> {
    let value = serde_json::json!({ "outcome": outcome });
    desk.print::<serde_json::Value>(value, |value, _| format!("{}\n", value["outcome"].as_str().unwrap_or_default()))
}
