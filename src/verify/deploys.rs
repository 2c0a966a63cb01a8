//! Deployments: each run on its own confirmation, of exactly the list that was made twice, of a merge that the record knows.

use super::chain::Merge;
use super::history::History;
use super::problems::Problems;
use super::roster::Roster;
use super::word::{self, DeployWord};
use crate::domain::actor::Actor;
use crate::domain::deploy::{Event, Listed, Step};
use crate::domain::dsse::Envelope;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Oid, TaskId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One merge on its way out, as far as the record tells.
struct Way<'a> {
    merge: &'a Oid,
    tree: &'a Oid,
    policy: &'a Digest,
    checks: BTreeSet<u32>,
    list: Option<(u64, &'a Listed)>,
    confirmed: Option<(u64, &'a Envelope)>,
    again: Option<&'a Listed>,
}

/// What a confirmation is bound to, spelled as its digest was taken.
#[derive(Serialize)]
struct Shown<'a> {
    workshop: &'a str,
    task: &'a str,
    merge: &'a str,
    tree: &'a str,
    list: &'a str,
    policy: &'a str,
    index: u64,
}

struct Judge<'j, 'a> {
    roster: &'j Roster<'j>,
    history: &'j History<'a>,
    merges: &'j [Merge<'a>],
    ways: BTreeMap<&'a TaskId, Way<'a>>,
    /// The step under way, and the entry that says so.
    open: Option<(u64, &'a TaskId, Step)>,
    /// The tree that was deployed last and healthy.
    healthy: Option<&'a Oid>,
    used: BTreeSet<u64>,
}

/// Judges every entry about a deployment, in order.
pub(super) fn judge<'a>(roster: &Roster<'_>, history: &History<'a>, merges: &[Merge<'a>], problems: &mut Problems) {
    let mut judge = Judge { roster, history, merges, ways: BTreeMap::new(), open: None, healthy: None, used: BTreeSet::new() };
    for (seq, by, event) in &history.deploys {
        if let Err(why) = judge.take(*seq, by, event) {
            problems.entry(*seq, format_args!("the deployment of {} {why}", event.task()));
        }
    }
}

impl<'a> Judge<'_, 'a> {
    fn take(&mut self, seq: u64, by: &Actor, event: &'a Event) -> Result<(), String> {
        let owners = matches!(event, Event::Confirmed { .. } | Event::Undoing { .. });
        let may = *by == Actor::Owner && (owners || matches!(event, Event::Over { .. } | Event::Queued { .. }));
        if !may && (owners || *by != Actor::Edge) {
            return Err(format!("has a word of {by}, whose it is not"));
        }
        match event {
            Event::Queued { task, merge, tree, policy } => self.queued(seq, task, merge, tree, policy),
            Event::Begun { task, step, tree, policy, list, confirmed, .. } => {
                let judged = self.begun(seq, task, *step, tree, policy).and_then(|()| match step {
                    Step::Run => self.run(seq, task, list.as_ref(), *confirmed),
                    _ => Ok(()),
                });
                self.open = Some((seq, task, *step));
                judged
            }
            Event::Ended { task, step, begun, seen } => {
                let open = self.open.take();
                let way = self.ways.get_mut(task).ok_or("was never begun")?;
                match step {
                    Step::Check(number) if seen.ok => drop(way.checks.insert(*number)),
                    Step::List => way.list = seen.list.as_ref().filter(|_| seen.ok).map(|list| (seq, list)),
                    Step::Again => way.again = seen.list.as_ref().filter(|_| seen.ok),
                    Step::Health if seen.ok => self.healthy = Some(way.tree),
                    _ => {}
                }
                if open == Some((*begun, task, *step)) { Ok(()) } else { Err(format!("tells the end of {step}, which was not under way")) }
            }
            Event::Confirmed { task, statement, .. } => {
                let way = self.ways.get_mut(task).ok_or("was confirmed and never begun")?;
                way.confirmed = Some((seq, statement));
                Ok(())
            }
            Event::Interrupted { .. } => {
                self.open = None;
                Ok(())
            }
            Event::Undoing { .. } | Event::Over { .. } => Ok(()),
        }
    }

    fn queued(&mut self, seq: u64, task: &'a TaskId, merge: &'a Oid, tree: &'a Oid, policy: &'a Digest) -> Result<(), String> {
        let way = Way { merge, tree, policy, checks: BTreeSet::new(), list: None, confirmed: None, again: None };
        self.ways.insert(task, way);
        let known = self.merges.iter().any(|made| made.task == task && made.commit == merge && made.tree == tree && made.merged < seq);
        match () {
            () if !known => Err(format!("is of {}, which no merge of it made", merge.short())),
            () if *policy != self.roster.rules(seq).digest => Err("is under another charter than the one in force".to_owned()),
            () => Ok(()),
        }
    }

    /// One step at a time, not frozen, not vetoed, of the right tree and under the charter in force.
    fn begun(&self, seq: u64, task: &TaskId, step: Step, tree: &Oid, policy: &Digest) -> Result<(), String> {
        let way = self.ways.get(task).ok_or("was never queued")?;
        let undoes = matches!(step, Step::Rollback | Step::Restored);
        let wanted = if undoes { self.healthy.unwrap_or(way.tree) } else { way.tree };
        let veto = self.history.tasks.get(task).and_then(|known| known.vetoed).filter(|veto| *veto < seq && !undoes);
        match () {
            () if self.open.is_some() => Err(format!("began its {step} while a step was under way")),
            () if self.history.frozen_at(seq).is_some() => Err(format!("went on with its {step} while the workshop was frozen")),
            () if veto.is_some() => Err(format!("went on with its {step} although it had been vetoed")),
            () if tree != wanted => Err(format!("did its {step} with another tree")),
            () if *policy != self.roster.rules(seq).digest => Err(format!("did its {step} under another charter than the one in force")),
            () => Ok(()),
        }
    }

    /// A run has everything behind it: the checks, the list, the owner's word on it, and the same list again.
    fn run(&mut self, seq: u64, task: &TaskId, list: Option<&Digest>, confirmed: Option<u64>) -> Result<(), String> {
        let way = self.ways.get(task).ok_or("was never queued")?;
        let terms = self.roster.rules(seq).charter.gate(GateName::Deploy).deployment.as_ref();
        let terms = terms.filter(|terms| terms.workshop == self.roster.genesis.workshop).ok_or("was run without a rule for it")?;
        if (1..).zip(&terms.checks).any(|(number, _)| !way.checks.contains(&number)) {
            return Err("was run without its checks".to_owned());
        }
        let (index, made) = way.list.ok_or("was run without a list")?;
        let (place, statement) = way.confirmed.filter(|(place, _)| *place > index && confirmed == Some(*place)).ok_or("was run without the owner's confirmation")?;
        if !self.used.insert(place) {
            return Err("was run a second time on one confirmation".to_owned());
        }
        if list != Some(&made.digest) || way.again != Some(made) {
            return Err("was run with another list than the one that was confirmed".to_owned());
        }
        let (_, word) = word::read::<DeployWord>(statement).map_err(|why| format!("has a confirmation that does not count: {why}"))?;
        let bound = &word.bound;
        let workshop = self.roster.genesis.workshop.as_str();
        let is = (bound.workshop.as_str(), &bound.task, &bound.merge, &bound.tree, &bound.list, &bound.policy, bound.index);
        if is != (workshop, task, way.merge, way.tree, &made.digest, way.policy, index) {
            return Err("has a confirmation of something else".to_owned());
        }
        let (merge, tree, list, policy) = (bound.merge.as_str(), bound.tree.as_str(), bound.list.as_str(), bound.policy.as_str());
        let shown = serde_json::to_vec(&Shown { workshop, task: task.as_str(), merge, tree, list, policy, index }).map_err(|why| why.to_string())?;
        if Digest::of(&shown) == word.shown { Ok(()) } else { Err("has a confirmation that is not of what was shown".to_owned()) }
    }
}
