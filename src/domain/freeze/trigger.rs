//! What freezes the workshop by itself: too many attempts to go round a gate, too many late pushes, a record that does not fit.

use super::super::entry::{Entry, Millis};
use super::super::name::SeatName;
use super::super::refusal::Refused;
use super::super::state::State;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How far back attempts are counted, and how many are kept of a kind and seat.
const WINDOW: Millis = 86_400_000;
const KEPT: usize = 64;

/// The section `freeze` of the policy; a charter without it counts nothing, as before there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    /// Attempts of one seat within a day to go round a gate; 0 never freezes.
    pub bypasses: u32,
    /// Pushes of one seat within a day under a lock that was lost; 0 never freezes.
    pub fencing: u32,
    /// Whether the workshop freezes when the gate is not as the record says.
    pub integrity: bool,
}

impl Default for Triggers {
    fn default() -> Self {
        Self { bypasses: 0, fencing: 0, integrity: true }
    }
}

impl Triggers {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn most(&self, trigger: Trigger) -> u32 {
        match trigger {
            Trigger::Bypass => self.bypasses,
            Trigger::Fencing => self.fencing,
            Trigger::Integrity | Trigger::Fraud => 0,
        }
    }
}

/// What set off a freeze that nobody ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    Bypass,
    Fencing,
    Integrity,
    /// The owner was asked to confirm what the owner knows nothing of.
    Fraud,
}

/// A freeze's trigger, the seat it was about, and the entries that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    pub trigger: Trigger,
    pub seat: Option<SeatName>,
    pub entries: Vec<u64>,
}

impl Cause {
    /// One line for people.
    pub fn reason(&self) -> String {
        let seat = self.seat.as_ref().map_or("nobody", |seat| seat.as_str());
        let (count, entries) = (self.entries.len(), numbers(&self.entries));
        match self.trigger {
            Trigger::Bypass => format!("automatic: {seat} tried {count} times within 24 h to go round a gate (entries {entries})"),
            Trigger::Fencing => {
                format!("automatic: {seat} pushed {count} times within 24 h under a lock that it had lost (entries {entries})")
            }
            Trigger::Integrity => "automatic: the gate is not as the record says".to_owned(),
            Trigger::Fraud => format!("the owner was asked to confirm work of {seat} and calls it fraud (entries {entries})"),
        }
    }
}

fn numbers(entries: &[u64]) -> String {
    let newest = &entries[entries.len().saturating_sub(8)..];
    let told = newest.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    if newest.len() < entries.len() { format!("{told} and {} before", entries.len() - newest.len()) } else { told }
}

/// A refusal that shows an attempt to go round a gate.
#[derive(Debug, Clone, Copy)]
pub struct Bypass {
    pub code: &'static str,
    /// The verbs for which it counts; none listed: all.
    pub verbs: &'static [&'static str],
    pub why: &'static str,
}

/// Every refusal that counts as an attempt to go round a gate, and nothing else does.
///
/// What an honest seat gets wrong now and then is not here: a branch outside its namespace, a commit that is not signed or bears a
/// colleague's name after a cherry-pick, a review it was not drawn for, a merge, a stale reference, a budget.
pub const BYPASSES: &[Bypass] = &[
    Bypass { code: "protected-branch", verbs: &[], why: "a push to the protected branch itself" },
    Bypass { code: "own-work", verbs: &[], why: "a word on one's own work" },
    Bypass { code: "bad-signature", verbs: &["push"], why: "a commit with a forged signature" },
    Bypass { code: "signed-by-other", verbs: &["push"], why: "a commit in another's name" },
    Bypass { code: "unknown-key", verbs: &["push"], why: "a commit signed with a key of one's own making" },
    Bypass { code: "forged-sender", verbs: &[], why: "a message in another's name" },
    Bypass {
        code: "not-offered",
        verbs: &["confirm", "thaw", "recharter", "revoke-key", "rotate-key", "totp-show", "credential", "receive", "down", "deploy"],
        why: "the owner's or the gate's own requests asked through a seat's socket",
    },
    Bypass { code: "owner-only", verbs: &[], why: "what only the owner may order" },
    Bypass { code: "supervisor-only", verbs: &[], why: "what only the supervisor measures" },
];

/// What a refused attempt counts as.
pub fn kind(refused: &Refused) -> Option<Trigger> {
    let fits = |rule: &&Bypass| rule.code == refused.refusal.code && (rule.verbs.is_empty() || rule.verbs.contains(&refused.verb.as_str()));
    match refused.refusal.code.as_str() {
        "lock-stale" => Some(Trigger::Fencing),
        _ => BYPASSES.iter().find(fits).map(|_| Trigger::Bypass),
    }
}

/// When each seat tried what, and where the ledger says so, oldest first.
pub type Attempts = BTreeMap<SeatName, BTreeMap<Trigger, VecDeque<(Millis, u64)>>>;

/// Counts a refused attempt of a seat.
pub fn note(state: &mut State, entry: &Entry, refused: &Refused) {
    let (Some(seat), Some(trigger)) = (entry.by.seat(), kind(refused)) else { return };
    let tried = state.attempts.entry(seat.clone()).or_default().entry(trigger).or_default();
    tried.push_back((entry.time, entry.seq));
    while tried.len() > KEPT || tried.front().is_some_and(|(then, _)| then + WINDOW <= entry.time) {
        tried.pop_front();
    }
}

/// The first trigger that is reached, if one is.
pub fn reached(state: &State) -> Option<Cause> {
    let triggers = state.charter().policy.freeze;
    let all = state.attempts.iter().flat_map(|(seat, kinds)| kinds.iter().map(move |(trigger, tried)| (seat, *trigger, tried)));
    let causes = all.map(|(seat, trigger, tried)| {
        let entries = tried.iter().filter(|(then, _)| then + WINDOW > state.now).map(|(_, seq)| *seq).collect();
        Cause { trigger, seat: Some(seat.clone()), entries }
    });
    let most = |cause: &Cause| triggers.most(cause.trigger) as usize;
    causes.into_iter().find(|cause| most(cause) > 0 && cause.entries.len() >= most(cause))
}
