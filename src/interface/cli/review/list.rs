use super::super::desk::Desk;
use super::super::paint::{Cell, Paint, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::ReviewLine;
use crate::view::text::count;

/// List what waits for your word.
///
/// Example: orchestrate review list
#[derive(Debug, clap::Args)]
pub struct List {}

impl List {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::ReviewList, |lines: &Vec<ReviewLine>, paint| page(lines, paint))
    }
}

pub fn page(lines: &[ReviewLine], paint: &Paint) -> String {
    let row = |line: &ReviewLine| -> Vec<Cell> {
        let size = format!("{}, {}, {}", count(line.lines, "line"), count(line.files, "file"), line.risk);
        let when = if line.ready { "" } else { " (not yet: its test run is not over, or all is frozen)" };
        let author = line.author.as_ref().map_or("-", |author| author.as_str());
        vec![cell(line.task.as_str()), cell(line.gate.as_str()), cell(author), cell(size), cell(format!("{}{when}", line.title))]
    };
    let rows: Vec<Vec<Cell>> = lines.iter().map(row).collect();
    let next: String = lines.iter().filter(|line| line.ready).map(|line| format!("next: {}\n", line.next)).collect();
    if rows.is_empty() { "nothing waits for your word\n".to_owned() } else { format!("{}{next}", paint.table(&rows)) }
}
