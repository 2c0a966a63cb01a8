//! The whole suite passes on the merge result, measured against what the merge would replace.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, lost, some};
use crate::domain::gate::GateName;
use crate::domain::run::{Outcome, Run};

pub const SUITE_PASSES: Check = Check {
    name: "suite-passes",
    gate: GateName::Qa,
    about: "The whole suite passes on the merge result, measured against what the merge would replace.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let merge = evidence.merge()?;
    let before = evidence.tip()?;
    none_lost(before, merge)?;
    none_fails_anew(before, merge)?;
    red_ids_count(evidence, merge)?;
    match merge.passed().count() {
        0 => Ok(Verdict::Fail("not one test passed, so nothing was shown".to_owned())),
        count => Ok(Verdict::Pass(format!("{count} tests pass on the merge result, none is lost"))),
    }
}

fn none_lost(before: &Run, merge: &Run) -> Result<(), Verdict> {
    let lost = lost(before, merge);
    match &lost.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(()),
        lost => Err(Verdict::Fail(format!("lost: {}", some(lost)))),
    }
}

fn none_fails_anew(before: &Run, merge: &Run) -> Result<(), Verdict> {
    let bad = |outcome: Option<&Outcome>| matches!(outcome, Some(Outcome::Failed | Outcome::Broken));
    let anew = merge.results.iter().filter(|(id, outcome)| bad(Some(outcome)) && !bad(before.results.get(*id)));
    match &anew.map(|(id, _)| id.as_str()).collect::<Vec<_>>()[..] {
        [] => Ok(()),
        ids => Err(Verdict::Fail(format!("{} fail on the merge result and did not before", some(ids)))),
    }
}

/// Red ids are news to the tip too, whose run `judged` has asked for: from an old base, a copy of what `main` has long had looks new.
fn red_ids_count(evidence: &Evidence, merge: &Run) -> Result<(), Verdict> {
    if !evidence.needs.gates.contains(&GateName::Red) {
        return Ok(());
    }
    evidence.red()?;
    let news = evidence.red_ids();
    let failing: Vec<&str> = news.iter().copied().filter(|id| merge.results.get(*id) != Some(&Outcome::Passed)).collect();
    match (&news[..], &failing[..]) {
        ([], _) => Err(Verdict::Fail("none of the red tests is new to the protected branch: merge main and push".to_owned())),
        (_, []) => Ok(()),
        (_, failing) => Err(Verdict::Fail(format!("{} do not pass on the merge result", some(failing)))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::SUITE_PASSES, include_str!("../../../tests/check/suite-passes.txt"));
    }
}
