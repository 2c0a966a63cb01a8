//! What happened to a panel after its draw: the lot for a third, redraws, words taken back.

use super::case::Case;
use super::problems::Problems;
use super::words::may;
use crate::domain::actor::Actor;
use crate::domain::draw;
use crate::domain::gate::GateName;
use crate::domain::name::SeatName;
use crate::domain::panel::Event;
use crate::domain::risk::Risk;
use crate::domain::role::Capability;

fn events<'c>(case: &'c Case<'_>) -> impl Iterator<Item = (u64, u64, &'c Event)> {
    case.attempt.panels.iter().filter(|(seq, ..)| *seq < case.merge.intended).map(|(seq, time, _, event)| (*seq, *time, *event))
}

/// Whether a third reviewer was wanted; the lot must have been drawn, and followed.
pub(super) fn lot(case: &Case<'_>, problems: &mut Problems) -> usize {
    let percent = case.rules.charter.policy.review.third_percent;
    if percent == 0 || !case.needs.gates.contains(&GateName::Peer) {
        return 0;
    }
    let mut lots = events(case).filter_map(|(seq, _, event)| if let Event::Lot { draw, pool, seat, .. } = event { Some((seq, draw, pool, seat)) } else { None });
    let Some((seq, chance, pool, seat)) = lots.next() else {
        problems.entry(case.merge.intended, format_args!("{} was to be merged without a lot for a third reviewer", case.merge.task));
        return 1;
    };
    let able = |seat: &SeatName| pool.contains(seat) && case.rules.charter.can(seat, Capability::ReviewThird) && !case.contributors.contains(seat);
    if lots.next().is_some() || draw::falls(chance, percent) != seat.is_some() || !seat.as_ref().is_none_or(able) {
        problems.entry(seq, format_args!("the lot of {} was not followed", case.merge.task));
    }
    usize::from(seat.is_some())
}

/// Whether a word was taken back after it was given.
pub(super) fn taken_back(case: &Case<'_>, gate: GateName, by: &Actor, seq: u64) -> bool {
    let taken = case.attempt.panels.iter().filter(|(at, _, who, _)| (seq..case.merge.intended).contains(at) && *who == by);
    taken.into_iter().any(|(.., event)| matches!(event, Event::Withdrawn { gate: at, .. } if *at == gate))
}

/// Somebody is replaced only after their time, and by a seat that may judge there.
pub(super) fn redraws(case: &Case<'_>, gate: GateName, problems: &mut Problems) {
    let review = &case.rules.charter.policy.review;
    let term = u64::from(if case.needs.risk == Risk::Critical { review.due_critical_seconds } else { review.due_seconds }) * 1000;
    let drawn = case.attempt.draws.iter().find(|draw| draw.gate == gate && case.counts(gate, draw.seq)).map_or(0, |draw| draw.time);
    for (seq, _, event) in events(case) {
        let Event::Redrawn { gate: at, out, seats, .. } = event else { continue };
        if *at != gate || !case.counts(gate, seq) {
            continue;
        }
        let lapsed = events(case).any(|(before, time, event)| {
            before < seq && time >= drawn + term && matches!(event, Event::Lapsed { gate: at, seats, .. } if *at == gate && seats == out)
        });
        let unfit = seats.iter().find(|seat| !may(case, gate, seat) || case.contributors.contains(*seat));
        match (lapsed, unfit) {
            (false, _) => problems.entry(seq, format_args!("{gate} of {} was drawn anew although nobody had let the time pass", case.merge.task)),
            (true, Some(seat)) => problems.entry(seq, format_args!("the charter does not let {seat} judge {} at {gate}", case.merge.task)),
            (true, None) => {}
        }
    }
}
