use super::desk::Desk;
use super::paint::{Cell, Paint, cell};
use crate::interface::exit::{Exit, Trouble};
use crate::supervisor::door::{self, Finding};
use crate::supervisor::protocol::Response;
use std::path::Path;

/// Check what a start needs, with the fix for each lack.
///
/// Ends with 10 when a start would fail.
///
/// Example: orchestrate doctor
#[derive(Debug, clap::Args)]
pub struct Doctor {}

impl Doctor {
    pub fn run(self, desk: &Desk) -> Result<Exit, Trouble> {
        let start = desk.repo.as_deref().unwrap_or(Path::new("."));
        let repo = door::find_repository(start).or_else(|| desk.repo.clone());
        let findings = door::doctor(repo.as_deref());
        if desk.json {
            let value = serde_json::to_value(&findings).map_err(|why| Trouble::Bug(why.to_string()))?;
            desk.say_json(&Response::Done(value));
        } else {
            desk.say(&page(&findings, &desk.paint));
        }
        let sound = !findings.is_empty() && findings.iter().all(|finding| finding.ok);
        Ok(if sound { Exit::Done } else { Exit::Failed })
    }
}

fn page(findings: &[Finding], paint: &Paint) -> String {
    let row = |finding: &Finding| -> Vec<Cell> { vec![paint.mark(finding.ok), cell(&finding.name), cell(&finding.detail)] };
    let rows: Vec<Vec<Cell>> = findings.iter().map(row).collect();
    let fixes: String =
        findings.iter().filter(|finding| !finding.ok).map(|finding| format!("fix {}: {}\n", finding.name, finding.fix)).collect();
    let fixes = crate::view::text::lines(&fixes);
    let last = if findings.is_empty() { "nothing was checked\n" } else { "" };
    format!("{}{}{last}", paint.told(&rows), if fixes.is_empty() { String::new() } else { format!("\n{fixes}") })
}
