//! Genesis: what this workshop is, under which charter, in whose name.

use super::actor::{Actor, Party};
use super::charter::Charter;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::fleet::Seat;
use super::name::{Digest, Fingerprint, Oid, RefName, RoleName, SeatName};
use super::refusal::Refusal;
use super::state::State;
use super::statement;
use serde::{Deserialize, Serialize};

/// What genesis fixes for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The workshop's name and the checkpoint origin: repository folder name and a digest of its path.
    pub workshop: String,
    pub branch: RefName,
    /// The protected branch's tip when the workshop began; history before it is taken as it was.
    pub base: Oid,
    pub seats: Vec<(SeatName, RoleName)>,
    /// SHA-256 of the draw secret, revealed later.
    pub draw: Digest,
    /// The verifier key of signed checkpoints (C2SP note format).
    pub note_key: String,
    /// The canonical text of policy, gates and roles.
    pub charter: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Founded { genesis: Box<Genesis> },
    /// The owner's and gatekeeper's word on genesis, once the keys exist: signed over the genesis entry's digest.
    Sworn { statement: Envelope },
    /// The supervisor started; `level` is the isolation that its probes saw hold.
    Started { version: String, level: String, note: String },
    /// The owner adopted another charter; approvals bound to the old one are void.
    /// `motion`: the one by which those who have a voice in it said yes; nothing where the owner did it alone.
    Rechartered {
        charter: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        motion: Option<u32>,
    },
    /// The supervisor stopped because it was told to.
    Stopped,
    /// A witness on another machine has seen a checkpoint of this ledger and put its name to it.
    Witnessed { note: String },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Sworn { statement } => Some((Party::Owner, statement)),
            Self::Founded { .. } | Self::Started { .. } | Self::Rechartered { .. } | Self::Stopped | Self::Witnessed { .. } => None,
        }
    }
}

/// Founds an empty ledger's workshop, once.
pub fn found(state: &State, genesis: &Genesis) -> Result<Vec<Any>, Refusal> {
    if state.genesis.is_some() {
        return Err(Refusal::new("founded-already", "this ledger has a genesis already", "orchestrate status"));
    }
    charter(&genesis.charter)?;
    Ok(vec![Any::Workshop(Event::Founded { genesis: Box::new(genesis.clone()) })])
}

/// Lets the owner's key vouch for genesis, once every key is registered.
pub fn swear(state: &State) -> Result<Vec<Any>, Refusal> {
    let genesis = state.genesis.as_ref().ok_or_else(not_founded)?;
    let keys: Vec<(&Party, &Fingerprint)> = state.keys.iter().map(|(holder, key)| (holder, &key.fingerprint)).collect();
    Ok(vec![Any::Workshop(Event::Sworn { statement: statement::genesis(genesis, &state.policy, &keys) })])
}

/// Keeps a cosigned checkpoint that the supervisor has judged: what a witness saw stays true while frozen.
pub fn witnessed(actor: &Actor, note: &str) -> Result<Vec<Any>, Refusal> {
    if *actor != Actor::Owner {
        return Err(Refusal::new("owner-only", "only the owner brings what a witness signed", "orchestrate ledger witnessed FILE"));
    }
    Ok(vec![Any::Workshop(Event::Witnessed { note: note.to_owned() })])
}

/// Reads a charter as it stands in an entry.
pub fn charter(text: &str) -> Result<Charter, Refusal> {
    Charter::from_canonical(text).map_err(|why| Refusal::new("bad-charter", why.to_string(), "orchestrate config show"))
}

pub fn not_founded() -> Refusal {
    Refusal::new("not-founded", "this workshop has no genesis yet", "orchestrate bootstrap <repo>")
}

pub fn apply(state: &mut State, seq: u64, time: Millis, event: &Event) {
    match event {
        Event::Founded { genesis } => {
            state.epoch.since = time;
            state.refs.insert(genesis.branch.clone(), genesis.base.clone());
            state.fleet_order = genesis.seats.iter().map(|(seat, _)| seat.clone()).collect();
            for (seat, role) in &genesis.seats {
                state.fleet.insert(seat.clone(), Seat::new(role.clone()));
            }
            state.adopt(&genesis.charter);
            state.genesis = Some((**genesis).clone());
        }
        Event::Rechartered { charter, .. } => {
            state.adopt(charter);
            state.adopted = seq;
        }
        Event::Started { level, note, .. } => {
            state.level = level.clone();
            state.level_note = note.clone();
            state.started = time;
        }
        Event::Stopped | Event::Sworn { .. } | Event::Witnessed { .. } => {}
    }
}
