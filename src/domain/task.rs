//! A task on its way through the gates, attempt by attempt.

mod attempt;
mod hold;

pub use attempt::{Attempt, Stage, Tested};
pub use hold::{Terms, release, take};

use super::actor::{Actor, Party};
use super::budget;
use super::bypass;
use super::change::Change;
use super::check::Verdict;
use super::command::Command;
use super::confirm;
use super::deploy;
use super::dsse::Envelope;
use super::entry::Millis;
use super::event::Event as Any;
use super::eyes::Shown;
use super::fix::{self, Before, Fix};
use super::gate::{self, GateName};
use super::message;
use super::name::{Oid, RefName, SeatName, TaskId};
use super::planted;
use super::policy::{Act, Needs};
use super::push;
use super::refusal::Refusal;
use super::role::Capability;
use super::run::{Completion, Run};
use super::send_back;
use super::state::State;
use super::statement::{self, Bound};
use super::window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Opened {
        task: TaskId,
        title: String,
        body: String,
        /// The one seat that may take it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assign: Option<SeatName>,
    },
    Taken {
        task: TaskId,
    },
    /// Who had it gave it back, or somebody took it away; what was under way of it is over.
    Released {
        task: TaskId,
        reason: String,
        from: Option<SeatName>,
        /// The one seat that may take it now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assign: Option<SeatName>,
    },
    /// A candidate enters; everything said about an earlier one no longer counts.
    Submitted {
        task: TaskId,
        attempt: u32,
        commit: Oid,
    },
    /// What the edge saw the candidate change; `kept` is the reference that holds it for ever.
    Measured {
        task: TaskId,
        attempt: u32,
        change: Box<Change>,
        contributors: BTreeSet<SeatName>,
        needs: Needs,
        kept: RefName,
        /// Where it is a fix of what came back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fix: Option<Fix>,
    },
    /// A run of the tests; the run itself stands in the statement.
    Tested {
        task: TaskId,
        attempt: u32,
        kind: RunKind,
        tip: Option<Oid>,
        declared: Vec<String>,
        statement: Envelope,
    },
    Judged {
        task: TaskId,
        attempt: u32,
        gate: GateName,
        pass: bool,
        checks: Vec<(String, Verdict)>,
        statement: Envelope,
    },
    /// The candidate goes back to its author.
    SentBack {
        task: TaskId,
        attempt: u32,
        gate: GateName,
        why: String,
    },
    /// The protected branch moved: the merge result has to be tested again.
    Outdated {
        task: TaskId,
        attempt: u32,
    },
    /// The outside failed; the step is tried again at the next start or by `task retry`.
    Stalled {
        task: TaskId,
        attempt: u32,
        why: String,
    },
    Vetoed {
        task: TaskId,
        reason: String,
    },
}

impl Event {
    pub fn statement(&mut self) -> Option<(Party, &mut Envelope)> {
        match self {
            Self::Tested { statement, .. } | Self::Judged { statement, .. } => Some((Party::Gatekeeper, statement)),
            Self::Opened { .. }
            | Self::Taken { .. }
            | Self::Released { .. }
            | Self::Submitted { .. }
            | Self::Measured { .. }
            | Self::SentBack { .. }
            | Self::Outdated { .. }
            | Self::Stalled { .. }
            | Self::Vetoed { .. } => None,
        }
    }
}

/// Which tree a run was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// The base as it is.
    Base,
    /// The base plus the candidate's test files only.
    Red,
    /// The candidate.
    Green,
    /// The merge result.
    Merge,
    /// The protected branch's tip, where it is not the base any more.
    Tip,
    /// The candidate with the test files as they were before it.
    Kept,
    /// The candidate with one hunk taken back, again and again; one result for each hunk.
    Sample,
    /// The merge result once more, watched line by line.
    Cover,
}

impl RunKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Red => "red",
            Self::Green => "green",
            Self::Merge => "merge",
            Self::Tip => "tip",
            Self::Kept => "kept",
            Self::Sample => "sample",
            Self::Cover => "cover",
        }
    }
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub title: String,
    pub body: String,
    pub opened_by: Actor,
    pub opened: Millis,
    pub author: Option<SeatName>,
    /// The one seat that may take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<SeatName>,
    /// Those who had a hand in it before it was released: contributors of all that is handed in for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former: BTreeSet<SeatName>,
    pub veto: Option<(Actor, String)>,
    /// The newest attempt; earlier ones are in the ledger.
    pub attempt: Option<Attempt>,
    pub merged: Option<Oid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_at: Option<Millis>,
    /// The ledger index of the first submission, and the epoch it fell in: chance's word on a third reviewer hangs on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<(u64, u32)>,
    /// Who was drawn for its work at PEER, while it is not merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
}

impl Task {
    pub fn vetoed(&self) -> Result<(), Refusal> {
        match &self.veto {
            None => Ok(()),
            Some(_) if planted::out("veto-sticks") => Ok(()),
            Some((by, reason)) => Err(Refusal::new("vetoed", format!("{by} vetoed this task: {reason}"), "orchestrate task show <task>")),
        }
    }
}

/// Anyone who may open tasks: the owner, and the roles that plan.
pub fn open(state: &State, actor: &Actor, now: Millis, title: &str, body: &str, assign: Option<&SeatName>) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    state.allows(actor, Capability::OpenTask, "open a task")?;
    // Whoever may take it is written to.
    actor.seat().map_or(Ok(()), |seat| budget::within(state, seat, Act::Messages, now))?;
    let title = Command::line(title, "a task wants a title of one line", "orchestrate task open 'what is to be done'")?;
    if body.len() > 65_536 {
        return Err(Refusal::new("too-long", "a task's body is at most 64 KiB", "put the rest into a file of the repository"));
    }
    hold::assignable(state, assign)?;
    let task = state.next_task();
    let opened = Any::Task(Event::Opened { task: task.clone(), title: title.clone(), body: body.to_owned(), assign: assign.cloned() });
    let to = match assign {
        Some(seat) => vec![seat.clone()],
        None => state.with(Capability::TakeTask),
    };
    let text = format!("{task}: {title}\n\n{body}\n\nTake it: orchestrate task take {task}");
    let mail = message::notice(state, now, to, &format!("{task} is open"), &text, Some(&task));
    Ok(std::iter::once(opened).chain(mail).collect())
}

/// The author enters a commit that stands on one of its own branches in the gate.
pub fn submit(state: &State, actor: &Actor, now: Millis, task: &TaskId, commit: Option<&Oid>) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    state.allows(actor, Capability::Submit, "submit a candidate")?;
    let known = state.task(task)?;
    known.vetoed()?;
    let Some(seat) = actor.seat().filter(|seat| known.author.as_ref() == Some(*seat)) else {
        return Err(Refusal::new("not-the-author", format!("{task} is not yours to submit"), format!("orchestrate task take {task}")));
    };
    if known.merged.is_some() {
        return Err(Refusal::new("merged-already", format!("{task} is on the protected branch already"), "orchestrate task list"));
    }
    if known.attempt.as_ref().is_some_and(|attempt| matches!(attempt.stage, Stage::Moving { .. })) {
        return Err(Refusal::new("merging", format!("{task} is being merged at this moment"), format!("orchestrate task show {task}")));
    }
    let commit = candidate(state, seat, task, commit)?;
    budget::within(state, seat, Act::Submissions, now)?;
    let attempt = known.attempt.as_ref().map_or(1, |attempt| attempt.number + 1);
    Ok(vec![Any::Task(Event::Submitted { task: task.clone(), attempt, commit })])
}

/// Without a commit named: the branch `refs/heads/<seat>/<task>`, in lower case.
fn candidate(state: &State, seat: &SeatName, task: &TaskId, commit: Option<&Oid>) -> Result<Oid, Refusal> {
    let prefix = format!("refs/heads/{seat}/");
    let branch = format!("{prefix}{}", task.as_str().to_lowercase());
    let hint = format!("git push origin HEAD:{branch} && orchestrate task submit {task}");
    let mine = |oid: &&Oid| state.refs.iter().any(|(name, at)| name.as_str().starts_with(&prefix) && at == *oid);
    match commit {
        Some(oid) => Some(oid).filter(mine).cloned().ok_or_else(|| {
            Refusal::new("not-pushed", format!("{} is not the tip of one of {seat}'s branches in the gate", oid.short()), hint)
        }),
        None => RefName::new(branch.clone())
            .ok()
            .and_then(|name| state.refs.get(&name).cloned())
            .ok_or_else(|| Refusal::new("not-pushed", format!("{branch} is not in the gate"), hint)),
    }
}

/// A candidate as the edge measured it, and what it adds to the one that came back.
pub struct Seen<'a> {
    pub change: &'a Change,
    pub since: Option<&'a Change>,
    pub kept: &'a RefName,
}

/// Takes what the edge measured; the contributors are whoever signed a commit of the range, and the author.
pub fn measured(state: &State, now: Millis, task: &TaskId, number: u32, seen: &Seen<'_>) -> Result<Vec<Any>, Refusal> {
    let change = seen.change;
    let (known, attempt) = current(state, task, number)?;
    // A measurement that comes a second time, or late, changes nothing.
    if attempt.change.is_some() {
        return Ok(Vec::new());
    }
    let author = known.author.as_ref().ok_or_else(|| Refusal::new("not-taken", format!("nobody took {task}"), "orchestrate task list"))?;
    let back = |why: String| Ok(send_back(state, task, attempt, GateName::Red, &why));
    if change.files.is_empty() {
        return back("the candidate changes nothing against the protected branch".to_owned());
    }
    let mut contributors = match change.commits.iter().map(|commit| push::judge_commit(state, commit)).collect::<Result<BTreeSet<_>, _>>() {
        Ok(seats) => seats,
        Err(refusal) => return back(refusal.why),
    };
    contributors.insert(author.clone());
    if !planted::out("former-hands") {
        contributors.extend(known.former.iter().cloned());
    }
    let family = state.families.of(task);
    let needs = state.charter().needs_among(change, author, (&contributors, family), &window::others(state, task, now));
    if let Some(why) = needs.denied.first() {
        return back(why.clone());
    }
    let fix = fix::of(attempt.before.as_ref(), change, seen.since, &needs, state.charter().policy.review.fix_lines);
    let (task, change, kept) = (task.clone(), Box::new(change.clone()), seen.kept.clone());
    Ok(vec![Any::Task(Event::Measured { task, attempt: number, change, contributors, needs, kept, fix })])
}

/// A run as the edge made it.
pub struct Ran<'a> {
    pub kind: RunKind,
    pub tip: Option<&'a Oid>,
    pub declared: &'a [String],
    pub run: &'a Run,
}

/// Takes a test run of the supervisor's own runner; a run on a tip that is no longer the tip is thrown away.
pub fn tested(state: &State, task: &TaskId, number: u32, ran: &Ran<'_>) -> Result<Vec<Any>, Refusal> {
    let (_, attempt) = current(state, task, number)?;
    if matches!(ran.kind, RunKind::Merge | RunKind::Tip | RunKind::Cover) && ran.tip != state.tip() {
        return Ok(vec![Any::Task(Event::Outdated { task: task.clone(), attempt: number })]);
    }
    let bound = bound(state, task, attempt, attempt.submitted)?;
    let statement = statement::run(&bound, ran.kind.word(), ran.tip, ran.declared, ran.run);
    let (tip, declared) = (ran.tip.cloned(), ran.declared.to_vec());
    Ok(vec![Any::Task(Event::Tested { task: task.clone(), attempt: number, kind: ran.kind, tip, declared, statement })])
}

/// Judges the gate an attempt stands at. Waiting is no verdict and leaves no entry.
pub fn judge(state: &State, task: &TaskId, number: u32, at: GateName) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let (known, attempt) = current(state, task, number)?;
    known.vetoed()?;
    if attempt.stage != Stage::At(at) {
        return Ok(Vec::new());
    }
    let round = attempt.bypass.is_some();
    if round && attempt.change.as_ref().map(|change| &change.base) != state.tip() {
        return Ok(send_back(state, task, attempt, at, "the protected branch moved, and its bypass is void"));
    }
    if at >= GateName::Qa && attempt.is_stale(state) {
        return Ok(vec![Any::Task(Event::Outdated { task: task.clone(), attempt: number })]);
    }
    let charter = state.charter();
    let tests = attempt.change.iter().flat_map(|change| charter.policy.tests_of(change)).map(|file| file.path.clone()).collect();
    let Some(evidence) = attempt.evidence(state, task, tests) else {
        return Ok(Vec::new());
    };
    let verdicts = if round { bypass::judge(charter.gate(at), &evidence) } else { attempt.judged(charter, at, &evidence) };
    let checks: Vec<(String, Verdict)> = verdicts.iter().map(|(name, verdict)| ((*name).to_owned(), verdict.clone())).collect();
    let (pass, why) = match gate::overall(&verdicts) {
        Verdict::Wait(_) => return Ok(Vec::new()),
        // A reviewer's no holds the gate until the librarian has signed it; what was measured needs nobody's word.
        Verdict::Fail(_) if send_back::by_word_alone(&verdicts) && send_back::holds(state, attempt, at).is_some() => return Ok(Vec::new()),
        Verdict::Fail(why) => (false, why),
        Verdict::Pass(why) | Verdict::Exempt(why) => (true, why),
    };
    let statement = statement::verdict(&bound(state, task, attempt, attempt.submitted)?, at, &checks, pass);
    let judged = Any::Task(Event::Judged { task: task.clone(), attempt: number, gate: at, pass, checks, statement });
    let from = if round { at } else { attempt.failed_at(charter, at, &evidence) };
    let back = if pass { Vec::new() } else { send_back(state, task, attempt, from, &why) };
    Ok(std::iter::once(judged).chain(back).collect())
}

/// Sends an attempt back and tells its author why.
pub fn send_back(state: &State, task: &TaskId, attempt: &Attempt, gate: GateName, why: &str) -> Vec<Any> {
    let back = Any::Task(Event::SentBack { task: task.clone(), attempt: attempt.number, gate, why: why.to_owned() });
    let author = state.tasks.get(task).and_then(|known| known.author.clone());
    let text = format!("{task} came back from {gate}: {why}\n\nSee: orchestrate gate show {task}\nThen push a new commit and: orchestrate task submit {task}");
    let mail = message::notice(state, state.now, author.into_iter().collect(), &format!("{task} came back from {gate}"), &text, Some(task));
    std::iter::once(back).chain(mail).collect()
}

/// Sends every attempt back that is under way; what was said about it was said under other rules.
pub fn send_all_back(state: &State, why: &str) -> Vec<Any> {
    send_back_those(state, why, |_, _| true)
}

/// Sends back what a seat has a hand in and is under way.
pub fn send_back_of(state: &State, seat: &SeatName, why: &str) -> Vec<Any> {
    send_back_those(state, why, |known, attempt| known.author.as_ref() == Some(seat) || attempt.contributors.contains(seat))
}

fn send_back_those(state: &State, why: &str, wanted: impl Fn(&Task, &Attempt) -> bool) -> Vec<Any> {
    let live = |attempt: &&Attempt| !matches!(attempt.stage, Stage::Merged | Stage::Back { .. });
    let under_way = state.tasks.iter().filter_map(|(task, known)| Some((task, known.attempt.as_ref().filter(live).filter(|now| wanted(known, now))?)));
    under_way.fold(Vec::new(), |events, (task, attempt)| {
        let gate = match attempt.stage {
            Stage::At(gate) => gate,
            Stage::Measuring | Stage::Merging | Stage::Moving { .. } | Stage::Merged | Stage::Back { .. } => GateName::Red,
        };
        message::chain(events, send_back(state, task, attempt, gate, why))
    })
}

/// The outside failed: the attempt stays where it is and says so.
pub fn stalled(state: &State, task: &TaskId, number: u32, why: &str) -> Result<Vec<Any>, Refusal> {
    current(state, task, number)?;
    let stalled = Any::Task(Event::Stalled { task: task.clone(), attempt: number, why: why.to_owned() });
    let text = format!("{task} waits because something outside failed: {why}\n\nMend it, then: orchestrate task retry {task}");
    let mail = message::notice_owner(state, state.now, &format!("{task} stalled"), &text, Some(task));
    Ok(std::iter::once(stalled).chain(mail).collect())
}

/// The owner or the author lets a stalled step be tried again.
pub fn retry(state: &State, actor: &Actor, task: &TaskId) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let known = state.task(task)?;
    let mine = *actor == Actor::Owner || (actor.seat().is_some() && actor.seat() == known.author.as_ref());
    match &known.attempt {
        Some(attempt) if mine && attempt.stalled.is_some() => Ok(vec![Any::Task(Event::Outdated { task: task.clone(), attempt: attempt.number })]),
        _ => Err(Refusal::new("not-stalled", format!("{task} is not stalled, or not yours to retry"), format!("orchestrate task show {task}"))),
    }
}

/// A veto sticks to the task, whatever is pushed later.
pub fn veto(state: &State, actor: &Actor, task: &TaskId, reason: &str) -> Result<Vec<Any>, Refusal> {
    state.allows(actor, Capability::Veto, "veto a task")?;
    let known = state.task(task)?;
    if known.merged.is_some() && !deploy::stoppable(state, task) {
        return Err(Refusal::new("merged-already", format!("{task} is on the protected branch already"), "orchestrate task open 'revert …'"));
    }
    let reason = Command::line(reason, "a veto wants a reason", &format!("orchestrate task veto {task} --reason 'why'"))?;
    Ok(vec![Any::Task(Event::Vetoed { task: task.clone(), reason })])
}

/// Finds the task and its attempt of that number; an older one no longer counts.
pub fn current<'a>(state: &'a State, task: &TaskId, number: u32) -> Result<(&'a Task, &'a Attempt), Refusal> {
    let known = state.task(task)?;
    let attempt = known.attempt.as_ref().filter(|attempt| attempt.number == number);
    let live = attempt.filter(|attempt| !matches!(attempt.stage, Stage::Merged | Stage::Back { .. }));
    live.map(|attempt| (known, attempt))
        .ok_or_else(|| Refusal::new("superseded", format!("attempt {number} of {task} is over"), format!("orchestrate task show {task}")))
}

/// What a word about this attempt is bound to.
pub fn bound<'a>(state: &'a State, task: &'a TaskId, attempt: &'a Attempt, index: u64) -> Result<Bound<'a>, Refusal> {
    let missing = || Refusal::new("not-measured", format!("{task} is not measured yet"), format!("orchestrate task show {task}"));
    let change = attempt.change.as_ref().ok_or_else(missing)?;
    let genesis = state.genesis.as_ref().ok_or_else(super::workshop::not_founded)?;
    Ok(Bound::new(&genesis.workshop, task, attempt.number, change, &state.policy, index))
}

/// Like `bound`, naming the tree that enters at this gate: the candidate's, or the merge result's.
pub fn bound_at<'a>(state: &'a State, task: &'a TaskId, attempt: &'a Attempt, index: u64, gate: GateName) -> Result<Bound<'a>, Refusal> {
    let bound = bound(state, task, attempt, index)?;
    Ok(Bound { tree: attempt.subject(gate).unwrap_or(bound.tree), ..bound })
}

pub fn apply(state: &mut State, by: &Actor, seq: u64, time: Millis, event: &Event) {
    match event {
        Event::Opened { task, title, body, assign } => {
            let (title, body, opened_by, assigned) = (title.clone(), body.clone(), by.clone(), assign.clone());
            let none = (None, None, None, None, None, None, None);
            let (author, veto, attempt, merged, merged_at, sealed, shown) = none;
            let opened = Task { title, body, opened_by, opened: time, author, assigned, former: BTreeSet::new(), veto, attempt, merged, merged_at, sealed, shown };
            state.families.open(task, &opened.title, &opened.body);
            by.seat().into_iter().for_each(|seat| budget::spend(state, seat, Act::Messages, time));
            state.tasks.insert(task.clone(), opened);
            state.opened += 1;
        }
        Event::Taken { task } => with(state, task, |known| (known.author, known.assigned) = (by.seat().cloned(), None)),
        Event::Released { task, from, assign, .. } => {
            by.seat().into_iter().for_each(|seat| budget::spend(state, seat, Act::Messages, time));
            with(state, task, |known| known.let_go(from.as_ref(), assign.as_ref()));
        }
        Event::Submitted { task, attempt, commit } => {
            let mut new = Attempt::new(*attempt, commit.clone(), seq);
            new.before = state.tasks.get(task).and_then(|known| Before::of(known.attempt.as_ref()?, &state.policy));
            by.seat().into_iter().for_each(|seat| budget::spend(state, seat, Act::Submissions, time));
            let epoch = state.epoch.number;
            with(state, task, |known| {
                known.attempt = Some(new);
                known.sealed.get_or_insert((seq, epoch));
            });
        }
        Event::Vetoed { task, reason } => with(state, task, |known| known.veto = Some((by.clone(), reason.clone()))),
        Event::Measured { task, kept, attempt, .. } => {
            let commit = state.tasks.get(task).and_then(|known| known.attempt.as_ref()).filter(|now| now.number == *attempt);
            if let Some(commit) = commit.map(|now| now.commit.clone()) {
                state.refs.insert(kept.clone(), commit);
            }
            on_attempt(state, task, *attempt, |now| now.take_in(seq, event));
        }
        Event::Tested { task, attempt, kind, statement, .. } => {
            if *kind == RunKind::Tip {
                state.base_run = statement::read_run(statement).filter(|run| run.completion == Completion::Finished);
            }
            on_attempt(state, task, *attempt, |now| now.take_in(seq, event));
        }
        Event::Judged { task, attempt, pass, .. } => {
            let failed = (!pass).then(|| state.policy.clone());
            on_attempt(state, task, *attempt, |now| {
                now.failed = failed;
                now.take_in(seq, event);
            });
        }
        Event::SentBack { task, attempt, .. }
        | Event::Outdated { task, attempt }
        | Event::Stalled { task, attempt, .. } => on_attempt(state, task, *attempt, |now| now.take_in(seq, event)),
    }
}

fn with(state: &mut State, task: &TaskId, change: impl FnOnce(&mut Task)) {
    if let Some(known) = state.tasks.get_mut(task) {
        change(known);
    }
}

/// Changes the attempt of that number, if it is still the newest.
pub fn on_attempt(state: &mut State, task: &TaskId, number: u32, change: impl FnOnce(&mut Attempt)) {
    with(state, task, |known| {
        if let Some(attempt) = known.attempt.as_mut().filter(|attempt| attempt.number == number) {
            change(attempt);
        }
    });
}

/// What the owner is shown before a confirmation, and what the code is bound to.
pub fn shown(bound: &Bound<'_>) -> confirm::Shown {
    confirm::Shown::of(bound)
}
