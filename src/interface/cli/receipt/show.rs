use super::super::desk::Desk;
use super::entries;
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::view::receipt;
use std::path::PathBuf;

/// Tell what a merge commit went through, for people.
///
/// From the record of the workshop that runs, or of a bundle. It shows; it does not judge: that is `orchestrate verify`.
///
/// Example: orchestrate receipt show 7f03127476
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The commit on the protected branch; the first seven digits are enough.
    commit: String,
    /// Of a bundle instead of the workshop that runs.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    bundle: Option<PathBuf>,
}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let entries = entries(desk, self.bundle.as_deref())?;
        let page = receipt::page(&entries, &self.commit).ok_or_else(|| {
            let why = format!("the record knows no merge {}", self.commit);
            Refusal::new("no-such-merge", why, "orchestrate task list")
        })?;
        desk.say(&page);
        Ok(Exit::Done)
    }
}
