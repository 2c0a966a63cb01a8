//! What a person reads: a line per attack as it ends, and what it comes to.

use super::{Line, Report};
use crate::domain::attack::Outcome;
use crate::domain::isolation::Isolation;
use crate::interface::cli::desk::Desk;
use crate::interface::cli::paint::{Look, Paint, cell, looking};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::AttackRow;
use crate::supervisor::protocol::Response;
use crate::view::text::{count, one_line};
use serde_json::json;
use std::cell::Cell;
use std::io::Write as _;

/// The catalogue, nothing tried.
pub fn list(desk: &Desk, rows: &[AttackRow]) -> Result<Exit, Trouble> {
    if desk.json {
        let row = |row: &AttackRow| {
            let attack = &row.attack;
            json!({"group": row.group, "id": attack.id, "about": attack.about, "level": attack.level, "seat": attack.seat,
                "tried": attack.script.trim(), "expected": attack.expected()})
        };
        desk.say_json(&Response::Done(json!({"attacks": rows.iter().map(row).collect::<Vec<_>>()})));
        return Ok(Exit::Done);
    }
    let row = |row: &AttackRow| {
        let attack = &row.attack;
        vec![cell(row.group), cell(&attack.id), looking(Look::Dim, attack.level.as_str()), cell(&attack.about)]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    desk.say(&desk.paint.told(&rows));
    Ok(Exit::Done)
}

/// Tells a person each attack as it ends.
pub struct Teller<'a> {
    pub desk: &'a Desk,
    /// The answer comes as a whole, at the end.
    pub quiet: bool,
    pub unheard: Cell<bool>,
}

impl Teller<'_> {
    fn say(&self, text: &str) {
        if !self.quiet {
            self.finish(text);
        }
    }

    /// A reader that went away does not end the command: what runs has to be removed, and the exit code is an answer too.
    pub fn finish(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        if !self.unheard.get() && out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.unheard.set(true);
        }
    }

    pub fn head(&self, observed: Isolation, rows: usize) {
        let attacks = count(rows as u64, "attack");
        self.say(&self.desk.paint.title(&format!("{attacks} from inside a throw-away seat; isolation level {observed}, as observed.")));
    }

    /// One attack: what was tried, and what happened; where it is not as it should be, what was expected too.
    pub fn told(&self, line: &Line) {
        let paint = &self.desk.paint;
        let (look, word) = mark(line.outcome);
        let name = format!("{} {}", line.group, line.id);
        self.say(&format!("{}  {name:<9} {}\n", paint.with(look, &format!("{word:<10}")), one_line(&line.about)));
        let happened = paint.wrapped(&one_line(&line.happened), 22);
        self.say(&format!("{}\n", paint.with(Look::Dim, happened.trim_end_matches('\n'))));
        if matches!(line.outcome, Outcome::Through | Outcome::Unjudged) {
            self.say(&paint.wrapped(&format!("tried: {}", one_line(&line.tried)), 22));
            self.say(&paint.wrapped(&format!("expected: {}", one_line(&line.expected)), 22));
        }
    }
}

fn mark(outcome: Outcome) -> (Look, &'static str) {
    match outcome {
        Outcome::Refused => (Look::Good, "refused"),
        Outcome::Open => (Look::Wait, "open"),
        Outcome::NotPromised => (Look::Dim, "stopped"),
        Outcome::Through => (Look::Bad, "THROUGH"),
        Outcome::Unjudged => (Look::Bad, "NOT JUDGED"),
    }
}

/// What it comes to. What is not green is named, each one.
pub fn summary(report: &Report, paint: &Paint) -> String {
    let seconds = report.milliseconds / 1000;
    let mut text = format!("\n{} refused at level {}, in {seconds} s\n", count(report.refused as u64, "attack"), report.level);
    let groups = [
        (Look::Bad, "got through", &report.through),
        (Look::Bad, "could not be judged", &report.unjudged),
        (Look::Wait, "open at this level", &report.open),
        (Look::Dim, "stopped, but not promised at this level", &report.not_promised),
    ];
    for (look, what, names) in groups.into_iter().filter(|(_, _, names)| !names.is_empty()) {
        text.push_str(&paint.with(look, &format!("{} {what}:", names.len())));
        text.push('\n');
        text.push_str(&paint.wrapped(&names.join(", "), 2));
    }
    let verdict = match report.ok {
        true => paint.with(Look::Good, "everything that was tried was refused"),
        false => paint.with(Look::Bad, "not everything that was tried was refused"),
    };
    format!("{text}{verdict}\n")
}
