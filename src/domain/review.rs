//! Reviewers are drawn by the gate; their words are bound to what the gate showed them.

use super::actor::{Actor, Party};
use super::budget;
use super::draw;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::evidence::Approval;
use super::eyes::Work;
use super::gate::GateName;
use super::message;
use super::motion;
use super::name::{Digest, SeatName, TaskId};
use super::panel;
use super::planted;
use super::policy::Act;
use super::reading::{self, Bundle, Reading, Said};
use super::refusal::Refusal;
use super::risk::Risk;
use super::role::Capability;
use super::send_back;
use super::state::State;
use super::statement;
use super::task::{self, Attempt, Stage};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// `draw` is HMAC(secret committed in genesis, task and gate): anyone can audit it once revealed. `seats` are all who were drawn, `extra`
    /// those among them that the numbers of a pair asked for.
    Drawn { task: TaskId, attempt: u32, gate: GateName, pool: Vec<SeatName>, seats: Vec<SeatName>, draw: Digest, #[serde(default, skip_serializing_if = "Option::is_none")] extra: Option<Extra> },
    /// A drawn seat's word.
    Decided {
        task: TaskId,
        attempt: u32,
        gate: GateName,
        accept: bool,
        note: String,
        /// What it says of each file, and quotes.
        #[serde(default, skip_serializing_if = "Reading::is_empty")]
        reading: Reading,
        bundle: u64,
        statement: Envelope,
    },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Decided { statement, .. } => {
                let seat = payload_seat(statement)?;
                Some((Party::Seat(seat), statement))
            }
            Self::Drawn { .. } => None,
        }
    }
}

pub(super) fn payload_seat(envelope: &Envelope) -> Option<SeatName> {
    let value: serde_json::Value = serde_json::from_slice(&statement::payload(envelope)?).ok()?;
    SeatName::new(value.get("predicate")?.get("seat")?.as_str()?).ok()
}

/// Reviewers from outside a pair that stands out, beside those that the change itself asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    pub seats: Vec<SeatName>,
    /// What stands out, in words, with its numbers.
    pub why: String,
}

/// Who was drawn for a gate, and where the ledger says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    pub seats: Vec<SeatName>,
    pub seq: u64,
    pub time: Millis,
    /// Words wanted beside those that the change itself asks for.
    pub extra: u32,
    /// How often somebody was drawn in the place of another.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reminded: BTreeSet<SeatName>,
    /// Those whose time began later than the draw.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<SeatName, Millis>,
    /// Those who let their time pass and have to be replaced, and those who were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lapsed: Vec<SeatName>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub out: BTreeSet<SeatName>,
    /// The owner was asked, since nobody is left to be drawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Draw {
    pub fn new(seats: Vec<SeatName>, seq: u64, time: Millis, extra: u32) -> Self {
        let (round, reminded, since) = (0, BTreeSet::new(), BTreeMap::new());
        Self { seats, seq, time, extra, round, reminded, since, lapsed: Vec::new(), out: BTreeSet::new(), asked: false }
    }
}

/// Draws the seats of a gate: two or one for PEER, one for QA, the co-signers for DEPLOY.
pub fn draw(state: &State, task: &TaskId, number: u32, gate: GateName, draw: &Digest, lot: Option<&Digest>) -> Result<Vec<Any>, Refusal> {
    let (known, attempt) = task::current(state, task, number)?;
    if attempt.draws.contains_key(&gate) {
        return Ok(Vec::new());
    }
    let Lots { pool, mut seats, count } = lots(state, known, attempt, gate, draw);
    if seats.len() < count {
        let why = format!("{gate} needs {count} seats that did not contribute, and only {} could be drawn", seats.len());
        return task::stalled(state, task, number, &why);
    }
    let extra = match outsider(state, known, attempt, gate, &seats, draw) {
        Ok(extra) => extra,
        Err(why) => return task::stalled(state, task, number, &why),
    };
    let notice = owner_notice(state, task, attempt, gate, extra.as_ref());
    let extra = seen_before(state, task, known, attempt, gate, &seats, extra);
    seats.extend(extra.iter().flat_map(|extra| extra.seats.clone()));
    let lot = if gate == GateName::Peer { panel::lot(state, task, attempt, &seats, lot) } else { Ok(None) };
    let lot = match lot {
        Ok(lot) => lot,
        Err(why) => return task::stalled(state, task, number, &why),
    };
    let third = lot.iter().filter_map(|lot| if let panel::Event::Lot { seat, .. } = lot { seat.clone() } else { None });
    let told: Vec<SeatName> = seats.iter().cloned().chain(third).collect();
    let subject = format!("{task}: your word is wanted at {gate}");
    let text = format!(
        "You were drawn for {gate} of {task}, attempt {number}.\n\nLook: orchestrate review show {task}\nThen fill in the command that it ends with: a verdict on each file, a quote of the difference, and your note."
    );
    let mail = message::notice(state, state.now, told, &subject, &text, Some(task));
    let council = if gate == GateName::Peer { motion::of_change(state, task, attempt) } else { Vec::new() };
    let owner = message::chain(council, notice);
    let drawn = Any::Review(Event::Drawn { task: task.clone(), attempt: number, gate, pool, seats, draw: draw.clone(), extra });
    Ok(std::iter::once(drawn).chain(lot.map(Any::Panel)).chain(message::chain(mail, owner)).collect())
}

/// A further reviewer, where one that was drawn stands out together with the author; never a verdict on either. Where nobody is left, the task
/// waits and says why.
fn outsider(state: &State, known: &task::Task, attempt: &Attempt, gate: GateName, drawn: &[SeatName], chance: &Digest) -> Result<Option<Extra>, String> {
    let (GateName::Peer, Some(author)) = (gate, &known.author) else { return Ok(None) };
    let watched = state.record.watched(author, state.now);
    let Some(why) = drawn.iter().find_map(|seat| watched.get(seat)) else { return Ok(None) };
    let watched = watched.keys().cloned().collect();
    let found = draw::outsider(state.charter(), author, &attempt.contributors, drawn, &watched, chance);
    let seat = found.ok_or_else(|| format!("a reviewer from outside is wanted and none is left: {why}"))?;
    Ok(Some(Extra { seats: vec![seat], why: why.clone() }))
}

/// Adds those who were drawn for the same work under another task.
fn seen_before(state: &State, task: &TaskId, known: &task::Task, attempt: &Attempt, gate: GateName, drawn: &[SeatName], extra: Option<Extra>) -> Option<Extra> {
    let (GateName::Peer, Some(author), Some(change)) = (gate, &known.author, &attempt.change) else { return extra };
    let Some(work) = Work::new(state.charter(), author, &attempt.contributors, change, state.now) else { return extra };
    // Who had it before may have handed the same in under this very task, and met others.
    let again = |other: &TaskId, known: &task::Task| other != task || !known.former.is_empty();
    let others = state.tasks.iter().filter(|(other, known)| again(other, known) && known.merged.is_none());
    let before = others.filter_map(|(other, known)| Some((other, known.shown.as_ref()?)));
    let panel: Vec<SeatName> = drawn.iter().chain(extra.iter().flat_map(|extra| &extra.seats)).cloned().collect();
    let Some((again, why)) = work.again(before, &panel) else { return extra };
    let (seats, whys) = extra.map_or_else(|| (Vec::new(), why.clone()), |extra| (extra.seats, format!("{}; {why}", extra.why)));
    Some(Extra { seats: [seats, again].concat(), why: whys })
}

fn owner_notice(state: &State, task: &TaskId, attempt: &Attempt, gate: GateName, extra: Option<&Extra>) -> Vec<Any> {
    if let Some(Extra { seats, why }) = extra {
        let seats = seats.iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ");
        let text = format!("{task} wants a further reviewer: {seats}.\n\nWhat stands out: {why}.\nThat proves nothing about anybody.\n\nLook: orchestrate report daily");
        return message::notice_owner(state, state.now, &format!("{task} wants a reviewer from outside"), &text, Some(task));
    }
    let wanted = gate == GateName::Deploy && attempt.needs.as_ref().is_some_and(|needs| needs.owner);
    if !wanted {
        return Vec::new();
    }
    let text = format!("{task} touches critical paths.\n\nLook: orchestrate task show {task}\nThen: orchestrate task confirm {task}");
    message::notice_owner(state, state.now, &format!("{task} waits for your confirmation"), &text, Some(task))
}

/// Who could be drawn, who was, and how many are needed.
struct Lots {
    pool: Vec<SeatName>,
    seats: Vec<SeatName>,
    count: usize,
}

fn lots(state: &State, known: &task::Task, attempt: &Attempt, gate: GateName, chance: &Digest) -> Lots {
    let charter = state.charter();
    match (gate, &known.author) {
        (GateName::Peer, Some(author)) => {
            let count = attempt.needs.as_ref().map_or(2, |needs| needs.approvals.max(1) as usize);
            let pool = draw::pool(charter, author, &attempt.contributors);
            Lots { pool, seats: draw::panel(charter, author, &attempt.contributors, count, chance), count }
        }
        (GateName::Qa, _) => {
            let peers = attempt.draws.get(&GateName::Peer).map(|draw| draw.seats.iter().cloned().collect()).unwrap_or_default();
            let pool = draw::qa_pool(charter, &attempt.contributors, &peers);
            Lots { seats: draw::draw(&pool, 1, chance), pool, count: 1 }
        }
        (GateName::Deploy, _) => {
            let pool = state.with(Capability::CosignDeploy);
            Lots { seats: pool.clone(), count: 2, pool }
        }
        (GateName::Red | GateName::Green | GateName::Peer, _) => Lots { pool: Vec::new(), seats: Vec::new(), count: 1 },
    }
}

/// What a reviewer says; `commit` is the one it looked at, where it says so.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    pub accept: bool,
    pub note: &'a str,
    pub commit: Option<&'a str>,
    pub said: &'a Said,
    pub bundle: Option<&'a Bundle>,
}

/// A reviewer's word: only a drawn seat, only at the gate the attempt stands at, once, never on its own work.
pub fn decide(state: &State, actor: &Actor, now: Millis, task: &TaskId, word: &Word<'_>) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let Word { accept, note, commit, said, bundle } = *word;
    let Some(seat) = actor.seat() else {
        return Err(Refusal::new("seat-only", "only a seat reviews; the owner confirms or vetoes", format!("orchestrate task confirm {task}")));
    };
    let known = state.task(task)?;
    known.vetoed()?;
    let show = format!("orchestrate review show {task}");
    let Some(attempt) = &known.attempt else {
        return Err(Refusal::new("nothing-submitted", format!("nothing was submitted for {task} yet"), show));
    };
    if (attempt.contributors.contains(seat) || known.author.as_ref() == Some(seat)) && !planted::out("contributors") {
        return Err(Refusal::new("own-work", format!("{seat} contributed to {task} and cannot judge it"), "orchestrate review list"));
    }
    let Stage::At(gate) = attempt.stage else {
        return Err(Refusal::new("not-at-a-gate", format!("{task} does not wait for a review now"), show));
    };
    let Some(draw) = attempt.draws.get(&gate).filter(|draw| draw.seats.contains(seat) || planted::out("drawn-only")) else {
        return Err(Refusal::new("not-drawn", format!("{seat} was not drawn for {gate} of {task}"), "orchestrate review list"));
    };
    if commit.is_some_and(|commit| commit.len() < 7 || !attempt.commit.as_str().starts_with(commit)) {
        return Err(Refusal::new("other-commit", format!("{task} is at {} now, not at the commit you reviewed", attempt.commit.short()), show));
    }
    if attempt.approvals.iter().any(|old| old.gate == gate && old.seat == *seat) {
        return Err(Refusal::new("said-already", format!("{seat} has spoken at {gate} of {task}"), show));
    }
    if gate >= GateName::Qa && !attempt.runs.contains_key(&task::RunKind::Merge) {
        return Err(Refusal::new("not-tested-yet", "the full run on the merge result has not ended", show));
    }
    words(note)?;
    let asked = state.charter().gate(gate).checks.iter().any(|check| check == reading::CHECK);
    let reading = match &attempt.change {
        Some(change) if asked || !said.is_empty() => Reading::of(said, accept, change, bundle)?,
        Some(_) | None => Reading::default(),
    };
    budget::within(state, seat, Act::Reviews, now)?;
    if critical(attempt, gate) {
        budget::within(state, seat, Act::Decisions, now)?;
    }
    let bound = task::bound_at(state, task, attempt, draw.seq, gate)?;
    let statement = statement::review(&bound, gate, seat, accept, note, &reading);
    let (task, note) = (task.clone(), note.to_owned());
    let asked = if accept { Vec::new() } else { send_back::ask(state, &task, seat, gate, &note) };
    let decided = Any::Review(Event::Decided { task, attempt: attempt.number, gate, accept, note, reading, bundle: draw.seq, statement });
    Ok(std::iter::once(decided).chain(asked).collect())
}

/// A signature that lets a critical change in is a critical decision.
fn critical(attempt: &Attempt, gate: GateName) -> bool {
    gate == GateName::Deploy && attempt.needs.as_ref().is_some_and(|needs| needs.risk == Risk::Critical)
}

/// A word without a reason is a rubber stamp.
pub(super) fn words(note: &str) -> Result<(), Refusal> {
    let length = note.trim().chars().count();
    if (10..=8000).contains(&length) {
        return Ok(());
    }
    Err(Refusal::new("no-reason", "a review wants a note of 10 to 8000 characters", "orchestrate review approve <task> --note 'what you looked at'"))
}

pub fn apply(state: &mut State, by: &Actor, seq: u64, time: Millis, event: &Event) {
    remember(state, by, time, event);
    match event {
        Event::Drawn { task, attempt, gate, seats, extra, .. } => {
            let extra = extra.as_ref().map_or(0, |extra| u32::try_from(extra.seats.len()).unwrap_or(u32::MAX));
            let draw = Draw::new(seats.clone(), seq, time, extra);
            task::on_attempt(state, task, *attempt, |now| {
                now.draws.insert(*gate, draw);
            });
            if *gate == GateName::Peer {
                show(state, task, seats, time);
            }
        }
        Event::Decided { task, attempt, gate, accept, reading, bundle, .. } => {
            let Some(seat) = by.seat().cloned() else { return };
            budget::spend(state, &seat, Act::Reviews, time);
            if state.tasks.get(task).and_then(|known| known.attempt.as_ref()).is_some_and(|attempt| critical(attempt, *gate)) {
                budget::spend(state, &seat, Act::Decisions, time);
            }
            let Some(role) = state.fleet.get(&seat).map(|seat| seat.role.clone()) else { return };
            let policy = state.policy.clone();
            task::on_attempt(state, task, *attempt, |now| {
                let Some(change) = &now.change else { return };
                let (commit, base, read) = (change.commit.clone(), change.base.clone(), reading.covers(change));
                let Some(tree) = now.subject(*gate).cloned() else { return };
                now.approvals.push(Approval { seat, role, gate: *gate, commit, tree, base, policy, bundle: *bundle, accept: *accept, read });
            });
        }
    }
}

/// Keeps who was drawn for a task's work.
pub(super) fn show(state: &mut State, task: &TaskId, seats: &[SeatName], time: Millis) {
    let known = state.tasks.get(task).and_then(|known| Some((known.attempt.as_ref()?, known.shown.clone())));
    let Some((attempt, shown)) = known else { return };
    let Some(change) = attempt.change.as_ref().filter(|_| state.charter().policy.review.same_eyes) else { return };
    let mut shown = shown.unwrap_or_default();
    shown.add(state.charter(), change, &attempt.contributors, seats, time);
    if let Some(known) = state.tasks.get_mut(task) {
        known.shown = Some(shown);
    }
}

/// Keeps what pairs are compared by.
fn remember(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    let (Event::Drawn { task, .. } | Event::Decided { task, .. }) = event;
    let Some(known) = state.tasks.get(task) else { return };
    let Some(author) = known.author.clone() else { return };
    let drawn = known.attempt.as_ref().and_then(|attempt| attempt.draws.get(&GateName::Peer)).map_or(time, |draw| draw.time);
    state.record.take(by, time, &author, drawn, event);
}
