//! Chance, repeated: once the secret of an epoch is open, every draw that was made from it is worked out again.

use super::bypass::pool_of;
use super::history::{Attempt, Drawn, History};
use super::problems::Problems;
use super::roster::Roster;
use crate::domain::bypass;
use crate::domain::draw;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, SeatName, TaskId};
use crate::domain::panel;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;

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
    for (task, known) in &history.tasks {
        let sealed = known.attempts.values().next().and_then(|first| first.submitted).map(|(seq, _)| seq);
        for attempt in known.attempts.values() {
            for drawn in &attempt.draws {
                let Some(open) = at(&secrets, drawn.seq) else { continue };
                all.entry(open.epoch).or_default().draws += 1;
                let words = format!("{task} {}", drawn.gate);
                if *drawn.draw != mac(&open.secret, &words) {
                    problems.entry(drawn.seq, format_args!("the draw for {} of {task} is not what the secret of epoch {} gives", drawn.gate, open.epoch));
                } else if let Some(why) = unlike(roster, known.author, attempt, drawn) {
                    problems.entry(drawn.seq, format_args!("the draw for {} of {task}: {why}", drawn.gate));
                }
            }
            for (seq, event) in attempt.panels.iter().map(|(seq, _, _, event)| (*seq, *event)) {
                one(task, sealed, seq, event, &secrets, &mut all, problems);
            }
        }
    }
    follow_ups(roster, history, &secrets, &mut all, problems);
    if let Some(only) = only {
        all.retain(|epoch, _| *epoch == only);
    }
    all
}

fn one(task: &TaskId, sealed: Option<u64>, seq: u64, event: &panel::Event, secrets: &[Opened], all: &mut BTreeMap<u32, Audited>, problems: &mut Problems) {
    match event {
        panel::Event::Lot { sealed: said, epoch, draw, pool, seat, .. } => {
            if sealed != Some(*said) {
                problems.entry(seq, format_args!("the lot of {task} hangs on entry {said}, which is not where it was first sealed"));
            }
            let Some(open) = secrets.iter().find(|open| open.epoch == *epoch) else { return };
            let told = all.entry(*epoch).or_default();
            (told.lots, told.thirds) = (told.lots + 1, told.thirds + usize::from(seat.is_some()));
            let right = *draw == mac(&open.secret, &said.to_string());
            let named = seat.is_none() || draw::draw(pool, 1, draw).first() == seat.as_ref();
            if !right || !named {
                problems.entry(seq, format_args!("the lot of {task} is not what the secret of epoch {epoch} gives"));
            }
        }
        panel::Event::Redrawn { gate, round, draw, .. } => {
            let Some(open) = at(secrets, seq) else { return };
            all.entry(open.epoch).or_default().draws += 1;
            if *draw != mac(&open.secret, &format!("{task} {gate} {round}")) {
                problems.entry(seq, format_args!("the draw for {gate} of {task} is not what the secret of epoch {} gives", open.epoch));
            }
        }
        panel::Event::Reminded { .. } | panel::Event::Lapsed { .. } | panel::Event::Withdrawn { .. } | panel::Event::Cosigned { .. } | panel::Event::Opened { .. } => {}
    }
}

/// Who was to look at a bypass afterwards.
fn follow_ups(roster: &Roster<'_>, history: &History<'_>, secrets: &[Opened], all: &mut BTreeMap<u32, Audited>, problems: &mut Problems) {
    for (seq, _, _, event) in &history.bypasses {
        let (bypass::Event::Drawn { task, pool, seats, draw }, Some(open)) = (event, at(secrets, *seq)) else { continue };
        all.entry(open.epoch).or_default().draws += 1;
        let right = *draw == mac(&open.secret, &format!("{task} follow-up")) && *seats == draw::draw(pool, bypass::FOLLOWERS, draw);
        if !right {
            problems.entry(*seq, format_args!("the draw for a look at the bypass of {task} is not what the secret of epoch {} gives", open.epoch));
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

/// The seats that chance gives out of the pool, in its order.
fn unlike(roster: &Roster<'_>, author: Option<&SeatName>, attempt: &Attempt<'_>, drawn: &Drawn<'_>) -> Option<String> {
    let own = drawn.seats.len().saturating_sub(drawn.extra.len());
    let charter = &roster.rules(drawn.seq).charter;
    let (author, measured) = (author?, attempt.measured.as_ref()?);
    let wanted = match drawn.gate {
        GateName::Peer => draw::panel(charter, author, measured.contributors, own, drawn.draw),
        GateName::Qa => draw::draw(drawn.pool, own, drawn.draw),
        GateName::Deploy | GateName::Red | GateName::Green => return None,
    };
    let outside = || draw::outsider(charter, author, measured.contributors, &wanted, drawn.watched.as_ref()?, drawn.draw);
    match () {
        () if wanted != drawn.seats[..own] => Some("chance gives other seats".to_owned()),
        () if drawn.watched.is_some() && outside().as_ref() != drawn.extra.first() => Some("chance gives another seat from outside".to_owned()),
        () => None,
    }
}
