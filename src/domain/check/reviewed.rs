//! Enough seats that were drawn, and contributed nothing, accept exactly this commit.

use super::{Check, Verdict, settle};
use crate::domain::evidence::Evidence;
use crate::domain::gate::GateName;
use crate::domain::name::SeatName;
use std::collections::BTreeSet;

pub const REVIEWED: Check = Check {
    name: "reviewed",
    gate: GateName::Peer,
    about: "Enough seats that were drawn, and contributed nothing, accept exactly this commit.",
    judge,
    hint: "orchestrate review list",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let needed = evidence.needs.approvals.max(1).saturating_add(evidence.extra) as usize;
    enough_drawn(evidence, needed)?;
    let words = || evidence.words(GateName::Peer).filter(|word| evidence.drawn.contains(&word.seat));
    if let Some(no) = words().find(|word| !word.accept) {
        return Ok(Verdict::Fail(format!("{} rejects it", no.seat)));
    }
    let yes: BTreeSet<&SeatName> = words().map(|word| &word.seat).collect();
    let names = yes.iter().map(|seat| seat.as_str()).collect::<Vec<_>>().join(", ");
    match yes.len() {
        0 => Ok(Verdict::Wait(format!("0 of {needed} approvals{}", void(evidence)))),
        count if count < needed => Ok(Verdict::Wait(format!("{count} of {needed} approvals ({names}){}", void(evidence)))),
        count => Ok(Verdict::Pass(format!("{count} of {needed} approvals: {names}"))),
    }
}

fn enough_drawn(evidence: &Evidence, needed: usize) -> Result<(), Verdict> {
    let able: BTreeSet<&SeatName> = evidence.drawn.iter().filter(|seat| !evidence.contributors.contains(*seat)).collect();
    match evidence.bundle {
        None => Err(Verdict::Wait("no reviewers have been drawn".to_owned())),
        Some(_) if able.len() < needed => {
            Err(Verdict::Wait(format!("{} of {needed} reviewers could be drawn: the pool is too small", able.len())))
        }
        Some(_) => Ok(()),
    }
}

fn void(evidence: &Evidence) -> String {
    let undrawn = evidence.words(GateName::Peer).filter(|word| !evidence.drawn.contains(&word.seat));
    let undrawn = undrawn.map(|word| format!("{} was not drawn", word.seat));
    let reasons: Vec<String> = evidence.voided(GateName::Peer).into_iter().chain(undrawn).collect();
    if reasons.is_empty() { String::new() } else { format!("; not counted: {}", reasons.join(", ")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::REVIEWED, include_str!("../../../tests/check/reviewed.txt"));
    }
}
