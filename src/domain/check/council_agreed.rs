//! The architecture council has agreed, where the change touches what the council decides.

use super::{Check, Verdict};
use crate::domain::evidence::Evidence;
use crate::domain::gate::GateName;

pub const COUNCIL_AGREED: Check = Check {
    name: "council-agreed",
    gate: GateName::Peer,
    about: "The architecture council has agreed by majority, where the change touches what the council decides.",
    judge,
    hint: "orchestrate motion list",
};

fn judge(evidence: &Evidence) -> Verdict {
    match (evidence.needs.council, evidence.council) {
        (false, _) => Verdict::Exempt("the council is not asked about these paths".to_owned()),
        (true, Some(true)) => Verdict::Pass("the council has agreed".to_owned()),
        (true, Some(false)) => Verdict::Fail("the council has refused".to_owned()),
        (true, None) => Verdict::Wait("the council has not decided".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::COUNCIL_AGREED, include_str!("../../../tests/check/council-agreed.txt"));
    }
}
