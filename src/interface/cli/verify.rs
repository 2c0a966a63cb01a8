use super::desk::Desk;
use super::ledger::checkpoint;
use super::paint::{Look, Paint};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::protocol::Response;
use crate::verify::{CommitReport, Pins, Report};
use crate::view::text::{count, one_line};
use std::path::PathBuf;

/// Judge a whole history offline, with no supervisor.
///
/// Every merge of a clone against an exported bundle. Says what each merge went through. Ends with 1 and named reasons when anything does not hold.
///
/// Example: orchestrate verify ./clone --bundle history.bundle
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// An ordinary clone of the repository.
    #[arg(value_hint = clap::ValueHint::DirPath)]
    clone: PathBuf,
    /// The file that `orchestrate bundle` wrote.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    bundle: PathBuf,
    /// The fingerprint of the owner's key, known to you from elsewhere; else the bundle's own word is taken for it.
    #[arg(long, value_name = "FINGERPRINT")]
    owner: Option<String>,
    /// Explain this commit only: the merge that it is or that let it in, or that it stood there before. The whole history is judged all the same.
    #[arg(long, value_name = "OID")]
    commit: Option<String>,
    /// The key of a witness who must have seen every merge (`orchestrate witness key`); may be given again.
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// A file with a checkpoint that was kept, such as a mailed report; may be given again.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    seen: Vec<PathBuf>,
    /// An archive into which bodies of messages were put away (`orchestrate ledger seal`); may be given again.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    archive: Vec<PathBuf>,
}

impl Verify {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let seen = self.seen.iter().map(|file| checkpoint(file)).collect::<Result<_, _>>()?;
        let archives = self.archive.iter().map(|file| crate::verify::load_archive(file)).collect::<Result<_, _>>()?;
        let pins = Pins { owner: self.owner, witnesses: self.witness, seen, archives };
        let mut report = crate::verify::run_pinned(&self.clone, &self.bundle, &pins)?;
        if let Some(commit) = &self.commit {
            crate::verify::narrow(&mut report, &self.clone, commit)?;
        }
        let exit = if report.ok && report.problems.is_empty() { Exit::Done } else { Exit::Refused };
        if desk.json {
            let value = serde_json::to_value(&report).map_err(|why| Trouble::Bug(why.to_string()))?;
            desk.say_json(&Response::Done(value));
        } else {
            desk.say(&page(&report, exit, &desk.paint));
        }
        Ok(exit)
    }
}

/// What was looked at, what each merge went through, what is wrong, and the verdict last; a report with problems is never green.
fn page(report: &Report, exit: Exit, paint: &Paint) -> String {
    let lines: String = report.lines.iter().map(|line| format!("{}\n", one_line(line))).collect();
    let commits: String = report.commits.iter().map(|commit| merge(commit, paint)).collect();
    let problems = &report.problems;
    let problems_text: String = problems.iter().map(|problem| format!("  {}\n", paint.with(Look::Bad, &one_line(problem)))).collect();
    let verdict = match exit {
        Exit::Done if report.sealed > 0 => {
            let away = count(report.sealed, "message");
            format!("{}, but for {away} that nobody could judge: put away", paint.with(Look::Good, "the history holds"))
        }
        Exit::Done => paint.with(Look::Good, "the history holds"),
        _ => paint.with(Look::Bad, &format!("the history does NOT hold: {}", count(problems.len().max(1) as u64, "problem"))),
    };
    format!("{lines}{commits}{problems_text}{verdict}\n")
}

fn merge(commit: &CommitReport, paint: &Paint) -> String {
    let short: String = commit.commit.chars().take(10).collect();
    let absent = if commit.present { "" } else { " (not in this clone)" };
    let head = format!("{}  {}, by {}, merged as {short}{absent}", commit.task, commit.title, commit.author);
    let gates: String = commit.gates.iter().map(|gate| paint.wrapped(gate, 2)).collect();
    format!("\n{}{gates}{}\n", paint.title(&head), paint.wrapped(&format!("words: {}", commit.reviewers.join(", ")), 2))
}
