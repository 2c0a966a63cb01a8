//! What the supervisor's own measurements say about a change, as the checks of one gate see it.

use super::change::Change;
use super::check::Verdict;
use super::gate::GateName;
use super::glob::shown;
use super::name::{Digest, Oid, RoleName, SeatName};
use super::policy::{self, Needs};
use super::run::{Completion, Outcome, Run};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A seat's signed word on exactly one change at exactly one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub seat: SeatName,
    pub role: RoleName,
    pub gate: GateName,
    pub commit: Oid,
    /// The tree that the seat looked at: `Evidence::subject` of the gate.
    pub tree: Oid,
    pub base: Oid,
    pub policy: Digest,
    /// Ledger index of the draw it answers.
    pub bundle: u64,
    pub accept: bool,
    /// It has a verdict on every file, and a quote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read: bool,
}

/// Everything that is known when one gate is judged.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    pub change: &'a Change,
    pub needs: &'a Needs,
    /// The paths of the change that are tests, sorted.
    pub tests: Vec<String>,
    /// What of the change steers how tests are found or run.
    pub harness: Vec<String>,
    /// The tests on the base.
    pub base_run: Option<&'a Run>,
    /// The tests on the base with the change's test files laid over it.
    pub red_run: Option<&'a Run>,
    /// The tests on the candidate.
    pub green_run: Option<&'a Run>,
    /// The tests as they were before, on the candidate; not needed where no earlier test file is touched.
    pub kept_run: Option<&'a Run>,
    /// The sample of hunks that were taken back, one result each, and of how many in a hundred the risk wants it noticed.
    pub sample_run: Option<&'a Run>,
    pub noticed_percent: Option<u32>,
    /// The tests on the merge result once more, watched line by line, and what is asked of the lines that run.
    pub cover_run: Option<&'a Run>,
    pub covered: Option<policy::Covered>,
    /// The tests on the merge result.
    pub merge_run: Option<&'a Run>,
    /// The tests on the protected branch's tip as it is now; not needed while the tip is the change's base.
    pub tip_run: Option<&'a Run>,
    pub merge_tree: Option<&'a Oid>,
    /// Symbols that the candidate adds.
    pub declared: &'a [String],
    pub contributors: &'a BTreeSet<SeatName>,
    /// The seats drawn for the gate under judgement.
    pub drawn: &'a [SeatName],
    /// Words wanted at this gate beside those that the change asks for: somebody from outside a pair that stands out.
    pub extra: u32,
    /// Ledger index of the entry that drew them, or that asked for the gate's signatures.
    pub bundle: Option<u64>,
    /// Approvals of every gate of this change.
    pub approvals: &'a [Approval],
    pub owner_confirmed: bool,
    /// What the architecture council decided about this candidate, if it did.
    pub council: Option<bool>,
    /// The protected branch's tip as it is now.
    pub tip: &'a Oid,
    /// The tip onto which the tested merge result was made.
    pub tested_on: Option<&'a Oid>,
    pub policy: &'a Digest,
}

/// A run that was seen to its end, on the tree it should be of; else the verdict that follows from its absence.
pub fn seen<'r>(run: Option<&'r Run>, tree: Option<&Oid>, which: &str) -> Result<&'r Run, Verdict> {
    let run = run.ok_or_else(|| Verdict::Wait(format!("{which} has not been run")))?;
    match run.completion {
        _ if tree.is_some_and(|tree| *tree != run.tree) => Err(Verdict::Wait(format!("the run of {which} was made on another tree"))),
        Completion::Infrastructure => Err(Verdict::Wait(format!("{which} could not be tested: {}", run.note))),
        Completion::LimitReached => Err(Verdict::Fail(format!("the tests of {which} ran into a limit: {}", run.note))),
        Completion::NotBuilt | Completion::Finished => Ok(run),
    }
}

/// Like `seen`, and the code was built and its harness came to its end.
pub fn finished<'r>(run: Option<&'r Run>, tree: Option<&Oid>, which: &str) -> Result<&'r Run, Verdict> {
    let run = seen(run, tree, which)?;
    if run.completion == Completion::Finished { Ok(run) } else { Err(Verdict::Fail(format!("{which} does not build: {}", run.note))) }
}

/// Names a few ids, fit to be shown, and counts the rest.
pub fn some(ids: &[&str]) -> String {
    let named = ids.iter().take(3).map(|id| shown(id)).collect::<Vec<_>>().join(", ");
    match ids.len() {
        0..=3 => named,
        more => format!("{named} and {} more", more - 3),
    }
}

/// The ids that pass in `before` and not in `after`, each with what became of it.
pub fn lost(before: &Run, after: &Run) -> Vec<String> {
    let fate = |id: &str| match after.results.get(id) {
        Some(Outcome::Passed) => None,
        Some(Outcome::Failed) => Some("fails"),
        Some(Outcome::Broken) => Some("is broken"),
        Some(Outcome::Skipped) => Some("is skipped"),
        None => Some("is missing"),
    };
    before.passed().filter_map(|id| fate(id).map(|fate| format!("{id} {fate}"))).collect()
}

impl<'a> Evidence<'a> {
    pub fn base(&self) -> Result<&'a Run, Verdict> {
        finished(self.base_run, Some(&self.change.base_tree), "the base")
    }

    /// The run of base + tests; it may be one that did not build.
    pub fn red(&self) -> Result<&'a Run, Verdict> {
        seen(self.red_run, None, "the base with the new tests")
    }

    pub fn green(&self) -> Result<&'a Run, Verdict> {
        finished(self.green_run, Some(&self.change.tree), "the candidate")
    }

    pub fn merge(&self) -> Result<&'a Run, Verdict> {
        let tree = self
            .merge_tree
            .ok_or_else(|| Verdict::Wait("there is no merge result yet: where it conflicts, merge main and push".to_owned()))?;
        finished(self.merge_run, Some(tree), "the merge result")
    }

    /// The run of what the merge would replace.
    pub fn tip(&self) -> Result<&'a Run, Verdict> {
        match self.tip_run {
            None if *self.tip == self.change.base => self.base(),
            run => finished(run, None, "the tip of the protected branch"),
        }
    }

    /// The test ids that show the change is wanted: new, and failing by their own judgement without it. Where base + tests do not build for
    /// the lack of symbols that the candidate declares, the new ids that pass with it.
    pub fn red_ids(&self) -> Vec<&'a str> {
        let (Ok(base), Ok(red)) = (self.base(), self.red()) else { return Vec::new() };
        let known = |id: &str| base.results.contains_key(id) || self.tip_run.is_some_and(|tip| tip.results.contains_key(id));
        match red.completion {
            Completion::Finished => red.failed().filter(|id| !known(id)).collect(),
            Completion::NotBuilt if self.undeclared().is_empty() && !red.missing.is_empty() => {
                self.green().map(|green| green.passed().filter(|id| !known(id)).collect()).unwrap_or_default()
            }
            Completion::NotBuilt | Completion::LimitReached | Completion::Infrastructure => Vec::new(),
        }
    }

    /// The symbols that base + tests lack and the candidate does not add.
    pub fn undeclared(&self) -> Vec<&'a str> {
        let missing = self.red_run.map(|run| run.missing.as_slice()).unwrap_or_default();
        missing.iter().map(String::as_str).filter(|symbol| !self.declared.iter().any(|added| added == symbol)).collect()
    }

    /// The test files that were there before and are not as they were.
    pub fn altered(&self) -> impl Iterator<Item = &str> {
        self.change.files.iter().filter(|file| file.old.is_some() && self.tests.contains(&file.path)).map(|file| file.path.as_str())
    }

    /// The test files that were there before and of which something is taken away: they may fail on the base.
    pub fn rewritten(&self) -> Vec<&str> {
        let files = self.change.files.iter().filter(|file| self.tests.contains(&file.path));
        files.filter(|file| policy::takes_away(file)).map(|file| file.path.as_str()).collect()
    }

    /// The tree that an approval at this gate must name: what entered the review, or what would enter the branch.
    pub fn subject(&self, gate: GateName) -> Option<&'a Oid> {
        match gate {
            GateName::Red | GateName::Green | GateName::Peer => Some(&self.change.tree),
            GateName::Qa | GateName::Deploy => self.merge_tree,
        }
    }

    /// Why an approval at the gate under judgement does not count, if so.
    pub fn void(&self, approval: &Approval) -> Option<&'static str> {
        match () {
            () if self.contributors.contains(&approval.seat) => Some("contributed to the change"),
            () if approval.commit != self.change.commit => Some("names another commit"),
            () if Some(&approval.tree) != self.subject(approval.gate) => Some("names another tree"),
            () if approval.base != self.change.base => Some("names another base"),
            () if approval.policy != *self.policy => Some("names another policy"),
            () if Some(approval.bundle) != self.bundle => Some("answers another draw"),
            () => None,
        }
    }

    /// The words that count at a gate.
    pub fn words(&self, gate: GateName) -> impl Iterator<Item = &'a Approval> {
        self.approvals.iter().filter(move |approval| approval.gate == gate && self.void(approval).is_none())
    }

    /// The words that were given at a gate and do not count, for people.
    pub fn voided(&self, gate: GateName) -> Vec<String> {
        let why = |approval: &Approval| self.void(approval).map(|why| format!("{}'s word {why}", approval.seat));
        self.approvals.iter().filter(|approval| approval.gate == gate).filter_map(why).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::Case;
    use super::*;

    fn ids(row: &str) -> Vec<String> {
        Case::read(row).unwrap().evidence().red_ids().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn red_ids_are_new_and_fail_by_assertion() {
        assert_eq!(ids("base=a:pass,b:fail red=a:pass,b:fail,n:fail,m:broken,o:skip,p:pass"), ["n"]);
        assert_eq!(ids("base=a:skip red=a:fail"), [""; 0]);
    }

    #[test]
    fn red_ids_are_no_copies_of_what_the_tip_already_has() {
        assert_eq!(ids("base=a:pass red=a:pass,n:fail,m:fail tip-run=a:pass,n:pass"), ["m"]);
    }

    #[test]
    fn missing_symbols_count_only_when_the_candidate_adds_them_all() {
        let runs = "base=a:pass green=a:pass,n:pass,m:fail";
        assert_eq!(ids(&format!("{runs} red=!not-built(f) declared=f,g")), ["n"]);
        assert_eq!(ids(&format!("{runs} red=!not-built(f,h) declared=f,g")), [""; 0]);
        assert_eq!(ids(&format!("{runs} red=!not-built declared=f,g")), [""; 0]);
    }

    #[test]
    fn without_a_sound_base_nothing_is_new() {
        for base in ["-", "!not-built", "!limit", "!infra", "a:pass@stale"] {
            assert_eq!(ids(&format!("base={base} red=n:fail")), [""; 0], "{base}");
        }
    }

    #[test]
    fn lost_names_what_became_of_each() {
        let case = Case::read("base=a:pass,b:pass,c:pass,d:pass,e:pass,f:fail green=a:pass,b:fail,c:skip,d:broken").unwrap();
        let evidence = case.evidence();
        let lost = lost(evidence.base_run.unwrap(), evidence.green_run.unwrap());
        assert_eq!(lost, ["b fails", "c is skipped", "d is broken", "e is missing"]);
    }

    #[test]
    fn approvals_of_qa_and_deploy_name_the_merge_result() {
        let case = Case::read("merge=a:pass").unwrap();
        let evidence = case.evidence();
        assert_eq!(evidence.subject(GateName::Peer), Some(&evidence.change.tree));
        assert_eq!(evidence.subject(GateName::Qa), evidence.merge_tree);
        assert_ne!(evidence.merge_tree, Some(&evidence.change.tree));
        assert_eq!(Evidence { merge_tree: None, ..evidence }.subject(GateName::Deploy), None);
    }
}
