//! Results come home: the owner's own branch, or the owner's upstream with the owner's credentials.

use super::drive::Denied;
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
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
    .await?;
    if let Err(denied) = yard.ask(Actor::Edge, Act::WentHome { branch: home.branch.clone(), outcome: home.outcome.clone() }).await {
        eprintln!("orchestrate: {denied:?}");
    }
    Ok(home)
}

fn branch(yard: &Yard) -> Result<Home, Failure> {
    let gate = yard.gate()?;
    let (outcome, moved) = match fast_forward(&yard.git, &yard.repo, gate, gate.branch())? {
        Delivered::FastForwarded { from, to } => (format!("moved from {} to {}", from.short(), to.short()), true),
        Delivered::AlreadyThere => ("already there".to_owned(), false),
        Delivered::NotClean(why) => (format!("not moved: {why}; commit or stash it, then: orchestrate deliver"), false),
        Delivered::Diverged => ("not moved: your branch has commits of its own; rebase them, then: orchestrate deliver".to_owned(), false),
    };
    Ok(Home { branch: gate.branch().to_string(), outcome, moved })
}

fn upstream(yard: &Yard) -> Result<Home, Failure> {
    let gate = yard.gate()?;
    let outcome = push_home(&yard.git, &yard.repo, gate, gate.branch())?;
    Ok(Home { branch: gate.branch().to_string(), outcome, moved: true })
}
