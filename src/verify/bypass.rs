//! Emergency bypasses: both halves, small enough, in time, exactly what was shown; whether two others looked at it afterwards, and what became of a no.

use super::case::Case;
use super::chain::Merge;
use super::history::History;
use super::problems::{Problems, plain};
use super::roster::Roster;
use super::word::{self, Bound, BypassWord};
use crate::domain::actor::Actor;
use crate::domain::bypass::{self, Event, FOLLOWERS};
use crate::domain::change::{Change, Mark};
use crate::domain::dsse::Envelope;
use crate::domain::entry::Millis;
use crate::domain::name::{SeatName, TaskId};
use crate::domain::panel;
use std::collections::BTreeSet;

/// Both halves of a bypass that a merge went by.
pub(super) struct Round<'a> {
    opened: (u64, Millis, &'a Envelope),
    reason: &'a str,
    signed: (u64, &'a Actor, &'a Envelope),
    note: &'a str,
}

impl Round<'_> {
    /// The entry from which on the gates are left out.
    pub fn since(&self) -> u64 {
        self.signed.0
    }
}

/// The bypass that a candidate went by, if it did: the last one that both halves are there of, and that no withdrawn word ended.
pub(super) fn of<'a>(case: &Case<'_>, history: &History<'a>) -> Option<Round<'a>> {
    let (task, number, intended) = (case.merge.task, case.merge.attempt, case.merge.intended);
    let mine = || history.bypasses.iter().filter(move |(seq, _, _, event)| *seq < intended && event.task() == task);
    let signed = mine().rev().find_map(|(seq, _, by, event)| match event {
        Event::Signed { attempt, statement, note, .. } if *attempt == number => Some((*seq, *by, statement, note.as_str())),
        _ => None,
    })?;
    let back = case.attempt.panels.iter().any(|(seq, _, _, event)| *seq > signed.0 && *seq < intended && matches!(event, panel::Event::Withdrawn { .. }));
    let opened = mine().rev().filter(|(seq, ..)| *seq < signed.0 && !back).find_map(|(seq, time, _, event)| match event {
        Event::Opened { attempt, statement, reason, .. } if *attempt == number => Some(((*seq, *time, statement), reason.as_str())),
        _ => None,
    });
    let (seq, by, statement, note) = signed;
    opened.map(|(opened, reason)| Round { opened, reason, signed: (seq, by, statement), note })
}

/// Judges a merge that went round its gates, and says who let it.
pub(super) fn judge(case: &Case<'_>, history: &History<'_>, round: &Round<'_>, problems: &mut Problems) -> Vec<String> {
    let task = case.merge.task;
    let mut say = |seq: u64, why: String| problems.entry(seq, format_args!("the bypass of {task} {why}"));
    if let Err(why) = fits(case, history, round) {
        say(case.merge.intended, why);
    }
    if let Err(why) = half(case, round.opened.2, "owner", round.reason, case.submitted) {
        say(round.opened.0, format!("has an owner's half that does not count: {why}"));
    }
    let (seq, by, statement) = round.signed;
    let librarian = by.seat().filter(|seat| case.rules.charter.role_of(seat).is_some_and(|role| role.name.as_str() == "librarian") && !case.contributors.contains(*seat));
    match librarian {
        None => say(seq, format!("is signed by {by}, who is no librarian or had a hand in it")),
        Some(seat) => half(case, statement, seat.as_str(), round.note, round.opened.0).err().into_iter().for_each(|why| say(seq, format!("has a librarian's half that does not count: {why}"))),
    }
    vec![format!("round the gates, by the bypass of entries {} and {seq}: {}", round.opened.0, plain(round.reason))]
}

fn fits(case: &Case<'_>, history: &History<'_>, round: &Round<'_>) -> Result<(), String> {
    let (terms, change, merge) = (case.rules.charter.policy.bypass, case.change, case.merge);
    let intended = history.moves.iter().find(|step| step.seq == merge.intended).map_or(Millis::MAX, |step| step.time);
    let secret = change.files.iter().any(|file| file.marks.iter().any(|mark| matches!(mark, Mark::Secret { .. })));
    match () {
        () if terms.lines == 0 => Err("is not offered by the charter".to_owned()),
        () if change.lines() > terms.lines => Err(format!("let {} lines in, where {} may", change.lines(), terms.lines)),
        () if change.file_count() as u64 > terms.files => Err(format!("let {} files in, where {} may", change.file_count(), terms.files)),
        () if secret => Err("let in what looks like a secret".to_owned()),
        () if intended > terms.until(round.opened.1) => Err("was used after its time".to_owned()),
        () if *merge.tree != change.tree || *merge.old != change.base => Err("let in something else than was shown".to_owned()),
        () => Ok(()),
    }
}

fn half(case: &Case<'_>, statement: &Envelope, who: &str, note: &str, index: u64) -> Result<(), String> {
    let (_, word) = word::read::<BypassWord>(statement)?;
    match case.unbound(&word.bound, &case.change.tree, index) {
        Some(why) => Err(why),
        None if word.seat != who => Err(format!("it is the word of {}", word.seat)),
        None if !word.accept || word.note != note => Err("its statement says something else than its entry".to_owned()),
        None => Ok(()),
    }
}

/// Who may be drawn at this entry to look at a bypass: whoever could have reviewed it, without those who had a hand in it or signed it.
pub(super) fn pool_of(roster: &Roster<'_>, history: &History<'_>, task: &TaskId, at: u64) -> Option<Vec<SeatName>> {
    let known = history.tasks.get(task)?;
    let (author, measured) = known.attempts.values().rev().find_map(|attempt| Some((attempt.author?, attempt.measured.as_ref()?)))?;
    let signed = history.bypasses.iter().rev().find_map(|(seq, _, by, event)| match event {
        Event::Signed { task: other, .. } if *seq < at && other == task => by.seat(),
        _ => None,
    });
    // Nobody who was drawn for it before.
    let before: BTreeSet<&SeatName> = history.bypasses.iter().filter(|(seq, _, _, event)| *seq < at && event.task() == task).flat_map(|(_, _, _, event)| drawn_by(event)).collect();
    let all = bypass::followers(&roster.rules(at).charter, author, measured.contributors, signed);
    Some(all.into_iter().filter(|seat| !before.contains(seat)).collect())
}

fn drawn_by(event: &Event) -> &[SeatName] {
    match event {
        Event::Drawn { seats, .. } | Event::Redrawn { seats, .. } => seats,
        _ => &[],
    }
}

/// What followed a bypass: when two that were drawn had looked at it, and from when to when somebody's no had no answer.
#[derive(Default)]
struct Followed {
    looked: Option<u64>,
    disputes: Vec<(u64, Option<u64>)>,
}

/// Reads what followed, and names what is wrong with the draw, the words and the answer.
fn followed(roster: &Roster<'_>, history: &History<'_>, merge: &Merge<'_>, problems: &mut Problems) -> Followed {
    let mut told = Followed::default();
    let Some(measured) = history.tasks.get(merge.task).and_then(|task| task.attempts.get(&merge.attempt)?.measured.as_ref()) else { return told };
    let (mut drawn, mut index): (Vec<&SeatName>, u64) = (Vec::new(), 0);
    let (mut looked, mut term) = (BTreeSet::new(), Term { since: merge.time, ..Term::default() });
    for (seq, time, by, event) in history.bypasses.iter().filter(|(seq, _, _, event)| *seq > merge.merged && event.task() == merge.task) {
        let about = || wanted(roster, (merge.task, merge.attempt), measured.change, *seq, index);
        let judged = match event {
            Event::Drawn { pool, seats, .. } if drawn.is_empty() => {
                (drawn, index) = (seats.iter().collect(), *seq);
                let distinct: BTreeSet<&SeatName> = seats.iter().collect();
                match pool_of(roster, history, merge.task, *seq) {
                    Some(wanted) if wanted != *pool => Err("was given to others than may look at it".to_owned()),
                    Some(_) if distinct.len() != FOLLOWERS.min(pool.len()) || distinct.len() != seats.len() => Err(format!("was given to {} of {FOLLOWERS}", distinct.len())),
                    Some(_) => seats.iter().find(|seat| !pool.contains(seat)).map_or(Ok(()), |seat| Err(format!("drew {seat}, who may not look at it"))),
                    None => Err("was drawn for although nothing was measured".to_owned()),
                }
            }
            Event::Drawn { .. } => Err("was drawn for a second time".to_owned()),
            Event::Lapsed { .. } => {
                term.over = *time > roster.rules(*seq).charter.policy.bypass.due(term.since);
                Ok(())
            }
            Event::Redrawn { round, out, pool, seats, .. } => {
                let silent: Vec<&SeatName> = drawn.iter().filter(|seat| !looked.contains(*seat)).copied().collect();
                let judged = term.again(*round, out, &silent, (pool, seats), pool_of(roster, history, merge.task, *seq).as_deref());
                drawn.retain(|seat| !out.contains(seat));
                drawn.extend(seats);
                (index, term) = (*seq, Term { since: *time, round: *round, over: false });
                judged
            }
            Event::Reviewed { statement, accept, note, .. } => match by.seat().filter(|seat| drawn.contains(seat)) {
                None => Err(format!("was looked at by {by}, whom nobody drew")),
                Some(seat) if looked.contains(seat) => Err(format!("was looked at by {seat} before")),
                Some(seat) => said(statement, seat.as_str(), *accept, note, &about()).map_err(|why| format!("has a look by {seat} that does not count: {why}")).map(|()| {
                    looked.insert(seat);
                    told.looked = told.looked.or((looked.len() == FOLLOWERS).then_some(*seq));
                    told.disputes.extend((!accept && told.open().is_none()).then_some((*seq, None)));
                }),
            },
            Event::Answered { statement, note, .. } => match told.disputes.last_mut() {
                Some((_, end @ None)) => said(statement, "owner", true, note, &about()).map_err(|why| format!("has an answer that does not count: {why}")).map(|()| *end = Some(*seq)),
                _ => Err("was answered where nobody had said no".to_owned()),
            },
            _ => Ok(()),
        };
        judged.err().into_iter().for_each(|why| problems.entry(*seq, format_args!("the bypass of {} {why}", merge.task)));
    }
    told
}

/// The time of those who are to look at it: since when, after how many draws in others' place, and whether it is over.
#[derive(Default)]
struct Term {
    since: Millis,
    round: u32,
    over: bool,
}

impl Term {
    /// Others are drawn only in the place of all who let their time pass, as many, and out of the charter's pool without those before.
    fn again(&self, round: u32, out: &[SeatName], silent: &[&SeatName], (pool, seats): (&[SeatName], &[SeatName]), wanted: Option<&[SeatName]>) -> Result<(), String> {
        let distinct: BTreeSet<&SeatName> = seats.iter().filter(|seat| pool.contains(seat)).collect();
        match () {
            () if !self.over => Err("was given to others, although nobody had let the time pass".to_owned()),
            () if round != self.round + 1 => Err(format!("was given to others in round {round}, and {} came before", self.round)),
            () if out.is_empty() || !out.iter().eq(silent.iter().copied()) => Err("was given to others in the place of those who had not let the time pass".to_owned()),
            () if wanted != Some(pool) => Err("was given to others than may look at it".to_owned()),
            () if (distinct.len(), seats.len()) != (out.len(), out.len()) => Err(format!("was given to {} in the place of {}", distinct.len(), out.len())),
            () => Ok(()),
        }
    }
}

impl Followed {
    fn open(&self) -> Option<u64> {
        self.disputes.last().filter(|(_, end)| end.is_none()).map(|(seq, _)| *seq)
    }
}

/// What a word on a candidate at this entry has to be bound to.
pub(super) fn wanted(roster: &Roster<'_>, (task, attempt): (&TaskId, u32), change: &Change, seq: u64, index: u64) -> Bound {
    let (workshop, policy) = (roster.genesis.workshop.clone(), roster.rules(seq).digest.clone());
    let (commit, tree, base) = (change.commit.clone(), change.tree.clone(), change.base.clone());
    Bound { workshop, task: task.clone(), attempt, commit, tree, base, policy, index }
}

fn said(statement: &Envelope, who: &str, accept: bool, note: &str, wanted: &Bound) -> Result<(), String> {
    let (_, word) = word::read::<BypassWord>(statement)?;
    match word.bound.unlike(wanted) {
        Some(why) => Err(why),
        None if word.seat != who => Err(format!("it is the word of {}", word.seat)),
        None if word.accept != accept || word.note != note => Err("its statement says something else than its entry".to_owned()),
        None => Ok(()),
    }
}

/// No further bypass while a no has no answer, where the charter has it so; `rounds` are the merges that went by one.
fn disputed(roster: &Roster<'_>, history: &History<'_>, rounds: &[&Merge<'_>], task: &TaskId, disputes: &[(u64, Option<u64>)], problems: &mut Problems) {
    let words = history.bypasses.iter().filter(|(.., event)| matches!(event, Event::Opened { .. } | Event::Signed { .. }));
    let steps: Vec<(u64, &TaskId)> = words.map(|(seq, _, _, event)| (*seq, event.task())).chain(rounds.iter().map(|merge| (merge.intended, merge.task))).collect();
    for (from, to) in disputes {
        let meanwhile = |seq: u64| seq > *from && to.is_none_or(|to| seq < to) && roster.rules(seq).charter.policy.bypass.no_stops;
        for (seq, other) in steps.iter().filter(|(seq, _)| meanwhile(*seq)) {
            problems.entry(*seq, format_args!("a bypass of {other} went on, though entry {from} had said no to that of {task} and had no answer"));
        }
    }
}

/// Whose bypass nobody looked at in time had to wait with the next merge.
pub(super) fn afterwards(roster: &Roster<'_>, history: &History<'_>, merges: &[Merge<'_>], round: &BTreeSet<TaskId>, problems: &mut Problems) {
    let rounds: Vec<&Merge<'_>> = merges.iter().filter(|merge| round.contains(merge.task)).collect();
    for merge in &rounds {
        let Followed { looked, disputes } = followed(roster, history, merge, problems);
        disputed(roster, history, &rounds, merge.task, &disputes, problems);
        let Some(author) = history.tasks.get(merge.task).and_then(|task| task.attempts.get(&merge.attempt)?.author) else { continue };
        // By the rules that the next merge stood under, as the supervisor asks.
        let due = |next: &Merge<'_>| roster.rules(next.intended).charter.policy.bypass.due(merge.time);
        let hers = |next: &&Merge<'_>| {
            let measured = history.tasks.get(next.task).and_then(|task| task.attempts.get(&next.attempt)?.measured.as_ref());
            measured.is_some_and(|measured| measured.contributors.contains(author))
        };
        let intended = |next: &Merge<'_>| history.moves.iter().find(|step| step.seq == next.intended).map_or(0, |step| step.time);
        let late = |next: &&Merge<'_>| intended(next) > due(next) && looked.is_none_or(|seq| seq > next.intended);
        for next in merges.iter().filter(|next| next.merged > merge.merged).filter(hers).filter(late) {
            let why = format!("{} of {author} was to be merged, though two others had not looked at the bypass of {} in time", next.task, merge.task);
            problems.entry(next.intended, why);
        }
    }
}
