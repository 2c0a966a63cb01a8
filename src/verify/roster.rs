//! Who may speak and by which rules: genesis, the keys, the owner's word on both, and the charters in force.

use super::book::{Book, moment};
use super::problems::Problems;
use super::word::{self, GenesisWord};
use crate::domain::actor::{Actor, Party};
use crate::domain::charter::Charter;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::key;
use crate::domain::name::{Digest, Fingerprint, SeatName};
use crate::domain::workshop::{self, Genesis};
use crate::edge::keys::{Certs, open_at, revoked_in};
use std::collections::{BTreeMap, BTreeSet};

/// A key and whose it is.
pub(super) struct Holder {
    pub fingerprint: Fingerprint,
    /// This one certificate and no other.
    pub certs: Certs,
    /// The entry that registered it; what was signed counts from there on.
    pub since: u64,
    /// The entry that revoked it; what was signed counts up to there.
    pub until: Option<u64>,
}

impl Holder {
    fn counts(&self, seq: u64) -> bool {
        self.since < seq && self.until.is_none_or(|until| seq < until)
    }
}

/// A charter and the entry from which it counts.
pub(super) struct Adopted {
    pub since: u64,
    pub charter: Charter,
    pub digest: Digest,
}

pub(super) struct Roster<'a> {
    pub genesis: &'a Genesis,
    /// Each party's keys, oldest first; only the last can still count.
    keys: BTreeMap<Party, Vec<Holder>>,
    charters: Vec<Adopted>,
}

impl<'a> Roster<'a> {
    /// Reads genesis, keys and charters; nothing where the ledger does not begin with a usable genesis.
    pub fn read(book: &'a Book, problems: &mut Problems) -> Option<Self> {
        let Some(genesis) = book.genesis() else {
            problems.entry(0, "it is not the founding of a workshop");
            return None;
        };
        let first = adopted(0, &genesis.charter, problems)?;
        let mut roster = Self { genesis, keys: BTreeMap::new(), charters: vec![first] };
        roster.seats(problems);
        roster.take_in(book, problems);
        roster.sworn(book, problems);
        Some(roster)
    }

    /// Genesis and charter must name the same seats in the same roles.
    fn seats(&self, problems: &mut Problems) {
        let charter = &self.charters[0].charter;
        let chartered: BTreeSet<_> =
            charter.roles.iter().flat_map(|role| role.seats.iter().map(|seat| (seat.clone(), role.name.clone()))).collect();
        let named: BTreeSet<_> = self.genesis.seats.iter().cloned().collect();
        if let Some((seat, role)) = chartered.symmetric_difference(&named).next() {
            problems.entry(0, format_args!("{seat} as {role} is only in one of genesis and its charter"));
        }
    }

    fn take_in(&mut self, book: &Book, problems: &mut Problems) {
        let mut all = Certs::default();
        for entry in &book.entries {
            match &entry.event {
                Event::Workshop(workshop::Event::Founded { .. }) if entry.seq > 0 => {
                    problems.entry(entry.seq, "the workshop is founded a second time")
                }
                Event::Workshop(workshop::Event::Rechartered { charter, .. }) => self.recharter(entry, charter, problems),
                Event::Key(key::Event::Made { holder, fingerprint, certificate }) => {
                    if let Err(why) = self.register(entry, holder, fingerprint, certificate, &mut all) {
                        problems.entry(entry.seq, format_args!("the key of {holder}: {why}"));
                    }
                }
                Event::Key(key::Event::Revoked { holder, fingerprint, certificate, .. }) => {
                    if let Err(why) = self.revoke(entry, holder, fingerprint, certificate) {
                        problems.entry(entry.seq, format_args!("the revocation for {holder}: {why}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn revoke(&mut self, entry: &Entry, holder: &Party, claimed: &Fingerprint, armored: &str) -> Result<(), String> {
        if entry.by != Actor::Owner || !matches!(holder, Party::Seat(_)) {
            return Err(format!("it is by {}, and only the owner takes a key away, from a seat", entry.by));
        }
        let current = self.keys.get_mut(holder).and_then(|keys| keys.last_mut()).filter(|key| key.until.is_none());
        let current = current.ok_or("there is no key to revoke")?;
        if current.fingerprint != *claimed {
            return Err(format!("the key is {}, not {claimed}", current.fingerprint));
        }
        current.until = Some(entry.seq);
        match revoked_in(armored) {
            Ok(found) if found == *claimed => Ok(()),
            Ok(found) => Err(format!("its certificate is that of {found}")),
            Err(failure) => Err(format!("its certificate does not carry it: {failure}")),
        }
    }

    fn recharter(&mut self, entry: &Entry, text: &str, problems: &mut Problems) {
        if entry.by != Actor::Owner {
            problems.entry(entry.seq, format_args!("the charter was changed by {}, not by the owner", entry.by));
        }
        let Some(new) = adopted(entry.seq, text, problems) else { return };
        if !new.charter.seats().eq(self.charters[0].charter.seats()) {
            problems.entry(entry.seq, "the new charter has other seats than genesis");
        }
        self.charters.push(new);
    }

    fn register(&mut self, entry: &Entry, holder: &Party, claimed: &Fingerprint, armored: &str, all: &mut Certs) -> Result<(), String> {
        if entry.by != Actor::Edge {
            return Err(format!("it was registered by {}, not by the supervisor", entry.by));
        }
        if self.keys.get(holder).is_some_and(|keys| keys.iter().any(|key| key.until.is_none())) {
            return Err("a second key for the same holder".to_owned());
        }
        let mut certs = Certs::default();
        let found = certs.add(armored).map_err(|why| why.to_string())?;
        if found != *claimed {
            return Err(format!("its certificate has the fingerprint {found}, not {claimed}"));
        }
        if all.fingerprints().contains(&found) {
            return Err(format!("{found} belongs to somebody else already"));
        }
        all.add(armored).map_err(|why| why.to_string())?;
        self.keys.entry(holder.clone()).or_default().push(Holder { fingerprint: found, certs, since: entry.seq, until: None });
        Ok(())
    }

    /// The owner must have sworn once, over exactly what genesis and the registry say.
    fn sworn(&self, book: &Book, problems: &mut Problems) {
        let oaths: Vec<_> = book.entries.iter().filter_map(oath).collect();
        match oaths[..] {
            [(entry, envelope)] => match self.oath(entry, envelope) {
                Ok(()) => {}
                Err(why) => problems.entry(entry.seq, format_args!("the owner's word on genesis: {why}")),
            },
            [] => problems.add("the ledger has no word of the owner on genesis: nobody vouches for its keys"),
            [_, (second, _), ..] => problems.entry(second.seq, "the owner's word on genesis stands there a second time"),
        }
    }

    fn oath(&self, entry: &Entry, envelope: &crate::domain::dsse::Envelope) -> Result<(), String> {
        let owner = self.key(&Party::Owner, entry.seq).ok_or("the owner has no key")?;
        let (_, signers) = open_at(envelope, &owner.certs, moment(entry.time))?;
        if signers != [owner.fingerprint.clone()] {
            return Err("it is not signed by the owner's key alone".to_owned());
        }
        let (subject, word) = word::read::<GenesisWord>(envelope)?;
        let keys: BTreeMap<_, _> = self.first().collect();
        let said: BTreeMap<_, _> = word.keys.iter().cloned().collect();
        let base = subject.digest.get("gitCommit").map(String::as_str) == Some(self.genesis.base.as_str());
        let rules = &self.charters[0].digest;
        match () {
            () if subject.name != self.genesis.workshop => Err(format!("it is about {}, not {}", subject.name, self.genesis.workshop)),
            () if !base => Err(format!("it does not name the base {}", self.genesis.base)),
            () if word.policy != *rules => {
                Err(format!("it names the charter {}, and genesis holds {}", word.policy.short(), rules.short()))
            }
            () if word.draw != self.genesis.draw => Err("it names another draw secret than genesis".to_owned()),
            () if word.note_key != self.genesis.note_key => Err("it names another checkpoint key than genesis".to_owned()),
            () if said.len() != word.keys.len() => Err("it names a holder twice".to_owned()),
            () => differ(&keys, &said).map_or(Ok(()), |party| Err(format!("it does not name the key of {party} as the ledger does"))),
        }
    }

    /// What the owner swore on: the first key of each.
    fn first(&self) -> impl Iterator<Item = (Party, Fingerprint)> {
        self.keys.iter().filter_map(|(party, keys)| Some((party.clone(), keys.first()?.fingerprint.clone())))
    }

    /// A party's key, if it was registered before this entry and not revoked until then.
    pub fn key(&self, party: &Party, seq: u64) -> Option<&Holder> {
        self.keys.get(party)?.iter().find(|holder| holder.counts(seq))
    }

    /// The seat whose key this was at an entry.
    pub fn seat_of(&self, fingerprint: &Fingerprint, seq: u64) -> Option<&SeatName> {
        let is = |holder: &Holder| holder.fingerprint == *fingerprint && holder.counts(seq);
        let (party, _) = self.keys.iter().find(|(_, keys)| keys.iter().any(is))?;
        match party {
            Party::Seat(seat) => Some(seat),
            Party::Owner | Party::Gatekeeper => None,
        }
    }

    pub fn owner(&self) -> Option<&Fingerprint> {
        self.keys.get(&Party::Owner)?.first().map(|holder| &holder.fingerprint)
    }

    /// The rules in force when an entry was written.
    pub fn rules(&self, seq: u64) -> &Adopted {
        self.charters.iter().rev().find(|adopted| adopted.since < seq).unwrap_or(&self.charters[0])
    }

    /// The address under which a seat, or the gatekeeper, commits.
    pub fn email(&self, name: &str) -> String {
        format!("{name}@{}.orchestrate", self.genesis.workshop)
    }
}

fn adopted(since: u64, text: &str, problems: &mut Problems) -> Option<Adopted> {
    match Charter::from_canonical(text) {
        Ok(charter) => Some(Adopted { since, charter, digest: Digest::of(text.as_bytes()) }),
        Err(why) => {
            problems.entry(since, format_args!("its charter cannot be used: {why}"));
            None
        }
    }
}

fn oath(entry: &Entry) -> Option<(&Entry, &crate::domain::dsse::Envelope)> {
    match &entry.event {
        Event::Workshop(workshop::Event::Sworn { statement }) => Some((entry, statement)),
        _ => None,
    }
}

fn differ<'k>(ours: &'k BTreeMap<Party, Fingerprint>, theirs: &'k BTreeMap<Party, Fingerprint>) -> Option<&'k Party> {
    ours.keys().chain(theirs.keys()).find(|party| ours.get(party) != theirs.get(party))
}
