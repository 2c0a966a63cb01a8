//! Exactly the tests that were red pass with the change.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, some};
use crate::domain::gate::GateName;
use crate::domain::run::Outcome;

pub const RED_IDS_PASS: Check = Check {
    name: "red-ids-pass",
    gate: GateName::Green,
    about: "Exactly the tests that were red pass with the change.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    evidence.base()?;
    evidence.red()?;
    let green = evidence.green()?;
    let ids = evidence.red_ids();
    let failing: Vec<&str> = ids.iter().copied().filter(|id| green.results.get(*id) != Some(&Outcome::Passed)).collect();
    match (&ids[..], &failing[..]) {
        ([], _) => Ok(Verdict::Fail("no test was red, so none can turn green".to_owned())),
        (ids, []) => Ok(Verdict::Pass(format!("{} pass with the change", some(ids)))),
        (_, failing) => Ok(Verdict::Fail(format!("{} do not pass with the change", some(failing)))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::RED_IDS_PASS, include_str!("../../../tests/check/red-ids-pass.txt"));
    }
}
