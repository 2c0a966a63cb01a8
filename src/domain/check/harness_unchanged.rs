//! What judges the change does not come with it: nothing that steers how tests are found or run.

use super::{Check, Verdict};
use crate::domain::evidence::{Evidence, some};
use crate::domain::gate::GateName;

pub const HARNESS_UNCHANGED: Check = Check {
    name: "harness-unchanged",
    gate: GateName::Green,
    about: "Nothing that steers how tests are found or run comes together with what they judge.",
    judge,
    hint: "orchestrate task open 'test settings, as a change of their own'",
};

fn judge(evidence: &Evidence) -> Verdict {
    match &evidence.harness.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Verdict::Pass("the tests are found and run as before".to_owned()),
        paths => Verdict::Fail(format!("{} steers the tests: it comes in a change of its own, without source", some(paths))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::HARNESS_UNCHANGED, include_str!("../../../tests/check/harness-unchanged.txt"));
    }
}
