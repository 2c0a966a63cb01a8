//! The tests run the lines that a change brings, measured on the merge result.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, finished, some};
use crate::domain::gate::GateName;
use crate::domain::policy::Covered;
use crate::domain::run::Run;

pub const LINES_COVERED: Check = Check {
    name: "lines-covered",
    gate: GateName::Qa,
    about: "The tests run as many of the lines that the change brings as its risk asks for, where the language has a tool that tells.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let Some(asked) = evidence.covered.filter(|_| evidence.needs.gates.contains(&GateName::Red)) else {
        return Ok(Verdict::Exempt("no lines are counted for this kind of change".to_owned()));
    };
    let tree = evidence.merge_tree.ok_or_else(|| Verdict::Wait("there is no merge result yet".to_owned()))?;
    Ok(of(finished(evidence.cover_run, Some(tree), "which lines run")?, asked))
}

/// What the figures of a run come to. Nothing measured is never a pass.
pub fn of(run: &Run, asked: Covered) -> Verdict {
    let Some(told) = &run.coverage else {
        let why = format!("n/a: {}", run.note);
        return if asked.or_stopped { Verdict::Fail(why) } else { Verdict::Exempt(why) };
    };
    let enough = |run: u64, lines: u64, percent: u32| run * 100 >= lines * u64::from(percent);
    let figures = format!(
        "{} of {} lines that the change brings run, {} % are asked; {} of {} in all{}",
        told.changed_run,
        told.changed,
        asked.changed,
        told.run,
        told.lines,
        if asked.whole > 0 { format!(", {} % are asked", asked.whole) } else { String::new() }
    );
    let missed: Vec<&str> = told.missed.iter().map(String::as_str).collect();
    match () {
        () if !enough(told.changed_run, told.changed, asked.changed) => Verdict::Fail(format!("{figures}; not run: {}", some(&missed))),
        () if !enough(told.run, told.lines, asked.whole) => Verdict::Fail(figures),
        () if told.changed == 0 && asked.whole == 0 => Verdict::Exempt(format!("n/a: the change brings no line that {} knows of", told.tool)),
        () => Verdict::Pass(figures),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::LINES_COVERED, include_str!("../../../tests/check/lines-covered.txt"));
    }
}
