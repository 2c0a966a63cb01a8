//! Voices that stand beside a change: on motions, and on the end of a freeze. Each is about exactly what it names.

use super::book::Book;
use super::problems::Problems;
use super::roster::Roster;
use super::word::{self, ThawWord, VoteWord};
use crate::domain::dsse::Envelope;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::name::Digest;
use crate::domain::role::Capability;
use crate::domain::{freeze, motion};
use std::collections::BTreeMap;

/// What stands open while the entries are read.
struct Hall<'a> {
    roster: &'a Roster<'a>,
    /// Where a motion was put, and the digest of its text.
    motions: BTreeMap<u32, (u64, Digest)>,
    frozen: Option<Frozen<'a>>,
}

struct Frozen<'a> {
    seq: u64,
    reason: &'a str,
    agreed: bool,
}

/// Judges every voice in the ledger.
pub(super) fn judge(book: &Book, roster: &Roster<'_>, problems: &mut Problems) {
    let mut hall = Hall { roster, motions: BTreeMap::new(), frozen: None };
    for entry in &book.entries {
        let heard = match &entry.event {
            Event::Motion(event) => hall.motion(entry, event),
            Event::Freeze(event) => hall.freeze(entry, event),
            _ => Ok(()),
        };
        if let Err(why) = heard {
            problems.entry(entry.seq, why);
        }
    }
}

impl<'a> Hall<'a> {
    fn motion(&mut self, entry: &Entry, event: &motion::Event) -> Result<(), String> {
        match event {
            motion::Event::Moved { motion, matter, title, body, .. } => {
                let text = Digest::of(format!("{matter}\n{title}\n{body}").as_bytes());
                self.motions.insert(*motion, (entry.seq, text));
                Ok(())
            }
            motion::Event::Voted { motion, accept, note, statement } => self.voted(entry, *motion, (*accept, note), statement),
            motion::Event::Reminded { .. } | motion::Event::Referred { .. } | motion::Event::Closed { .. } => Ok(()),
        }
    }

    fn voted(&self, entry: &Entry, motion: u32, (accept, note): (bool, &str), statement: &Envelope) -> Result<(), String> {
        let (subject, said) = word::read::<VoteWord>(statement)?;
        let Some((put, text)) = self.motions.get(&motion) else { return Err(format!("M{motion} was never put")) };
        let about = said.motion == motion && said.index == *put && subject.is_sha256(text);
        let the_same = about && said.accept == accept && said.note == note && said.voter == entry.by.party();
        if the_same && self.here(entry, &said.workshop, &said.policy) { Ok(()) } else { Err(format!("the voice that was signed is not this one on M{motion}")) }
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
