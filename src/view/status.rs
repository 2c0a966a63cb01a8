//! The whole workshop on one page.

use super::bypass::wake;
use super::lock::{LockPage, locks};
use super::review::waits_for_owner;
use super::task::{TaskLine, tasks};
use super::text::count;
use super::turn::{Standing, Whose, spoke};
use crate::domain::actor::{Actor, Party};
use crate::domain::collusion::Finding;
use crate::domain::entry::Millis;
use crate::domain::fleet::{After, Instance};
use crate::domain::freeze::{Cause, Freeze};
use crate::domain::gate::GateName;
use crate::domain::message::Delivery;
use crate::domain::name::{Digest, Oid, RefName, RoleName, SeatName, TaskId};
use crate::domain::refusal::Refused;
use crate::domain::spend::{self, Used};
use crate::domain::state::State;
use crate::domain::task::Stage;
use crate::domain::witness;
use serde::{Deserialize, Serialize};

/// Refusals shown at most.
const REFUSALS: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub workshop: String,
    pub branch: Option<RefName>,
    pub tip: Option<Oid>,
    pub started: Millis,
    pub now: Millis,
    /// The isolation level that the probes saw hold, and what it does not promise.
    pub level: String,
    pub level_note: String,
    pub not_promised: Vec<String>,
    pub frozen: Option<Frozen>,
    pub seats: Vec<SeatLine>,
    pub stages: Vec<StageCount>,
    /// The tasks under way.
    pub tasks: Vec<TaskLine>,
    pub mail: MailCount,
    #[serde(default)]
    pub locks: LockPage,
    #[serde(default)]
    pub bypasses: Vec<super::bypass::BypassLine>,
    #[serde(default)]
    pub deployments: super::deploy::Deployments,
    /// All refusals so far, and the newest of them, newest last.
    pub refused: u64,
    pub refusals: Vec<RefusalLine>,
    /// Pairs and rings of reviewers whose numbers stand out: worth a look, proof of nothing.
    #[serde(default)]
    pub watched: Vec<Finding>,
    /// Ways by which alerts do not get through, one sentence each.
    #[serde(default)]
    pub unheard: Vec<String>,
    /// What waits for the owner.
    pub waiting: Vec<Waiting>,
    /// How the last merge reached the owner's branch: the branch, and what happened.
    pub home: Option<(String, String)>,
    /// Entries in the ledger.
    pub entries: u64,
    pub signatures: u64,
    pub policy: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    pub by: Actor,
    pub since: Millis,
    pub reason: String,
    /// What set it off, where nobody ordered it, and what was refused then.
    #[serde(default)]
    pub cause: Option<Cause>,
    #[serde(default)]
    pub led: Vec<RefusalLine>,
    /// The seats that have said that it may end.
    #[serde(default)]
    pub agreed: Vec<SeatName>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatLine {
    pub seat: SeatName,
    pub role: RoleName,
    pub state: SeatState,
    /// What it is at, as far as its client and the relay say.
    #[serde(default)]
    pub doing: Doing,
    /// What a person has to answer there, or what it is stuck at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub waits_for: String,
    /// 0 for a seat that was never filled.
    pub since: Millis,
    /// Why the last instance ended.
    pub why: String,
    /// When the next one is started, where nobody sits there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Millis>,
    /// It ended too often; the owner starts it again, nobody else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    pub instances: u32,
    /// Requests to the model's API through the relay.
    #[serde(default)]
    pub requests: u64,
    /// What they used, in all and on this day (UTC), by the API's own figures.
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub used: Used,
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub today: Used,
    /// What it used beside the relay, by its own transcripts.
    #[serde(default, skip_serializing_if = "Used::is_nothing")]
    pub told: Used,
    /// The day's limit is reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    pub mail: usize,
    /// The tasks that wait for this seat.
    pub tasks: Vec<TaskId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeatState {
    Vacant,
    Starting,
    Ready,
    Gone,
}

/// An instance that has not answered for so many milliseconds since its start is silent.
pub const SILENT: Millis = 30_000;

/// What a seat is at. It comes from the agent's own client and from the relay: for people to see, and proof of nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    #[default]
    Vacant,
    Starting,
    /// Started, and has not answered since.
    Silent,
    /// It answered; what it does it does not say.
    Ready,
    Working,
    /// A person has to answer something in its pane.
    Waiting,
    Idle,
    /// The model's API, or the seat's budget for it, turns it away for the moment.
    RateLimited,
    /// The owner's limit for the day is reached.
    OutOfBudget,
    /// It says that it works, and nothing has come of it for long; or the model's API does not answer it.
    Stuck,
    Dead,
}

/// What is known of a seat's session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub at: Option<Doing>,
    pub waits_for: String,
    pub limited: bool,
    /// Why it does not get on, where it does not.
    pub stuck: String,
}

impl SeatLine {
    /// Says what the seat is at: what the record says comes before what its client says.
    pub fn tell(&mut self, seen: Option<&Seen>, now: Millis) {
        let at = seen.and_then(|seen| seen.at).unwrap_or(Doing::Ready);
        self.doing = match self.state {
            SeatState::Vacant => Doing::Vacant,
            SeatState::Gone => Doing::Dead,
            SeatState::Starting if now.saturating_sub(self.since) < SILENT => Doing::Starting,
            SeatState::Starting => Doing::Silent,
            SeatState::Ready if at == Doing::Waiting => at,
            SeatState::Ready if self.paused => Doing::OutOfBudget,
            SeatState::Ready if seen.is_some_and(|seen| seen.limited) => Doing::RateLimited,
            SeatState::Ready if seen.is_some_and(|seen| !seen.stuck.is_empty()) => Doing::Stuck,
            SeatState::Ready => at,
        };
        self.waits_for = match self.doing {
            Doing::Waiting => seen.map(|seen| seen.waits_for.clone()).unwrap_or_default(),
            Doing::Stuck => seen.map(|seen| seen.stuck.clone()).unwrap_or_default(),
            _ => String::new(),
        };
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageCount {
    pub standing: Standing,
    pub tasks: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailCount {
    pub total: u64,
    /// Deliveries that nobody has been shown yet.
    pub queued: u64,
    /// Deliveries that were shown and not acknowledged.
    pub unacknowledged: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalLine {
    pub seq: u64,
    pub time: Millis,
    pub by: Actor,
    pub verb: String,
    pub on: String,
    pub code: String,
    pub why: String,
}

/// Something only the owner can move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub what: String,
    pub task: Option<TaskId>,
    pub command: String,
}

pub fn status(state: &State, now: Millis) -> Status {
    let tasks = tasks(state);
    Status {
        workshop: state.genesis.as_ref().map(|genesis| genesis.workshop.clone()).unwrap_or_default(),
        branch: state.branch().cloned(),
        tip: state.tip().cloned(),
        started: state.started,
        now,
        level: state.level.clone(),
        level_note: state.level_note.clone(),
        not_promised: not_promised(&state.level),
        frozen: state.frozen.as_ref().map(|freeze| frozen(state, freeze)),
        seats: state.fleet_order.iter().filter_map(|seat| seat_line(state, seat, &tasks, now)).collect(),
        stages: stages(&tasks),
        mail: mail_count(state),
        locks: locks(state, now.max(state.now)),
        bypasses: super::bypass::bypasses(state, now.max(state.now)),
        deployments: super::deploy::deployments(state),
        refused: state.refused,
        refusals: refusals(state),
        watched: state.record.findings(state.now),
        unheard: unheard(state),
        waiting: super::bypass::waiting(state, now.max(state.now)).chain(waiting(state, &tasks)).collect(),
        tasks: tasks.into_iter().filter(|line| !line.standing.is_over()).collect(),
        home: state.home.clone(),
        entries: state.len,
        signatures: state.signatures,
        policy: state.policy.clone(),
    }
}

fn unheard(state: &State) -> Vec<String> {
    let failing = state.alerts.ways.iter().filter(|(_, queue)| queue.tries > 0);
    let told = failing.map(|(way, queue)| {
        let waiting = count(queue.waiting.len() as u64 + queue.more, "alert");
        format!("{way} failed {} in a row; {waiting} waiting", count(u64::from(queue.tries), "time"))
    });
    let late = state.alerts.overdue.iter().filter(|day| state.alerts.reported.as_ref().is_none_or(|sent| sent < *day));
    told.chain(late.map(|day| format!("the report of {day} has not gone out"))).collect()
}

/// What a level of isolation leaves open, one sentence each.
pub fn not_promised(level: &str) -> Vec<String> {
    let open: &[&str] = match level {
        "users" => &["a hole in the kernel is a hole in the wall"],
        "sandbox" => {
            &["a hole in the kernel is a hole in the wall", "all seats run as your user: an escape from one sandbox reaches your files"]
        }
        _ => {
            &["nothing keeps a seat from the supervisor's keys, ledger or files", "the gates are advisory: only the offline verifier helps"]
        }
    };
    open.iter().map(|sentence| (*sentence).to_owned()).collect()
}

fn seat_line(state: &State, name: &SeatName, tasks: &[TaskLine], now_is: Millis) -> Option<SeatLine> {
    let seat = state.fleet.get(name)?;
    let (now, since, why) = match &seat.instance {
        Instance::Vacant => (SeatState::Vacant, 0, String::new()),
        Instance::Starting { since } => (SeatState::Starting, *since, String::new()),
        Instance::Ready { since } => (SeatState::Ready, *since, String::new()),
        Instance::Gone { since, why } => (SeatState::Gone, *since, why.clone()),
    };
    let mut line = SeatLine {
        seat: name.clone(),
        role: seat.role.clone(),
        state: now,
        doing: Doing::default(),
        waits_for: String::new(),
        since,
        why,
        again: if let After::Due { at } = seat.after { Some(at) } else { None },
        given_up: matches!(seat.after, After::GivenUp { .. }),
        instances: seat.instances,
        requests: seat.requests,
        used: state.spending.seats.get(name).copied().unwrap_or_default(),
        today: state.spending.today(name, now_is),
        told: state.spending.told.get(name).copied().unwrap_or_default(),
        paused: spend::open(state, name, now_is).is_err(),
        mail: state.post.boxes.get(&Party::Seat(name.clone())).map_or(0, |inbox| inbox.len()),
        tasks: tasks.iter().filter(|line| names(&line.turn.whose).contains(name)).map(|line| line.task.clone()).collect(),
    };
    line.tell(None, now_is);
    Some(line)
}

fn names(whose: &Whose) -> &[SeatName] {
    match whose {
        Whose::Seats(seats) | Whose::SeatsAndOwner(seats) => seats,
        Whose::Supervisor | Whose::Owner | Whose::Anyone | Whose::Nobody => &[],
    }
}

fn stages(tasks: &[TaskLine]) -> Vec<StageCount> {
    let count = |standing| tasks.iter().filter(|line| line.standing == standing).count() as u64;
    Standing::ALL.into_iter().map(|standing| StageCount { standing, tasks: count(standing) }).filter(|stage| stage.tasks > 0).collect()
}

fn mail_count(state: &State) -> MailCount {
    let mut count = MailCount { total: state.post.total, ..MailCount::default() };
    let inboxes = state.post.boxes.iter().flat_map(|(party, inbox)| inbox.values().map(move |id| (party, id)));
    for (party, id) in inboxes {
        match state.post.mail.get(id).and_then(|mail| mail.to.get(party)) {
            Some(Delivery::Queued) => count.queued += 1,
            Some(Delivery::Delivered) => count.unacknowledged += 1,
            Some(Delivery::Acknowledged | Delivery::Expired) | None => {}
        }
    }
    count
}

fn frozen(state: &State, freeze: &Freeze) -> Frozen {
    let entries = state.cause.iter().flat_map(|cause| &cause.entries).collect::<Vec<_>>();
    let led = state.refusals.iter().filter(|(seq, ..)| entries.contains(&seq)).map(refusal).collect();
    Frozen { by: freeze.by.clone(), since: freeze.since, reason: freeze.reason.clone(), cause: state.cause.clone(), led, agreed: freeze.agreed.iter().cloned().collect() }
}

fn refusals(state: &State) -> Vec<RefusalLine> {
    state.refusals.iter().skip(state.refusals.len().saturating_sub(REFUSALS)).map(refusal).collect()
}

pub(super) fn refusal((seq, time, by, refused): &(u64, Millis, Actor, Refused)) -> RefusalLine {
    RefusalLine {
        seq: *seq,
        time: *time,
        by: by.clone(),
        verb: refused.verb.clone(),
        on: refused.on.clone(),
        code: refused.refusal.code.clone(),
        why: refused.refusal.why.clone(),
    }
}

fn waiting(state: &State, tasks: &[TaskLine]) -> Vec<Waiting> {
    let frozen = state.frozen.iter().map(|freeze| Waiting {
        what: format!("the workshop is frozen by {}: {}", freeze.who(), freeze.reason),
        task: None,
        command: "orchestrate thaw".to_owned(),
    });
    let moves = tasks.iter().filter(|line| state.frozen.is_none() && line.turn.is_owners()).map(|line| Waiting {
        what: format!("{} {}", line.task, line.turn.what),
        task: Some(line.task.clone()),
        command: line.turn.next.clone(),
    });
    let held = tasks.iter().filter(|line| state.frozen.is_some() && confirmable(state, &line.task)).map(|line| Waiting {
        what: format!("{} the owner's confirmation, after the thaw", line.task),
        task: Some(line.task.clone()),
        command: format!("orchestrate task confirm {}", line.task),
    });
    let letters = state.post.boxes.get(&Party::Owner).map_or(0, |inbox| inbox.len());
    let mail = (letters > 0).then(|| Waiting {
        what: super::text::count(letters as u64, "message"),
        task: None,
        command: "orchestrate mail inbox".to_owned(),
    });
    let given_up = state.fleet.iter().filter(|(_, seat)| matches!(seat.after, After::GivenUp { .. })).map(|(name, _)| Waiting {
        what: format!("{name} ended too often, or its files take too much of the disk: it is not started again"),
        task: None,
        command: "orchestrate bootstrap".to_owned(),
    });
    frozen.chain(unwitnessed(state)).chain(stranded(state)).chain(moves).chain(held).chain(super::deploy::waiting(state)).chain(given_up).chain(mail).collect()
}

/// Words that are overdue, where nobody is left to be drawn in their place.
fn stranded(state: &State) -> impl Iterator<Item = Waiting> {
    state.tasks.iter().filter(|(_, known)| state.frozen.is_none() && known.veto.is_none()).filter_map(|(task, known)| {
        let attempt = known.attempt.as_ref().filter(|attempt| attempt.stalled.is_none())?;
        let Stage::At(gate) = attempt.stage else { return None };
        let draw = attempt.draws.get(&gate).filter(|draw| draw.asked)?;
        let silent: Vec<SeatName> = draw.seats.iter().filter(|seat| !spoke(attempt, gate, seat)).cloned().collect();
        let names = silent.iter().map(SeatName::as_str).collect::<Vec<_>>().join(" and ");
        let what = format!("{task} the word of {names} at {gate}: overdue, and nobody is drawn in their place; or veto it");
        (!silent.is_empty()).then(|| Waiting { what, task: Some(task.clone()), command: wake(task, &silent) })
    })
}

/// A witness that did not sign when it was asked last.
fn unwitnessed(state: &State) -> Option<Waiting> {
    let seen = &state.witness;
    let holds = if witness::holds(state).is_err() { "; nothing is merged meanwhile" } else { "" };
    (seen.tries > 0 && witness::due(state).is_some()).then(|| Waiting {
        what: format!("the witness has not signed, {} times in a row: {}{holds}", seen.tries, seen.why),
        task: None,
        command: "orchestrate witness show   (on the witness's machine; docs/witness.md)".to_owned(),
    })
}

fn confirmable(state: &State, task: &TaskId) -> bool {
    let attempt = state.tasks.get(task).and_then(|known| known.attempt.as_ref());
    attempt.is_some_and(|attempt| {
        attempt.stage == Stage::At(GateName::Deploy) && waits_for_owner(attempt, GateName::Deploy)
    })
}
