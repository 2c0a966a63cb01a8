//! Mutants of the change, one at a time, are noticed by the tests.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, seen, some};
use crate::domain::gate::GateName;
use crate::domain::run::Outcome;

pub const MUTANTS_NOTICED: Check = Check {
    name: "mutants-noticed",
    gate: GateName::Qa,
    about: "Mutants of the change, a hunk taken back or an operator turned into its opposite, are noticed by the tests, as many as its risk asks for.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let Some(wanted) = evidence.noticed_percent.filter(|_| evidence.needs.gates.contains(&GateName::Red)) else {
        return Ok(Verdict::Exempt("no sample is asked of this kind of change".to_owned()));
    };
    let run = seen(evidence.sample_run, Some(&evidence.change.tree), "the sample of mutants")?;
    let survived: Vec<&str> = run.failed().collect();
    let count = |wanted: &[Outcome]| run.results.values().filter(|outcome| wanted.contains(outcome)).count();
    let (all, noticed) = (count(&[Outcome::Passed, Outcome::Failed, Outcome::Broken]), count(&[Outcome::Passed]));
    match run.results.len() {
        made if all == 0 && made > 0 => Ok(Verdict::Exempt(format!("n/a: {made} mutants were made, and none of them could be built"))),
        _ if all == 0 => Ok(Verdict::Exempt("n/a: the change has no hunk to be taken back and no operator to be turned".to_owned())),
        _ if noticed * 100 >= all * wanted as usize => Ok(Verdict::Pass(format!("{noticed} of {all} mutants are noticed, {wanted} % are asked"))),
        _ => Ok(Verdict::Fail(format!("{noticed} of {all} mutants are noticed, {wanted} % are asked; no test notices {}", some(&survived)))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::MUTANTS_NOTICED, include_str!("../../../tests/check/mutants-noticed.txt"));
    }
}
