//! The orchestrator and the librarian have both signed for exactly this merge result.

use super::{Check, Verdict};
use crate::domain::evidence::{Approval, Evidence};
use crate::domain::gate::GateName;

pub const CO_SIGNED: Check = Check {
    name: "co-signed",
    gate: GateName::Deploy,
    about: "The orchestrator and the librarian have both signed for exactly this merge result.",
    judge,
    hint: "orchestrate review list",
};

/// The two roles without which nothing enters.
const SIGNERS: [&str; 2] = ["orchestrator", "librarian"];

fn judge(evidence: &Evidence) -> Verdict {
    let words: Vec<&Approval> = evidence.words(GateName::Deploy).filter(|word| SIGNERS.contains(&word.role.as_str())).collect();
    if let Some(no) = words.iter().find(|word| !word.accept) {
        return Verdict::Fail(format!("{} refuses to sign", no.seat));
    }
    match &SIGNERS.into_iter().filter(|role| !words.iter().any(|word| word.role.as_str() == *role)).collect::<Vec<_>>()[..] {
        [] if same_seat(&words) => Verdict::Fail("one seat cannot sign for both roles".to_owned()),
        [] => Verdict::Pass("orchestrator and librarian have signed".to_owned()),
        open => Verdict::Wait(format!("the signature of {} is open{}", open.join(" and "), void(evidence))),
    }
}

fn same_seat(words: &[&Approval]) -> bool {
    words.iter().all(|word| word.seat == words[0].seat)
}

fn void(evidence: &Evidence) -> String {
    let reasons = evidence.voided(GateName::Deploy);
    if reasons.is_empty() { String::new() } else { format!("; not counted: {}", reasons.join(", ")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::CO_SIGNED, include_str!("../../../tests/check/co-signed.txt"));
    }
}
