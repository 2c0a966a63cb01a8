//! Epochs of chance: when one ends, the secret that all its draws came from is opened, and the next one's is committed to.

use super::drive::{Denied, Outcome};
use super::yard::Yard;
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::Failure;
use crate::domain::name::Digest;
use crate::domain::state::State;
use std::sync::Arc;

/// When the epoch in force ends by itself, if the policy lets it.
pub fn ends(state: &State) -> Option<Millis> {
    let days = Some(state.charter().policy.review.epoch_days).filter(|days| *days > 0)?;
    Some(state.epoch.since + Millis::from(days) * 86_400_000)
}

/// Ends the epoch where its time is over.
pub async fn due(yard: &Arc<Yard>, now: Millis) -> Result<(), Failure> {
    if !yard.see(move |state, _| ends(state).is_some_and(|end| end <= now)).await? {
        return Ok(());
    }
    match open(yard).await {
        Ok(_) | Err(Denied::Refused(_)) => Ok(()),
        Err(Denied::Failed(failure)) => Err(failure),
    }
}

/// Opens the secret of the epoch in force. The next one is on disk before the record commits to it.
pub async fn open(yard: &Arc<Yard>) -> Outcome {
    let epoch = yard.see(|state, _| state.epoch.number).await?;
    let secret = hex::encode(yard.keys.epoch_secret(epoch)?.as_slice());
    let next = Digest::of(yard.keys.epoch_secret(epoch + 1)?.as_slice());
    yard.ask(Actor::Edge, Act::OpenEpoch { epoch, secret, next }).await
}
