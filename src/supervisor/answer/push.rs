//! The gate's hooks ask: may these objects in, may these references move.

use super::{denial, done};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::name::{Oid, SeatName};
use crate::domain::push::Update;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::edge::git::{self, Incoming, Kind, Quarantine};
use crate::supervisor::protocol::{RawUpdate, Request, Response};
use crate::supervisor::serve::visible;
use crate::supervisor::yard::{Yard, blocking};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

pub async fn answer(yard: &Arc<Yard>, request: Request) -> Response {
    match request {
        Request::PreReceive { push, updates, quarantine, alternates } => {
            let quarantine = Quarantine { objects: PathBuf::from(quarantine), alternates: alternates.into_iter().map(PathBuf::from).collect() };
            pre_receive(yard, push, updates, quarantine).await
        }
        Request::ProcReceive { push, updates } => proc_receive(yard, push, updates).await,
        _ => Response::Bug("BUG: no hook request".to_owned()),
    }
}

/// The seat whose socket the push came through; a push that nobody opened is nobody's.
fn pusher(yard: &Yard, push: &str) -> Result<SeatName, Response> {
    yard.pusher(push).ok_or_else(|| Response::Refused(Refusal::new("unknown-push", "this push came through no seat's socket", "git push origin <branch>")))
}

async fn pre_receive(yard: &Arc<Yard>, push: String, raw: Vec<RawUpdate>, quarantine: Quarantine) -> Response {
    let seat = match pusher(yard, &push) {
        Ok(seat) => seat,
        Err(response) => return response,
    };
    let known = match own(yard, &seat).await {
        Ok(known) => known,
        Err(failure) => return Response::Failed(failure),
    };
    let (here, who) = (Arc::clone(yard), seat.clone());
    let looked = blocking(move || inspect(&here, &who, &raw, &quarantine, &known)).await;
    match looked {
        Err(failure) => Response::Failed(failure),
        Ok(updates) => match yard.ask(Actor::Seat(seat), Act::Push { push, updates }).await {
            Ok(_) => done(json!({"accepted": true})),
            Err(denied) => denial(denied),
        },
    }
}

/// Where the seat's own branches stand by the record.
async fn own(yard: &Yard, seat: &SeatName) -> Result<Vec<Oid>, Failure> {
    let folder = format!("refs/heads/{seat}/");
    let mine = move |state: &State| state.refs.iter().filter(|(name, _)| name.as_str().starts_with(&folder)).map(|(_, id)| id.clone()).collect();
    yard.see(move |state, _| mine(state)).await
}

fn inspect(yard: &Yard, seat: &SeatName, raw: &[RawUpdate], quarantine: &Quarantine, known: &[Oid]) -> Result<Vec<Update>, Failure> {
    let updates: Vec<git::Update> =
        raw.iter().map(|update| git::Update { name: update.name.clone(), old: update.old.clone(), new: update.new.clone() }).collect();
    let visible = visible(seat)?;
    let brings = !quarantine.objects.as_os_str().is_empty();
    let inspection = yard.gate()?.inspect(brings.then_some(quarantine), &updates, &visible, known, &|raw| yard.judge(raw))?;
    Ok(inspection.updates.into_iter().map(seen).collect())
}

fn seen(incoming: Incoming) -> Update {
    let kind = match incoming.kind {
        Kind::Commit => "commit",
        Kind::Tag => "tag",
        Kind::Tree => "tree",
        Kind::Blob => "blob",
        Kind::Missing => "missing object",
        Kind::Deletion => "",
    };
    let borrowed = incoming.borrowed.iter().map(|id| format!("commit {} belongs to another seat's branch", id.short()));
    Update {
        name: incoming.update.name,
        old: incoming.update.old,
        new: incoming.update.new,
        kind: kind.to_owned(),
        related: incoming.merge_base.is_some(),
        commits: incoming.commits,
        touched: incoming.touched,
        faults: incoming.tree_faults.into_iter().chain(borrowed).collect(),
    }
}

/// Moves the references of a push that was accepted, with exactly the updates that were judged.
async fn proc_receive(yard: &Arc<Yard>, push: String, raw: Vec<RawUpdate>) -> Response {
    let seat = match pusher(yard, &push) {
        Ok(seat) => seat,
        Err(response) => return response,
    };
    let wanted = push.clone();
    let same = yard.see(move |state, _| state.pushes.get(&wanted).is_some_and(|pending| fits(&pending.moves, &raw))).await;
    match same {
        Ok(true) => {}
        Ok(false) => return Response::Refused(Refusal::new("not-accepted", "these are not the updates that were accepted", "git push")),
        Err(failure) => return Response::Failed(failure),
    }
    if let Err(denied) = yard.ask(Actor::Seat(seat), Act::Land { push: push.clone() }).await {
        return denial(denied);
    }
    landed(yard, push).await
}

fn fits(moves: &[crate::domain::push::Move], raw: &[RawUpdate]) -> bool {
    let old = |update: &RawUpdate| (!update.old.is_zero()).then(|| update.old.clone());
    let same = |step: &crate::domain::push::Move, update: &RawUpdate| {
        step.name.as_str() == update.name && step.old == old(update) && step.new == update.new
    };
    moves.len() == raw.len() && moves.iter().all(|step| raw.iter().any(|update| same(step, update)))
}

/// The loop has moved the references, or says why not.
async fn landed(yard: &Arc<Yard>, push: String) -> Response {
    let seen = yard.see(move |state, _| (state.pushes.contains_key(&push), state.frozen.clone(), state.landed.contains(&push))).await;
    match seen {
        Ok((false, _, true)) => done(json!({"moved": true})),
        Ok((_, Some(freeze), _)) => Response::Refused(Refusal::new("frozen", format!("frozen by {}: {}", freeze.by, freeze.reason), "orchestrate status")),
        Ok((_, None, _)) => Response::Failed(Failure::new("the references did not move", "see the ledger for the reason").hint("git fetch origin && git push")),
        Err(failure) => Response::Failed(failure),
    }
}
