use super::super::desk::Desk;
use super::super::gate::show::gates;
use super::super::paint::{Cell, Look, Paint, cell, looking};
use crate::domain::name::TaskId;
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Request;
use crate::domain::reading::CHECK;
use crate::view::text::{count, lines, one_line};
use crate::view::{FileLine, ReviewPage};

/// Show what a word is about, with the difference.
///
/// Base, candidate, evidence, changed files, the difference, and the digest that binds them.
///
/// Example: orchestrate review show T1
#[derive(Debug, clap::Args)]
pub struct Show {
    task: TaskId,
}

impl Show {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        desk.show(&Request::ReviewShow { task: self.task }, page)
    }
}

pub fn page(page: &ReviewPage, paint: &Paint) -> String {
    let body = if page.body.trim().is_empty() { String::new() } else { paint.quote(&page.body) };
    let commits: Vec<Vec<Cell>> = page
        .commits
        .iter()
        .map(|commit| {
            let look = if commit.signature == "good" { Look::Plain } else { Look::Bad };
            vec![
                cell(commit.id.short()),
                looking(look, format!("signature {}", commit.signature)),
                cell(&commit.author),
                cell(&commit.subject),
            ]
        })
        .collect();
    [
        paint.title(&format!("{}: {}", page.task, page.title)),
        body,
        paint.told(&head(page)),
        format!("\n{}{}", paint.title("gates"), gates(&page.gates, paint)),
        format!("\n{}{}", paint.title("commits"), paint.table(&commits)),
        format!("\n{}{}", paint.title(&format!("files ({} in all)", count(page.lines, "line"))), files(&page.files, paint)),
        format!("\n{}{}\n", paint.title("difference"), difference(&page.diff, paint)),
        form(page),
    ]
    .concat()
}

/// The command to fill in: a verdict on each file, lines of the difference, and what was found.
fn form(page: &ReviewPage) -> String {
    let (task, commit) = (&page.task, page.candidate.short());
    let asked = page.gates.iter().any(|line| page.gate == Some(line.gate) && line.checks.iter().any(|check| check.check == CHECK));
    let files: Vec<String> = page.files.iter().map(|file| word(&file.path)).collect();
    let each = |option: &str| files.iter().map(|path| format!(" --{option} {path}")).collect::<String>();
    let (ok, bad) = if files.len() > 1 { (each("ok"), " --bad PATH") } else { (String::new(), "") };
    let (ok, bad, quote) = if asked { (ok, bad, " --quote '…'") } else { (String::new(), "", "") };
    format!("next: orchestrate review approve {task} --commit {commit}{ok}{quote} --note '…'\n  or: orchestrate review reject {task} --commit {commit}{bad}{quote} --note '…'\n")
}

/// A path as one word of a shell.
fn word(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-')) && !path.starts_with('-');
    if plain { path.to_owned() } else { format!("'{}'", one_line(path).replace('\'', r"'\''")) }
}

fn head(page: &ReviewPage) -> Vec<Vec<Cell>> {
    let names: Vec<&str> = page.contributors.iter().map(|seat| seat.as_str()).collect();
    let gate = page.gate.map_or("no gate", |gate| gate.as_str());
    let mut rows = vec![
        vec![cell("at"), cell(format!("{gate}, attempt {}", page.attempt))],
        vec![cell("by"), cell(names.join(", "))],
        vec![cell("base"), cell(page.base.as_str())],
        vec![cell("candidate"), cell(page.candidate.as_str())],
        vec![cell("tree"), cell(page.tree.as_str())],
        vec![cell("digest"), cell(page.digest.as_str())],
        vec![cell("risk"), cell(format!("{}, {}", page.risk, count(u64::from(page.approvals), "approval")))],
    ];
    rows.extend(page.reasons.iter().map(|why| vec![cell(""), looking(Look::Dim, format!("since {why}"))]));
    rows
}

/// The changed files with their line counts.
pub fn files(files: &[FileLine], paint: &Paint) -> String {
    let row = |file: &FileLine| {
        let size = if file.binary { "binary".to_owned() } else { format!("+{} -{}", file.added, file.deleted) };
        vec![cell(&file.what), cell(size), cell(&file.path)]
    };
    paint.table(&files.iter().map(row).collect::<Vec<_>>())
}

/// The difference as it is, coloured line by line, with nothing in it that acts on a terminal.
fn difference(diff: &str, paint: &Paint) -> String {
    let colour = |line: &str| match line.as_bytes().first() {
        Some(b'+') => paint.with(Look::Good, line),
        Some(b'-') => paint.with(Look::Bad, line),
        Some(b'@') => paint.with(Look::Dim, line),
        Some(_) | None => line.to_owned(),
    };
    if diff.is_empty() {
        return "  none was made\n".to_owned();
    }
    lines(diff).lines().map(|line| format!("{}\n", colour(line))).collect()
}
