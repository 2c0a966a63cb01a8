//! A seat's push: judged whole in quarantine, moved whole inside the lock.

use super::actor::{Actor, Party};
use super::change::{CommitFacts, Signature};
use super::entry::Millis;
use super::event::Event as Any;
use super::lock;
use super::name::{Fingerprint, Oid, RefName, SeatName};
use super::planted;
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most references that one push may name, one seat may own, and commits that one push may bring.
pub const MOST_UPDATES: usize = 20;
pub const MOST_REFS: usize = 200;
pub const MOST_COMMITS: usize = 1000;
/// Stands in a list of commands where a push certificate stood.
pub const CERTIFICATE: &str = "refs/push-certificate";
/// Landed pushes kept at hand, so that a hook can be told.
const KEPT: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The quarantined objects passed every rule; no reference has moved yet.
    Accepted {
        push: String,
        moves: Vec<Move>,
        /// What it touches; `lock::EVERYTHING` where that is too much to tell apart.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// Intent: the references are about to move.
    Landing {
        push: String,
    },
    Landed {
        push: String,
    },
    /// The move did not happen.
    Dropped {
        push: String,
        why: String,
    },
}

/// One reference from an old to a new object; `None` is "does not exist".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub name: RefName,
    pub old: Option<Oid>,
    pub new: Oid,
}

/// What the edge saw of one reference update, in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The name as the client sent it.
    pub name: String,
    pub old: Oid,
    pub new: Oid,
    /// What `new` is: `commit`, `tag`, `tree`, `blob`, or empty for a deletion.
    pub kind: String,
    /// Commits reachable from `new` and not from the protected branch.
    pub commits: Vec<CommitFacts>,
    /// Whether `new` shares history with the protected branch.
    pub related: bool,
    /// What is wrong with the trees of those commits.
    pub faults: Vec<String>,
    /// Every path that one of its new commits, or the branch as a whole, has other than the protected branch; both names of a rename.
    pub touched: Vec<String>,
}

/// A push between acceptance and landing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub seat: SeatName,
    pub moves: Vec<Move>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    pub landing: bool,
}

/// Judges the whole command list at once: one bad update refuses all.
pub fn judge(state: &State, actor: &Actor, now: Millis, push: &str, updates: &[Update]) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let Some(seat) = actor.seat() else {
        return Err(Refusal::new("seat-only", "only seats push to the gate", "orchestrate status"));
    };
    if (updates.is_empty() || updates.len() > MOST_UPDATES) && !planted::out("reference-count") {
        let why = format!("a push may update 1 to {MOST_UPDATES} references, this one has {}", updates.len());
        return Err(Refusal::new("too-many-refs", why, "git push origin <one branch>"));
    }
    let moves = updates.iter().map(|update| one(state, seat, update)).collect::<Result<Vec<Move>, Refusal>>()?;
    if let Some(twice) = moves.iter().enumerate().find(|(i, a)| moves[..*i].iter().any(|b| clash(&a.name, &b.name))) {
        return Err(Refusal::new("ref-conflict", format!("{} is named twice", twice.1.name), "git push origin <one branch>"));
    }
    quota(state, seat, &moves)?;
    let touched: BTreeSet<&String> = updates.iter().flat_map(|update| &update.touched).collect();
    let paths = lock::told(touched.into_iter().cloned().collect());
    lock::admits(state, seat, &paths, now)?;
    Ok(vec![Any::Push(Event::Accepted { push: push.to_owned(), moves, paths })])
}

fn one(state: &State, seat: &SeatName, update: &Update) -> Result<Move, Refusal> {
    let name = own(state, seat, &update.name)?;
    if update.new.is_zero() && !planted::out("deletions") {
        return Err(Refusal::new("no-deletes", format!("{name} stays: nothing that was pushed is deleted"), "git push origin <branch>"));
    }
    let old = (!update.old.is_zero()).then(|| update.old.clone());
    if state.refs.get(&name) != old.as_ref() {
        return Err(Refusal::new("stale", format!("{name} moved meanwhile"), "git fetch origin && git push"));
    }
    if let Some(other) =
        state.refs.keys().find(|other| **other != name && clash(&name, other)).filter(|_| !planted::out("branch-collision"))
    {
        return Err(Refusal::new("ref-conflict", format!("{name} collides with {other}"), "git push origin HEAD:<another name>"));
    }
    history(state, update)?;
    update.commits.iter().try_for_each(|commit| judge_commit(state, commit).map(drop))?;
    Ok(Move { name, old, new: update.new.clone() })
}

/// A seat writes its own namespace only; everything else is denied by default.
fn own(state: &State, seat: &SeatName, raw: &str) -> Result<RefName, Refusal> {
    let hint = format!("git push origin HEAD:refs/heads/{seat}/<name>");
    if raw == CERTIFICATE {
        let why = "a push certificate counts for nothing here: the socket says who pushes, and commits are signed one by one";
        return Err(Refusal::new("push-certificate", why, "git config --unset push.gpgSign"));
    }
    if state.genesis.as_ref().is_some_and(|genesis| genesis.branch.as_str() == raw) && !planted::out("protected-branch") {
        let why = format!("{raw} is protected: it moves only by the supervisor's merge, after RED, GREEN, PEER, QA and DEPLOY");
        return Err(Refusal::new("protected-branch", why, format!("{hint} && orchestrate task submit <task>")));
    }
    let known = if planted::out("reference-names") { raw.to_ascii_lowercase() } else { raw.to_owned() };
    let name = RefName::new(known).map_err(|why| Refusal::new("ref-name", why.to_string(), hint.clone()))?;
    if name.as_str().starts_with(&format!("refs/heads/{seat}/")) || planted::out("namespace") {
        Ok(name)
    } else {
        Err(Refusal::new("ref-not-yours", format!("{seat} may push only to refs/heads/{seat}/*, not to {name}"), hint))
    }
}

fn history(state: &State, update: &Update) -> Result<(), Refusal> {
    let rebase = "git fetch origin && git rebase origin/main";
    if update.kind != "commit" && !planted::out("object-kind") {
        return Err(Refusal::new(
            "not-a-commit",
            format!("{} is a {}, not a commit", update.new.short(), update.kind),
            "git push origin <branch>",
        ));
    }
    let rooted = update.commits.iter().any(|commit| commit.parents.is_empty());
    if (!update.related || rooted) && !planted::out("history-related") {
        return Err(Refusal::new("unrelated-history", format!("{} does not grow from the protected branch", update.new.short()), rebase));
    }
    if update.commits.len() > MOST_COMMITS {
        return Err(Refusal::new("too-many-commits", format!("more than {MOST_COMMITS} new commits in one push"), rebase));
    }
    if let Some(merge) = update.commits.iter().find(|commit| commit.parents.len() > 1).filter(|_| !planted::out("merge-commits")) {
        let why = format!("{} is a merge: only the supervisor merges", merge.id.short());
        return Err(Refusal::new("merge-commit", why, format!("git rebase {}", state.upstream())));
    }
    match update.faults.first().filter(|_| !planted::out("tree-entries")) {
        Some(fault) => Err(Refusal::new("bad-tree", fault.clone(), "git rm --cached <path> && git commit --amend")),
        None => Ok(()),
    }
}

/// Every commit that enters is signed by the seat whose name it bears, with that seat's registered key.
pub fn judge_commit(state: &State, commit: &CommitFacts) -> Result<SeatName, Refusal> {
    let id = commit.id.short();
    let hint = "git commit --amend -S --reset-author   (several: git rebase --exec 'git commit --amend --no-edit -S' origin/main)";
    let refuse = |code: &str, why: String| Err(Refusal::new(code, why, hint));
    if let Some(why) = commit.malformed.as_ref().filter(|_| !planted::out("commit-grammar")) {
        return refuse("malformed-commit", format!("commit {id}: {why}"));
    }
    let signer = match &commit.signature {
        Signature::Good(fingerprint) => signer(state, fingerprint),
        Signature::Missing if planted::out("signature-needed") => named(state, commit),
        Signature::Missing => return refuse("unsigned", format!("commit {id} is not signed")),
        Signature::OtherFormat if planted::out("openpgp-only") => named(state, commit),
        Signature::OtherFormat => return refuse("not-openpgp", format!("commit {id} has a signature that is not OpenPGP")),
        Signature::UnknownKey => return refuse("unknown-key", format!("commit {id} is signed by a key nobody here holds")),
        Signature::Bad(_) if planted::out("bad-signature") => named(state, commit),
        Signature::Bad(why) => return refuse("bad-signature", format!("commit {id}: {why}")),
    };
    if let Signature::Good(fingerprint) = &commit.signature
        && let Some(retired) = state.retired.get(fingerprint)
    {
        let why = format!("commit {id} is signed by a key of {} that was revoked at entry {}", retired.holder, retired.until);
        return refuse("key-revoked", why);
    }
    let Some(seat) = signer else {
        return refuse("not-a-seat", format!("commit {id} is signed by a key that is no seat's"));
    };
    let own = state.email(&seat);
    match [&commit.author.email, &commit.committer.email].iter().find(|email| ***email != own) {
        Some(other) => refuse("signed-by-other", format!("commit {id} is signed by {seat} but bears the name of {other}")),
        None => Ok(seat),
    }
}

/// The seat whose name a commit bears: what a judge without signatures would go by.
fn named(state: &State, commit: &CommitFacts) -> Option<SeatName> {
    state.charter().seats().find(|seat| state.email(seat) == commit.author.email).cloned()
}

fn signer(state: &State, fingerprint: &Fingerprint) -> Option<SeatName> {
    state.keys.iter().find(|(_, key)| key.fingerprint == *fingerprint).and_then(|(holder, _)| match holder {
        Party::Seat(seat) => Some(seat.clone()),
        Party::Owner | Party::Gatekeeper => None,
    })
}

fn quota(state: &State, seat: &SeatName, moves: &[Move]) -> Result<(), Refusal> {
    let prefix = format!("refs/heads/{seat}/");
    let owned = state.refs.keys().filter(|name| name.as_str().starts_with(&prefix)).count();
    let new = moves.iter().filter(|step| step.old.is_none()).count();
    if owned + new > MOST_REFS && !planted::out("reference-count") {
        return Err(Refusal::new(
            "too-many-refs",
            format!("{seat} has {owned} branches already"),
            "git push origin HEAD:<an existing branch>",
        ));
    }
    Ok(())
}

fn clash(a: &RefName, b: &RefName) -> bool {
    let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
    a == b || below(a.as_str(), b.as_str()) || below(b.as_str(), a.as_str())
}

/// Lets an accepted push move its references: judged again, inside the lock.
pub fn land(state: &State, actor: &Actor, now: Millis, push: &str) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let Some(pending) = state.pushes.get(push).filter(|pending| actor.seat() == Some(&pending.seat)) else {
        return Err(Refusal::new("not-accepted", "this push was never accepted", "git push"));
    };
    lock::admits(state, &pending.seat, &pending.paths, now)?;
    let free = |step: &Move| {
        let held = |other: &Pending| other.landing && other.moves.iter().any(|b| clash(&step.name, &b.name));
        state.refs.get(&step.name) == step.old.as_ref() && !state.pushes.values().any(held)
    };
    match pending.moves.iter().find(|step| !free(step)) {
        Some(step) => Err(Refusal::new("stale", format!("{} moved meanwhile", step.name), "git fetch origin && git push")),
        None => Ok(vec![Any::Push(Event::Landing { push: push.to_owned() })]),
    }
}

/// Takes the edge's word on whether the references moved.
pub fn landed(state: &State, push: &str, trouble: Option<&str>) -> Vec<Any> {
    let push = push.to_owned();
    match (state.pushes.contains_key(&push), trouble) {
        (false, _) => Vec::new(),
        (true, None) => vec![Any::Push(Event::Landed { push })],
        (true, Some(why)) => vec![Any::Push(Event::Dropped { push, why: why.to_owned() })],
    }
}

pub fn apply(state: &mut State, by: &Actor, time: Millis, event: &Event) {
    match event {
        Event::Accepted { push, moves, paths } => {
            if let Some(seat) = by.seat() {
                let pending = Pending { seat: seat.clone(), moves: moves.clone(), paths: paths.clone(), landing: false };
                state.pushes.insert(push.clone(), pending);
                lock::pushed(state, seat, paths, time);
            }
        }
        Event::Landing { push } => {
            if let Some(pending) = state.pushes.get_mut(push) {
                pending.landing = true;
            }
        }
        Event::Landed { push } => {
            state.landed.push_back(push.clone());
            while state.landed.len() > KEPT {
                state.landed.pop_front();
            }
            let moves = state.pushes.remove(push).map(|pending| pending.moves).unwrap_or_default();
            state.refs.extend(moves.into_iter().map(|step| (step.name, step.new)).collect::<BTreeMap<_, _>>());
        }
        Event::Dropped { push, .. } => {
            state.pushes.remove(push);
        }
    }
}
