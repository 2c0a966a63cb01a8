//! The new test files break no test that passes on the base.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, some};
use crate::domain::gate::GateName;
use crate::domain::run::{Completion, Outcome, Run};

pub const OTHERS_STILL_PASS: Check = Check {
    name: "others-still-pass",
    gate: GateName::Red,
    about: "The new test files break no test that passes on the base.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let base = evidence.base()?;
    let red = evidence.red()?;
    match red.completion {
        Completion::NotBuilt if red.missing.is_empty() => Ok(Verdict::Fail(format!("the tests do not build: {}", red.note))),
        Completion::NotBuilt => Ok(Verdict::Exempt("nothing could run until the missing symbols are there; GREEN compares".to_owned())),
        Completion::Finished | Completion::LimitReached | Completion::Infrastructure => Ok(compared(evidence, base, red)),
    }
}

/// A test that was rewritten may now fail, by assertion, on the old code: that is a changed wish, and two reviewers see it.
fn compared(evidence: &Evidence, base: &Run, red: &Run) -> Verdict {
    let rewritten = !evidence.rewritten().is_empty();
    let (mut changed, mut harmed) = (Vec::new(), Vec::new());
    for id in base.passed() {
        match red.results.get(id) {
            Some(Outcome::Passed) => {}
            Some(Outcome::Failed) if rewritten => changed.push(id),
            Some(Outcome::Failed | Outcome::Broken | Outcome::Skipped) | None => harmed.push(id),
        }
    }
    match () {
        () if !harmed.is_empty() => Verdict::Fail(format!("{} no longer pass once the test files change", some(&harmed))),
        () if !changed.is_empty() => Verdict::Pass(format!("rewritten, and failing until the change: {}", some(&changed))),
        () => Verdict::Pass("every test of the base still passes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::OTHERS_STILL_PASS, include_str!("../../../tests/check/others-still-pass.txt"));
    }
}
