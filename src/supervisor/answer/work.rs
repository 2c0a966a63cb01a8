//! Tasks, reviews and signatures, for seats and the owner alike.

use super::{denial, done, outcome, page, shown};
use crate::domain::actor::{Actor, Party};
use crate::domain::bypass;
use crate::domain::change::Signature;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::key::Signing;
use crate::domain::name::{Fingerprint, Oid, RefName, TaskId};
use crate::domain::reading::{self, Bundle, Said};
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::ledger::Ledger;
use crate::supervisor::protocol::{Request, Response};
use crate::supervisor::yard::{Yard, blocking};
use crate::view;
use crate::view::answer::{Opened, Submitted};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The longest difference shown to a reviewer, in bytes.
const LONGEST_DIFF: usize = 400_000;
const LONGEST_WAIT: u32 = 3600;

pub async fn read(yard: &Arc<Yard>, actor: Actor, request: Request) -> Response {
    match request {
        Request::Whoami => page(yard.see(move |state, _| view::whoami(state, &actor)).await),
        Request::Status => {
            let now = yard.clock.now();
            let status = yard.see(move |state, _| view::status(state, now)).await;
            page(status.map(|mut status| {
                complete(yard, &mut status);
                status
            }))
        }
        Request::TaskList => page(yard.see(|state, _| view::tasks(state)).await),
        Request::TaskShow { task } => shown(yard, no_task(&task), move |state, _| view::task(state, &task)).await,
        Request::GateShow { task } => shown(yard, no_task(&task), move |state, _| view::gate(state, &task)).await,
        Request::MotionList => page(yard.see(|state, _| view::motions(state)).await),
        Request::ReviewList => page(yard.see(move |state, _| view::reviews(state, &actor)).await),
        Request::Certificates => page(yard.see(|state, _| view::certificates(state)).await),
        Request::ReviewShow { task } => review(yard, task).await,
        Request::GateWait { task, seconds } => wait(yard, task, seconds.min(LONGEST_WAIT)).await,
        _ => Response::Bug("BUG: no reading request".to_owned()),
    }
}

/// Adds what no entry tells: what the relay has counted and not yet written down, and what the seats' sessions are at.
pub fn complete(yard: &Yard, status: &mut view::Status) {
    let pending = yard.meter.pending();
    status.seats.iter_mut().for_each(|seat| seat.requests += pending.get(&seat.seat).copied().unwrap_or(0));
    let unrecorded = yard.meter.unrecorded();
    for seat in &mut status.seats {
        let more = unrecorded.get(&seat.seat).copied().unwrap_or_default();
        seat.used.add(&more.0);
        seat.today.add(&more.0);
        seat.told.add(&more.1);
    }
    crate::supervisor::seats::moods::told(yard, status);
}

fn no_task(task: &TaskId) -> impl FnOnce() -> Refusal + Send + use<> {
    let task = task.clone();
    move || Refusal::new("no-such-task", format!("there is no task {task}"), "orchestrate task list")
}

/// The gate's bundle for a reviewer: what the gate measured, and the difference as the gate computes it.
async fn review(yard: &Arc<Yard>, task: TaskId) -> Response {
    let wanted = task.clone();
    let trees = yard
        .see(move |state, _| {
            let change = state.tasks.get(&wanted)?.attempt.as_ref()?.change.clone()?;
            Some((change.base_tree, change.tree))
        })
        .await;
    let (base, tree) = match trees {
        Ok(Some(trees)) => trees,
        Ok(None) => return Response::Refused(Refusal::new("nothing-submitted", format!("nothing is measured for {task} yet"), "orchestrate task list")),
        Err(failure) => return Response::Failed(failure),
    };
    let here = Arc::clone(yard);
    match blocking(move || here.gate()?.diff_text(&base, &tree, LONGEST_DIFF)).await {
        Ok(diff) => shown(yard, no_task(&task), move |state, _| view::review(state, &task, &diff)).await,
        Err(failure) => Response::Failed(failure),
    }
}

/// The difference that a word's quotes are held against: of the newest candidate, and of earlier ones where they ask for it.
async fn bundle(yard: &Arc<Yard>, task: &TaskId, said: &Said) -> Result<Option<Box<Bundle>>, Failure> {
    let wanted = task.clone();
    let found = yard.see(move |state, _| {
        let attempt = state.tasks.get(&wanted)?.attempt.as_ref()?;
        Some((attempt.number, attempt.change.clone()?))
    });
    let Some((number, change)) = found.await? else { return Ok(None) };
    let (here, task, said) = (Arc::clone(yard), task.clone(), said.clone());
    blocking(move || {
        let gate = here.gate()?;
        let files = gate.file_texts(&change.base_tree, &change.tree, LONGEST_DIFF)?;
        let known = said.quotes.iter().all(|quote| reading::stands_in(&files, quote));
        let before = if known { 1..1 } else { 1..number };
        let earlier = before.filter_map(|number| {
            let kept = RefName::new(format!("refs/gate/tasks/{}/{number}", task.as_str().to_lowercase())).ok()?;
            Some(gate.kept_texts(&kept, LONGEST_DIFF).transpose()?.map(|files| (number, files)))
        });
        Ok(Some(Box::new(Bundle { commit: change.commit, files, earlier: earlier.collect::<Result<_, _>>()? })))
    })
    .await
}

/// Waits until the task leaves the stage it is at now.
async fn wait(yard: &Arc<Yard>, task: TaskId, seconds: u32) -> Response {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds.into());
    let mut before: Option<Value> = None;
    loop {
        grown.borrow_and_update();
        let wanted = task.clone();
        let now = match yard.see(move |state, _| stage(state, &wanted)).await {
            Ok(now) => now,
            Err(failure) => return Response::Failed(failure),
        };
        if before.as_ref().is_some_and(|before| *before != now) {
            break;
        }
        before = Some(now);
        let more = tokio::select! {
            more = tokio::time::timeout_at(deadline, grown.changed()) => more.is_ok(),
            _ = stop.changed() => false,
        };
        if !more {
            break;
        }
    }
    shown(yard, no_task(&task), move |state, _| view::gate(state, &task)).await
}

fn stage(state: &State, task: &TaskId) -> Value {
    let attempt = state.tasks.get(task).and_then(|known| known.attempt.as_ref());
    json!(attempt.map(|now| (now.number, now.stage.clone(), now.runs.len(), now.draws.len(), now.approvals.len(), now.stalled.clone())))
}

pub async fn act(yard: &Arc<Yard>, actor: Actor, request: Request) -> Response {
    match request {
        Request::TaskOpen { title, body, assign } => {
            let reply = yard.ask(actor, Act::OpenTask { title, body, assign }).await;
            opened(reply)
        }
        Request::TaskTake { task } => outcome(yard.ask(actor, Act::TakeTask { task }).await),
        Request::TaskRelease { task, reason, assign } => outcome(yard.ask(actor, Act::ReleaseTask { task, reason, assign }).await),
        Request::TaskSubmit { task, commit } => submit(yard, actor, task, commit).await,
        Request::TaskRetry { task } => outcome(yard.ask(actor, Act::Retry { task }).await),
        Request::TaskVeto { task, reason } => outcome(yard.ask(actor, Act::Veto { task, reason }).await),
        Request::ReviewDecide { task, accept, note, commit, said } => match bundle(yard, &task, &said).await {
            Ok(bundle) => outcome(yard.ask(actor, Act::Review { task, accept, note, commit, said, bundle }).await),
            Err(failure) => Response::Failed(failure),
        },
        Request::ReviewCosign { task, note } => outcome(yard.ask(actor, Act::Cosign { task, note }).await),
        Request::BypassSign { task, note } => outcome(yard.ask(actor, Act::Bypass { task, word: bypass::Word::Sign { note } }).await),
        Request::BypassReview { task, accept, note } => outcome(yard.ask(actor, Act::Bypass { task, word: bypass::Word::Review { accept, note } }).await),
        Request::MotionOpen { matter, title, body } => outcome(yard.ask(actor, Act::Move { matter, title, body }).await),
        Request::MotionVote { motion, accept, note } => outcome(yard.ask(actor, Act::Vote { motion, accept, note }).await),
        Request::ReviewWithdraw { task, reason } => outcome(yard.ask(actor, Act::Withdraw { task, reason }).await),
        Request::Sign { payload } => sign(yard, actor, &payload).await,
        Request::VerifySignature { payload, signature } => verify(yard, &payload, &signature).await,
        Request::Hook { .. } => done(json!({"noted": true})),
        Request::ThawAgree => outcome(yard.ask(actor, Act::AgreeThaw).await),
        Request::Freeze { reason } => outcome(yard.ask(actor, Act::Freeze { reason }).await),
        _ => Response::Bug("BUG: no acting request".to_owned()),
    }
}

fn opened(reply: super::Outcome) -> Response {
    use crate::domain::event::Event;
    match reply {
        Ok(entries) => {
            let task = entries.iter().find_map(|entry| match &entry.event {
                Event::Task(crate::domain::task::Event::Opened { task, .. }) => Some(task.clone()),
                _ => None,
            });
            task.map_or_else(|| Response::Bug("BUG: a task left no entry".to_owned()), |task| page(Ok(Opened { task })))
        }
        Err(denied) => denial(denied),
    }
}

async fn submit(yard: &Arc<Yard>, actor: Actor, task: TaskId, commit: Option<Oid>) -> Response {
    match yard.ask(actor, Act::Submit { task: task.clone(), commit }).await {
        Ok(_) => shown(yard, no_task(&task), move |state, _| {
            let attempt = state.tasks.get(&task)?.attempt.as_ref()?;
            Some(Submitted { task, attempt: attempt.number, commit: attempt.commit.clone() })
        })
        .await,
        Err(denied) => denial(denied),
    }
}

/// The broker: reads what git wants signed, lets the rules judge it, records, then signs.
async fn sign(yard: &Arc<Yard>, actor: Actor, payload: &str) -> Response {
    let bytes = match STANDARD.decode(payload) {
        Ok(bytes) => bytes,
        Err(why) => return Response::Failed(Failure::new("the payload is not base64", why)),
    };
    let signing = Signing::read(&bytes);
    if let Err(denied) = yard.ask(actor.clone(), Act::Sign { signing }).await {
        return denial(denied);
    }
    let signed = yard.keys.of(&actor.party()).and_then(|key| key.sign_armored(&bytes));
    page(signed.map(|signature| json!({"signature": signature})))
}

async fn verify(yard: &Arc<Yard>, payload: &str, signature: &str) -> Response {
    let (Ok(payload), Ok(signature)) = (STANDARD.decode(payload), STANDARD.decode(signature)) else {
        return Response::Failed(Failure::new("cannot judge a signature", "payload or signature is not base64"));
    };
    let judged = yard.judge_signature(&String::from_utf8_lossy(&signature), &payload);
    let (status, fingerprint, why) = match judged {
        Signature::Good(fingerprint) => match yard.see(revoked(fingerprint.clone())).await {
            Ok(None) => ("good", Some(fingerprint), String::new()),
            Ok(Some(why)) => ("bad", Some(fingerprint), why),
            Err(failure) => return Response::Failed(failure),
        },
        Signature::UnknownKey => ("unknown-key", None, "no registered key made it".to_owned()),
        Signature::Missing | Signature::OtherFormat => ("other-format", None, "it is no OpenPGP signature".to_owned()),
        Signature::Bad(why) => ("bad", None, why),
    };
    let held = fingerprint.clone();
    page(yard.see(move |state, _| json!({"status": status, "fingerprint": fingerprint, "holder": holder(state, held.as_ref()), "why": why})).await)
}

fn holder(state: &State, fingerprint: Option<&Fingerprint>) -> Option<Party> {
    let retired = fingerprint.and_then(|fingerprint| state.retired.get(fingerprint)).map(|retired| retired.holder.clone());
    state.keys.iter().find(|(_, key)| Some(&key.fingerprint) == fingerprint).map(|(party, _)| party.clone()).or(retired)
}

fn revoked(fingerprint: Fingerprint) -> impl FnOnce(&State, &dyn Ledger) -> Option<String> + Send {
    move |state, _| state.retired.get(&fingerprint).map(|retired| format!("its key was revoked at entry {}: {}", retired.until, retired.reason))
}
