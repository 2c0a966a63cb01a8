//! The tests as they were before the change pass with it, also where their files were touched.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, lost, seen, some};
use crate::domain::gate::GateName;
use crate::domain::run::Completion;

pub const OLD_TESTS_PASS: Check = Check {
    name: "old-tests-pass",
    gate: GateName::Green,
    about: "The tests as they were before the change pass with it, so that none is disarmed by what is added to it.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

/// A file that lost lines may ask for something else now: that is a changed wish, and two reviewers see it.
fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let base = evidence.base()?;
    if evidence.altered().next().is_none() {
        return Ok(Verdict::Exempt("no earlier test file is touched".to_owned()));
    }
    let kept = seen(evidence.kept_run, None, "the candidate with the tests as they were")?;
    let rewritten = evidence.rewritten();
    let gone = match kept.completion {
        Completion::Finished => lost(base, kept),
        Completion::NotBuilt | Completion::LimitReached | Completion::Infrastructure => vec![format!("they do not build: {}", kept.note)],
    };
    match (&gone.iter().map(String::as_str).collect::<Vec<_>>()[..], &rewritten[..]) {
        ([], _) => Ok(Verdict::Pass("the tests as they were pass".to_owned())),
        (gone, []) => Ok(Verdict::Fail(format!("with the tests as they were: {}", some(gone)))),
        (gone, paths) => Ok(Verdict::Pass(format!("{} is rewritten; as it was: {}", some(paths), some(gone)))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::OLD_TESTS_PASS, include_str!("../../../tests/check/old-tests-pass.txt"));
    }
}
