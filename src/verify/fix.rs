//! Where a fix started again: on top of what a gate sent back, of the size that is said, at the gate that the size asks for.

use super::history::{Attempt, History, Judged, Measured};
use super::problems::Problems;
use super::roster::Roster;
use crate::domain::change::{Change, FileChange};
use crate::domain::check::Verdict;
use crate::domain::fix::{self, Fix};
use crate::domain::gate::GateName;
use std::collections::BTreeMap;

/// Judges every attempt that did not begin at its first gate.
pub(super) fn judge(roster: &Roster<'_>, history: &History<'_>, problems: &mut Problems) {
    for (task, known) in &history.tasks {
        for (number, attempt) in &known.attempts {
            let Some((measured, fix)) = attempt.measured.as_ref().and_then(|measured| Some((measured, measured.fix?))) else { continue };
            let before = known.attempts.get(&fix.of).filter(|_| fix.of.checked_add(1) == Some(*number));
            let before = before.filter(|before| !known.released.iter().any(|seq| before.submitted.is_some_and(|(from, _)| (from..measured.seq).contains(seq))));
            if let Err(why) = before.ok_or_else(|| "it is not of the attempt before it, by who has the task".to_owned()).and_then(|before| fits(roster, measured, fix, before)) {
                problems.entry(measured.seq, format_args!("attempt {number} of {task} starts again at {}: {why}", fix.starts));
            }
        }
    }
}

fn fits(roster: &Roster<'_>, measured: &Measured<'_>, fix: &Fix, before: &Attempt<'_>) -> Result<(), String> {
    let earlier = before.measured.as_ref().ok_or("the attempt before it was never measured")?;
    let no = before.judged.iter().rev().find(|judged| !judged.pass && judged.seq < measured.seq).ok_or("no gate had said no")?;
    let only = before.back.iter().all(|seq| *seq == no.seq + 1 || *seq > measured.seq);
    let rules = roster.rules(measured.seq);
    let small = rules.charter.policy.review.fix_lines;
    let wanted = fix::start(came_from(roster, earlier, no), fix.lines, small);
    let (old, new) = (earlier.change, measured.change);
    let added = new.commits.get(..old.commits.len()).is_some_and(|begin| begin.iter().map(|commit| &commit.id).eq(old.commits.iter().map(|commit| &commit.id)));
    let (least, untold) = least(old, new, fix);
    match () {
        () if !only => Err("something else than a gate's no had sent it back".to_owned()),
        () if roster.rules(no.seq).digest != rules.digest => Err("the charter was another one when it came back".to_owned()),
        () if !added || old.base != new.base => Err("it does not stand on the candidate that came back".to_owned()),
        () if untold.is_some() => Err(format!("{} is not the same, and the fix does not name it", untold.unwrap_or_default())),
        () if fix.lines < least => Err(format!("it changes {least} lines at least, and says {}", fix.lines)),
        () if wanted != Some(fix.starts) => Err(format!("the charter lets it start at {}", wanted.map_or("its first gate", GateName::as_str))),
        () => Ok(()),
    }
}

/// The gate that said no: where a check of a gate that was left out did, it was that gate.
fn came_from(roster: &Roster<'_>, measured: &Measured<'_>, no: &Judged<'_>) -> GateName {
    let charter = &roster.rules(no.seq).charter;
    let mut checks = no.checks.iter();
    let gates = fix::judged_at(&measured.needs.gates, measured.fix, no.gate).into_iter();
    let mut said_no = gates.filter(|gate| {
        let own: Vec<_> = checks.by_ref().take(charter.gate(*gate).checks.len()).collect();
        own.iter().any(|(_, verdict)| matches!(verdict, Verdict::Fail(_)))
    });
    said_no.next().unwrap_or(no.gate)
}

/// How many lines the fix has at the least, by both measurements, and a path that it changes without a word.
fn least(old: &Change, new: &Change, fix: &Fix) -> (u64, Option<String>) {
    let by_path = |change: &'_ Change| -> BTreeMap<String, FileChange> { change.files.iter().map(|file| (file.path.clone(), file.clone())).collect() };
    let (mut before, after) = (by_path(old), by_path(new));
    let mut lines = 0;
    let mut untold = None;
    let pairs: Vec<_> = after.into_iter().map(|(path, file)| (before.remove(&path), Some(file))).collect();
    for (was, is) in pairs.into_iter().chain(before.into_values().map(|file| (Some(file), None))) {
        let content = |file: &Option<FileChange>, base: &Option<FileChange>| file.as_ref().map_or_else(|| base.as_ref().and_then(|base| base.old.clone()), |file| file.new.clone());
        if content(&was, &is) == content(&is, &was) {
            continue;
        }
        // What is no text has no lines that could be compared with lines.
        let text = |file: &Option<FileChange>| file.as_ref().is_none_or(|file| !file.binary);
        let net = |file: &Option<FileChange>| file.as_ref().filter(|_| text(&was) && text(&is)).map_or(0, |file| i128::from(file.added) - i128::from(file.deleted));
        lines += u64::try_from((net(&is) - net(&was)).unsigned_abs()).unwrap_or(u64::MAX);
        let path = is.or(was).map(|file| file.path).unwrap_or_default();
        if !fix.paths.contains(&path) {
            untold = Some(path);
        }
    }
    (lines, untold)
}
