//! Reviewers' and the owner's words: drawn before they spoke, strangers to the change, bound to exactly what enters.

use super::case::Case;
use super::{gates, panels};
use super::history::{Attempt, Decided, Drawn, Task};
use super::problems::Problems;
use super::sitting::Sitting;
use super::word::{self, ConfirmWord, ReviewWord};
use crate::domain::actor::Actor;
use crate::domain::entry::Millis;
use crate::domain::eyes::{self, Work};
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, SeatName};
use crate::domain::panel;
use crate::domain::reading;
use crate::domain::role::Capability;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Judges all words on a merge and names who gave them.
pub(super) fn judge(case: &Case<'_>, problems: &mut Problems) -> Vec<String> {
    let peers = at_gate(case, GateName::Peer, problems);
    let extra = case.attempt.draws.iter().find(|draw| draw.gate == GateName::Peer && case.counts(GateName::Peer, draw.seq));
    let needed = case.needs.approvals.max(1) as usize + extra.map_or(0, |draw| draw.extra.len()) + panels::lot(case, problems);
    enough(case, GateName::Peer, peers.len(), needed, problems);
    let qa = at_gate(case, GateName::Qa, problems);
    if case.asks(GateName::Qa, "qa-verdict") {
        let apart = qa.iter().filter(|seat| !peers.contains(*seat)).count();
        enough(case, GateName::Qa, apart, 1, problems);
    }
    let signers = at_gate(case, GateName::Deploy, problems);
    cosigned(case, &signers, problems);
    if case.needs.owner {
        confirmed(case, problems);
    }
    let told = |gate: GateName, seats: &BTreeSet<SeatName>| seats.iter().map(|seat| format!("{seat} at {gate}")).collect::<Vec<_>>();
    [told(GateName::Peer, &peers), told(GateName::Qa, &qa), told(GateName::Deploy, &signers)].concat()
}

fn enough(case: &Case<'_>, gate: GateName, given: usize, needed: usize, problems: &mut Problems) {
    if case.needs.gates.contains(&gate) && given < needed {
        let task = case.merge.task;
        problems.entry(case.merge.intended, format_args!("{task} was to be merged with {given} of {needed} words at {gate} that count"));
    }
}

/// The seats whose yes at a gate counts; every word that should count and does not is a problem.
fn at_gate(case: &Case<'_>, gate: GateName, problems: &mut Problems) -> BTreeSet<SeatName> {
    let mut draws = case.attempt.draws.iter().filter(|draw| draw.gate == gate && case.counts(gate, draw.seq));
    let draw = draws.next();
    if let Some(again) = draws.next() {
        problems.entry(again.seq, format_args!("{gate} of {} was drawn a second time: nobody draws until an ally comes", case.merge.task));
    }
    if let Some(why) = draw.and_then(|draw| unfit(case, draw)) {
        problems.entry(draw.map_or(0, |draw| draw.seq), format_args!("the draw for {gate} of {}: {why}", case.merge.task));
    }
    let mut yes = BTreeSet::new();
    panels::redraws(case, gate, problems);
    let stands = |word: &&Decided<'_>| case.counts(gate, word.seq) && !panels::taken_back(case, gate, word.by, word.seq);
    for word in case.attempt.words.iter().filter(|word| word.gate == gate).filter(stands) {
        match counted(case, draw, word) {
            Ok(seat) if yes.contains(&seat) => {
                problems.entry(word.seq, format_args!("{seat} spoke at {gate} of {} before", case.merge.task))
            }
            Ok(seat) => drop(yes.insert(seat)),
            Err(why) => problems.entry(word.seq, format_args!("the word of {} at {gate} of {}: {why}", word.by, case.merge.task)),
        }
    }
    yes
}

/// Only who may judge at the gate may be drawn, once, and nobody who had a hand in the change.
fn unfit(case: &Case<'_>, draw: &Drawn<'_>) -> Option<String> {
    let distinct: BTreeSet<&SeatName> = draw.seats.iter().collect();
    let extra = |seat: &SeatName| draw.gate == GateName::Peer && draw.extra.contains(seat);
    let outside = draw.seats.iter().find(|seat| !draw.pool.contains(seat) && !extra(seat));
    let reviews = |seat: &SeatName| extra(seat) && case.rules.charter.can(seat, Capability::ReviewPeer);
    let able = |seat: &&SeatName| !may(case, draw.gate, seat) && !reviews(seat);
    match () {
        () if distinct.len() != draw.seats.len() => Some("a seat was drawn twice".to_owned()),
        () if outside.is_some() => outside.map(|seat| format!("{seat} was not in its pool")),
        () => draw.seats.iter().find(able).map(|seat| format!("the charter does not let {seat} judge there")).or_else(|| left_out(case, draw)),
    }
}

/// Somebody who had been drawn for the same work under another task, and was not for this one.
fn left_out(case: &Case<'_>, draw: &Drawn<'_>) -> Option<String> {
    if draw.gate != GateName::Peer {
        return None;
    }
    let charter = &case.roster.rules(draw.seq).charter;
    let work = Work::new(charter, case.author, &case.contributors, case.change, draw.time)?;
    let open = |known: &Task<'_>| known.merged.is_none_or(|merged| merged > draw.time);
    // Under this very task only, where it was released: others may have seen it by another's hand.
    let again = case.attempt.measured.as_ref().is_some_and(|measured| !measured.former.is_empty());
    let others = case.history.tasks.iter().filter(|(task, known)| (again || **task != case.merge.task) && open(known));
    others.into_iter().find_map(|(task, known)| {
        let before = shown(case, known, &work, draw.seq)?;
        work.met(&before)?;
        let seat = before.seats.iter().find(|seat| work.wants(seat, draw.seats))?;
        Some(format!("{seat} was shown the same work under {task}, and was left out"))
    })
}

/// Who had been drawn at PEER for a task's work before this entry, where some of it was by the same hands.
fn shown(case: &Case<'_>, known: &Task<'_>, work: &Work<'_>, seq: u64) -> Option<eyes::Shown> {
    let last = known.attempts.values().flat_map(seen).map(|(_, time, _)| time).max()?;
    let mut measured = known.attempts.values().filter_map(|attempt| attempt.measured.as_ref());
    if !measured.any(|measured| work.may_meet(measured.contributors, last)) {
        return None;
    }
    let mut shown = None;
    for attempt in known.attempts.values() {
        let Some(measured) = &attempt.measured else { continue };
        for (at, time, seats) in seen(attempt).filter(|(at, _, _)| *at < seq) {
            let charter = &case.roster.rules(at).charter;
            if charter.policy.review.same_eyes {
                let shown = shown.get_or_insert_with(eyes::Shown::default);
                shown.add(charter, measured.change, measured.contributors, seats, time);
            }
        }
    }
    shown
}

/// Who came to see an attempt at PEER: the entry, when, who; drawn at first, as a third, or in another's place.
fn seen<'a>(attempt: &'a Attempt<'a>) -> impl Iterator<Item = (u64, Millis, &'a [SeatName])> {
    let drawn = attempt.draws.iter().filter(|draw| draw.gate == GateName::Peer).map(|draw| (draw.seq, draw.time, draw.seats));
    let later = attempt.panels.iter().filter_map(|(seq, time, _, event)| match *event {
        panel::Event::Lot { seat: Some(seat), .. } => Some((*seq, *time, std::slice::from_ref(seat))),
        panel::Event::Redrawn { gate: GateName::Peer, seats, .. } => Some((*seq, *time, seats.as_slice())),
        _ => None,
    });
    drawn.chain(later)
}

pub(super) fn may(case: &Case<'_>, gate: GateName, seat: &SeatName) -> bool {
    let charter = &case.rules.charter;
    match gate {
        GateName::Peer => {
            let role = charter.role_of(seat).filter(|role| role.can(Capability::ReviewPeer));
            role.is_some_and(|role| charter.role_of(case.author).is_some_and(|author| author.reviewed_by.contains(&role.name)))
        }
        GateName::Qa => charter.can(seat, Capability::VerifyQa),
        GateName::Deploy => charter.can(seat, Capability::CosignDeploy),
        GateName::Red | GateName::Green => false,
    }
}

/// The seat whose word this is, where the word counts.
fn counted(case: &Case<'_>, draw: Option<&Drawn<'_>>, decided: &Decided<'_>) -> Result<SeatName, String> {
    let Actor::Seat(seat) = decided.by else { return Err("it is no seat's".to_owned()) };
    let draw = draw.filter(|draw| draw.seq < decided.seq).ok_or("it was given before anyone was drawn")?;
    let judged = gates::passed(case, decided.gate).map_or(case.merge.intended, |judged| judged.seq);
    let tested = case
        .attempt
        .runs
        .iter()
        .any(|run| run.kind == crate::domain::task::RunKind::Merge && run.seq > case.fresh && run.seq < decided.seq);
    let (_, word) = word::read::<ReviewWord>(decided.statement)?;
    match () {
        () if !Sitting::since(case.attempt, draw, decided.seq).seats.contains(&seat) => Err("it was not drawn".to_owned()),
        () if case.contributors.contains(seat) => Err("it contributed to the change".to_owned()),
        () if word.seat != *seat => Err(format!("its statement is the word of {}", word.seat)),
        () if decided.bundle != draw.seq => Err(format!("it answers entry {}, and the draw is entry {}", decided.bundle, draw.seq)),
        () if word.gate != decided.gate => Err(format!("its statement is about {}", word.gate)),
        () if (word.accept, word.note.as_str(), &word.reading) != (decided.accept, decided.note, decided.reading) => {
            Err("its statement says something else than its entry".to_owned())
        }
        () if !decided.accept => Err("it says no".to_owned()),
        () if case.asks(decided.gate, reading::CHECK) && !decided.reading.covers(case.change) => {
            Err("it has no verdict on every file of the change, or no quote".to_owned())
        }
        () if decided.seq > judged => Err("it was given after the gate was passed".to_owned()),
        () if decided.gate >= GateName::Qa && !tested => Err("it was given before the merge result was tested".to_owned()),
        () => case.unbound(&word.bound, case.subject(decided.gate), draw.seq).map_or(Ok(seat.clone()), Err),
    }
}

/// Two seats of two roles that may co-sign.
fn cosigned(case: &Case<'_>, signers: &BTreeSet<SeatName>, problems: &mut Problems) {
    let roles: BTreeSet<_> = signers.iter().filter_map(|seat| case.rules.charter.role_of(seat)).map(|role| &role.name).collect();
    enough(case, GateName::Deploy, roles.len(), 2, problems);
}

/// What a confirmation is bound to, spelled as its digest was taken.
#[derive(Serialize)]
struct Shown<'a> {
    workshop: &'a str,
    task: &'a str,
    attempt: u32,
    commit: &'a str,
    tree: &'a str,
    base: &'a str,
    policy: &'a str,
    index: u64,
}

fn confirmed(case: &Case<'_>, problems: &mut Problems) {
    let draws: BTreeMap<GateName, u64> =
        case.attempt.draws.iter().filter(|draw| case.counts(draw.gate, draw.seq)).map(|draw| (draw.gate, draw.seq)).collect();
    let index = draws.get(&GateName::Deploy).copied().unwrap_or(case.submitted);
    let judged = gates::passed(case, GateName::Deploy).map_or(case.merge.intended, |judged| judged.seq);
    let given = case.attempt.confirmed.iter().rev().find(|(seq, _)| *seq > case.fresh && *seq < judged);
    let Some((seq, statement)) = given else {
        return problems.entry(case.merge.intended, format_args!("{} was to be merged without the owner's confirmation", case.merge.task));
    };
    let judged = word::read::<ConfirmWord>(statement).and_then(|(_, word)| confirmation(case, &word, index));
    if let Err(why) = judged {
        problems.entry(*seq, format_args!("the owner's confirmation of {}: {why}", case.merge.task));
    }
}

fn confirmation(case: &Case<'_>, word: &ConfirmWord, index: u64) -> Result<(), String> {
    let bound = &word.bound;
    if let Some(why) = case.unbound(bound, case.subject(GateName::Deploy), index) {
        return Err(why);
    }
    let (workshop, task, attempt, policy) = (bound.workshop.as_str(), bound.task.as_str(), bound.attempt, bound.policy.as_str());
    let (commit, tree, base) = (bound.commit.as_str(), bound.tree.as_str(), bound.base.as_str());
    let shown = serde_json::to_vec(&Shown { workshop, task, attempt, commit, tree, base, policy, index }).map_err(|why| why.to_string())?;
    if Digest::of(&shown) == word.shown { Ok(()) } else { Err("it is not of what was shown".to_owned()) }
}
