//! Chance, repeated: once the secret of an epoch is open, every draw that was made from it is worked out again.

use super::bypass::pool_of;
use super::history::{Attempt, Drawn, History, Task};
use super::problems::Problems;
use super::roster::Roster;
use super::sitting::{Sitting, Urn};
use crate::domain::bypass;
use crate::domain::draw;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, SeatName, TaskId};
use crate::domain::panel;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// A secret that was opened: its epoch, the entry that says so, the secret itself.
struct Opened {
    epoch: u32,
    seq: u64,
    secret: Vec<u8>,
}

/// What came of the draws of one epoch.
#[derive(Debug, Default)]
pub(super) struct Audited {
    pub draws: usize,
    pub lots: usize,
    pub thirds: usize,
}

/// Repeats every draw of the epochs whose secrets are open, or of one of them.
pub(super) fn judge(roster: &Roster<'_>, history: &History<'_>, only: Option<u32>, problems: &mut Problems) -> BTreeMap<u32, Audited> {
    let secrets = secrets(roster, history, problems);
    let mut all: BTreeMap<u32, Audited> = secrets.iter().map(|open| (open.epoch, Audited::default())).collect();
    let chance = Chance { roster, history, secrets: &secrets };
    for (task, known) in &history.tasks {
        for attempt in known.attempts.values() {
            let of = Of { task, known, attempt };
            attempt.draws.iter().for_each(|drawn| chance.drawn(&of, drawn, &mut all, problems));
            attempt.panels.iter().for_each(|(seq, _, _, event)| chance.later(&of, *seq, event, &mut all, problems));
        }
    }
    follow_ups(roster, history, &secrets, &mut all, problems);
    if let Some(only) = only {
        all.retain(|epoch, _| *epoch == only);
    }
    all
}

/// A candidate that seats are drawn for.
struct Of<'a> {
    task: &'a TaskId,
    known: &'a Task<'a>,
    attempt: &'a Attempt<'a>,
}

/// What draws are compared with: their pools always, what chance gave once its secret is open.
struct Chance<'a> {
    roster: &'a Roster<'a>,
    history: &'a History<'a>,
    secrets: &'a [Opened],
}

type Told = BTreeMap<u32, Audited>;

impl Chance<'_> {
    fn urn<'u>(&'u self, of: &Of<'u>, seq: u64) -> Option<Urn<'u>> {
        Urn::new(self.roster, of.attempt.author, of.attempt, seq)
    }

    fn drawn(&self, of: &Of<'_>, drawn: &Drawn<'_>, all: &mut Told, problems: &mut Problems) {
        let (task, gate, open) = (of.task, drawn.gate, at(self.secrets, drawn.seq));
        open.into_iter().for_each(|open| all.entry(open.epoch).or_default().draws += 1);
        if let Some(open) = open.filter(|open| *drawn.draw != mac(&open.secret, &format!("{task} {gate}"))) {
            problems.entry(drawn.seq, format_args!("the draw for {gate} of {task} is not what the secret of epoch {} gives", open.epoch));
        } else if let Some(why) = self.unlike(of, drawn, open.is_some()) {
            problems.entry(drawn.seq, format_args!("the draw for {gate} of {task}: {why}"));
        }
    }

    /// The charter's pool; the seats that chance gives out of it, in its order. Whoever saw the work before is judged where it is merged.
    fn unlike(&self, of: &Of<'_>, drawn: &Drawn<'_>, open: bool) -> Option<String> {
        let Some(urn) = self.urn(of, drawn.seq) else { return Some("nothing was measured".to_owned()) };
        let own = drawn.seats.strip_suffix(drawn.extra)?;
        let outside = || urn.outsider(own, drawn.watched.as_ref()?, drawn.draw);
        match () {
            () if urn.pool(drawn.gate) != drawn.pool => Some("it was made from another pool than the charter's".to_owned()),
            () if open && urn.seats(drawn.gate, drawn.draw) != own => Some("chance gives other seats".to_owned()),
            () if open && drawn.watched.is_some() && outside().as_ref() != drawn.extra.first() => {
                Some("chance gives another seat from outside".to_owned())
            }
            () => None,
        }
    }

    fn later(&self, of: &Of<'_>, seq: u64, event: &panel::Event, all: &mut Told, problems: &mut Problems) {
        let judged = match event {
            panel::Event::Lot { sealed, epoch, draw, pool, seat, .. } => {
                self.lot(of, seq, (*sealed, *epoch), (draw, pool, seat.as_ref()), all)
            }
            panel::Event::Redrawn { gate, round, out, pool, seats, draw, .. } => {
                self.redrawn(of, seq, (*gate, *round), (out, pool, seats, draw), all)
            }
            _ => Ok(()),
        };
        judged.err().into_iter().for_each(|why| problems.entry(seq, why));
    }

    fn lot(
        &self,
        of: &Of<'_>,
        seq: u64,
        (said, epoch): (u64, u32),
        (draw, pool, seat): (&Digest, &[SeatName], Option<&SeatName>),
        all: &mut Told,
    ) -> Result<(), String> {
        let task = of.task;
        let sealed = of.known.attempts.values().next().and_then(|first| first.submitted).map(|(seq, _)| seq);
        let over = self.history.opened.iter().filter(|(at, _)| *at < said).count();
        let urn = self.urn(of, seq).ok_or_else(|| format!("the lot of {task} was drawn, and nothing was measured"))?;
        let open = self.secrets.iter().find(|open| open.epoch == epoch);
        if open.is_some() {
            let told = all.entry(epoch).or_default();
            (told.lots, told.thirds) = (told.lots + 1, told.thirds + usize::from(seat.is_some()));
        }
        match () {
            () if sealed != Some(said) => Err(format!("the lot of {task} hangs on entry {said}, which is not where it was first sealed")),
            () if over != epoch as usize => Err(format!("the lot of {task} is of epoch {epoch}, and it was first sealed in epoch {over}")),
            () if urn.third_pool() != pool => Err(format!("the lot of {task} was made from another pool than the charter's")),
            () if open.is_some_and(|open| *draw != mac(&open.secret, &said.to_string()) || urn.third(draw).as_ref() != seat) => {
                Err(format!("the lot of {task} is not what the secret of epoch {epoch} gives"))
            }
            () => Ok(()),
        }
    }

    fn redrawn(
        &self,
        of: &Of<'_>,
        seq: u64,
        (gate, round): (GateName, u32),
        (out, pool, seats, draw): (&[SeatName], &[SeatName], &[SeatName], &Digest),
        all: &mut Told,
    ) -> Result<(), String> {
        let about = |why: &str| Err(format!("the draw for {gate} of {} in the place of others: {why}", of.task));
        let open = at(self.secrets, seq);
        open.into_iter().for_each(|open| all.entry(open.epoch).or_default().draws += 1);
        let (Some(urn), Some(sitting)) = (self.urn(of, seq), Sitting::at(of.attempt, gate, seq)) else { return about("nobody sat there") };
        let distinct: BTreeSet<&SeatName> = seats.iter().filter(|seat| pool.contains(seat)).collect();
        match open {
            _ if sitting.lapsed.is_empty() || sitting.lapsed != out => {
                about("those who are replaced are not those who let their time pass")
            }
            _ if round != sitting.round + 1 => about(&format!("it is round {round}, and {} came before", sitting.round)),
            _ if sitting.fresh(urn.pool(gate)) != pool => about("it was made from another pool than the charter's"),
            _ if (distinct.len(), seats.len()) != (out.len(), out.len()) => about("they are not as many out of its pool"),
            Some(open) if *draw != mac(&open.secret, &format!("{} {gate} {round}", of.task)) => {
                Err(format!("the draw for {gate} of {} is not what the secret of epoch {} gives", of.task, open.epoch))
            }
            Some(_) if urn.instead(gate, &sitting, draw) != seats => about("chance gives other seats"),
            Some(_) | None => Ok(()),
        }
    }
}

/// Who was to look at a bypass afterwards.
fn follow_ups(roster: &Roster<'_>, history: &History<'_>, secrets: &[Opened], all: &mut BTreeMap<u32, Audited>, problems: &mut Problems) {
    for (seq, _, _, event) in &history.bypasses {
        let (task, pool, seats, draw, words, count) = match event {
            bypass::Event::Drawn { task, pool, seats, draw } => (task, pool, seats, draw, format!("{task} follow-up"), bypass::FOLLOWERS),
            bypass::Event::Redrawn { task, round, out, pool, seats, draw } => (task, pool, seats, draw, format!("{task} follow-up {round}"), out.len()),
            _ => continue,
        };
        let Some(open) = at(secrets, *seq) else { continue };
        all.entry(open.epoch).or_default().draws += 1;
        let right = *draw == mac(&open.secret, &words) && *seats == draw::draw(pool, count, draw);
        if !right {
            problems.entry(
                *seq,
                format_args!("the draw for a look at the bypass of {task} is not what the secret of epoch {} gives", open.epoch),
            );
        } else if pool_of(roster, history, task, *seq).as_ref() != Some(pool) {
            problems.entry(*seq, format_args!("the draw for a look at the bypass of {task} was made from another pool than the charter's"));
        }
    }
}

/// The secret from which an entry's chance came: the first that was opened after it.
fn at(secrets: &[Opened], seq: u64) -> Option<&Opened> {
    secrets.iter().find(|open| open.seq > seq)
}

/// Each opened secret must be the one that the record had committed to.
fn secrets(roster: &Roster<'_>, history: &History<'_>, problems: &mut Problems) -> Vec<Opened> {
    let mut committed = roster.genesis.draw.clone();
    let mut all = Vec::new();
    for (seq, event) in &history.opened {
        let panel::Event::Opened { epoch, secret, next } = event else { continue };
        match hex::decode(secret) {
            Ok(bytes) if Digest::of(&bytes) == committed && *epoch as usize == all.len() => {
                all.push(Opened { epoch: *epoch, seq: *seq, secret: bytes });
            }
            Ok(_) | Err(_) => problems.entry(*seq, format_args!("the secret of epoch {epoch} is not the one that the record committed to")),
        }
        committed = next.clone();
    }
    all
}

fn mac(secret: &[u8], words: &str) -> Digest {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("BUG: HMAC takes keys of every length");
    mac.update(words.as_bytes());
    Digest::new(hex::encode(mac.finalize().into_bytes())).expect("BUG: an HMAC-SHA-256 is 64 hex digits")
}
