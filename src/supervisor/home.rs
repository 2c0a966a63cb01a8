//! Results come home: the owner's own branch, or the owner's upstream with the owner's credentials.

use super::drive::Denied;
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::name::Oid;
use crate::domain::freeze;
use crate::domain::planted;
use crate::domain::policy::Destination;
use crate::edge::git::{Delivered, deliver as fast_forward, push_home};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What became of a delivery, for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Home {
    pub branch: String,
    pub outcome: String,
    pub moved: bool,
    /// What is there now; nothing where it did not get there.
    #[serde(default)]
    pub commit: Option<Oid>,
}

/// Delivers what is on the protected branch, to where the owner's policy says.
pub async fn deliver(yard: &Arc<Yard>) -> Result<Home, Denied> {
    let (to, frozen) = yard.see(|state, _| (state.charter().policy.delivery.to, freeze::open(state).err())).await?;
    if let Some(refusal) = frozen.filter(|_| !planted::out("frozen-delivery")) {
        return Err(Denied::Refused(refusal));
    }
    let here = Arc::clone(yard);
    let home = blocking(move || match to {
        Destination::Branch => branch(&here),
        Destination::Upstream => upstream(&here),
    })
    .await;
    match &home {
        Ok(home) => tell(yard, home.branch.clone(), home.outcome.clone(), home.commit.clone()).await,
        Err(failure) => tell(yard, yard.gate()?.branch().to_string(), format!("not brought: {failure}"), None).await,
    }
    Ok(home?)
}

async fn tell(yard: &Arc<Yard>, branch: String, outcome: String, commit: Option<Oid>) {
    if let Err(denied) = yard.ask(Actor::Edge, Act::WentHome { branch, outcome, commit }).await {
        eprintln!("orchestrate: {denied:?}");
    }
}

fn branch(yard: &Yard) -> Result<Home, Failure> {
    let gate = yard.gate()?;
    // Asked before: what is merged meanwhile is brought by a delivery of its own.
    let tip = gate.tip()?;
    let delivered = fast_forward(&yard.git, &yard.repo, gate, gate.branch())?;
    let there = matches!(delivered, Delivered::FastForwarded { .. } | Delivered::AlreadyThere);
    let (outcome, moved) = match delivered {
        Delivered::FastForwarded { from, to } => (format!("moved from {} to {}", from.short(), to.short()), true),
        Delivered::AlreadyThere => ("already there".to_owned(), false),
        Delivered::NotClean(why) => (format!("not moved: {why}; commit or stash it, then: orchestrate deliver"), false),
        Delivered::Diverged => ("not moved: your branch has commits of its own; rebase them, then: orchestrate deliver".to_owned(), false),
    };
    Ok(Home { branch: gate.branch().to_string(), outcome, moved, commit: there.then_some(tip) })
}

fn upstream(yard: &Yard) -> Result<Home, Failure> {
    let gate = yard.gate()?;
    let tip = gate.tip()?;
    let outcome = push_home(&yard.git, &yard.repo, gate, gate.branch())?;
    Ok(Home { branch: gate.branch().to_string(), outcome, moved: true, commit: Some(tip) })
}
