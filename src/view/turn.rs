//! Where a task stands and whose move it is.

use crate::domain::gate::GateName;
use crate::domain::name::{SeatName, TaskId};
use crate::domain::role::Capability;
use crate::domain::send_back;
use crate::domain::state::State;
use crate::domain::task::{Attempt, RunKind, Stage, Task};
use crate::domain::witness;
use serde::{Deserialize, Serialize};

/// Where a task stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Open,
    Taken,
    Measuring,
    Red,
    Green,
    Peer,
    Qa,
    Deploy,
    Merging,
    Back,
    Stalled,
    Vetoed,
    Merged,
}

impl Standing {
    /// Every standing, in the order of a task's life.
    pub const ALL: [Standing; 13] = [
        Standing::Open,
        Standing::Taken,
        Standing::Measuring,
        Standing::Red,
        Standing::Green,
        Standing::Peer,
        Standing::Qa,
        Standing::Deploy,
        Standing::Merging,
        Standing::Back,
        Standing::Stalled,
        Standing::Vetoed,
        Standing::Merged,
    ];

    pub fn of(task: &Task) -> Self {
        match (&task.merged, &task.veto, &task.attempt) {
            (Some(_), _, _) => Self::Merged,
            (None, Some(_), _) => Self::Vetoed,
            (None, None, _) if task.author.is_none() => Self::Open,
            (None, None, Some(attempt)) if attempt.stalled.is_some() => Self::Stalled,
            (None, None, Some(attempt)) => Self::at(&attempt.stage),
            (None, None, None) => Self::Taken,
        }
    }

    fn at(stage: &Stage) -> Self {
        match stage {
            Stage::Measuring => Self::Measuring,
            Stage::At(GateName::Red) => Self::Red,
            Stage::At(GateName::Green) => Self::Green,
            Stage::At(GateName::Peer) => Self::Peer,
            Stage::At(GateName::Qa) => Self::Qa,
            Stage::At(GateName::Deploy) => Self::Deploy,
            Stage::Merging | Stage::Moving { .. } => Self::Merging,
            Stage::Merged => Self::Merged,
            Stage::Back { .. } => Self::Back,
        }
    }

    /// Nothing more will happen to the task.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Merged | Self::Vetoed)
    }
}

/// Whose move it is, what is waited for, and the command that makes the move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub whose: Whose,
    /// One sentence fragment: "dev-b's word at peer".
    pub what: String,
    /// The command to run next, for whoever's turn it is; empty when there is none.
    pub next: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// The supervisor works on it by itself.
    Supervisor,
    /// These seats, each of them.
    Seats(Vec<SeatName>),
    Owner,
    /// Seats and the owner, each in their own right.
    SeatsAndOwner(Vec<SeatName>),
    /// Any seat that may take tasks.
    Anyone,
    /// Nobody: the task is over.
    Nobody,
}

impl Turn {
    fn new(whose: Whose, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { whose, what: what.into(), next: next.into() }
    }

    pub fn is_owners(&self) -> bool {
        matches!(self.whose, Whose::Owner | Whose::SeatsAndOwner(_))
    }

    /// Whose move a task is.
    pub fn of(state: &State, id: &TaskId, task: &Task) -> Self {
        let standing = Standing::of(task);
        if state.frozen.is_some() && !standing.is_over() {
            return Self::new(Whose::Owner, "the owner's thaw: the workshop is frozen", "orchestrate thaw");
        }
        let author = || task.author.iter().cloned().collect::<Vec<_>>();
        match (standing, &task.attempt) {
            (Standing::Merged, _) => Self::new(Whose::Nobody, "nothing: it is on the protected branch", ""),
            (Standing::Vetoed, _) => Self::new(Whose::Nobody, "nothing: it was vetoed", ""),
            (Standing::Open, _) if task.assigned.is_some() => {
                let seats: Vec<SeatName> = task.assigned.iter().cloned().collect();
                Self::new(Whose::Seats(seats), "the seat that it is reserved for to take it", format!("orchestrate task take {id}"))
            }
            (Standing::Open, _) => Self::new(Whose::Anyone, "a seat that takes it", format!("orchestrate task take {id}")),
            (Standing::Taken, _) | (_, None) => {
                let next = author().first().map_or(String::new(), |seat| push(id, seat));
                Self::new(Whose::Seats(author()), "its author to push and submit", next)
            }
            (_, Some(attempt)) => at_attempt(state, id, task, attempt),
        }
    }
}

fn push(id: &TaskId, seat: &SeatName) -> String {
    format!("git push origin HEAD:refs/heads/{seat}/{} && orchestrate task submit {id}", id.as_str().to_lowercase())
}

fn at_attempt(state: &State, id: &TaskId, task: &Task, attempt: &Attempt) -> Turn {
    if let Some(why) = &attempt.stalled {
        return Turn::new(Whose::Owner, format!("something outside to be mended: {why}"), format!("orchestrate task retry {id}"));
    }
    match &attempt.stage {
        Stage::Measuring => Turn::new(Whose::Supervisor, "the candidate to be measured", ""),
        Stage::At(gate) => at_gate(state, id, attempt, *gate),
        Stage::Merging | Stage::Moving { .. } => {
            let waits = witness::holds(state).is_err();
            Turn::new(Whose::Supervisor, if waits { "the merge, which waits for the witness" } else { "the merge" }, "")
        }
        Stage::Merged => Turn::new(Whose::Nobody, "nothing: it is on the protected branch", ""),
        Stage::Back { gate, .. } => {
            let author: Vec<SeatName> = task.author.iter().cloned().collect();
            let next = author.first().map_or(String::new(), |seat| push(id, seat));
            Turn::new(Whose::Seats(author), format!("its author: it came back from {gate}"), next)
        }
    }
}

fn at_gate(state: &State, id: &TaskId, attempt: &Attempt, gate: GateName) -> Turn {
    let wanted: &[RunKind] = match gate {
        GateName::Red => &[RunKind::Base, RunKind::Red],
        GateName::Green => &[RunKind::Base, RunKind::Red, RunKind::Green],
        GateName::Qa => &[RunKind::Base, RunKind::Merge],
        GateName::Peer | GateName::Deploy => &[],
    };
    if let Some(kind) = wanted.iter().find(|kind| !attempt.runs.contains_key(kind)) {
        return Turn::new(Whose::Supervisor, format!("the test run `{}`", kind.word()), "");
    }
    match gate {
        GateName::Red | GateName::Green => Turn::new(Whose::Supervisor, format!("the verdict of {gate}"), ""),
        GateName::Peer | GateName::Qa | GateName::Deploy => words(state, id, attempt, gate),
    }
}

/// The drawn seats that have not spoken, and the owner where the policy asks for him.
fn words(state: &State, id: &TaskId, attempt: &Attempt, gate: GateName) -> Turn {
    let Some(draw) = attempt.draws.get(&gate) else {
        return Turn::new(Whose::Supervisor, format!("the draw of {gate}"), "");
    };
    if let Some(no) = send_back::holds(state, attempt, gate) {
        let seats = crate::domain::bypass::librarians(state);
        return Turn::new(Whose::Seats(seats), format!("the librarian's signature: {no} rejects it at {gate}"), format!("orchestrate review cosign {id} --note '…'"));
    }
    let silent: Vec<SeatName> = draw.seats.iter().filter(|seat| !spoke(attempt, gate, seat)).cloned().collect();
    let owner = gate == GateName::Deploy && !attempt.confirmed && attempt.needs.as_ref().is_some_and(|needs| needs.owner);
    let names = silent.iter().map(SeatName::as_str).collect::<Vec<_>>().join(" and ");
    let (show, confirm) = (format!("orchestrate review show {id}"), format!("orchestrate task confirm {id}"));
    match (silent.is_empty(), owner) {
        (true, true) => Turn::new(Whose::Owner, "the owner's confirmation", confirm),
        (true, false) if draw.seats.is_empty() => Turn::new(Whose::Owner, stranded(state, gate), format!("orchestrate gate show {id}")),
        (true, false) => Turn::new(Whose::Supervisor, format!("the verdict of {gate}"), ""),
        (false, true) => Turn::new(Whose::SeatsAndOwner(silent), format!("the word of {names} and the owner's confirmation"), confirm),
        (false, false) => Turn::new(Whose::Seats(silent), format!("the word of {names} at {gate}"), show),
    }
}

pub(super) fn spoke(attempt: &Attempt, gate: GateName, seat: &SeatName) -> bool {
    attempt.approvals.iter().any(|word| word.gate == gate && word.seat == *seat)
}

fn stranded(state: &State, gate: GateName) -> String {
    let able = state.with(match gate {
        GateName::Qa => Capability::VerifyQa,
        GateName::Deploy => Capability::CosignDeploy,
        GateName::Red | GateName::Green | GateName::Peer => Capability::ReviewPeer,
    });
    format!("a seat for {gate}: none was drawn, {} could be", able.len())
}
