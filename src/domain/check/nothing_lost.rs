//! Every test that passes on the base is still there and passes with the change.

use super::{Check, Verdict, settle};
use crate::domain::evidence::{Evidence, lost, some};
use crate::domain::gate::GateName;

pub const NOTHING_LOST: Check = Check {
    name: "nothing-lost",
    gate: GateName::Green,
    about: "Every test that passes on the base is still there and passes with the change.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let base = evidence.base()?;
    let green = evidence.green()?;
    let lost = lost(base, green);
    match &lost.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(Verdict::Pass(format!("all {} tests that passed on the base pass", base.passed().count()))),
        lost => Ok(Verdict::Fail(format!("lost: {}", some(lost)))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::NOTHING_LOST, include_str!("../../../tests/check/nothing-lost.txt"));
    }
}
