//! Who sits over a candidate, and out of whom chance may draw: as the supervisor had it at an entry, worked out again.

use super::history::{Attempt, Drawn};
use super::roster::Roster;
use crate::domain::charter::Charter;
use crate::domain::draw;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, SeatName};
use crate::domain::panel::Event;
use crate::domain::role::Capability;
use std::collections::BTreeSet;

/// A gate's panel at an entry.
pub(super) struct Sitting<'a> {
    pub seats: Vec<&'a SeatName>,
    /// Those who were replaced.
    out: BTreeSet<&'a SeatName>,
    pub round: u32,
    /// Those who let their time pass and are to be replaced.
    pub lapsed: &'a [SeatName],
}

impl<'a> Sitting<'a> {
    /// Who sits there since a draw.
    pub fn since(attempt: &Attempt<'a>, draw: &Drawn<'a>, seq: u64) -> Self {
        let mut now = Self { seats: draw.seats.iter().collect(), out: BTreeSet::new(), round: 0, lapsed: &[] };
        attempt.panels.iter().filter(|(at, ..)| (draw.seq..seq).contains(at)).for_each(|(_, _, _, event)| now.take(draw.gate, event));
        now
    }

    /// Nothing where nobody was drawn yet, or the gate began again.
    pub fn at(attempt: &Attempt<'a>, gate: GateName, seq: u64) -> Option<Self> {
        let draw = attempt.draws.iter().rev().find(|draw| draw.gate == gate && draw.seq < seq)?;
        let meanwhile = |at: u64| (draw.seq..seq).contains(&at);
        let outdated = gate >= GateName::Qa && attempt.outdated.iter().any(|at| meanwhile(*at));
        let mut panels = attempt.panels.iter().filter(|(at, ..)| meanwhile(*at));
        let reopened = panels.any(|(.., event)| matches!(event, Event::Withdrawn { gate: taken, .. } if *taken < gate));
        (!outdated && !reopened).then(|| Self::since(attempt, draw, seq))
    }

    fn take(&mut self, at: GateName, event: &'a Event) {
        match event {
            Event::Lot { seat: Some(seat), .. } if at == GateName::Peer => self.seats.push(seat),
            Event::Lapsed { gate, seats, asked, .. } if *gate == at => self.lapsed = if *asked { &[] } else { seats },
            Event::Redrawn { gate, round, out, seats, .. } if *gate == at => {
                self.seats.retain(|seat| !out.contains(seat));
                self.seats.extend(seats);
                self.out.extend(out);
                (self.round, self.lapsed) = (*round, &[]);
            }
            _ => {}
        }
    }

    /// Who may be drawn in the place of those who let their time pass: nobody who sat there before.
    pub fn fresh(&self, pool: Vec<SeatName>) -> Vec<SeatName> {
        pool.into_iter().filter(|seat| !self.seats.contains(&seat) && !self.out.contains(seat)).collect()
    }
}

/// What a draw at an entry was made from.
pub(super) struct Urn<'a> {
    charter: &'a Charter,
    author: &'a SeatName,
    attempt: &'a Attempt<'a>,
    seq: u64,
    contributors: &'a BTreeSet<SeatName>,
    /// The words that the change itself asks for at PEER.
    approvals: usize,
}

impl<'a> Urn<'a> {
    pub fn new(roster: &'a Roster<'_>, author: Option<&'a SeatName>, attempt: &'a Attempt<'a>, seq: u64) -> Option<Self> {
        let measured = attempt.measured.as_ref().filter(|measured| measured.seq < seq)?;
        let approvals = measured.needs.approvals.max(1) as usize;
        Some(Self { charter: &roster.rules(seq).charter, author: author?, attempt, seq, contributors: measured.contributors, approvals })
    }

    pub fn pool(&self, gate: GateName) -> Vec<SeatName> {
        match gate {
            GateName::Peer => draw::pool(self.charter, self.author, self.contributors),
            GateName::Deploy => self.charter.able(Capability::CosignDeploy),
            GateName::Qa | GateName::Red | GateName::Green => {
                draw::qa_pool(self.charter, self.contributors, &self.peers().into_iter().collect())
            }
        }
    }

    fn peers(&self) -> Vec<SeatName> {
        Sitting::at(self.attempt, GateName::Peer, self.seq).map_or_else(Vec::new, |sitting| sitting.seats.into_iter().cloned().collect())
    }

    /// The seats that chance gives for a gate, without those that were drawn beside them.
    pub fn seats(&self, gate: GateName, chance: &Digest) -> Vec<SeatName> {
        match gate {
            GateName::Peer => draw::panel(self.charter, self.author, self.contributors, self.approvals, chance),
            GateName::Deploy => self.pool(gate),
            GateName::Qa | GateName::Red | GateName::Green => draw::draw(&self.pool(gate), 1, chance),
        }
    }

    /// The seat from outside, where these stand out.
    pub fn outsider(&self, own: &[SeatName], watched: &BTreeSet<SeatName>, chance: &Digest) -> Option<SeatName> {
        draw::outsider(self.charter, self.author, self.contributors, own, watched, chance)
    }

    /// Out of whom a third reviewer is drawn, beside those who sit there.
    pub fn third_pool(&self) -> Vec<SeatName> {
        draw::third_pool(self.charter, self.author, self.contributors, &self.peers())
    }

    /// The third reviewer that chance gives, if it wants one.
    pub fn third(&self, chance: &Digest) -> Option<SeatName> {
        let wanted = draw::falls(chance, self.charter.policy.review.third_percent);
        draw::draw(&self.third_pool(), usize::from(wanted), chance).pop()
    }

    /// The seats that chance gives in the place of those who let their time pass.
    pub fn instead(&self, gate: GateName, sitting: &Sitting<'_>, chance: &Digest) -> Vec<SeatName> {
        let pool = sitting.fresh(self.pool(gate));
        let stay: Vec<SeatName> = sitting.seats.iter().filter(|seat| !sitting.lapsed.contains(seat)).map(|seat| (*seat).clone()).collect();
        let fits = |seat: &SeatName| gate != GateName::Peer || draw::leaves_qa(self.charter, self.contributors, &stay, seat);
        draw::draw(&pool, pool.len(), chance).into_iter().filter(fits).take(sitting.lapsed.len()).collect()
    }
}
