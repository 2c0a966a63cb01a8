//! One candidate of a task: where it is, what was seen of it, who spoke.

use super::{Event, RunKind};
use crate::domain::change::Change;
use crate::domain::charter::Charter;
use crate::domain::check::Verdict;
use crate::domain::evidence::{Approval, Evidence};
use crate::domain::fix::{self, Before, Fix};
use crate::domain::gate::{self, GateName};
use crate::domain::motion;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::policy::Needs;
use crate::domain::review::Draw;
use crate::domain::run::Run;
use crate::domain::state::State;
use crate::domain::statement;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The runs that are of the tip, or of a candidate merged with it.
const MERGED: [RunKind; 3] = [RunKind::Merge, RunKind::Cover, RunKind::Tip];

/// One candidate of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub number: u32,
    pub commit: Oid,
    pub submitted: u64,
    pub stage: Stage,
    pub change: Option<Change>,
    pub needs: Option<Needs>,
    pub contributors: BTreeSet<SeatName>,
    pub runs: BTreeMap<RunKind, Tested>,
    pub passed: BTreeMap<GateName, Vec<(String, Verdict)>>,
    pub draws: BTreeMap<GateName, Draw>,
    pub approvals: Vec<Approval>,
    pub confirmed: bool,
    pub stalled: Option<String>,
    /// The entry by which it goes round its gates, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass: Option<u64>,
    /// What had sent it back before its bypass was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<(GateName, String)>,
    /// The charter under which a gate said no, where that is what sent it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Digest>,
    /// The candidate before it, where a gate sent that back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// The gates at which the librarian has signed a reviewer's no.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cosigned: BTreeSet<GateName>,
}

/// A run with what it was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    pub run: Run,
    pub tip: Option<Oid>,
    pub declared: Vec<String>,
    /// The ledger position of the statement.
    pub seq: u64,
}

/// Where an attempt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    Measuring,
    At(GateName),
    /// All gates passed; the supervisor builds the merge.
    Merging,
    /// Intent is written: this commit is about to become the protected branch's tip.
    Moving {
        commit: Oid,
        old: Oid,
    },
    Merged,
    Back {
        gate: GateName,
        why: String,
    },
}

impl Attempt {
    /// What the checks look at, and nothing else.
    pub fn evidence<'a>(&'a self, state: &'a State, task: &TaskId, tests: Vec<String>) -> Option<Evidence<'a>> {
        let run = |kind| self.runs.get(&kind).map(|tested| &tested.run);
        let merge = self.runs.get(&RunKind::Merge);
        let gate = match self.stage {
            Stage::At(gate) => Some(gate),
            Stage::Measuring | Stage::Merging | Stage::Moving { .. } | Stage::Merged | Stage::Back { .. } => None,
        };
        let draw = gate.and_then(|gate| self.draws.get(&gate));
        Some(Evidence {
            change: self.change.as_ref()?,
            needs: self.needs.as_ref()?,
            tests,
            harness: state.charter().policy.harness_of(self.change.as_ref()?),
            base_run: run(RunKind::Base),
            red_run: run(RunKind::Red),
            green_run: run(RunKind::Green),
            merge_run: run(RunKind::Merge),
            kept_run: run(RunKind::Kept),
            sample_run: run(RunKind::Sample),
            cover_run: run(RunKind::Cover),
            covered: state.charter().policy.qa.covered(self.needs.as_ref()?.risk),
            noticed_percent: state.charter().policy.qa.wanted(self.needs.as_ref()?.risk),
            // A run of the tip that did not end well is this attempt's alone.
            tip_run: if *state.tip()? == self.change.as_ref()?.base { None } else { state.base_run.as_ref().or(run(RunKind::Tip)) },
            merge_tree: merge.map(|tested| &tested.run.tree),
            declared: self.runs.get(&RunKind::Red).map_or(&[], |tested| &tested.declared),
            contributors: &self.contributors,
            drawn: draw.map_or(&[], |draw| &draw.seats),
            extra: draw.map_or(0, |draw| draw.extra),
            bundle: draw.map(|draw| draw.seq),
            approvals: &self.approvals,
            owner_confirmed: self.confirmed,
            council: motion::find(state, task, self.number).and_then(|(_, motion)| Some(motion.closed.as_ref()?.0)),
            tip: state.tip()?,
            tested_on: merge.and_then(|tested| tested.tip.as_ref()),
            policy: &state.policy,
        })
    }
}

impl Attempt {
    pub(super) fn new(number: u32, commit: Oid, submitted: u64) -> Self {
        Self {
            number,
            commit,
            submitted,
            stage: Stage::Measuring,
            change: None,
            needs: None,
            contributors: BTreeSet::new(),
            runs: BTreeMap::new(),
            passed: BTreeMap::new(),
            draws: BTreeMap::new(),
            approvals: Vec::new(),
            confirmed: false,
            stalled: None,
            bypass: None,
            round: None,
            failed: None,
            before: None,
            fix: None,
            cosigned: BTreeSet::new(),
        }
    }

    /// The gates that it has to pass.
    pub fn gates(&self) -> &[GateName] {
        let all = self.needs.as_ref().map_or(&[][..], |needs| &needs.gates);
        if self.bypass.is_some() { &[GateName::Deploy] } else { all }
    }

    /// The gates that are judged at this one: itself, and those that a fix left out on its way.
    pub fn judged_at(&self, gate: GateName) -> Vec<GateName> {
        fix::judged_at(self.gates(), self.fix.as_ref(), gate)
    }

    /// What the checks say that are judged at this gate.
    pub fn judged(&self, charter: &Charter, at: GateName, evidence: &Evidence<'_>) -> Vec<(&'static str, Verdict)> {
        self.judged_at(at).into_iter().flat_map(|gate| gate::judge(charter.gate(gate), evidence)).collect()
    }

    /// The gate whose check says no: where one that a fix left out does, it is that gate's no.
    pub(super) fn failed_at(&self, charter: &Charter, at: GateName, evidence: &Evidence<'_>) -> GateName {
        let no = |gate: &GateName| gate::judge(charter.gate(*gate), evidence).iter().any(|(_, verdict)| matches!(verdict, Verdict::Fail(_)));
        self.judged_at(at).into_iter().find(no).unwrap_or(at)
    }

    /// Whether a run was on a tip that is not the tip any more.
    pub fn is_stale(&self, state: &State) -> bool {
        MERGED.iter().filter_map(|kind| self.runs.get(kind)).any(|tested| tested.tip.as_ref() != state.tip())
    }

    /// The tree that a word at this gate is about.
    pub fn subject(&self, gate: GateName) -> Option<&Oid> {
        match gate {
            GateName::Red | GateName::Green | GateName::Peer => self.change.as_ref().map(|change| &change.tree),
            GateName::Qa | GateName::Deploy => self.runs.get(&RunKind::Merge).map(|tested| &tested.run.tree),
        }
    }

    pub(super) fn take_in(&mut self, seq: u64, event: &Event) {
        self.stalled = None;
        match event {
            Event::Measured { change, contributors, needs, fix, .. } => {
                let first = fix.as_ref().map(|fix| &fix.starts).or(needs.gates.first());
                self.stage = first.map_or(Stage::Merging, |gate| Stage::At(*gate));
                self.fix.clone_from(fix);
                self.change = Some((**change).clone());
                self.contributors = contributors.clone();
                self.needs = Some(needs.clone());
            }
            Event::Tested { kind, tip, declared, statement, .. } => {
                if let Some(run) = statement::read_run(statement) {
                    self.runs.insert(*kind, Tested { run, tip: tip.clone(), declared: declared.clone(), seq });
                }
            }
            Event::Judged { gate, pass: true, checks, .. } => {
                let carried = self.judged_at(*gate).into_iter().filter(|other| other != gate);
                self.passed.extend(carried.map(|other| (other, Vec::new())));
                self.passed.insert(*gate, checks.clone());
                self.stage = self.after(*gate);
            }
            Event::SentBack { gate, why, .. } => self.stage = Stage::Back { gate: *gate, why: why.clone() },
            Event::Outdated { .. } => self.back_to_merge_test(),
            Event::Stalled { why, .. } => self.stalled = Some(why.clone()),
            Event::Judged { pass: false, .. }
            | Event::Opened { .. }
            | Event::Taken { .. }
            | Event::Released { .. }
            | Event::Submitted { .. }
            | Event::Vetoed { .. } => {}
        }
    }

    /// A seat's yes at a gate is gone: that gate is open again, and all after it.
    pub(crate) fn take_back(&mut self, seat: &SeatName, gate: GateName) {
        self.approvals.retain(|word| !(word.gate == gate && word.seat == *seat) && word.gate <= gate);
        self.passed.retain(|passed, _| *passed < gate);
        self.draws.retain(|drawn, _| *drawn <= gate);
        self.confirmed = false;
        // Whoever takes a yes back wants the gates, and what these said before they were gone round.
        self.bypass = None;
        self.stage = self.round.take().map_or(Stage::At(gate), |(gate, why)| Stage::Back { gate, why });
    }

    fn after(&self, gate: GateName) -> Stage {
        let next = self.gates().iter().find(|other| **other > gate);
        next.map_or(Stage::Merging, |gate| Stage::At(*gate))
    }

    /// The merge result is another one now: QA and DEPLOY begin again, their words are void.
    fn back_to_merge_test(&mut self) {
        self.runs.retain(|kind, _| !MERGED.contains(kind));
        let late = |gate: &GateName| *gate >= GateName::Qa;
        if matches!(self.stage, Stage::At(gate) if late(&gate)) || matches!(self.stage, Stage::Merging | Stage::Moving { .. }) {
            self.passed.retain(|gate, _| !late(gate));
            self.draws.retain(|gate, _| !late(gate));
            self.approvals.retain(|approval| !late(&approval.gate));
            self.confirmed = false;
            self.stage = Stage::At(if self.bypass.is_some() { GateName::Deploy } else { GateName::Qa });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::Completion;
    use crate::domain::sample;

    #[test]
    fn a_candidate_is_tested_anew_where_any_run_of_its_merge_was_on_another_tip() {
        let (state, mut attempt) = (State::default(), Attempt::new(1, sample::oid('a'), 7));
        let run = Run {
            tree: sample::oid('b'),
            harness: "cargo".to_owned(),
            command: Vec::new(),
            completion: Completion::Finished,
            results: BTreeMap::new(),
            missing: Vec::new(),
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 1,
            coverage: None,
        };
        let tested = |tip: Option<Oid>| Tested { run: run.clone(), tip, declared: Vec::new(), seq: 9 };
        let other = Some(sample::oid('c'));
        // The tip moved between the two runs, so that the newer one is on the tip.
        for (merge, cover, stale) in [(None, None, false), (None, other.clone(), true), (other.clone(), None, true)] {
            attempt.runs = BTreeMap::from([(RunKind::Green, tested(other.clone())), (RunKind::Merge, tested(merge)), (RunKind::Cover, tested(cover))]);
            assert_eq!(attempt.is_stale(&state), stale, "{:?}", attempt.runs);
        }
        attempt.stage = Stage::At(GateName::Qa);
        attempt.back_to_merge_test();
        assert_eq!(attempt.runs.keys().collect::<Vec<_>>(), [&RunKind::Green]);
    }
}
