//! A QA seat that was drawn, contributed nothing and did not review at PEER accepts the merge result.

use super::{Check, Verdict};
use crate::domain::evidence::Evidence;
use crate::domain::gate::GateName;
use crate::domain::name::SeatName;

pub const QA_VERDICT: Check = Check {
    name: "qa-verdict",
    gate: GateName::Qa,
    about: "A QA seat that was drawn, contributed nothing and did not review at PEER accepts the merge result.",
    judge,
    hint: "orchestrate review list",
};

fn judge(evidence: &Evidence) -> Verdict {
    if evidence.bundle.is_none() || evidence.drawn.is_empty() {
        return Verdict::Wait("no QA seat has been drawn".to_owned());
    }
    let words = || evidence.words(GateName::Qa).filter(|word| evidence.drawn.contains(&word.seat));
    let no = words().find(|word| !word.accept);
    let yes = words().find(|word| word.accept && !reviewed_before(evidence, &word.seat));
    match (no, yes) {
        (Some(no), _) => Verdict::Fail(format!("{} rejects it", no.seat)),
        (None, Some(yes)) => Verdict::Pass(format!("{} accepts it", yes.seat)),
        (None, None) => Verdict::Wait(format!("the verdict of {} is open{}", names(evidence.drawn), uncounted(evidence))),
    }
}

/// One principal, one stage: whoever let it through PEER does not let it through QA as well.
fn reviewed_before(evidence: &Evidence, seat: &SeatName) -> bool {
    evidence.approvals.iter().any(|word| word.gate == GateName::Peer && word.seat == *seat && word.commit == evidence.change.commit)
}

fn uncounted(evidence: &Evidence) -> String {
    let twice = evidence.words(GateName::Qa).filter(|word| reviewed_before(evidence, &word.seat));
    let twice = twice.map(|word| format!("{} reviewed it at PEER", word.seat));
    let undrawn = evidence.words(GateName::Qa).filter(|word| !evidence.drawn.contains(&word.seat));
    let undrawn = undrawn.map(|word| format!("{} was not drawn", word.seat));
    let reasons: Vec<String> = evidence.voided(GateName::Qa).into_iter().chain(twice).chain(undrawn).collect();
    if reasons.is_empty() { String::new() } else { format!("; not counted: {}", reasons.join(", ")) }
}

fn names(seats: &[SeatName]) -> String {
    seats.iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::QA_VERDICT, include_str!("../../../tests/check/qa-verdict.txt"));
    }
}
