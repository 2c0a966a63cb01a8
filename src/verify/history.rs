//! What the entries say, sorted by task and attempt. Only what contradicts itself is a problem here.

use super::book::Book;
use super::pieces::Moment;
use super::problems::Problems;
use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::check::Verdict;
use crate::domain::collusion::Record;
use crate::domain::dsse::Envelope;
use crate::domain::entry::{Entry, Millis};
use crate::domain::event::Event;
use crate::domain::fix::Fix;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::{motion, panel};
use crate::domain::policy::Needs;
use crate::domain::reading::Reading;
use crate::domain::task::RunKind;
use crate::domain::window::Families;
use crate::domain::{bypass, confirm, deploy, fleet, freeze, lock, merge, review, task, workshop};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

#[derive(Default)]
pub(super) struct History<'a> {
    pub tasks: BTreeMap<&'a TaskId, Task<'a>>,
    pub families: Families,
    pub moves: Vec<Move<'a>>,
    /// From which entry to which the workshop was frozen.
    freezes: Vec<(u64, Option<u64>)>,
    /// Who was drawn for whom lately, and said what: whether somebody from outside was wanted is worked out again.
    record: Record,
    /// Motions about candidates, by number.
    pub motions: BTreeMap<u32, Put<'a>>,
    /// All about bypasses: place, time, who, what.
    pub bypasses: Vec<(u64, Millis, &'a Actor, &'a bypass::Event)>,
    /// All about deployments: place, who, what.
    pub deploys: Vec<(u64, &'a Actor, &'a deploy::Event)>,
    /// Secrets of epochs, opened.
    pub opened: Vec<(u64, &'a panel::Event)>,
    /// Tasks that a seat took away from another: the entry, the task, the seat.
    pub seized: Vec<(u64, &'a TaskId, &'a SeatName)>,
    /// The last token that a lock was given.
    token: u64,
    /// The isolation level that the last start saw hold.
    pub level: Option<&'a str>,
}

#[derive(Default)]
pub(super) struct Task<'a> {
    pub title: &'a str,
    opened_by: Option<&'a Actor>,
    /// Who has it now.
    author: Option<&'a SeatName>,
    /// The one seat that may take it.
    assigned: Option<&'a SeatName>,
    /// Those who had a hand in it before it was released, and where it was.
    former: BTreeSet<SeatName>,
    pub released: Vec<u64>,
    pub vetoed: Option<u64>,
    pub merged: Option<Millis>,
    pub attempts: BTreeMap<u32, Attempt<'a>>,
}

/// All entries about one candidate, each with its place.
#[derive(Default)]
pub(super) struct Attempt<'a> {
    pub submitted: Option<(u64, &'a Oid)>,
    /// Who had the task when it was handed in.
    pub author: Option<&'a SeatName>,
    pub measured: Option<Measured<'a>>,
    pub runs: Vec<Tested<'a>>,
    pub judged: Vec<Judged<'a>>,
    pub draws: Vec<Drawn<'a>>,
    pub words: Vec<Decided<'a>>,
    pub confirmed: Vec<(u64, &'a Envelope)>,
    pub outdated: Vec<u64>,
    pub back: Vec<u64>,
    /// What happened to the panels after their draws: place, time, who, what.
    pub panels: Vec<(u64, Millis, &'a Actor, &'a panel::Event)>,
}

/// A motion: what it is about, who said what, and how it ended.
pub(super) struct Put<'a> {
    pub matter: &'a str,
    pub about: Option<(&'a TaskId, u32)>,
    pub voices: BTreeMap<&'a Actor, bool>,
    pub closed: Option<(u64, bool)>,
}

pub(super) struct Measured<'a> {
    pub seq: u64,
    pub change: &'a Change,
    pub contributors: &'a BTreeSet<SeatName>,
    /// Those who had a hand in its task before that was released.
    pub former: BTreeSet<SeatName>,
    pub needs: &'a Needs,
    pub fix: Option<&'a Fix>,
    pub moment: Moment<'a>,
    /// Whether it counted among the small changes of low risk, by the rules adopted at this entry.
    pub fast: OnceLock<(u64, bool)>,
}

pub(super) struct Tested<'a> {
    pub seq: u64,
    pub kind: RunKind,
    pub tip: Option<&'a Oid>,
    pub declared: &'a [String],
    pub statement: &'a Envelope,
}

pub(super) struct Judged<'a> {
    pub seq: u64,
    pub gate: GateName,
    pub pass: bool,
    pub checks: &'a [(String, Verdict)],
    pub statement: &'a Envelope,
}

pub(super) struct Drawn<'a> {
    pub seq: u64,
    pub gate: GateName,
    pub pool: &'a [SeatName],
    pub seats: &'a [SeatName],
    pub draw: &'a Digest,
    /// Those among the seats that a pair which stands out asked for.
    pub extra: &'a [SeatName],
    /// Where one of the others stood out with the author: all whose word was not enough by itself.
    pub watched: Option<BTreeSet<SeatName>>,
    pub time: Millis,
}

pub(super) struct Decided<'a> {
    pub seq: u64,
    pub by: &'a Actor,
    pub gate: GateName,
    pub accept: bool,
    pub note: &'a str,
    pub reading: &'a Reading,
    pub bundle: u64,
    pub statement: &'a Envelope,
}

/// Intent, end or failure of a move of the protected branch.
pub(super) struct Move<'a> {
    pub seq: u64,
    pub time: Millis,
    pub task: &'a TaskId,
    pub attempt: u32,
    pub step: Step<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Intended { commit: &'a Oid, old: &'a Oid, tree: &'a Oid },
    Merged { commit: &'a Oid },
    Missed,
}

impl<'a> History<'a> {
    pub fn read(book: &'a Book, problems: &mut Problems) -> Self {
        let mut history = Self::default();
        for entry in &book.entries {
            if let Err(why) = history.take(entry) {
                problems.entry(entry.seq, why);
            }
        }
        history
    }

    fn take(&mut self, entry: &'a Entry) -> Result<(), String> {
        match &entry.event {
            Event::Task(event) => self.task(entry, event),
            Event::Review(event) => self.review(entry, event),
            Event::Panel(event) => self.panel(entry, event),
            Event::Motion(event) => self.motion(entry, event),
            Event::Merge(event) => {
                if let merge::Event::Merged { task, .. } = event {
                    self.known(task)?.merged = Some(entry.time);
                }
                supervisor(entry).map(|()| self.moves.extend(step(entry, event)))
            }
            Event::Bypass(event) => self.bypass(entry, event),
            Event::Deploy(event) => {
                self.deploys.push((entry.seq, &entry.by, event));
                Ok(())
            }
            Event::Freeze(event) => self.freeze(entry, event),
            Event::Lock(lock::Event::Granted { token, seat, .. }) => self.granted(entry, *token, seat),
            Event::Confirm(confirm::Event::Confirmed { task, attempt, statement, .. }) => {
                self.attempt(task, *attempt)?.confirmed.push((entry.seq, statement));
                if entry.by == Actor::Owner { Ok(()) } else { Err(format!("a confirmation by {}, who is not the owner", entry.by)) }
            }
            Event::Workshop(workshop::Event::Started { level, .. }) => {
                self.level = Some(level);
                supervisor(entry)
            }
            Event::Workshop(workshop::Event::Archived { .. } | workshop::Event::Restored { .. }) if entry.by != Actor::Owner => {
                Err(format!("bodies are put away or brought back by {}, who is not the owner", entry.by))
            }
            Event::Workshop(workshop::Event::Witnessed { .. }) if entry.by.seat().is_some() => {
                Err("it was a seat that brought it".to_owned())
            }
            Event::Workshop(workshop::Event::Unwitnessed { .. }) => supervisor(entry),
            Event::Workshop(_)
            | Event::Key(_)
            | Event::Fleet(fleet::Event::Answered { .. })
            | Event::Push(_)
            | Event::Message(_)
            | Event::Lock(_)
            | Event::Confirm(_)
            | Event::Refused(_) => Ok(()),
            Event::Fleet(_) | Event::Alert(_) => supervisor(entry),
        }
    }

    fn task(&mut self, entry: &'a Entry, event: &'a task::Event) -> Result<(), String> {
        let seq = entry.seq;
        match event {
            task::Event::Opened { task, title, body, assign } => {
                self.families.open(task, title, body);
                let fresh = Task { title, opened_by: Some(&entry.by), assigned: assign.as_ref(), ..Task::default() };
                match self.tasks.insert(task, fresh) {
                    None => Ok(()),
                    Some(_) => Err(format!("{task} is opened a second time")),
                }
            }
            task::Event::Taken { task } => self.taken(entry, task),
            task::Event::Released { task, from, assign, .. } => self.released(entry, task, from.as_ref(), assign.as_ref()),
            task::Event::Submitted { task, attempt, commit } => self.submitted(entry, task, *attempt, commit),
            task::Event::Measured { task, attempt, change, contributors, needs, fix, .. } => {
                supervisor(entry)?;
                let moment = Moment::of(self, task, entry.time);
                let former = self.known(task)?.former.clone();
                let measured = Measured { seq, change, contributors, former, needs, fix: fix.as_ref(), moment, fast: OnceLock::new() };
                match self.attempt(task, *attempt)?.measured.replace(measured) {
                    None => Ok(()),
                    Some(_) => Err(format!("attempt {attempt} of {task} is measured a second time")),
                }
            }
            task::Event::Tested { task, attempt, kind, tip, declared, statement } => {
                let tested = Tested { seq, kind: *kind, tip: tip.as_ref(), declared, statement };
                self.attempt(task, *attempt)?.runs.push(tested);
                supervisor(entry)
            }
            task::Event::Judged { task, attempt, gate, pass, checks, statement } => {
                let judged = Judged { seq, gate: *gate, pass: *pass, checks, statement };
                self.attempt(task, *attempt)?.judged.push(judged);
                supervisor(entry)
            }
            task::Event::SentBack { task, attempt, .. } => self.attempt(task, *attempt).map(|attempt| attempt.back.push(seq)),
            task::Event::Outdated { task, attempt } => self.attempt(task, *attempt).map(|attempt| attempt.outdated.push(seq)),
            task::Event::Stalled { .. } => Ok(()),
            task::Event::Vetoed { task, .. } => self.known(task).map(|known| known.vetoed = known.vetoed.or(Some(seq))),
        }
    }

    fn taken(&mut self, entry: &'a Entry, task: &TaskId) -> Result<(), String> {
        let seat = entry.by.seat().ok_or_else(|| format!("{task} is taken by {}, who is no seat", entry.by))?;
        let known = self.known(task)?;
        match (known.author.replace(seat), known.assigned.take()) {
            (Some(other), _) => Err(format!("{task} is taken by {seat} and was {other}'s already")),
            (None, Some(other)) if other != seat => Err(format!("{task} is taken by {seat} and was reserved for {other}")),
            (None, _) => Ok(()),
        }
    }

    /// Whoever had a hand in it stays known; whether a seat may take it away from another, its role says.
    fn released(&mut self, entry: &'a Entry, task: &'a TaskId, from: Option<&'a SeatName>, assign: Option<&'a SeatName>) -> Result<(), String> {
        let known = self.known(task)?;
        let (had, by) = (known.author.take(), entry.by.seat());
        let own = by.is_some() && had.or(known.assigned) == by && assign.is_none();
        let opener = had.is_none() && known.opened_by == Some(&entry.by);
        known.assigned = assign;
        known.released.push(entry.seq);
        known.former.extend(had.cloned());
        let last = known.attempts.values().next_back().and_then(|attempt| attempt.measured.as_ref());
        known.former.extend(last.into_iter().flat_map(|measured| measured.contributors).cloned());
        let over = known.merged.is_some();
        self.seized.extend(by.filter(|_| !own && !opener).map(|seat| (entry.seq, task, seat)));
        match () {
            () if entry.by == Actor::Edge => Err(format!("{task} is released by nobody")),
            () if over => Err(format!("{task} is released after its merge")),
            () if had != from => Err(format!("{task} is released, and it was not theirs who are named")),
            () => Ok(()),
        }
    }

    fn submitted(&mut self, entry: &'a Entry, task: &TaskId, number: u32, commit: &'a Oid) -> Result<(), String> {
        let known = self.known(task)?;
        let next = known.attempts.keys().next_back().map_or(1, |last| last.saturating_add(1));
        let (author, mine) = (known.author, known.author.is_some() && known.author == entry.by.seat());
        let attempt = known.attempts.entry(number).or_default();
        attempt.author = author;
        if number != next || attempt.submitted.replace((entry.seq, commit)).is_some() {
            return Err(format!("attempt {number} of {task} is submitted where {next} is the next"));
        }
        if mine { Ok(()) } else { Err(format!("{task} is submitted by {}, who did not take it", entry.by)) }
    }

    fn review(&mut self, entry: &'a Entry, event: &'a review::Event) -> Result<(), String> {
        let seq = entry.seq;
        match event {
            review::Event::Drawn { task, attempt, gate, pool, seats, draw, extra } => {
                supervisor(entry)?;
                let extra = extra.as_ref().map_or(&[][..], |extra| &extra.seats);
                let watched = self.watch(entry, task, *attempt, event);
                let own = seats.strip_suffix(extra).ok_or_else(|| format!("the further seats for {task} are not the last of those drawn"))?;
                let why = own.iter().find_map(|seat| watched.get(seat)).filter(|_| *gate == GateName::Peer);
                // Whoever saw the work before comes after the one from outside.
                let met = why.is_none() || extra.first().is_some_and(|seat| !watched.contains_key(seat));
                let said = why.filter(|_| !met).map_or(Ok(()), |why| Err(format!("{task} drew nobody from outside, though {why}")));
                let watched = why.map(|_| watched.keys().cloned().collect());
                let drawn = Drawn { seq, gate: *gate, pool, seats, draw, extra, watched, time: entry.time };
                self.attempt(task, *attempt)?.draws.push(drawn);
                said
            }
            review::Event::Decided { task, attempt, gate, accept, note, reading, bundle, statement } => {
                let word = Decided { seq, by: &entry.by, gate: *gate, accept: *accept, note, reading, bundle: *bundle, statement };
                self.watch(entry, task, *attempt, event);
                self.attempt(task, *attempt).map(|attempt| attempt.words.push(word))
            }
        }
    }

    /// The owner opens, seats sign and look, the supervisor draws.
    fn bypass(&mut self, entry: &'a Entry, event: &'a bypass::Event) -> Result<(), String> {
        self.bypasses.push((entry.seq, entry.time, &entry.by, event));
        let fits = match event {
            bypass::Event::Opened { .. } | bypass::Event::Answered { .. } => entry.by == Actor::Owner,
            bypass::Event::Signed { .. } | bypass::Event::Reviewed { .. } => entry.by.seat().is_some(),
            bypass::Event::Drawn { .. } | bypass::Event::Lapsed { .. } | bypass::Event::Redrawn { .. } => return supervisor(entry),
        };
        if fits { Ok(()) } else { Err(format!("a word on a bypass by {}, whose it is not", entry.by)) }
    }

    /// A voice counts once; the supervisor only counts them.
    fn motion(&mut self, entry: &'a Entry, event: &'a motion::Event) -> Result<(), String> {
        let put = |all: &mut BTreeMap<u32, Put<'a>>, motion: u32| all.remove(&motion).ok_or_else(|| format!("M{motion} was never put"));
        match event {
            motion::Event::Moved { motion, matter, task, attempt, .. } => {
                let fresh = Put { matter, about: task.as_ref().zip(*attempt), voices: BTreeMap::new(), closed: None };
                self.motions.insert(*motion, fresh).map_or(Ok(()), |_| Err(format!("M{motion} is put a second time")))
            }
            motion::Event::Voted { motion, accept, .. } => {
                let mut known = put(&mut self.motions, *motion)?;
                let twice = known.closed.is_some() || known.voices.insert(&entry.by, *accept).is_some();
                self.motions.insert(*motion, known);
                if twice { Err(format!("{} spoke on M{motion} before, or after its end", entry.by)) } else { Ok(()) }
            }
            motion::Event::Closed { motion, passed, .. } => {
                let mut known = put(&mut self.motions, *motion)?;
                known.closed = Some((entry.seq, *passed));
                self.motions.insert(*motion, known);
                Ok(())
            }
            motion::Event::Reminded { .. } | motion::Event::Referred { .. } => Ok(()),
        }
    }

    /// Only a seat takes a word back; all else about a panel is the supervisor's to say.
    fn panel(&mut self, entry: &'a Entry, event: &'a panel::Event) -> Result<(), String> {
        match event {
            panel::Event::Withdrawn { .. } if entry.by.seat().is_none() => return Err(format!("{} took a word back", entry.by)),
            panel::Event::Cosigned { .. } if entry.by.seat().is_none() => return Err(format!("{} signed what is sent back", entry.by)),
            panel::Event::Withdrawn { .. } | panel::Event::Cosigned { .. } => {}
            _ => supervisor(entry)?,
        }
        match event {
            panel::Event::Opened { .. } => self.opened.push((entry.seq, event)),
            panel::Event::Lot { task, attempt, .. }
            | panel::Event::Reminded { task, attempt, .. }
            | panel::Event::Lapsed { task, attempt, .. }
            | panel::Event::Redrawn { task, attempt, .. }
            | panel::Event::Cosigned { task, attempt, .. }
            | panel::Event::Withdrawn { task, attempt, .. } => self.attempt(task, *attempt)?.panels.push((entry.seq, entry.time, &entry.by, event)),
        }
        Ok(())
    }

    /// Takes the draw or word among what pairs are compared by; says whose word was not enough by itself before it.
    fn watch(&mut self, entry: &Entry, task: &TaskId, attempt: u32, event: &review::Event) -> BTreeMap<SeatName, String> {
        let Some((known, author)) = self.tasks.get(task).and_then(|known| Some((known, known.author?))) else { return BTreeMap::new() };
        let drawn = known.attempts.get(&attempt).and_then(|attempt| attempt.draws.iter().rev().find(|draw| draw.gate == GateName::Peer));
        let drawn = drawn.map_or(entry.time, |draw| draw.time);
        let draws = matches!(event, review::Event::Drawn { gate: GateName::Peer, .. });
        let watched = if draws { self.record.watched(author, entry.time) } else { BTreeMap::new() };
        self.record.take(&entry.by, entry.time, author, drawn, event);
        watched
    }

    /// Tokens rise by one: with a gap or a double, a late holder could not be told from the present one.
    fn granted(&mut self, entry: &Entry, token: u64, seat: &SeatName) -> Result<(), String> {
        let next = self.token + 1;
        self.token = self.token.max(token);
        match &entry.by {
            _ if token != next => Err(format!("a lock has the token {token} where {next} is the next")),
            Actor::Seat(by) if by != seat => Err(format!("{by} granted a lock to {seat}")),
            Actor::Owner => Err("the owner granted a lock".to_owned()),
            Actor::Seat(_) | Actor::Edge => Ok(()),
        }
    }

    fn freeze(&mut self, entry: &Entry, event: &freeze::Event) -> Result<(), String> {
        match (event, self.freezes.last_mut()) {
            (freeze::Event::Thawed { .. }, _) if entry.by != Actor::Owner => {
                Err(format!("the workshop is thawed by {}, not by the owner", entry.by))
            }
            (freeze::Event::Thawed { .. }, Some((_, end @ None))) => {
                *end = Some(entry.seq);
                Ok(())
            }
            (freeze::Event::Thawed { .. }, _) => Err("the workshop is thawed and was not frozen".to_owned()),
            (freeze::Event::Agreed { .. }, _) | (freeze::Event::Frozen { .. }, Some((_, None))) => Ok(()),
            (freeze::Event::Frozen { .. }, _) => {
                self.freezes.push((entry.seq, None));
                Ok(())
            }
        }
    }

    /// The entry by which the workshop was frozen at this place, if it was.
    pub fn frozen_at(&self, seq: u64) -> Option<u64> {
        self.freezes.iter().find(|(from, to)| *from < seq && to.is_none_or(|to| to > seq)).map(|(from, _)| *from)
    }

    fn known(&mut self, task: &TaskId) -> Result<&mut Task<'a>, String> {
        self.tasks.get_mut(task).ok_or_else(|| format!("{task} was never opened"))
    }

    fn attempt(&mut self, task: &TaskId, number: u32) -> Result<&mut Attempt<'a>, String> {
        let attempt = self.known(task)?.attempts.get_mut(&number);
        attempt.ok_or_else(|| format!("attempt {number} of {task} was never submitted"))
    }
}

/// What was measured is the supervisor's word and nobody else's.
fn supervisor(entry: &Entry) -> Result<(), String> {
    if entry.by == Actor::Edge { Ok(()) } else { Err(format!("only the supervisor may record this, and {} did", entry.by)) }
}

fn step<'a>(entry: &Entry, event: &'a merge::Event) -> Option<Move<'a>> {
    let (task, attempt, step) = match event {
        merge::Event::Intended { task, attempt, commit, old, tree } => (task, attempt, Step::Intended { commit, old, tree }),
        merge::Event::Merged { task, attempt, commit } => (task, attempt, Step::Merged { commit }),
        merge::Event::Missed { task, attempt, .. } => (task, attempt, Step::Missed),
        merge::Event::Home { .. } => return None,
    };
    Some(Move { seq: entry.seq, time: entry.time, task, attempt: *attempt, step })
}
