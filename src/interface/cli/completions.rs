use super::desk::Desk;
use crate::interface::exit::{Exit, Trouble};

/// Print completions for a shell.
///
/// Example: orchestrate completions bash > ~/.local/share/bash-completion/completions/orchestrate
#[derive(Debug, clap::Args)]
pub struct Completions {
    shell: clap_complete::Shell,
}

impl Completions {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::tree(), "orchestrate", &mut script);
        desk.say(&String::from_utf8_lossy(&script));
        Ok(Exit::Done)
    }
}
