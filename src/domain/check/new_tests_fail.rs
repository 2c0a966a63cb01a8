//! At least one new test fails by its own judgement while the code it asks for is missing.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, some};
use crate::domain::gate::GateName;
use crate::domain::run::{Completion, Outcome, Run};

pub const NEW_TESTS_FAIL: Check = Check {
    name: "new-tests-fail",
    gate: GateName::Red,
    about: "At least one new test fails by its own judgement while the code it asks for is missing.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    if evidence.tests.is_empty() {
        return Err(Verdict::Fail("the change has no test file".to_owned()));
    }
    let base = evidence.base()?;
    let red = evidence.red()?;
    let ids = evidence.red_ids();
    match red.completion {
        Completion::NotBuilt => not_built(evidence, red, &ids),
        _ if ids.is_empty() => Ok(Verdict::Fail(nothing_fails(base, red))),
        _ => Ok(Verdict::Pass(format!("{} fail without the change", some(&ids)))),
    }
}

/// A build that fails counts only when all it lacks are symbols that the candidate adds.
fn not_built(evidence: &Evidence, red: &Run, ids: &[&str]) -> Result<Verdict, Verdict> {
    let undeclared = evidence.undeclared();
    match () {
        () if red.missing.is_empty() => Ok(Verdict::Fail(format!("the tests do not build, and not for want of a symbol: {}", red.note))),
        () if !undeclared.is_empty() => Ok(Verdict::Fail(format!("the tests want {}, which the change does not add", some(&undeclared)))),
        () => evidence.green().map(|_| by_symbols(red, ids)),
    }
}

fn by_symbols(red: &Run, ids: &[&str]) -> Verdict {
    let missing: Vec<&str> = red.missing.iter().map(String::as_str).collect();
    match ids {
        [] => Verdict::Fail("the change brings no new test that passes".to_owned()),
        ids => Verdict::Pass(format!("{} cannot be built without {}, which the change adds", some(ids), some(&missing))),
    }
}

fn nothing_fails(base: &Run, red: &Run) -> String {
    let new = |wanted: Outcome| {
        let ids = red.results.iter().filter(|(id, outcome)| **outcome == wanted && !base.results.contains_key(*id));
        ids.map(|(id, _)| id.as_str()).collect::<Vec<_>>()
    };
    let (broken, skipped, passing) = (new(Outcome::Broken), new(Outcome::Skipped), new(Outcome::Passed));
    match () {
        () if !broken.is_empty() => format!("only broken: {} never came to its own judgement (import, syntax or set-up)", some(&broken)),
        () if !passing.is_empty() => format!("{} pass without the change, so they do not ask for it", some(&passing)),
        () if !skipped.is_empty() => format!("{} are skipped", some(&skipped)),
        () => "no new test was seen".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::NEW_TESTS_FAIL, include_str!("../../../tests/check/new-tests-fail.txt"));
    }
}
