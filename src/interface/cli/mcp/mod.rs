mod resources;
mod server;
mod tools;

use super::desk::Desk;
use crate::domain::failure::Doing as _;
use crate::interface::exit::{Exit, Trouble};

/// Offer the commands as tools to an agent's client.
///
/// It speaks the Model Context Protocol on standard input and output. Its tools are these commands, with their arguments and their answers as `--json` gives them: whoever asks through
/// it is the seat whose socket is there, as on the command line. A refusal is an error with its code. Each task is a resource, `orchestrate://task/T1`.
///
/// Example: orchestrate mcp
#[derive(Debug, clap::Args)]
pub struct Mcp {}

impl Mcp {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("cannot start the server")?;
        let outcome = runtime.block_on(server::serve(desk.repo.clone()));
        // A tool that still waits for the supervisor has nobody to answer any more.
        runtime.shutdown_background();
        outcome.map(|()| Exit::Done).map_err(Trouble::from)
    }
}
