//! The history on a plain clone, judged offline; and the same with one byte changed.

use super::super::desk::Desk;
use crate::domain::failure::{Doing as _, Failure};
use crate::interface::exit::Trouble;
use crate::supervisor::door::{self, DemoStage};
use crate::supervisor::protocol::Request;
use crate::verify::{self, Report};
use crate::view::answer::Written;
use serde::Serialize;
use std::path::Path;

/// What stands before a reviewer's own words in an entry.
const NOTE: &[u8] = b"\"accept\":true,\"note\":\"";
/// The bit between a small letter and a capital one.
const CASE: u8 = 0x20;

/// What was shown.
#[derive(Debug, Serialize)]
pub struct Proof {
    pub bundle: String,
    pub clone: String,
    pub entries: u64,
    pub commits: usize,
    /// The byte that was changed, and what the judge says of it.
    pub changed: usize,
    pub found: Vec<String>,
    #[serde(skip)]
    pub lines: Vec<String>,
}

/// Exports the history, judges it on a plain clone, and judges a forgery of it; the first has to hold, the second must not.
pub fn prove(desk: &Desk, stage: &DemoStage) -> Result<Proof, Trouble> {
    let (bundle, clone) = (stage.folder.join("history.bundle"), stage.folder.join("clone"));
    let written: Written = desk.read(&Request::Bundle { path: bundle.display().to_string() })?;
    door::plain_clone(&stage.project, &clone)?;
    let report = verify::run(&clone, &bundle, None)?;
    holds(&report)?;
    let forged = stage.folder.join("forged.bundle");
    let changed = forge(&bundle, &forged)?;
    let found = caught(&verify::run(&clone, &forged, None)?)?;
    let mut lines = vec![
        format!("a plain clone and a bundle of {} entries ({} bytes): the history holds", written.entries, written.bytes),
        format!("the same with one letter of a reviewer's note changed (byte {changed}): the history does NOT hold"),
    ];
    lines.extend(found.iter().map(|why| format!("- {why}")));
    let text = |path: &Path| path.display().to_string();
    Ok(Proof { bundle: text(&bundle), clone: text(&clone), entries: written.entries, commits: report.commits.len(), changed, found, lines })
}

fn holds(report: &Report) -> Result<(), Failure> {
    match (report.ok, report.commits.iter().filter(|commit| commit.present).count()) {
        (true, 1..) => Ok(()),
        (true, _) => Err(Failure::new("the history does not hold", "the merge is not in the clone")),
        (false, _) => Err(Failure::new("the history does not hold", report.problems.join("; "))),
    }
}

fn caught(report: &Report) -> Result<Vec<String>, Failure> {
    let unseen = || Failure::new("a changed byte went unseen", "the judge has no complaint about the forged bundle");
    if report.ok || report.problems.is_empty() { Err(unseen()) } else { Ok(report.problems.clone()) }
}

/// Changes the first letter of the first reviewer's note from small to capital, or back; gives its place.
fn forge(from: &Path, to: &Path) -> Result<usize, Failure> {
    let mut bytes = std::fs::read(from).doing(format!("cannot read {}", from.display()))?;
    let found = bytes.windows(NOTE.len()).position(|window| window == NOTE).map(|at| at + NOTE.len());
    let letter = found.and_then(|at| bytes.get_mut(at)).filter(|byte| byte.is_ascii_alphabetic());
    match (found, letter) {
        (Some(at), Some(letter)) => {
            *letter ^= CASE;
            std::fs::write(to, bytes).doing(format!("cannot write {}", to.display())).map(|()| at)
        }
        (None, _) | (_, None) => Err(Failure::new("cannot change a byte of the bundle", "no reviewer's note was found in it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgery_differs_in_one_byte() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&from, b"x\n{\"accept\":true,\"note\":\"read it\"}\n").unwrap();
        let at = forge(&from, &to).unwrap();
        let (old, new) = (std::fs::read(&from).unwrap(), std::fs::read(&to).unwrap());
        assert_eq!((old[at], new[at]), (b'r', b'R'));
        assert_eq!(old.iter().zip(&new).filter(|(a, b)| a != b).count(), 1);
        std::fs::write(&from, b"nothing here").unwrap();
        assert!(forge(&from, &to).is_err());
    }

    #[test]
    fn an_empty_history_and_a_silent_judge_are_failures() {
        let good = Report { ok: true, ..Report::default() };
        assert!(holds(&good).is_err());
        assert!(caught(&good).is_err());
        let bad = Report { problems: vec!["entry 3: …".to_owned()], ..Report::default() };
        assert_eq!(caught(&bad).unwrap(), ["entry 3: …"]);
    }
}
