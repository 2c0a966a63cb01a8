//! The ledger's entries, told as the story of one change.

use super::super::paint::Look;
use crate::domain::actor::{Actor, Party};
use crate::domain::check::Verdict;
use crate::domain::dsse::Envelope;
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::gate::GateName;
use crate::domain::name::{Oid, TaskId};
use crate::domain::refusal::Refused;
use crate::domain::task::RunKind;
use crate::domain::{fleet, freeze, key, merge, message, push, review, statement, task};
use serde::Serialize;

/// One line: who, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub who: String,
    pub look: Look,
    pub text: String,
}

/// A gate that was passed, with what was seen on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passed {
    pub gate: GateName,
    pub evidence: Vec<String>,
}

/// One task's way, as far as it was heard.
#[derive(Debug)]
pub struct Story {
    pub task: TaskId,
    pub gates: Vec<Passed>,
    pub refused: Vec<String>,
    pub merge: Option<Oid>,
    /// What was seen since the last verdict.
    evidence: Vec<String>,
}

type Lines = Result<Vec<Told>, Failure>;

impl Told {
    pub fn new(who: impl ToString, look: Look, text: impl Into<String>) -> Self {
        Self { who: who.to_string(), look, text: text.into() }
    }
}

impl Story {
    pub fn new(task: TaskId) -> Self {
        Self { task, gates: Vec::new(), refused: Vec::new(), merge: None, evidence: Vec::new() }
    }

    /// Takes the next entry in; what cannot end well is a failure at once.
    pub fn hear(&mut self, entry: &Entry) -> Lines {
        let who = &entry.by;
        match &entry.event {
            Event::Task(event) => self.task(who, event),
            Event::Review(event) => Ok(self.review(who, event)),
            Event::Merge(event) => self.merge(event),
            Event::Refused(refused) => Ok(self.refused(who, refused)),
            Event::Push(event) => Ok(pushed(who, event)),
            Event::Key(key::Event::Signed { .. }) => Ok(plain(who, "commits; the supervisor signs, the key never enters the seat")),
            Event::Message(message::Event::Sent { statement, .. }) => stuck(statement),
            Event::Fleet(fleet::Event::Left { seat, why, .. }) => Err(Failure::new(format!("the instance in {seat} is gone"), why)),
            Event::Freeze(freeze::Event::Frozen { reason, .. }) => Err(Failure::new("the workshop was frozen", reason)),
            Event::Message(message::Event::Delivered { .. } | message::Event::Acknowledged { .. } | message::Event::Expired { .. } | message::Event::Returned { .. } | message::Event::Sealed { .. })
            | Event::Fleet(_)
            | Event::Key(key::Event::Made { .. } | key::Event::Revoked { .. })
            | Event::Freeze(freeze::Event::Thawed { .. } | freeze::Event::Agreed { .. })
            | Event::Workshop(_)
            | Event::Alert(_)
            | Event::Panel(_)
            | Event::Motion(_)
            | Event::Deploy(_)
            | Event::Bypass(_)
            | Event::Lock(_)
            | Event::Confirm(_) => Ok(Vec::new()),
        }
    }

    fn task(&mut self, who: &Actor, event: &task::Event) -> Lines {
        match event {
            task::Event::Opened { .. } => Ok(plain(who, "opens the task for dev-a")),
            task::Event::Taken { .. } => Ok(plain(who, "takes it")),
            task::Event::Released { .. } => Ok(plain(who, "releases it")),
            task::Event::Submitted { commit, .. } => Ok(plain(who, format!("submits {}", commit.short()))),
            task::Event::Measured { change, needs, .. } => {
                let (lines, files, approvals) = (change.lines(), change.file_count(), needs.approvals);
                Ok(plain(who, format!("measures: {lines} lines in {files} files, risk {}, approvals needed: {approvals}", needs.risk)))
            }
            task::Event::Tested { kind, statement, .. } => Ok(self.seen(who, tested(*kind, statement))),
            task::Event::Judged { gate, pass: true, checks, .. } => Ok(self.judged(*gate, checks)),
            task::Event::Judged { gate, pass: false, checks, .. } => {
                Err(Failure::new(format!("{gate} was not passed"), reasons(checks).join("; ")))
            }
            task::Event::SentBack { gate, why, .. } => Err(Failure::new(format!("the change came back from {gate}"), why)),
            task::Event::Stalled { why, .. } => Err(Failure::new("the change stands still", why)),
            task::Event::Vetoed { reason, .. } => Err(Failure::new("the task was vetoed", reason)),
            task::Event::Outdated { .. } => Ok(Vec::new()),
        }
    }

    /// Tells something that is evidence for the gate under way.
    fn seen(&mut self, who: &Actor, text: String) -> Vec<Told> {
        self.evidence.push(text.clone());
        plain(who, text)
    }

    fn judged(&mut self, gate: GateName, checks: &[(String, Verdict)]) -> Vec<Told> {
        let name = gate.as_str().to_uppercase();
        let lines = reasons(checks);
        let told = lines.iter().map(|line| Told::new("", Look::Good, line.clone()));
        let told = std::iter::once(Told::new(&name, Look::Good, "passed")).chain(told).collect();
        let evidence = self.evidence.drain(..).chain(lines).collect();
        self.gates.push(Passed { gate, evidence });
        told
    }

    fn review(&mut self, who: &Actor, event: &review::Event) -> Vec<Told> {
        let names = |seats: &[crate::domain::name::SeatName]| seats.iter().map(|seat| seat.as_str()).collect::<Vec<_>>().join(", ");
        match event {
            review::Event::Drawn { gate: GateName::Deploy, seats, .. } => {
                self.seen(who, format!("asks for the signatures of {}", names(seats)))
            }
            review::Event::Drawn { gate, pool, seats, .. } => {
                self.seen(who, format!("draws for {gate}, by chance: {} (of {})", names(seats), names(pool)))
            }
            review::Event::Decided { gate, accept, note, .. } => {
                let word = if *accept { "accepts" } else { "rejects" };
                self.evidence.push(format!("{who} {word}: {note}"));
                plain(who, format!("{word} at {gate}: {note}"))
            }
        }
    }

    fn merge(&mut self, event: &merge::Event) -> Lines {
        match event {
            merge::Event::Merged { commit, .. } => {
                self.merge = Some(commit.clone());
                Ok(vec![Told::new("main", Look::Good, format!("moved to the merge {}, signed by the gatekeeper", commit.short()))])
            }
            merge::Event::Missed { why, .. } => Err(Failure::new("the merge did not happen", why)),
            merge::Event::Intended { .. } | merge::Event::Home { .. } => Ok(Vec::new()),
        }
    }

    fn refused(&mut self, who: &Actor, refused: &Refused) -> Vec<Told> {
        let text = format!("tries to {}: REFUSED: {}", refused.verb, refused.refusal);
        self.refused.push(format!("{who} {text}"));
        vec![Told::new(who, Look::Bad, text)]
    }
}

fn plain(who: &Actor, text: impl Into<String>) -> Vec<Told> {
    let who = if *who == Actor::Edge { "supervisor".to_owned() } else { who.to_string() };
    vec![Told::new(who, Look::Plain, text)]
}

fn pushed(who: &Actor, event: &push::Event) -> Vec<Told> {
    match event {
        push::Event::Accepted { moves, .. } => {
            moves.iter().flat_map(|step| plain(who, format!("pushes {} to {}", step.new.short(), step.name))).collect()
        }
        push::Event::Landing { .. } | push::Event::Landed { .. } | push::Event::Dropped { .. } => Vec::new(),
    }
}

/// A seat that writes to the owner is stuck: the scripted ones have nothing else to say.
fn stuck(statement: &Envelope) -> Lines {
    let Some(letter) = message::letter(statement) else { return Ok(Vec::new()) };
    match &letter.from {
        Party::Seat(_) if letter.to.contains(&Party::Owner) => Err(Failure::new(letter.subject, letter.body)),
        Party::Seat(_) | Party::Owner | Party::Gatekeeper => Ok(Vec::new()),
    }
}

fn tested(kind: RunKind, statement: &Envelope) -> String {
    let tree = match kind {
        RunKind::Base => "the base",
        RunKind::Red => "the base with the new tests",
        RunKind::Green => "the candidate",
        RunKind::Merge => "the merge result",
        RunKind::Tip => "main's tip",
        RunKind::Sample => "the candidate with mutants",
        RunKind::Cover => "the merge result, line by line",
        RunKind::Kept => "the candidate with the earlier tests",
    };
    let Some(run) = statement::read_run(statement) else { return format!("tests {tree}: unreadable") };
    let (passed, failed, seconds) = (run.passed().count(), run.failed().count(), run.duration_ms / 100);
    format!("tests {tree}, no network: {passed} passed, {failed} failed ({}.{} s)", seconds / 10, seconds % 10)
}

fn reasons(checks: &[(String, Verdict)]) -> Vec<String> {
    checks.iter().map(|(check, verdict)| format!("{check}: {}", verdict.why())).collect()
}
