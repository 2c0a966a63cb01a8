//! Every statement in the ledger carries the signature of the one whose word it is.

use super::book::{Book, moment};
use super::problems::Problems;
use super::roster::Roster;
use super::threads::{Shared, beside};
use crate::domain::actor::{Actor, Party};
use crate::domain::dsse::{Envelope, IN_TOTO};
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::freeze;
use crate::domain::statement::MESSAGE;
use crate::domain::{bypass, confirm, deploy, message, motion, panel, review, task};
use crate::edge::keys::open_at;

/// A statement, and whose key has to have signed it.
struct Claim<'a> {
    entry: &'a Entry,
    party: Party,
    envelope: &'a Envelope,
    media: &'static str,
}

/// All statements but the owner's on genesis, which `Roster` judges.
pub(super) struct Claims<'a>(Vec<Claim<'a>>);

impl<'a> Claims<'a> {
    pub fn read(book: &'a Book, problems: &mut Problems) -> Self {
        let mut claims = Vec::new();
        for entry in &book.entries {
            match claim(entry) {
                Ok(found) => claims.extend(found),
                Err(why) => problems.entry(entry.seq, why),
            }
        }
        Self(claims)
    }

    /// Judges their signatures in another thread and, once `meanwhile` is done, in this one as well.
    pub fn judge<T>(&self, roster: &Roster<'_>, problems: &mut Problems, meanwhile: impl FnOnce() -> T) -> T {
        let shared = Shared::new(&self.0, |(): &mut (), claim| verify(claim, roster));
        let help = || {
            let done = meanwhile();
            shared.help(());
            done
        };
        let ((), done) = beside(|| shared.help(()), help);
        for (claim, found) in self.0.iter().zip(shared.end()) {
            if let Err(why) = found {
                problems.entry(claim.entry.seq, why);
            }
        }
        done
    }
}

fn claim(entry: &Entry) -> Result<Option<Claim<'_>>, String> {
    let by = |party: Party, envelope, media| Ok(Some(Claim { entry, party, envelope, media }));
    match &entry.event {
        Event::Task(task::Event::Tested { statement, .. } | task::Event::Judged { statement, .. }) => {
            by(Party::Gatekeeper, statement, IN_TOTO)
        }
        Event::Review(review::Event::Decided { statement, .. }) => match &entry.by {
            Actor::Seat(seat) => by(Party::Seat(seat.clone()), statement, IN_TOTO),
            Actor::Owner | Actor::Edge => Err(format!("a review by {}, who is no seat", entry.by)),
        },
        Event::Confirm(confirm::Event::Confirmed { statement, .. }) => by(Party::Owner, statement, IN_TOTO),
        Event::Bypass(
            bypass::Event::Opened { statement, .. }
            | bypass::Event::Signed { statement, .. }
            | bypass::Event::Reviewed { statement, .. }
            | bypass::Event::Answered { statement, .. },
        ) => by(entry.by.party(), statement, IN_TOTO),
        Event::Panel(panel::Event::Cosigned { statement, .. }) => by(entry.by.party(), statement, IN_TOTO),
        Event::Deploy(deploy::Event::Confirmed { statement, .. }) => by(Party::Owner, statement, IN_TOTO),
        Event::Motion(motion::Event::Voted { statement, .. }) | Event::Freeze(freeze::Event::Agreed { statement }) => by(entry.by.party(), statement, IN_TOTO),
        Event::Message(message::Event::Sent { statement, .. }) => match message::letter(statement) {
            Some(letter) => by(letter.from, statement, MESSAGE),
            None => Err("its message cannot be read".to_owned()),
        },
        _ => Ok(None),
    }
}

fn verify(claim: &Claim<'_>, roster: &Roster<'_>) -> Result<(), String> {
    let Claim { entry, party, envelope, media } = claim;
    if envelope.payload_type != *media {
        return Err(format!("the statement of {party} is {:?}, not {media}", envelope.payload_type));
    }
    let holder = roster.key(party, entry.seq).ok_or_else(|| format!("{party} had no key when this was written"))?;
    let (_, signers) =
        open_at(envelope, &holder.certs, moment(entry.time)).map_err(|why| format!("it has to be signed by {party}: {why}"))?;
    match signers == [holder.fingerprint.clone()] {
        true => Ok(()),
        false => Err(format!("it has to be signed by {party} alone")),
    }
}
