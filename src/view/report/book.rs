//! What is remembered of each task from entry to entry, and whose eyes were on what was merged.

use super::Merge;
use crate::domain::actor::Actor;
use crate::domain::entry::Millis;
use crate::domain::gate::GateName;
use crate::domain::name::{SeatName, TaskId};
use crate::domain::policy::Needs;
use crate::domain::{review, task};
use std::collections::{BTreeMap, BTreeSet};

/// A task as far as the report needs it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub title: String,
    pub author: Option<SeatName>,
    now: Attempt,
}

/// The newest candidate, and every word on it.
#[derive(Debug, Clone, Default)]
struct Attempt {
    number: u32,
    contributors: BTreeSet<SeatName>,
    needs: Option<Needs>,
    drawn: BTreeMap<GateName, Draw>,
    words: Vec<(GateName, SeatName, bool)>,
    passed: BTreeSet<GateName>,
    confirmed: bool,
}

#[derive(Debug, Clone, Default)]
struct Draw {
    time: Millis,
    seats: BTreeSet<SeatName>,
    extra: u32,
}

impl Known {
    pub fn task(&mut self, by: &Actor, event: &task::Event) {
        match event {
            task::Event::Opened { title, .. } => self.title.clone_from(title),
            task::Event::Taken { .. } => self.author = by.seat().cloned(),
            task::Event::Released { .. } => self.author = None,
            task::Event::Submitted { attempt, .. } => self.now = Attempt { number: *attempt, ..Attempt::default() },
            task::Event::Measured { attempt, contributors, needs, .. } if *attempt == self.now.number => {
                self.now.contributors.clone_from(contributors);
                self.now.needs = Some(needs.clone());
            }
            task::Event::Judged { attempt, gate, pass: true, .. } if *attempt == self.now.number => drop(self.now.passed.insert(*gate)),
            // The merge result is tested and judged anew, on the new tip.
            task::Event::Outdated { attempt, .. } if *attempt == self.now.number => self.again(),
            _ => {}
        }
    }

    fn again(&mut self) {
        let early = |gate: GateName| gate < GateName::Qa;
        self.now.drawn.retain(|gate, _| early(*gate));
        self.now.words.retain(|(gate, ..)| early(*gate));
        self.now.passed.retain(|gate| early(*gate));
        self.now.confirmed = false;
    }

    pub fn review(&mut self, by: &Actor, time: Millis, event: &review::Event) {
        match event {
            review::Event::Drawn { attempt, gate, seats, extra, .. } if *attempt == self.now.number => {
                let extra = extra.as_ref().map_or(0, |extra| extra.seats.len() as u32);
                let draw = Draw { time, seats: seats.iter().cloned().collect(), extra };
                self.now.drawn.insert(*gate, draw);
            }
            review::Event::Decided { attempt, gate, accept, .. } if *attempt == self.now.number => {
                self.now.words.extend(by.seat().map(|seat| (*gate, seat.clone(), *accept)));
            }
            review::Event::Drawn { .. } | review::Event::Decided { .. } => {}
        }
    }

    pub fn confirmed(&mut self, attempt: u32) {
        self.now.confirmed |= attempt == self.now.number;
    }

    /// When the seats of a gate were drawn.
    pub fn drawn(&self, gate: GateName) -> Option<Millis> {
        self.now.drawn.get(&gate).map(|draw| draw.time)
    }

    /// The merge that an entry reports, with what its rules asked for and what was there.
    pub fn merge(&self, seq: u64, time: Millis, task: &TaskId) -> Merge {
        let now = &self.now;
        let least = now.needs.as_ref().map_or(1, |needs| needs.approvals.max(1));
        let mut merge = Merge {
            seq,
            time,
            task: task.clone(),
            title: self.title.clone(),
            author: self.author.clone(),
            contributors: now.contributors.clone(),
            needed: least + now.drawn.get(&GateName::Peer).map_or(0, |draw| draw.extra),
            peers: self.yes(GateName::Peer),
            qa: self.yes(GateName::Qa),
            deploy: self.yes(GateName::Deploy),
            owner_needed: now.needs.as_ref().is_some_and(|needs| needs.owner),
            owner: now.confirmed,
            missing: Vec::new(),
        };
        merge.missing = self.missing(&merge);
        merge
    }

    /// The drawn seats that accept and had no hand in the change.
    fn yes(&self, gate: GateName) -> BTreeSet<SeatName> {
        let drawn = self.now.drawn.get(&gate);
        let counts = |seat: &SeatName| !self.now.contributors.contains(seat) && drawn.is_some_and(|draw| draw.seats.contains(seat));
        self.now.words.iter().filter(|(at, seat, accept)| *at == gate && *accept && counts(seat)).map(|(_, seat, _)| seat.clone()).collect()
    }

    fn missing(&self, merge: &Merge) -> Vec<String> {
        let gates: Vec<GateName> = self.now.needs.as_ref().map(|needs| needs.gates.clone()).unwrap_or_default();
        let mut missing = Vec::new();
        if gates.is_empty() {
            missing.push("it was never measured".to_owned());
        }
        missing.extend(gates.iter().filter(|gate| !self.now.passed.contains(gate)).map(|gate| format!("{gate} was not passed")));
        if (merge.peers.len() as u64) < u64::from(merge.needed) {
            missing.push(format!("{} of {} reviewers accept it", merge.peers.len(), merge.needed));
        }
        if gates.contains(&GateName::Qa) && merge.qa.is_empty() {
            missing.push("QA gave no verdict".to_owned());
        }
        if merge.deploy.len() < 2 {
            missing.push(format!("{} of 2 co-signers signed", merge.deploy.len()));
        }
        if merge.owner_needed && !merge.owner {
            missing.push("the owner did not confirm it".to_owned());
        }
        missing
    }
}
