use super::super::desk::Desk;
use super::super::gate;
use super::super::paint::{Cell, Look, Paint, cell, looking};
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::TaskPage;
use crate::view::text::{count, time};

/// Show one task with its newest candidate and its gates.
///
/// Example: orchestrate task show T1
#[derive(Debug, clap::Args)]
pub struct Show {
    task: TaskId,
}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::TaskShow { task: self.task }, page)
    }
}

pub fn page(task: &TaskPage, paint: &Paint) -> String {
    let body = if task.body.trim().is_empty() { String::new() } else { paint.quote(&task.body) };
    let gates =
        if task.gates.is_empty() { String::new() } else { format!("\n{}{}", paint.title("gates"), gate::show::gates(&task.gates, paint)) };
    let turn = gate::show::turn(&task.turn, paint);
    format!("{}{body}{}{gates}\n{turn}", paint.title(&format!("{}: {}", task.task, task.title)), paint.told(&rows(task, paint)))
}

fn rows(task: &TaskPage, paint: &Paint) -> Vec<Vec<Cell>> {
    let author = task.author.as_ref().map_or("nobody yet", |author| author.as_str());
    let mut rows = vec![
        vec![cell("stands at"), paint.standing(task.standing)],
        vec![cell("opened"), cell(format!("by {}, {}", task.opened_by, time(task.opened)))],
        vec![cell("author"), cell(author)],
    ];
    rows.extend(task.veto.iter().map(|(by, why)| vec![cell("vetoed"), looking(Look::Bad, format!("by {by}: {why}"))]));
    rows.extend(task.merged.iter().map(|commit| vec![cell("merged"), looking(Look::Good, format!("as {}", commit.short()))]));
    rows.extend(task.attempt.iter().flat_map(attempt));
    rows.extend(task.confirm.iter().filter(|confirm| confirm.needed).map(|confirm| {
        let said = if confirm.confirmed { "given" } else { "awaited" };
        vec![cell("owner's word"), cell(format!("{said}, for digest {}", confirm.digest.short()))]
    }));
    rows
}

fn attempt(attempt: &crate::view::AttemptPage) -> Vec<Vec<Cell>> {
    let names: Vec<&str> = attempt.contributors.iter().map(|seat| seat.as_str()).collect();
    let mut rows = vec![vec![cell("candidate"), cell(format!("{}, attempt {}", attempt.commit.short(), attempt.number))]];
    if let Some(measured) = &attempt.measured {
        let size = format!("{}, {}", count(measured.lines, "line"), count(measured.files, "file"));
        let owner = if measured.owner { " and the owner" } else { "" };
        rows.push(vec![cell("change"), cell(format!("{size}, risk {}, base {}", measured.risk, measured.base.short()))]);
        rows.push(vec![cell("needs"), cell(format!("{}{owner}", count(u64::from(measured.approvals), "approval")))]);
        rows.extend(measured.reasons.iter().map(|why| vec![cell(""), looking(Look::Dim, format!("since {why}"))]));
        rows.extend(measured.denied.iter().map(|why| vec![cell("denied"), looking(Look::Bad, why)]));
        rows.push(vec![cell("contributors"), cell(names.join(", "))]);
    } else {
        rows.push(vec![cell("change"), cell("not measured yet")]);
    }
    rows.extend(attempt.stalled.iter().map(|why| vec![cell("stalled"), looking(Look::Bad, why)]));
    rows.extend(attempt.back.iter().map(|(gate, why)| vec![cell("came back"), looking(Look::Bad, format!("from {gate}: {why}"))]));
    rows
}
