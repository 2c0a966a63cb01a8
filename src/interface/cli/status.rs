use super::desk::Desk;
use super::paint::{Cell, Look, Paint, cell, looking};
use crate::domain::freeze::who;
use crate::domain::spend::Used;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::view;
use crate::view::text::{count, span, time, word};

/// Show the whole workshop on one page.
///
/// What waits for you, the seats, the tasks, the mail, what was refused lately, and what the isolation that was seen
/// to hold does not promise.
///
/// Example: orchestrate status
#[derive(Debug, clap::Args)]
pub struct Status {}

impl Status {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::Status, page)
    }
}

pub fn page(status: &view::Status, paint: &Paint) -> String {
    [head(status, paint), waiting(status, paint), watched(status, paint), seats(status, paint), tasks(status, paint), bypasses(status, paint), deployments(status, paint), locks(status, paint), refusals(status, paint)]
        .concat()
}

fn head(status: &view::Status, paint: &Paint) -> String {
    let tip = status.tip.as_ref().map_or("nothing", |tip| tip.short());
    let branch = status.branch.as_ref().map_or("no branch", |branch| branch.as_str().trim_start_matches("refs/heads/"));
    let mail = format!("{} sent; of the copies {} are not read yet, {} read and not acknowledged", status.mail.total, status.mail.queued, status.mail.unacknowledged);
    let mut rows = vec![
        vec![cell("branch"), cell(format!("{branch} at {tip}"))],
        vec![cell("isolation"), looking(if status.level == "none" { Look::Bad } else { Look::Plain }, &status.level)],
        vec![cell("ledger"), cell(format!("{}, policy {}", entries(status.entries), status.policy.short()))],
        vec![cell("mail"), cell(mail)],
        vec![cell("since"), cell(format!("{} ({})", time(status.started), span(status.now.saturating_sub(status.started))))],
    ];
    rows.extend(status.unheard.iter().map(|text| vec![cell("alerts"), looking(Look::Bad, text)]));
    rows.extend(status.home.iter().map(|(branch, outcome)| vec![cell("home"), cell(format!("{branch}: {outcome}"))]));
    let open = status.not_promised.iter().map(|open| paint.wrapped(&format!("not promised: {open}"), 13)).collect::<String>();
    let frozen = status.frozen.as_ref().map(|freeze| frozen(freeze, paint));
    format!("{}{}{}{open}", paint.title(&format!("workshop {}", status.workshop)), frozen.unwrap_or_default(), paint.told(&rows))
}

/// Who froze it, why, and what led to it where nobody ordered it.
pub fn frozen(freeze: &view::Frozen, paint: &Paint) -> String {
    let text = format!("FROZEN by {} since {}: {}", who(&freeze.by), time(freeze.since), freeze.reason);
    let led = freeze
        .led
        .iter()
        .map(|line| paint.wrapped(&format!("entry {}: {} {} {} [{}]", line.seq, line.by, line.verb, line.why, line.code), 4));
    let agreed: Vec<&str> = freeze.agreed.iter().map(|seat| seat.as_str()).collect();
    let agreed = if agreed.is_empty() { String::new() } else { paint.wrapped(&format!("{} says that it may go on", agreed.join(", ")), 4) };
    paint.with(Look::Bad, &format!("{}{}{agreed}", paint.wrapped(&text, 2), led.collect::<String>()))
}

fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

fn section(paint: &Paint, title: &str, rows: &[Vec<Cell>], nothing: &str) -> String {
    let body = if rows.is_empty() { format!("  {}\n", paint.with(Look::Dim, nothing)) } else { paint.table(rows) };
    format!("\n{}{body}", paint.title(title))
}

fn waiting(status: &view::Status, paint: &Paint) -> String {
    let lines: String = status
        .waiting
        .iter()
        .map(|item| format!("{}{}", paint.wrapped(&item.what, 2), paint.wrapped(&format!("-> {}", item.command), 4)))
        .collect();
    if lines.is_empty() { section(paint, "waits for you", &[], "nothing") } else { format!("\n{}{lines}", paint.title("waits for you")) }
}

/// Pairs that stand out, with their numbers; nothing is said where there is none.
fn watched(status: &view::Status, paint: &Paint) -> String {
    let lines: String = status.watched.iter().map(|finding| paint.wrapped(&finding.why, 2)).collect();
    if lines.is_empty() {
        return String::new();
    }
    let rest = paint.wrapped("that proves nothing about anybody; until it changes, these changes want a reviewer from outside", 4);
    format!("\n{}{lines}{rest}", paint.title("worth a look"))
}

fn seats(status: &view::Status, paint: &Paint) -> String {
    let row = |seat: &view::SeatLine| {
        let own = used(&seat.told);
        let own = if own.is_empty() { own } else { format!("past the relay, it says: {own}") };
        let used = used(&seat.used);
        let since = if seat.since == 0 { String::new() } else { span(status.now.saturating_sub(seat.since)) };
        let tasks: Vec<&str> = seat.tasks.iter().map(|task| task.as_str()).collect();
        let mail = if seat.mail == 0 { String::new() } else { format!("{} mail", seat.mail) };
        let asked = if seat.requests == 0 { String::new() } else { format!("{} to the model", count(seat.requests, "request")) };
        let rest: Vec<String> = [seat.waits_for.clone(), tasks.join(" "), used, own, mail, asked, seat.why.clone(), after(seat, status.now)].into_iter().filter(|text| !text.is_empty()).collect();
        vec![cell(seat.seat.as_str()), cell(seat.role.as_str()), paint.seat(seat.doing), cell(since), cell(rest.join(", "))]
    };
    let rows: Vec<Vec<Cell>> = status.seats.iter().map(row).collect();
    section(paint, "seats", &rows, "none")
}

/// Tokens, and money where there are prices.
pub fn used(used: &Used) -> String {
    match (used.tokens(), used.micros) {
        (0, _) => String::new(),
        (tokens, 0) => count(tokens, "token"),
        (tokens, micros) => format!("{}, ${}.{:02}", count(tokens, "token"), micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// What follows the end of an instance.
fn after(seat: &view::SeatLine, now: u64) -> String {
    match seat.again {
        Some(at) => format!("again in {}", span(at.saturating_sub(now))),
        None if seat.given_up => "not started again".to_owned(),
        None => String::new(),
    }
}

fn tasks(status: &view::Status, paint: &Paint) -> String {
    let rows: Vec<Vec<Cell>> = status.tasks.iter().map(|line| super::task::row(line, paint)).collect();
    let done: Vec<String> = status
        .stages
        .iter()
        .filter(|stage| stage.standing.is_over())
        .map(|stage| format!("{} {}", stage.tasks, word(&stage.standing)))
        .collect();
    let title = if done.is_empty() { "tasks".to_owned() } else { format!("tasks ({})", done.join(", ")) };
    section(paint, &title, &rows, "none under way: orchestrate task open 'what is to be done'")
}

fn bypasses(status: &view::Status, paint: &Paint) -> String {
    let row = |line: &view::BypassLine| {
        let look = if line.late || !line.disputed.is_empty() { Look::Bad } else { Look::Plain };
        vec![cell(line.task.as_str()), cell(line.author.as_str()), looking(look, format!("until {}", time(line.until))), cell(line.stands.as_str())]
    };
    let rows: Vec<Vec<Cell>> = status.bypasses.iter().map(row).collect();
    if rows.is_empty() { String::new() } else { section(paint, "round the gates", &rows, "") }
}

fn deployments(status: &view::Status, paint: &Paint) -> String {
    let rows = super::deploy::rows(&status.deployments);
    if rows.is_empty() { String::new() } else { section(paint, "deployments", &rows, "") }
}

fn locks(status: &view::Status, paint: &Paint) -> String {
    let rows = super::lock::rows(&status.locks);
    if rows.is_empty() { String::new() } else { section(paint, "locks", &rows, "") }
}

fn refusals(status: &view::Status, paint: &Paint) -> String {
    let row = |refusal: &view::RefusalLine| {
        let since = span(status.now.saturating_sub(refusal.time));
        vec![cell(since), cell(refusal.by.to_string()), cell(&refusal.verb), cell(format!("{} [{}]", refusal.why, refusal.code))]
    };
    let rows: Vec<Vec<Cell>> = status.refusals.iter().map(row).collect();
    if status.refused == 0 {
        return String::new();
    }
    section(paint, &format!("refused ({})", count(status.refused, "time")), &rows, "")
}
