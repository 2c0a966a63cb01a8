mod remove;
mod setup;

use super::desk::Desk;
use super::paint::{Cell, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::{self, User};
use crate::supervisor::protocol::Response;
use std::path::{Path, PathBuf};

/// Give each seat a unix user of its own, or take it away.
///
/// What isolation level `users` needs, and only root can do: a hole in the sandbox then leads to a user that owns one seat's files and nothing else.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: orchestrate users setup /path/to/repo")]
pub enum Users {
    Setup(setup::Setup),
    Remove(remove::Remove),
}

impl Users {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        match self {
            Self::Setup(command) => command.run(desk),
            Self::Remove(command) => command.run(desk),
        }
    }
}

/// The repository that is meant: the one named, or the one that holds the current folder.
fn repository(desk: &Desk, named: Option<PathBuf>) -> Result<PathBuf, Trouble> {
    let start = named.or_else(|| desk.repo.clone()).unwrap_or_else(|| Path::new(".").to_owned());
    door::find_repository(&start).ok_or_else(|| Trouble::usage("no repository was named", "sudo orchestrate users setup <repo>"))
}

fn show(desk: &Desk, users: &[User], next: &str) -> Result<Exit, Trouble> {
    if desk.json {
        desk.say_json(&Response::Done(serde_json::to_value(users).map_err(|why| Trouble::Bug(why.to_string()))?));
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<Cell>> =
        users.iter().map(|user| vec![cell(user.seat.to_string()), cell(user.account.as_str()), cell(user.number.to_string())]).collect();
    desk.say(&format!("{}{next}\n", desk.paint.table(&rows)));
    Ok(Exit::Done)
}
