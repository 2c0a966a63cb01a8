use super::super::desk::Desk;
use super::super::paint::{Paint, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::MotionLine;

/// List motions, and how each stands.
///
/// Of those that are not decided, what is to be decided is shown in full.
///
/// Example: orchestrate motion list
#[derive(Debug, clap::Args)]
pub struct List {}

impl List {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::MotionList, |lines: &Vec<MotionLine>, paint| page(lines, paint))
    }
}

fn page(lines: &[MotionLine], paint: &Paint) -> String {
    let row = |line: &MotionLine| {
        let said = |wanted: bool| line.voices.iter().filter(|(_, accept)| *accept == wanted).map(|(seat, _)| seat.as_str()).collect::<Vec<_>>().join(", ");
        let task = line.task.as_ref().map_or_else(String::new, |task| format!("{task}: "));
        let (yes, no) = (format!("yes: {}", said(true)), format!("no: {}", said(false)));
        vec![cell(format!("M{}", line.motion)), cell(&line.standing), cell(&line.matter), cell(format!("{task}{}", line.title)), cell(yes), cell(no)]
    };
    if lines.is_empty() {
        return "nothing was put to anybody\n".to_owned();
    }
    let told = |line: &&MotionLine| !line.body.trim().is_empty();
    let bodies = lines.iter().filter(told).map(|line| format!("\n{}{}", paint.title(&format!("M{}", line.motion)), paint.quote(&line.body)));
    format!("{}{}", paint.table(&lines.iter().map(row).collect::<Vec<_>>()), bodies.collect::<String>())
}
