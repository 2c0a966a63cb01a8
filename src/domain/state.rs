//! What the entries add up to.

use super::actor::{Actor, Party};
use super::alert::Alerts;
use super::budget::Spent;
use super::bypass::Bypass;
use super::charter::Charter;
use super::collusion::Record;
use super::confirm::Codes;
use super::deploy::Deployments;
use super::entry::{Entry, Millis};
use super::fleet::Seat;
use super::freeze::{self, Attempts, Cause, Freeze};
use super::key::{Key, Retired};
use super::lock::Locks;
use super::message::Post;
use super::motion::Motion;
use super::panel::Epoch;
use super::name::{Digest, Fingerprint, Oid, RefName, SeatName, TaskId};
use super::push::Pending;
use super::refusal::{Refusal, Refused};
use super::role::Capability;
use super::run::Run;
use super::spend::Spending;
use super::task::{Stage, Task};
use super::window::Families;
use super::witness;
use super::workshop::Genesis;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Refusals kept at hand for people; all are in the ledger.
pub const KEPT_REFUSALS: usize = 100;

/// The fold of all entries; never changed by anything else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// Entries folded so far.
    pub len: u64,
    /// The newest entry's time.
    pub now: Millis,
    pub genesis: Option<Genesis>,
    /// The digest of the charter in force.
    pub policy: Digest,
    charter: Option<Charter>,
    pub level: String,
    pub level_note: String,
    pub started: Millis,
    pub keys: BTreeMap<Party, Key>,
    /// Keys that were revoked, by fingerprint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub retired: BTreeMap<Fingerprint, Retired>,
    pub signatures: u64,
    pub spent: Spent,
    #[serde(skip_serializing_if = "Locks::is_empty")]
    pub locks: Locks,
    pub fleet: BTreeMap<SeatName, Seat>,
    pub fleet_order: Vec<SeatName>,
    pub refs: BTreeMap<RefName, Oid>,
    pub pushes: BTreeMap<String, Pending>,
    /// Pushes that landed lately, newest last.
    pub landed: VecDeque<String>,
    pub tasks: BTreeMap<TaskId, Task>,
    pub opened: u32,
    #[serde(skip_serializing_if = "Families::is_empty")]
    pub families: Families,
    /// The full run on the protected branch's tip, where one is known.
    pub base_run: Option<Run>,
    pub post: Post,
    /// What was put to those who decide it, and how much of it there was.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub motions: BTreeMap<u32, Motion>,
    #[serde(skip_serializing_if = "is_zero")]
    pub moved: u32,
    /// The ledger position of the last adoption of another charter; 0 where there was none.
    #[serde(default)]
    pub adopted: u64,
    /// Which secret chance comes from.
    #[serde(skip_serializing_if = "Epoch::is_first")]
    pub epoch: Epoch,
    /// Who was drawn for whom lately, and said what.
    pub record: Record,
    /// What the owner has still to be told.
    pub alerts: Alerts,
    pub frozen: Option<Freeze>,
    /// What set off the freeze in force, where nobody ordered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    pub codes: Codes,
    /// What the model's API was asked for, in tokens and money.
    #[serde(skip_serializing_if = "Spending::is_empty")]
    pub spending: Spending,
    /// What counts towards a freeze, since the last thaw.
    #[serde(skip_serializing_if = "Attempts::is_empty")]
    pub attempts: Attempts,
    pub refusals: VecDeque<(u64, Millis, Actor, Refused)>,
    pub refused: u64,
    pub home: Option<(String, String)>,
    /// What is at home since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brought: Option<Oid>,
    /// How far the witness on another machine has seen.
    #[serde(skip_serializing_if = "witness::Seen::is_nothing")]
    pub witness: witness::Seen,
    /// What is on its way out of the house, and what is out there.
    #[serde(skip_serializing_if = "Deployments::is_empty")]
    pub deploy: Deployments,
    /// Emergency bypasses: the newest of each task.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bypasses: BTreeMap<TaskId, Bypass>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Default for State {
    fn default() -> Self {
        Self {
            len: 0,
            now: 0,
            genesis: None,
            policy: Digest::of(b""),
            charter: None,
            level: "unknown".to_owned(),
            level_note: String::new(),
            started: 0,
            keys: BTreeMap::new(),
            retired: BTreeMap::new(),
            signatures: 0,
            spent: BTreeMap::new(),
            locks: Locks::default(),
            fleet: BTreeMap::new(),
            fleet_order: Vec::new(),
            refs: BTreeMap::new(),
            pushes: BTreeMap::new(),
            landed: VecDeque::new(),
            tasks: BTreeMap::new(),
            opened: 0,
            families: Families::default(),
            base_run: None,
            post: Post::default(),
            motions: BTreeMap::new(),
            moved: 0,
            adopted: 0,
            epoch: Epoch::default(),
            record: Record::default(),
            alerts: Alerts::default(),
            frozen: None,
            cause: None,
            codes: Codes::default(),
            spending: Spending::default(),
            attempts: Attempts::new(),
            refusals: VecDeque::new(),
            refused: 0,
            home: None,
            brought: None,
            witness: witness::Seen::default(),
            deploy: Deployments::default(),
            bypasses: BTreeMap::new(),
        }
    }
}

impl State {
    /// Folds entries from the beginning.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut state = Self::default();
        entries.into_iter().for_each(|entry| state.apply(entry));
        state
    }

    /// The charter in force; `decide` lets nothing but genesis happen before there is one.
    pub fn charter(&self) -> &Charter {
        self.charter.as_ref().expect("BUG: nothing is decided before genesis")
    }

    /// Takes a charter text that was checked before its entry was written.
    pub fn adopt(&mut self, text: &str) {
        let charter = Charter::from_canonical(text).expect("BUG: a recorded charter is a checked one");
        self.policy = charter.digest();
        self.charter = Some(charter);
    }

    pub fn branch(&self) -> Option<&RefName> {
        self.genesis.as_ref().map(|genesis| &genesis.branch)
    }

    /// The protected branch's tip.
    pub fn tip(&self) -> Option<&Oid> {
        self.branch().and_then(|branch| self.refs.get(branch))
    }

    pub fn move_tip(&mut self, commit: &Oid) {
        if let Some(branch) = self.branch().cloned() {
            self.refs.insert(branch, commit.clone());
        }
    }

    /// The protected branch as seats see it, such as `origin/main`.
    pub fn upstream(&self) -> String {
        let branch = self.branch().map_or("refs/heads/main", RefName::as_str);
        format!("origin/{}", branch.trim_start_matches("refs/heads/"))
    }

    /// The e-mail address under which a seat commits.
    pub fn email(&self, seat: &SeatName) -> String {
        let workshop = self.genesis.as_ref().map_or("workshop", |genesis| genesis.workshop.as_str());
        format!("{seat}@{workshop}.orchestrate")
    }

    pub fn task(&self, task: &TaskId) -> Result<&Task, Refusal> {
        self.tasks.get(task).ok_or_else(|| Refusal::new("no-such-task", format!("there is no task {task}"), "orchestrate task list"))
    }

    pub fn next_task(&self) -> TaskId {
        TaskId::new(format!("T{}", self.opened + 1)).expect("BUG: a counted task number is well formed")
    }

    /// The owner may; a seat may when its role has the capability.
    pub fn allows(&self, actor: &Actor, capability: Capability, verb: &str) -> Result<(), Refusal> {
        let Some(seat) = actor.seat() else {
            return Ok(());
        };
        if self.capable(seat, capability) {
            return Ok(());
        }
        let role = self.fleet.get(seat).map_or("nobody", |seat| seat.role.as_str());
        Err(Refusal::new("not-your-role", format!("{seat} ({role}) may not {verb}"), "orchestrate whoami"))
    }

    pub fn capable(&self, seat: &SeatName, capability: Capability) -> bool {
        self.charter.as_ref().is_some_and(|charter| charter.can(seat, capability))
    }

    /// The seats whose role has a capability, in seat order.
    pub fn with(&self, capability: Capability) -> Vec<SeatName> {
        self.charter.as_ref().map(|charter| charter.able(capability)).unwrap_or_default()
    }

    pub fn reachable(&self, party: &Party) -> bool {
        match party {
            Party::Owner => true,
            Party::Gatekeeper => false,
            Party::Seat(seat) => self.fleet.contains_key(seat),
        }
    }

    /// The merge that is between intent and word, if any.
    pub fn moving(&self) -> Option<(&TaskId, u32, &Oid, &Oid)> {
        self.tasks.iter().find_map(|(task, known)| {
            let attempt = known.attempt.as_ref()?;
            match &attempt.stage {
                Stage::Moving { commit, old } => Some((task, attempt.number, commit, old)),
                Stage::Measuring | Stage::At(_) | Stage::Merging | Stage::Merged | Stage::Back { .. } => None,
            }
        })
    }

    pub fn note_refusal(&mut self, entry: &Entry, refused: &Refused) {
        self.refused += 1;
        freeze::note(self, entry, refused);
        self.refusals.push_back((entry.seq, entry.time, entry.by.clone(), refused.clone()));
        while self.refusals.len() > KEPT_REFUSALS {
            self.refusals.pop_front();
        }
    }

    /// The state as one digest: equal digests, equal states.
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(self).expect("BUG: the state is always writable as JSON");
        Digest::of(&bytes)
    }
}
