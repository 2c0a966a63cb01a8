//! The owner takes a seat's key away, and gives it a new one. Each step is an entry before the next one is taken.

use super::{denial, said};
use crate::domain::actor::{Actor, Party};
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::name::SeatName;
use crate::supervisor::drive::Outcome;
use crate::supervisor::protocol::Response;
use crate::supervisor::yard::{Yard, blocking};
use std::sync::Arc;

pub async fn revoke(yard: &Arc<Yard>, seat: SeatName, reason: String) -> Response {
    match retire(yard, &seat, reason).await {
        Ok(Ok(_)) => said(format!("the key of {seat} counts no more; the seat signs nothing until: orchestrate keys rotate {seat}")),
        Ok(Err(denied)) => denial(denied),
        Err(failure) => Response::Failed(failure),
    }
}

async fn retire(yard: &Arc<Yard>, seat: &SeatName, reason: String) -> Result<Outcome, Failure> {
    let holder = Party::Seat(seat.clone());
    // A seat that there is not is refused by the rules, not here.
    let certificate = match yard.keys.of(&holder) {
        Ok(key) => blocking(move || key.revoked_armored("taken away by the owner; the ledger says why")).await?,
        Err(_) => String::new(),
    };
    Ok(yard.ask(Actor::Owner, Act::RevokeKey { seat: seat.clone(), certificate, reason }).await)
}

/// A crash between the steps leaves the seat without a key, or with the new one, which the next start registers.
pub async fn rotate(yard: &Arc<Yard>, seat: SeatName) -> Response {
    let holder = Party::Seat(seat.clone());
    let (key, name) = (holder.clone(), seat.clone());
    let seen = yard.see(move |state, _| (state.keys.contains_key(&key), state.fleet.contains_key(&name))).await;
    let (held, exists) = match seen {
        Ok(seen) => seen,
        Err(failure) => return Response::Failed(failure),
    };
    if held || !exists {
        match retire(yard, &seat, "rotated".to_owned()).await {
            Ok(Ok(_)) => {}
            Ok(Err(denied)) => return denial(denied),
            Err(failure) => return Response::Failed(failure),
        }
    }
    match renew(yard, holder).await {
        Ok(Ok(entries)) => said(format!(
            "{seat} has a new key, recorded as entry {}; what it signed with the old one and has not merged it signs again",
            entries.first().map_or(0, |entry| entry.seq)
        )),
        Ok(Err(denied)) => denial(denied),
        Err(failure) => Response::Failed(failure),
    }
}

async fn renew(yard: &Arc<Yard>, holder: Party) -> Result<Outcome, Failure> {
    let (here, party) = (Arc::clone(yard), holder.clone());
    let key = blocking(move || here.keys.renew(&party, &here.workshop)).await?;
    let certificate = key.certificate_armored();
    yard.trust(&certificate)?;
    Ok(yard.ask(Actor::Edge, Act::RegisterKey { holder, fingerprint: key.fingerprint(), certificate }).await)
}
