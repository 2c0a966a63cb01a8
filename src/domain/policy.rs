//! The owner's rules as data, and what they ask of a given change.

mod agent;
mod alerts;
mod budgets;
mod decisions;
mod entries;
mod measuring;
mod messages;
mod quality;
mod reporting;
mod retention;
mod witnessing;

pub use agent::Agent;
pub use alerts::{Alerting, Hooking, Mailing, Security, Texting};
pub use budgets::{Act, Budget};
pub use decisions::{Council, Decision};
pub use entries::{Entries, Ruling};
pub use measuring::Measuring;
pub use messages::MessageLimits;
pub use quality::{Asked as Covered, Quality};
pub use reporting::Reporting;
pub use retention::Retention;
pub use witnessing::{Trouble, Witnessing};

use super::bypass;
use super::change::{Change, FileChange};
use super::fleet;
use super::freeze;
use super::gate::GateName;
use super::glob::{FoldedPath, Glob, odd_path, shown};
use super::lock;
use super::risk::Risk;
use super::spend;
use super::task;
use super::window::Cumulative;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;

/// Says which key of a rule file is wrong and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct Invalid {
    pub key: String,
    pub why: String,
}

impl Invalid {
    pub fn new(key: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { key: key.into(), why: why.to_string() }
    }
}

/// The policy as it is written: every key present, none known to fit the others yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    pub thresholds: Thresholds,
    #[serde(default, skip_serializing_if = "Cumulative::is_default")]
    pub cumulative: Cumulative,
    pub risk: RiskPaths,
    pub paths: Paths,
    pub route: Route,
    pub entries: Entries,
    pub review: ReviewTerms,
    pub messages: MessageLimits,
    #[serde(default, skip_serializing_if = "lock::Terms::is_default")]
    pub locks: lock::Terms,
    #[serde(default, skip_serializing_if = "freeze::Triggers::is_default")]
    pub freeze: freeze::Triggers,
    #[serde(default, skip_serializing_if = "task::Terms::is_default")]
    pub tasks: task::Terms,
    #[serde(default, skip_serializing_if = "fleet::Terms::is_default")]
    pub fleet: fleet::Terms,
    #[serde(default, skip_serializing_if = "spend::Terms::is_default")]
    pub spending: spend::Terms,
    pub delivery: Delivery,
    pub runner: RunLimits,
    pub agent: Agent,
    #[serde(default, skip_serializing_if = "Reporting::is_default")]
    pub report: Reporting,
    #[serde(default, skip_serializing_if = "Alerting::is_default")]
    pub alerts: Alerting,
    #[serde(default, skip_serializing_if = "Mailing::is_default")]
    pub mail: Mailing,
    #[serde(default, skip_serializing_if = "Texting::is_default")]
    pub sms: Texting,
    #[serde(default, skip_serializing_if = "Hooking::is_default")]
    pub webhook: Hooking,
    #[serde(default, skip_serializing_if = "Measuring::is_default")]
    pub metrics: Measuring,
    #[serde(default, skip_serializing_if = "Witnessing::is_default")]
    pub witness: Witnessing,
    #[serde(default, skip_serializing_if = "Retention::is_default")]
    pub retention: Retention,
    #[serde(default, skip_serializing_if = "Quality::is_default")]
    pub qa: Quality,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decisions: BTreeMap<String, Decision>,
    #[serde(default, skip_serializing_if = "Council::is_default")]
    pub council: Council,
    #[serde(default, skip_serializing_if = "bypass::Terms::is_default")]
    pub bypass: bypass::Terms,
    /// What every role may do per time, where its own file says nothing else.
    pub budgets: BTreeMap<Act, Budget>,
}

/// The largest change that one reviewer may let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Lines added plus deleted, never net.
    pub single_review_lines: u64,
    pub single_review_files: u64,
    /// Whether taking lines out of a test file that was there before asks for two reviewers.
    pub rewritten_tests_need_two: bool,
}

/// Paths by risk; the highest class that matches counts, and a path that no class knows is `high`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskPaths {
    pub critical: Vec<Glob>,
    pub high: Vec<Glob>,
    pub medium: Vec<Glob>,
    pub low: Vec<Glob>,
}

/// Paths by kind; control outweighs test, test outweighs docs, and everything else is source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    pub control: Vec<Glob>,
    pub tests: Vec<Glob>,
    pub docs: Vec<Glob>,
    /// Files of those above that steer how tests are found and run: they come in a change of their own, never with what is to be tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub harness: Vec<Glob>,
}

/// Which gates a kind of file must pass; a change passes all gates that one of its files must pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub source: Vec<GateName>,
    pub control: Vec<GateName>,
    pub test: Vec<GateName>,
    pub docs: Vec<GateName>,
}

/// How long a reviewer has, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewTerms {
    pub due_seconds: u32,
    pub due_critical_seconds: u32,
    /// The part of the term after which the reviewer is reminded.
    pub reminder_percent: u32,
    /// Unanswered draws before the owner is asked.
    pub redraws: u32,
    /// Of how many in a hundred changes chance wants a third reviewer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub third_percent: u32,
    /// Whether a reviewer's no at PEER or QA sends back only with the librarian's signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cosigned_back: bool,
    /// The most lines of a fix that starts again at PEER; 0 where every fix starts at its first gate.
    #[serde(default, skip_serializing_if = "is_none")]
    pub fix_lines: u32,
    /// Whether who was drawn for another open change of the same hands in the same file is drawn for this one as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_eyes: bool,
    /// After so many days the secret that chance came from is opened, and a new one begins.
    #[serde(default, skip_serializing_if = "is_none")]
    pub epoch_days: u32,
}

fn is_none(number: &u32) -> bool {
    *number == 0
}

/// How approved work reaches the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Deliver after each merge, without being asked.
    pub automatic: bool,
    pub to: Destination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// Fast-forward the owner's branch in the owner's repository.
    Branch,
    /// Push to the upstream of that branch, with the owner's credentials.
    Upstream,
}

/// What one test run may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLimits {
    /// The test command; empty means that it is found by the repository's build files.
    pub command: Vec<String>,
    pub wall_seconds: u32,
    pub output_bytes: u64,
    pub memory_bytes: u64,
    /// How often the tests run; a result counts only when all runs agree.
    pub runs: u32,
    /// Folders of the owner's repository that test runs see beside the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provided: Vec<String>,
}

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    Test,
    Docs,
    /// Steers a build, a test run, an agent or git itself: manifests, lock files, CI, configuration.
    Control,
    /// Everything else, the unknown included.
    Source,
}

/// What the policy asks of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    pub risk: Risk,
    /// The gates to pass, in order.
    pub gates: Vec<GateName>,
    pub approvals: u32,
    /// Whether the owner must confirm in person.
    pub owner: bool,
    /// Whether the architecture council must agree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub council: bool,
    /// Why more than the least is asked, one sentence each.
    pub reasons: Vec<String>,
    /// Why the change can not enter at all, one sentence each.
    pub denied: Vec<String>,
}

/// Rules that fit each other. Read through `RawPolicy`; it is built from one only, so that it cannot be built wrongly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawPolicy", into = "RawPolicy")]
pub struct Policy(RawPolicy);

impl Deref for Policy {
    type Target = RawPolicy;
    fn deref(&self) -> &RawPolicy {
        &self.0
    }
}

impl From<Policy> for RawPolicy {
    fn from(policy: Policy) -> RawPolicy {
        policy.0
    }
}

impl TryFrom<RawPolicy> for Policy {
    type Error = Invalid;

    fn try_from(raw: RawPolicy) -> Result<Self, Invalid> {
        check_route(&raw.route)?;
        check_review(&raw.review)?;
        check_positive(&raw)?;
        check_texts(&raw)?;
        raw.report.check()?;
        raw.mail.check()?;
        raw.sms.check(&raw.mail)?;
        raw.webhook.check()?;
        raw.metrics.check()?;
        raw.witness.check()?;
        raw.locks.check()?;
        raw.fleet.check()?;
        raw.spending.check()?;
        raw.cumulative.check()?;
        raw.qa.check()?;
        decisions::check(&raw.decisions, &raw.council)?;
        Ok(Self(raw))
    }
}

impl Route {
    pub fn of(&self, kind: PathKind) -> &[GateName] {
        match kind {
            PathKind::Source => &self.source,
            PathKind::Control => &self.control,
            PathKind::Test => &self.test,
            PathKind::Docs => &self.docs,
        }
    }
}

impl Policy {
    /// What a path is for; a path that is odd in any way steers something until shown otherwise.
    pub fn kind(&self, path: &str) -> PathKind {
        let folded = FoldedPath::new(path);
        self.kind_by(&folded, self.steers(path, &folded))
    }

    fn kind_by(&self, folded: &FoldedPath, steers: bool) -> PathKind {
        match () {
            () if steers => PathKind::Control,
            () if folded.is_any(&self.paths.tests) => PathKind::Test,
            () if folded.is_any(&self.paths.docs) => PathKind::Docs,
            () => PathKind::Source,
        }
    }

    fn steers(&self, path: &str, folded: &FoldedPath) -> bool {
        odd_path(path).is_some() || folded.is_any(&self.paths.control)
    }

    /// What a changed file is for: its path's kind, but something that runs or points elsewhere is never a mere document or test.
    pub fn kind_of(&self, file: &FileChange) -> PathKind {
        kind_of(file, self.kind(&file.path))
    }

    /// The risk of a path: the highest class that matches; control files are at least high; the unknown is high.
    pub fn risk(&self, path: &str) -> Risk {
        let folded = FoldedPath::new(path);
        self.risk_by(&folded, self.steers(path, &folded))
    }

    fn risk_by(&self, folded: &FoldedPath, steers: bool) -> Risk {
        match () {
            () if folded.is_any(&self.risk.critical) => Risk::Critical,
            () if steers || folded.is_any(&self.risk.high) => Risk::High,
            () if folded.is_any(&self.risk.medium) => Risk::Medium,
            () if folded.is_any(&self.risk.low) => Risk::Low,
            () => Risk::High,
        }
    }

    fn place(&self, path: &str) -> Place {
        let folded = FoldedPath::new(path);
        let steers = self.steers(path, &folded);
        let (kind, risk) = (self.kind_by(&folded, steers), self.risk_by(&folded, steers));
        Place { kind, risk, council: folded.is_any(&self.council.paths), modules: folded.has(".gitmodules") }
    }

    /// The risk of a change: the highest of all that it touches, also in between.
    pub fn risk_of(&self, change: &Change) -> Risk {
        change.files.iter().map(|file| &file.path).chain(&change.touched).map(|path| self.risk(path)).max().unwrap_or(Risk::High)
    }

    /// The changed files that are tests, in path order.
    pub fn tests_of<'a>(&self, change: &'a Change) -> Vec<&'a FileChange> {
        change.files.iter().filter(|file| self.kind_of(file) == PathKind::Test).collect()
    }

    /// What must happen before this change may enter, whoever made it; `Charter::needs` adds what its author's role says.
    pub fn needs(&self, change: &Change) -> Needs {
        let paths = change.files.iter().map(|file| &file.path).chain(&change.touched).map(String::as_str);
        let places: Places<'_> = paths.collect::<BTreeSet<_>>().into_iter().map(|path| (path, self.place(path))).collect();
        let mut needs = Needs::least(self.gates(change, &places));
        self.weigh_size(change, &mut needs);
        weigh_paths(&places, &mut needs);
        self.weigh_tests(change, &places, &mut needs);
        change.files.iter().for_each(|file| self.weigh_entry(file, places[file.path.as_str()].modules, &mut needs));
        needs
    }

    fn gates(&self, change: &Change, places: &Places<'_>) -> Vec<GateName> {
        let kinds: BTreeSet<PathKind> = change.files.iter().map(|file| kind_of(file, places[file.path.as_str()].kind)).collect();
        let gates: BTreeSet<GateName> = kinds.iter().flat_map(|kind| self.route.of(*kind).iter().copied()).collect();
        if gates.is_empty() { GateName::ALL.to_vec() } else { gates.into_iter().collect() }
    }

    fn weigh_size(&self, change: &Change, needs: &mut Needs) {
        let (lines, files) = (change.lines(), change.file_count() as u64);
        let limits = &self.thresholds;
        if change.files.is_empty() {
            needs.deny("the change is empty".to_owned());
        }
        if lines > limits.single_review_lines {
            needs.two(format!("{lines} lines are more than {}", limits.single_review_lines));
        }
        if files > limits.single_review_files {
            needs.two(format!("{files} files are more than {}", limits.single_review_files));
        }
    }

    fn weigh_tests(&self, change: &Change, places: &Places<'_>, needs: &mut Needs) {
        let rewritten = rewritten(change, |path| places[path].kind);
        if self.thresholds.rewritten_tests_need_two && !rewritten.is_empty() {
            needs.two(listed(&rewritten, "a test that was there before loses lines"));
        }
    }

    /// The test files that were there before and of which something is taken away.
    pub fn rewritten_tests<'a>(&self, change: &'a Change) -> Vec<&'a str> {
        rewritten(change, |path| self.kind(path))
    }
}

fn rewritten(change: &Change, kind: impl Fn(&str) -> PathKind) -> Vec<&str> {
    let files = change.files.iter().filter(|file| takes_away(file)).map(|file| file.path.as_str());
    files.filter(|path| kind(path) == PathKind::Test).collect()
}

fn kind_of(file: &FileChange, by_path: PathKind) -> PathKind {
    let plain = file.new.as_ref().is_none_or(|blob| blob.mode == PLAIN);
    let script = file.new.as_ref().is_some_and(|blob| blob.mode == EXECUTABLE);
    match by_path {
        PathKind::Docs if !plain => PathKind::Source,
        PathKind::Test if !plain && !script => PathKind::Source,
        kind => kind,
    }
}

/// What a policy says of one path.
struct Place {
    kind: PathKind,
    risk: Risk,
    /// Whether the council is asked.
    council: bool,
    /// Whether it is where git looks for other repositories.
    modules: bool,
}

/// Every path that one commit of a range touched, also where nothing is left of it in the end.
type Places<'a> = BTreeMap<&'a str, Place>;

fn weigh_paths(places: &Places<'_>, needs: &mut Needs) {
    let mut classes: BTreeMap<Risk, Vec<&str>> = BTreeMap::new();
    places.iter().for_each(|(path, place)| classes.entry(place.risk).or_default().push(path));
    let asked: Vec<&str> = classes.values().flatten().copied().filter(|path| places[path].council).collect();
    if !asked.is_empty() {
        needs.council = true;
        needs.reasons.push(listed(&asked, "the architecture council decides"));
    }
    needs.risk = classes.keys().next_back().copied().unwrap_or(Risk::High);
    for (risk, paths) in classes.iter().filter(|(risk, _)| **risk >= Risk::High) {
        needs.rule(if *risk == Risk::Critical { Ruling::Owner } else { Ruling::TwoApprovals }, || listed(paths, &format!("{risk} risk")));
    }
}

/// An ordinary file's mode.
pub const PLAIN: u32 = 0o100_644;
/// A script's mode.
pub const EXECUTABLE: u32 = 0o100_755;
/// A symbolic link's mode.
pub const SYMLINK: u32 = 0o120_000;
/// A submodule's mode.
pub const GITLINK: u32 = 0o160_000;

impl Needs {
    /// One approval, no owner: what every change needs.
    fn least(gates: Vec<GateName>) -> Self {
        Self { risk: Risk::Low, gates, approvals: 1, owner: false, council: false, reasons: Vec::new(), denied: Vec::new() }
    }

    pub(super) fn deny(&mut self, reason: String) {
        self.denied.push(reason);
    }

    pub(super) fn two(&mut self, reason: String) {
        self.rule(Ruling::TwoApprovals, || reason);
    }

    fn rule(&mut self, ruling: Ruling, reason: impl FnOnce() -> String) {
        match ruling {
            Ruling::Allow => return,
            Ruling::TwoApprovals => self.approvals = 2,
            Ruling::Owner => (self.approvals, self.owner) = (2, true),
            Ruling::Deny => return self.deny(reason()),
        }
        self.reasons.push(reason());
    }
}

/// Tells whether something of a file that was there before is gone.
pub fn takes_away(file: &FileChange) -> bool {
    file.old.is_some() && (file.deleted > 0 || file.binary || file.new.is_none())
}

fn listed(paths: &[&str], why: &str) -> String {
    match paths {
        [one] => format!("{}: {why}", shown(one)),
        [first, rest @ ..] => format!("{} and {} more: {why}", shown(first), rest.len()),
        [] => why.to_owned(),
    }
}

fn check_route(route: &Route) -> Result<(), Invalid> {
    for (key, gates) in [("source", &route.source), ("control", &route.control), ("test", &route.test), ("docs", &route.docs)] {
        let key = format!("route.{key}");
        let has = |gate| gates.contains(&gate);
        if !gates.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(Invalid::new(key, "gates stand there once each, in the order red, green, peer, qa, deploy"));
        }
        if !has(GateName::Peer) || !has(GateName::Deploy) {
            return Err(Invalid::new(key, "peer and deploy are never left out: nothing enters on one seat's word"));
        }
        if has(GateName::Red) != has(GateName::Green) {
            return Err(Invalid::new(key, "red and green go together"));
        }
    }
    Ok(())
}

fn check_review(review: &ReviewTerms) -> Result<(), Invalid> {
    if review.due_critical_seconds > review.due_seconds {
        return Err(Invalid::new("review.due_critical_seconds", "critical work cannot be due later than other work"));
    }
    if review.third_percent > 100 {
        return Err(Invalid::new("review.third_percent", "it is 0 to 100"));
    }
    if !(1..=99).contains(&review.reminder_percent) {
        return Err(Invalid::new("review.reminder_percent", "it is 1 to 99"));
    }
    Ok(())
}

fn check_positive(raw: &RawPolicy) -> Result<(), Invalid> {
    let numbers = [
        ("thresholds.single_review_lines", raw.thresholds.single_review_lines),
        ("thresholds.single_review_files", raw.thresholds.single_review_files),
        ("review.due_critical_seconds", raw.review.due_critical_seconds.into()),
        ("messages.max_body_bytes", raw.messages.max_body_bytes),
        ("messages.ttl_seconds", raw.messages.ttl_seconds.into()),
        ("runner.wall_seconds", raw.runner.wall_seconds.into()),
        ("runner.output_bytes", raw.runner.output_bytes),
        ("runner.memory_bytes", raw.runner.memory_bytes),
        ("runner.runs", raw.runner.runs.into()),
    ];
    match numbers.iter().find(|(_, number)| *number == 0) {
        Some((key, _)) => Err(Invalid::new(*key, "it is at least 1")),
        None => Ok(()),
    }
}

fn check_texts(raw: &RawPolicy) -> Result<(), Invalid> {
    let unclean = |text: &str| text.trim().is_empty() || text.chars().any(char::is_control);
    if unclean(&raw.agent.command) {
        return Err(Invalid::new("agent.command", "it is one line and not empty"));
    }
    raw.agent.check()?;
    if raw.runner.command.iter().any(|word| unclean(word)) {
        return Err(Invalid::new("runner.command", "a word of it is empty or holds a control character"));
    }
    let plain = |name: &String| !unclean(name) && name.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"));
    if !raw.runner.provided.iter().all(plain) {
        return Err(Invalid::new("runner.provided", "each is a folder below the repository's root, such as \"node_modules\""));
    }
    match Act::ALL.iter().find(|act| !raw.budgets.contains_key(act)) {
        Some(act) => Err(Invalid::new("budgets", format!("{act:?} has none"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
