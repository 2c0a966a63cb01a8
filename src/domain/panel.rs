//! Who sits over a change, after the draw: the lot for a third reviewer, reminders, redraws of those who do not answer, words taken back; and
//! the secrets that chance comes from, each opened when its epoch ends.

use super::actor::{Actor, Party};
use super::command::Command;
use super::draw;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::gate::GateName;
use super::message;
use super::name::{Digest, SeatName, TaskId};
use super::refusal::Refusal;
use super::review::{self, Draw};
use super::risk::Risk;
use super::state::State;
use super::task::{self, Attempt, Stage, Task};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Whether chance wants a third reviewer: `draw` is HMAC(secret of the epoch, ledger index at which the change was first sealed).
    Lot { task: TaskId, attempt: u32, sealed: u64, epoch: u32, draw: Digest, pool: Vec<SeatName>, seat: Option<SeatName> },
    Reminded { task: TaskId, attempt: u32, gate: GateName, seats: Vec<SeatName> },
    /// These did not answer in their time; `asked`: nobody is drawn in their place, the owner is asked.
    Lapsed { task: TaskId, attempt: u32, gate: GateName, seats: Vec<SeatName>, asked: bool },
    /// Others in their place.
    Redrawn { task: TaskId, attempt: u32, gate: GateName, round: u32, out: Vec<SeatName>, pool: Vec<SeatName>, seats: Vec<SeatName>, draw: Digest },
    /// A seat takes its yes back; what was passed on it is open again.
    Withdrawn { task: TaskId, attempt: u32, gate: GateName, reason: String },
    /// The librarian signs a reviewer's no: the change goes back.
    Cosigned { task: TaskId, attempt: u32, gate: GateName, note: String, statement: Envelope },
    /// An epoch ends: its secret is opened, and the next one's is committed to.
    Opened { epoch: u32, secret: String, next: Digest },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        let Self::Cosigned { statement, .. } = self else { return None };
        let seat = super::review::payload_seat(statement)?;
        Some((Party::Seat(seat), statement))
    }
}

/// Which secret chance comes from now, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    pub number: u32,
    pub since: Millis,
}

impl Epoch {
    pub fn is_first(&self) -> bool {
        self.number == 0
    }
}

/// Asks chance for a third reviewer, once the panel is drawn; the same for every attempt of a task. An empty pool blocks.
pub fn lot(state: &State, task: &TaskId, attempt: &Attempt, drawn: &[SeatName], chance: Option<&Digest>) -> Result<Option<Event>, String> {
    let percent = state.charter().policy.review.third_percent;
    let known = state.tasks.get(task).and_then(|known| Some((known.sealed?, known.author.as_ref()?)));
    let (Some(((sealed, epoch), author)), Some(chance), true) = (known, chance, percent > 0) else { return Ok(None) };
    let pool = draw::third_pool(state.charter(), author, &attempt.contributors, drawn);
    let seat = if draw::falls(chance, percent) { Some(draw::draw(&pool, 1, chance).pop().ok_or("a third reviewer is wanted, and nobody is left")?) } else { None };
    Ok(Some(Event::Lot { task: task.clone(), attempt: attempt.number, sealed, epoch, draw: chance.clone(), pool, seat }))
}

/// The seats of a draw that have said nothing yet.
fn silent<'a>(attempt: &'a Attempt, gate: GateName, draw: &'a Draw) -> impl Iterator<Item = &'a SeatName> {
    draw.seats.iter().filter(move |seat| !attempt.approvals.iter().any(|word| word.gate == gate && word.seat == **seat))
}

/// What waits for words: at a drawn gate, not vetoed, not stalled, the owner not asked yet.
fn waiting(state: &State) -> impl Iterator<Item = (&TaskId, &Task, &Attempt, GateName, &Draw)> {
    let open = state.frozen.is_none();
    state.tasks.iter().filter(move |(_, known)| open && known.veto.is_none()).filter_map(|(task, known)| {
        let attempt = known.attempt.as_ref().filter(|attempt| attempt.stalled.is_none())?;
        let Stage::At(gate) = attempt.stage else { return None };
        let draw = attempt.draws.get(&gate).filter(|draw| !draw.asked)?;
        Some((task, known, attempt, gate, draw))
    })
}

fn terms(state: &State, attempt: &Attempt) -> (Millis, Millis) {
    let review = &state.charter().policy.review;
    let critical = attempt.needs.as_ref().is_some_and(|needs| needs.risk == Risk::Critical);
    let whole = Millis::from(if critical { review.due_critical_seconds } else { review.due_seconds }) * 1000;
    (whole * Millis::from(review.reminder_percent) / 100, whole)
}

fn since(draw: &Draw, seat: &SeatName) -> Millis {
    draw.since.get(seat).copied().unwrap_or(draw.time)
}

/// When somebody has to be reminded next, or is overdue.
pub fn due(state: &State) -> Option<Millis> {
    let moments = waiting(state).filter_map(|(_, _, attempt, gate, draw)| {
        let (half, whole) = terms(state, attempt);
        silent(attempt, gate, draw).map(|seat| since(draw, seat) + if draw.reminded.contains(seat) { whole } else { half }).min()
    });
    moments.min()
}

/// Reminds whoever is half through its time, and notes who let it pass.
pub fn tick(state: &State, now: Millis) -> Vec<Any> {
    waiting(state).fold(Vec::new(), |events, (task, _, attempt, gate, draw)| {
        let (half, whole) = terms(state, attempt);
        let over = |term: Millis| silent(attempt, gate, draw).filter(move |seat| since(draw, seat) + term <= now);
        let late: Vec<SeatName> = over(whole).cloned().collect();
        let slow: Vec<SeatName> = over(half).filter(|seat| !draw.reminded.contains(*seat) && !late.contains(seat)).cloned().collect();
        let events = if slow.is_empty() { events } else { message::chain(events, remind(state, task, attempt, gate, slow)) };
        if late.is_empty() { events } else { message::chain(events, lapse(state, task, attempt, gate, draw, late)) }
    })
}

fn remind(state: &State, task: &TaskId, attempt: &Attempt, gate: GateName, seats: Vec<SeatName>) -> Vec<Any> {
    let text = format!("{task} still waits for your word at {gate}.\n\nLook: orchestrate review show {task}");
    let mail = message::notice(state, state.now, seats.clone(), &format!("{task}: your word is still wanted at {gate}"), &text, Some(task));
    let reminded = Any::Panel(Event::Reminded { task: task.clone(), attempt: attempt.number, gate, seats });
    std::iter::once(reminded).chain(mail).collect()
}

/// Who signs at DEPLOY cannot be drawn anew, and after so many draws chance has done what it can.
fn lapse(state: &State, task: &TaskId, attempt: &Attempt, gate: GateName, draw: &Draw, seats: Vec<SeatName>) -> Vec<Any> {
    let asked = gate == GateName::Deploy || draw.round >= state.charter().policy.review.redraws;
    let names = listed(&seats);
    let lapsed = Any::Panel(Event::Lapsed { task: task.clone(), attempt: attempt.number, gate, seats, asked });
    let mail = if asked { ask(state, task, gate, &names) } else { Vec::new() };
    std::iter::once(lapsed).chain(mail).collect()
}

fn ask(state: &State, task: &TaskId, gate: GateName, names: &str) -> Vec<Any> {
    let text = format!("{names} did not answer at {gate} of {task}, and nobody is drawn in their place any more.\n\nLook: orchestrate gate show {task}\nIt waits for them, or: orchestrate task veto {task} --reason '…'");
    message::notice_owner(state, state.now, &format!("{task} waits for {names}"), &text, Some(task))
}

fn listed(seats: &[SeatName]) -> String {
    seats.iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ")
}

/// Draws others in the place of those who did not answer: never one who sat there before.
pub fn redraw(state: &State, task: &TaskId, number: u32, gate: GateName, chance: &Digest) -> Result<Vec<Any>, Refusal> {
    let (known, attempt) = task::current(state, task, number)?;
    let (Some(draw), Some(author)) = (attempt.draws.get(&gate).filter(|draw| !draw.lapsed.is_empty()), &known.author) else { return Ok(Vec::new()) };
    let sat = |seat: &SeatName| draw.seats.contains(seat) || draw.out.contains(seat);
    let stay: Vec<SeatName> = draw.seats.iter().filter(|seat| !draw.lapsed.contains(*seat)).cloned().collect();
    let whole = match gate {
        GateName::Peer => draw::pool(state.charter(), author, &attempt.contributors),
        _ => {
            let peers = attempt.draws.get(&GateName::Peer).map(|draw| draw.seats.iter().cloned().collect()).unwrap_or_default();
            draw::qa_pool(state.charter(), &attempt.contributors, &peers)
        }
    };
    let pool: Vec<SeatName> = whole.into_iter().filter(|seat| !sat(seat)).collect();
    let fits = |seat: &SeatName| gate != GateName::Peer || draw::leaves_qa(state.charter(), &attempt.contributors, &stay, seat);
    let seats: Vec<SeatName> = draw::draw(&pool, pool.len(), chance).into_iter().filter(fits).take(draw.lapsed.len()).collect();
    let (task, out) = (task.clone(), draw.lapsed.clone());
    if seats.len() < out.len() {
        let mail = ask(state, &task, gate, &listed(&out));
        let asked = Any::Panel(Event::Lapsed { task, attempt: number, gate, seats: out, asked: true });
        return Ok(std::iter::once(asked).chain(mail).collect());
    }
    let text = format!("You were drawn for {gate} of {task}, attempt {number}, in the place of {}.\n\nLook: orchestrate review show {task}", listed(&out));
    let mail = message::notice(state, state.now, seats.clone(), &format!("{task}: your word is wanted at {gate}"), &text, Some(&task));
    let redrawn = Any::Panel(Event::Redrawn { task, attempt: number, gate, round: draw.round + 1, out, pool, seats, draw: chance.clone() });
    Ok(std::iter::once(redrawn).chain(mail).collect())
}

/// A seat takes its yes back, as long as the protected branch has not moved; what was passed on it opens again.
pub fn withdraw(state: &State, actor: &Actor, task: &TaskId, reason: &str) -> Result<Vec<Any>, Refusal> {
    let show = format!("orchestrate gate show {task}");
    let known = state.task(task)?;
    let word = known.attempt.as_ref().and_then(|attempt| {
        let said = attempt.approvals.iter().rev().find(|word| Some(&word.seat) == actor.seat() && word.accept)?;
        Some((attempt, said.gate))
    });
    let Some((attempt, gate)) = word else {
        return Err(Refusal::new("nothing-said", format!("there is no yes of yours on {task}"), show));
    };
    if matches!(attempt.stage, Stage::Merged | Stage::Back { .. }) {
        return Err(Refusal::new("too-late", format!("{task} is decided already"), "orchestrate task open 'revert …'"));
    }
    let reason = Command::line(reason, "taking a word back wants a reason", &format!("orchestrate review withdraw {task} --reason 'why'"))?;
    let text = format!("{actor} takes its word at {gate} of {task} back: {reason}\n\nLook: orchestrate gate show {task}");
    let to = known.author.clone().into_iter().collect();
    let mail = message::notice(state, state.now, to, &format!("{task}: a word at {gate} is taken back"), &text, Some(task));
    let withdrawn = Any::Panel(Event::Withdrawn { task: task.clone(), attempt: attempt.number, gate, reason });
    Ok(std::iter::once(withdrawn).chain(mail).collect())
}

/// Opens the secret of the epoch that ends; the supervisor alone can, and only what it committed to.
pub fn open(state: &State, epoch: u32, secret: &str, next: &Digest) -> Result<Vec<Any>, Refusal> {
    if epoch != state.epoch.number {
        return Err(Refusal::new("other-epoch", format!("epoch {} is in force", state.epoch.number), "orchestrate audit open"));
    }
    Ok(vec![Any::Panel(Event::Opened { epoch, secret: secret.to_owned(), next: next.clone() })])
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    if let Event::Lot { task, seat: Some(seat), .. } = event {
        review::show(state, task, std::slice::from_ref(seat), time);
    }
    if let Event::Redrawn { task, gate: GateName::Peer, seats, .. } = event {
        review::show(state, task, seats, time);
    }
    match event {
        Event::Lot { task, attempt, seat: Some(seat), .. } => on_draw(state, task, *attempt, GateName::Peer, |draw| {
            draw.seats.push(seat.clone());
            draw.extra += 1;
        }),
        Event::Lot { seat: None, .. } => {}
        Event::Reminded { task, attempt, gate, seats } => on_draw(state, task, *attempt, *gate, |draw| draw.reminded.extend(seats.iter().cloned())),
        Event::Lapsed { task, attempt, gate, seats, asked } => on_draw(state, task, *attempt, *gate, |draw| {
            draw.asked = *asked;
            draw.lapsed = if *asked { Vec::new() } else { seats.clone() };
        }),
        Event::Redrawn { task, attempt, gate, round, out, seats, .. } => on_draw(state, task, *attempt, *gate, |draw| {
            draw.seats.retain(|seat| !out.contains(seat));
            draw.seats.extend(seats.iter().cloned());
            draw.out.extend(out.iter().cloned());
            draw.since.extend(seats.iter().map(|seat| (seat.clone(), time)));
            (draw.round, draw.lapsed) = (*round, Vec::new());
        }),
        Event::Withdrawn { task, attempt, gate, .. } => {
            let Some(seat) = by.seat() else { return };
            task::on_attempt(state, task, *attempt, |now| now.take_back(seat, *gate));
        }
        Event::Cosigned { task, attempt, gate, .. } => task::on_attempt(state, task, *attempt, |now| now.cosigned.extend([*gate])),
        Event::Opened { epoch, .. } => state.epoch = Epoch { number: epoch + 1, since: time },
    }
}

fn on_draw(state: &mut State, task: &TaskId, attempt: u32, gate: GateName, change: impl FnOnce(&mut Draw)) {
    task::on_attempt(state, task, attempt, |now| {
        if let Some(draw) = now.draws.get_mut(&gate) {
            change(draw);
        }
    });
}

/// The task that an event is about, if it is about one.
pub fn task_of(event: &Event) -> Option<&TaskId> {
    match event {
        Event::Lot { task, .. } | Event::Reminded { task, .. } | Event::Lapsed { task, .. } | Event::Redrawn { task, .. } | Event::Withdrawn { task, .. } | Event::Cosigned { task, .. } => Some(task),
        Event::Opened { .. } => None,
    }
}

/// The seats that chance may name as a third: able to, and neither contributors nor on the panel.
pub fn excluded(panel: &[SeatName], contributors: &BTreeSet<SeatName>, seat: &SeatName) -> bool {
    panel.contains(seat) || contributors.contains(seat)
}

