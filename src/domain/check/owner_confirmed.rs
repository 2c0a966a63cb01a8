//! The owner has confirmed in person, where the policy asks for it.

use super::{Check, Verdict};
use crate::domain::evidence::Evidence;
use crate::domain::gate::GateName;

pub const OWNER_CONFIRMED: Check = Check {
    name: "owner-confirmed",
    gate: GateName::Deploy,
    about: "The owner has confirmed in person, where the policy asks for it.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    match (evidence.needs.owner, evidence.owner_confirmed) {
        (false, _) => Verdict::Exempt(format!("the owner is not asked at {} risk", evidence.needs.risk)),
        (true, true) => Verdict::Pass("the owner has confirmed".to_owned()),
        (true, false) => Verdict::Wait(format!("the owner is asked: {}", evidence.needs.reasons.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::OWNER_CONFIRMED, include_str!("../../../tests/check/owner-confirmed.txt"));
    }
}
