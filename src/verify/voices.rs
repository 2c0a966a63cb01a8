//! Voices that stand beside a change: on motions, and on the end of a freeze. Each is about exactly what it names.

use super::book::Book;
use super::problems::Problems;
use super::roster::Roster;
use super::word::{self, ThawWord, VoteWord};
use crate::domain::actor::Actor;
use crate::domain::dsse::Envelope;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::name::{Digest, SeatName};
use crate::domain::role::Capability;
use crate::domain::{adoption, freeze, motion, workshop};
use std::collections::BTreeMap;

/// What stands open while the entries are read.
struct Hall<'a> {
    roster: &'a Roster<'a>,
    /// Where a motion was put, and the digest of its text.
    motions: BTreeMap<u32, Put<'a>>,
    frozen: Option<Frozen<'a>>,
    /// Where another charter was adopted last.
    adopted: u64,
}

/// A motion: where it was put and by whom, its matter and title, the digest of its text, and who said yes.
struct Put<'a> {
    seq: u64,
    by: &'a Actor,
    matter: &'a str,
    title: &'a str,
    text: Digest,
    yes: Vec<&'a SeatName>,
    passed: bool,
}

struct Frozen<'a> {
    seq: u64,
    reason: &'a str,
    agreed: bool,
}

/// Judges every voice in the ledger.
pub(super) fn judge(book: &Book, roster: &Roster<'_>, problems: &mut Problems) {
    let mut hall = Hall { roster, motions: BTreeMap::new(), frozen: None, adopted: 0 };
    for entry in &book.entries {
        let heard = match &entry.event {
            Event::Motion(event) => hall.motion(entry, event),
            Event::Freeze(event) => hall.freeze(entry, event),
            Event::Workshop(workshop::Event::Rechartered { charter, motion }) => hall.rechartered(entry, charter, *motion),
            _ => Ok(()),
        };
        if let Err(why) = heard {
            problems.entry(entry.seq, why);
        }
    }
}

impl<'a> Hall<'a> {
    fn motion(&mut self, entry: &'a Entry, event: &'a motion::Event) -> Result<(), String> {
        match event {
            motion::Event::Moved { motion, matter, title, body, .. } => {
                let text = Digest::of(format!("{matter}\n{title}\n{body}").as_bytes());
                self.motions.insert(*motion, Put { seq: entry.seq, by: &entry.by, matter, title, text, yes: Vec::new(), passed: false });
                Ok(())
            }
            motion::Event::Voted { motion, accept, note, statement } => self.voted(entry, *motion, (*accept, note), statement),
            motion::Event::Closed { motion, passed, .. } => {
                self.motions.entry(*motion).and_modify(|put| put.passed = *passed);
                Ok(())
            }
            motion::Event::Reminded { .. } | motion::Event::Referred { .. } => Ok(()),
        }
    }

    /// A charter that is said to be agreed upon has a motion of the owner's about it and no other, with a yes of each place that the charter before asks.
    fn rechartered(&mut self, entry: &Entry, charter: &str, motion: Option<u32>) -> Result<(), String> {
        let since = std::mem::replace(&mut self.adopted, entry.seq);
        let Some(number) = motion else { return Ok(()) };
        let rules = &self.roster.rules(entry.seq).charter;
        let asks = rules.policy.decisions.get(adoption::MATTER).map(|rule| rule.by.as_slice()).unwrap_or_default();
        let title = adoption::title(&Digest::of(charter.as_bytes()));
        let speaks = |put: &Put<'_>, roles: &String| {
            let named: Vec<&str> = roles.split('|').collect();
            put.yes.iter().any(|seat| rules.role_of(seat).is_some_and(|role| named.contains(&role.name.as_str())))
        };
        let about = |put: &&Put<'_>| *put.by == Actor::Owner && put.matter == adoption::MATTER && put.title == title && put.seq > since;
        let agreed = |put: &Put<'_>| put.passed && !asks.is_empty() && asks.iter().all(|roles| speaks(put, roles));
        match self.motions.get(&number).filter(about) {
            Some(put) if agreed(put) => Ok(()),
            Some(_) => Err(format!("the charter was adopted by M{number}, which those who have a voice in it did not pass")),
            None => Err(format!("the charter was adopted by M{number}, which is not about it")),
        }
    }

    fn voted(&mut self, entry: &'a Entry, motion: u32, (accept, note): (bool, &str), statement: &Envelope) -> Result<(), String> {
        let (subject, said) = word::read::<VoteWord>(statement)?;
        let here = self.here(entry, &said.workshop, &said.policy);
        let Some(put) = self.motions.get_mut(&motion) else { return Err(format!("M{motion} was never put")) };
        let about = here && said.motion == motion && said.index == put.seq && subject.is_sha256(&put.text);
        let the_same = about && said.accept == accept && said.note == note && said.voter == entry.by.party();
        if !the_same {
            return Err(format!("the voice that was signed is not this one on M{motion}"));
        }
        put.yes.extend(entry.by.seat().filter(|_| accept));
        Ok(())
    }

    fn freeze(&mut self, entry: &Entry, event: &'a freeze::Event) -> Result<(), String> {
        match event {
            freeze::Event::Frozen { reason, .. } if self.frozen.is_none() => self.frozen = Some(Frozen { seq: entry.seq, reason, agreed: false }),
            freeze::Event::Frozen { .. } => {}
            freeze::Event::Agreed { statement } => self.agreed(entry, statement)?,
            freeze::Event::Thawed { alone } => {
                let agreed = self.frozen.take().is_some_and(|frozen| frozen.agreed);
                if *alone == agreed {
                    let said = if agreed { "with a seat's word, and the entry says without" } else { "without a seat's word, and the entry says with one" };
                    return Err(format!("the workshop is thawed {said}"));
                }
            }
        }
        Ok(())
    }

    fn agreed(&mut self, entry: &Entry, statement: &Envelope) -> Result<(), String> {
        let (subject, said) = word::read::<ThawWord>(statement)?;
        let may = entry.by.seat().is_some_and(|seat| self.roster.rules(entry.seq).charter.can(seat, Capability::Thaw));
        let here = self.here(entry, &said.workshop, &said.policy) && said.voter == entry.by.party();
        match &mut self.frozen {
            _ if !may => Err(format!("{} has no say in the end of a freeze", entry.by)),
            Some(frozen) if here && said.index == frozen.seq && subject.is_sha256(&Digest::of(frozen.reason.as_bytes())) => {
                frozen.agreed = true;
                Ok(())
            }
            Some(_) | None => Err("the word that was signed is not on this freeze".to_owned()),
        }
    }

    fn here(&self, entry: &Entry, workshop: &str, policy: &Digest) -> bool {
        self.roster.genesis.workshop == workshop && self.roster.rules(entry.seq).digest == *policy
    }
}
