//! Emergency bypasses: what the owner is shown before one, and what is open of those that there were.

use super::status::Waiting;
use crate::domain::bypass::{fits, silent, standing};
use crate::domain::confirm::Shown;
use crate::domain::entry::Millis;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::state::State;
use crate::domain::task;
use serde::{Deserialize, Serialize};

/// A candidate, as it would go round its gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BypassPage {
    pub task: TaskId,
    pub title: String,
    pub commit: Oid,
    pub tree: Oid,
    pub base: Oid,
    pub policy: Digest,
    pub lines: u64,
    pub files: u64,
    /// What the code is bound to.
    pub digest: Digest,
    /// Why it may not, if so.
    pub why_not: String,
}

/// A bypass that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BypassLine {
    pub task: TaskId,
    pub author: SeatName,
    pub stands: String,
    /// When it can no longer be used, or when two others must have looked at it.
    pub until: Millis,
    /// Whether that time has passed.
    pub late: bool,
    /// Whose look is missing.
    pub silent: Vec<SeatName>,
    /// Who said no and has no answer of the owner's.
    #[serde(default)]
    pub disputed: Vec<SeatName>,
}

pub fn bypass(state: &State, task: &TaskId) -> Option<BypassPage> {
    let known = state.tasks.get(task)?;
    let attempt = known.attempt.as_ref()?;
    let change = attempt.change.as_ref()?;
    let bound = task::bound(state, task, attempt, attempt.submitted).ok()?;
    Some(BypassPage {
        task: task.clone(),
        title: known.title.clone(),
        commit: change.commit.clone(),
        tree: change.tree.clone(),
        base: change.base.clone(),
        policy: state.policy.clone(),
        lines: change.lines(),
        files: change.file_count() as u64,
        digest: Shown::of(&bound).0,
        why_not: fits(state, task, attempt).err().map(|refusal| refusal.why).unwrap_or_default(),
    })
}

/// Every bypass that can still be used, that not two have looked at, or whose no is not answered.
pub fn bypasses(state: &State, now: Millis) -> Vec<BypassLine> {
    let terms = state.genesis.as_ref().map(|_| state.charter().policy.bypass).unwrap_or_default();
    let line = |(task, bypass): (&TaskId, &crate::domain::bypass::Bypass)| {
        let listed = |seats: &[&SeatName]| seats.iter().map(|seat| seat.as_str()).collect::<Vec<_>>().join(" and ");
        let (disputed, quiet) = (bypass.disputed(), silent(bypass));
        let seats = listed(&quiet.iter().collect::<Vec<_>>());
        let (stands, until) = match (bypass.merged, &bypass.signed) {
            (Some(merged), _) if !disputed.is_empty() => {
                let rest = if quiet.is_empty() { String::new() } else { format!("; {seats} have to look at it") };
                (format!("went round its gates; {} said NO: the owner's answer is missing{rest}", listed(&disputed)), terms.due(merged))
            }
            (Some(_), _) if bypass.followed() => return None,
            (Some(merged), _) => (format!("went round its gates; {seats} have to look at it"), terms.due(merged)),
            (None, _) if standing(state, task, now).is_err() => return None,
            (None, Some(seat)) => (format!("goes round its gates, signed by {seat}"), terms.until(bypass.opened)),
            (None, None) => ("a bypass is open: the librarian's half is missing".to_owned(), terms.until(bypass.opened)),
        };
        Some(BypassLine { task: task.clone(), author: bypass.author.clone(), stands, until, late: until < now && !bypass.followed(), silent: quiet, disputed: disputed.into_iter().cloned().collect() })
    };
    state.bypasses.iter().filter_map(line).collect()
}

/// The command that asks seats for a word that is missing.
pub(super) fn wake(task: &TaskId, seats: &[SeatName]) -> String {
    if seats.is_empty() {
        return format!("orchestrate review show {task}");
    }
    let names = seats.iter().map(SeatName::as_str).collect::<Vec<_>>().join(" ");
    format!("orchestrate mail send {names} --subject '{task} waits for your word' --body '…'")
}

/// What is late, so that an author's merges stand still.
pub(super) fn waiting(state: &State, now: Millis) -> impl Iterator<Item = Waiting> {
    let late = bypasses(state, now).into_iter().filter(|line| line.late);
    let disputed = bypasses(state, now).into_iter().filter(|line| !line.disputed.is_empty()).map(|line| Waiting {
        what: format!("{} {}", line.task, line.stands),
        task: Some(line.task.clone()),
        command: format!("orchestrate bypass answer {} --note '…'", line.task),
    });
    disputed.chain(late.map(|line| Waiting {
        what: format!("{} {}: overdue, so that the merges of {} wait", line.task, line.stands, line.author),
        task: Some(line.task.clone()),
        command: wake(&line.task, &line.silent),
    }))
}
