use super::super::desk::Desk;
use super::entries;
use crate::domain::failure::Doing;
use crate::domain::name::TaskId;
use crate::domain::refusal::Refusal;
use crate::interface::exit::{Exit, Trouble};
use crate::view::receipt;
use std::path::PathBuf;

/// Write every signed statement about a task into one folder.
///
/// Test results, reviews, verdicts, voices and your confirmation as in-toto statements in DSSE envelopes, with the certificates
/// of whoever signed them. Stock gpg verifies each; the folder says how.
///
/// Example: orchestrate receipt export T1 receipts/T1
#[derive(Debug, clap::Args)]
pub struct Export {
    task: TaskId,
    /// The folder; it must not be there yet.
    #[arg(value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Of a bundle instead of the workshop that runs.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    bundle: Option<PathBuf>,
}

impl Export {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let entries = entries(desk, self.bundle.as_deref())?;
        let files = receipt::files(&entries, &self.task)
            .ok_or_else(|| Refusal::new("no-such-task", format!("there is no task {}", self.task), "orchestrate task list"))?;
        let what = format!("cannot write {}", self.folder.display());
        std::fs::create_dir(&self.folder).doing(&what)?;
        std::fs::create_dir(self.folder.join("keys")).doing(&what)?;
        for file in &files {
            std::fs::write(self.folder.join(&file.name), &file.bytes).doing(&what)?;
        }
        let statements = files.iter().filter(|file| file.name.ends_with(".dsse.json")).count();
        desk.say(&format!("{statements} statements about {} in {}\n", self.task, crate::view::text::one_line(&self.folder.to_string_lossy())));
        Ok(Exit::Done)
    }
}
