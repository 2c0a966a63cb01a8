use super::super::desk::Desk;
use super::super::paint::{Cell, Paint};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::TaskLine;

/// List the tasks, where each stands and whom it waits for.
///
/// Example: orchestrate task list
#[derive(Debug, clap::Args)]
pub struct List {}

impl List {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::TaskList, |lines: &Vec<TaskLine>, paint| page(lines, paint))
    }
}

pub fn page(lines: &[TaskLine], paint: &Paint) -> String {
    let rows: Vec<Vec<Cell>> = lines.iter().map(|line| super::row(line, paint)).collect();
    if rows.is_empty() { "no tasks\nhint: orchestrate task open 'what is to be done'\n".to_owned() } else { paint.table(&rows) }
}
