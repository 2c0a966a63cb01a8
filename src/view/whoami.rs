//! Who the asker is and what it may do.

use super::inbox::inbox;
use super::review::reviews;
use super::text::word;
use crate::domain::actor::Actor;
use crate::domain::name::{Fingerprint, RoleName, TaskId};
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whoami {
    pub actor: Actor,
    pub workshop: String,
    /// Nothing for the owner.
    pub role: Option<RoleName>,
    pub about: String,
    /// What the role may do; the owner may do everything that is not bound to a seat.
    pub capabilities: Vec<String>,
    /// The address under which the seat commits.
    pub email: Option<String>,
    pub fingerprint: Option<Fingerprint>,
    /// The references that the seat may push to.
    pub namespace: Option<String>,
    /// The protected branch as the seat's clone calls it.
    pub upstream: String,
    /// The asker's own open tasks.
    pub tasks: Vec<TaskId>,
    pub mail: usize,
    pub reviews: usize,
    pub frozen: bool,
    pub level: String,
}

pub fn whoami(state: &State, actor: &Actor) -> Whoami {
    let seat = actor.seat();
    let role = seat.and_then(|seat| state.charter().role_of(seat));
    let own = |known: &crate::domain::task::Task| {
        known.author.is_some() && known.author.as_ref() == seat && known.merged.is_none() && known.veto.is_none()
    };
    Whoami {
        actor: actor.clone(),
        workshop: state.genesis.as_ref().map(|genesis| genesis.workshop.clone()).unwrap_or_default(),
        role: role.map(|role| role.name.clone()),
        about: role.map_or_else(|| about(actor).to_owned(), |role| role.about.clone()),
        capabilities: role.iter().flat_map(|role| &role.capabilities).map(word).collect(),
        email: seat.map(|seat| state.email(seat)),
        fingerprint: state.keys.get(&actor.party()).map(|key| key.fingerprint.clone()),
        namespace: seat.map(|seat| format!("refs/heads/{seat}/*")),
        upstream: state.upstream(),
        tasks: state.tasks.iter().filter(|(_, known)| own(known)).map(|(task, _)| task.clone()).collect(),
        mail: inbox(state, actor, false).len(),
        reviews: reviews(state, actor).len(),
        frozen: state.frozen.is_some(),
        level: state.level.clone(),
    }
}

fn about(actor: &Actor) -> &'static str {
    match actor {
        Actor::Owner => "the owner of this workshop",
        Actor::Seat(_) => "a seat without a role",
        Actor::Edge => "the supervisor itself",
    }
}
