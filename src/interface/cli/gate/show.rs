use super::super::desk::Desk;
use super::super::paint::{Cell, Look, Paint, cell, looking};
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view::text::word;
use crate::view::turn::Turn;
use crate::view::{GateLine, GatePage, GateState, RunLine, Standing, Word};

/// Show a task's way through the gates.
///
/// Every check with what it saw, the test runs, who was drawn and who has spoken. What was not judged is said first. With --wait the exit code tells where it stands: 0 merged, 1 came back or
/// vetoed, 3 waits, 4 frozen.
///
/// Example: orchestrate gate show T1 --wait 300
#[derive(Debug, clap::Args)]
pub struct Show {
    task: TaskId,
    /// Wait at most so long for the task to leave its stage.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u32>,
}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let Some(seconds) = self.wait else {
            return desk.show(&Request::GateShow { task: self.task }, page);
        };
        let value = desk.ask(&Request::GateWait { task: self.task, seconds })?;
        let seen: GatePage = serde_json::from_value(value.clone()).map_err(|why| Trouble::Bug(format!("no gate page: {why}")))?;
        desk.print(value, page)?;
        Ok(ended(&seen))
    }
}

/// Where a followed task came to rest, as an exit code.
pub fn ended(page: &GatePage) -> Exit {
    match page.standing {
        Standing::Merged => Exit::Done,
        Standing::Back | Standing::Vetoed => Exit::Refused,
        _ if page.turn.next == "orchestrate thaw" => Exit::Frozen,
        _ => Exit::Waiting,
    }
}

pub fn page(page: &GatePage, paint: &Paint) -> String {
    let commit =
        page.commit.as_ref().map_or("nothing submitted".to_owned(), |commit| format!("attempt {}, {}", page.attempt, commit.short()));
    let unjudged = if page.unjudged.is_empty() { String::new() } else { paint.with(Look::Wait, &paint.wrapped(&page.unjudged, 2)) };
    let exempt: Vec<&str> = page.not_needed.iter().map(|gate| gate.as_str()).collect();
    let exempt =
        if exempt.is_empty() { String::new() } else { paint.wrapped(&format!("not asked of this change: {}", exempt.join(", ")), 2) };
    let runs = if page.runs.is_empty() {
        String::new()
    } else {
        format!("\n{}{}", paint.title("test runs, by the supervisor's own runner"), runs(&page.runs, paint))
    };
    let merged = page.merged.as_ref().map(|commit| format!("  merged as {}\n", commit.short())).unwrap_or_default();
    format!(
        "{}  {commit}\n{unjudged}{}{exempt}{runs}\n{merged}{}",
        paint.title(&format!("{}: {}", page.task, page.title)),
        gates(&page.gates, paint),
        turn(&page.turn, paint)
    )
}

pub fn turn(turn: &Turn, paint: &Paint) -> String {
    let next = if turn.next.is_empty() { String::new() } else { format!("  next: {}\n", crate::view::text::one_line(&turn.next)) };
    format!("{}{next}", paint.wrapped(&format!("waits for {}", turn.what), 2))
}

/// The gates with their checks and judges, one block each.
pub fn gates(gates: &[GateLine], paint: &Paint) -> String {
    gates.iter().map(|gate| block(gate, paint)).collect()
}

fn block(gate: &GateLine, paint: &Paint) -> String {
    let why = match gate.state {
        GateState::NotJudged => gate.about.clone(),
        GateState::At | GateState::Passed | GateState::Failed => gate.why.clone(),
    };
    let name = looking(Look::Bold, format!("{:<6}", gate.gate.as_str()));
    let judge = |judge: &crate::view::Judge| {
        let word = match judge.word {
            Word::Awaited => looking(Look::Wait, "has not spoken"),
            Word::Accepts => looking(Look::Good, "accepts"),
            Word::Rejects => looking(Look::Bad, "rejects"),
        };
        vec![cell("   "), cell(format!("{:<6}", "drawn")), cell(judge.seat.as_str()), word]
    };
    let check =
        |check: &crate::view::CheckLine| vec![cell("   "), padded(paint.verdict(&check.verdict)), cell(&check.check), cell(&check.why)];
    let checks: Vec<Vec<Cell>> = gate.checks.iter().map(check).collect();
    let judges: Vec<Vec<Cell>> = gate.judges.iter().map(judge).collect();
    let head = paint.told(&[vec![paint.gate(gate.state).wide(12), name, cell(why)]]);
    format!("{head}{}{}", paint.told(&checks), paint.told(&judges))
}

fn padded(cell: Cell) -> Cell {
    cell.wide(6)
}

fn runs(runs: &[RunLine], paint: &Paint) -> String {
    let row = |run: &RunLine| {
        let seconds = format!("{}.{} s", run.milliseconds / 1000, run.milliseconds % 1000 / 100);
        let tests = format!("{} passed, {} failed, {} broken, {} skipped", run.passed, run.failed, run.broken, run.skipped);
        let total = run.passed + run.failed + run.broken + run.skipped;
        let tests = if total == 0 { format!("no tests seen: {}", run.note) } else { tests };
        vec![cell(run.kind.word()), cell(&run.harness), cell(word(&run.completion)), cell(seconds), cell(tests)]
    };
    paint.told(&runs.iter().map(row).collect::<Vec<_>>())
}
