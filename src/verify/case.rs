//! One merge, and whether what the ledger says about its candidate was enough for it.

use super::chain::Merge;
use super::history::{Attempt, History, Measured, Task};
use super::problems::Problems;
use super::roster::{Adopted, Roster};
use super::word::Bound;
use super::{bypass, gates, runs, words};
use crate::domain::change::{Change, Signature};
use crate::domain::fix::Fix;
use crate::domain::gate::GateName;
use crate::domain::name::{Oid, SeatName};
use crate::domain::actor::Actor;
use crate::domain::{motion, panel};
use crate::domain::policy::Needs;
use crate::domain::run::Run;
use std::collections::BTreeSet;

/// Everything that is known of one merge, and the rules that were in force when it was intended.
pub(super) struct Case<'a> {
    pub roster: &'a Roster<'a>,
    pub history: &'a History<'a>,
    pub merge: &'a Merge<'a>,
    pub task: &'a Task<'a>,
    pub attempt: &'a Attempt<'a>,
    pub author: &'a SeatName,
    pub change: &'a Change,
    pub rules: &'a Adopted,
    /// What the charter asks of the change, computed here.
    pub needs: Needs,
    /// The author and every signer of a commit of the range, computed here.
    pub contributors: BTreeSet<SeatName>,
    pub submitted: u64,
    pub measured: u64,
    /// The last entry that made QA and DEPLOY begin again.
    pub fresh: u64,
}

/// What a reader wants to know of a merge that was judged.
#[derive(Default)]
pub(super) struct Told {
    pub title: String,
    pub author: String,
    pub brought: Vec<String>,
    pub gates: Vec<String>,
    pub reviewers: Vec<String>,
    /// Whether it went round its gates.
    pub round: bool,
}

impl Told {
    fn of(case: &Case<'_>) -> Self {
        let brought = case.change.commits.iter().map(|commit| commit.id.to_string()).collect();
        Self { title: super::problems::plain(case.task.title), author: case.author.to_string(), brought, ..Self::default() }
    }
}

/// Judges one merge by the ledger alone; `before` is the run of what it replaced, and becomes the run of what it made.
pub(super) fn judge(
    roster: &Roster<'_>,
    history: &History<'_>,
    merge: &Merge<'_>,
    before: &mut Option<Run>,
    problems: &mut Problems,
) -> Told {
    let last = before.take();
    timely(history, merge, problems);
    match open(roster, history, merge) {
        Ok(case) => {
            let round = bypass::of(&case, history);
            case.rest(round.as_ref().map_or(0, |round| round.since()), problems);
            if let Some(round) = round {
                *before = runs::made(&case, problems);
                let mut gates = bypass::judge(&case, history, &round, problems);
                gates.extend(gates::each(&case, &[GateName::Deploy], problems));
                return Told { round: true, gates, reviewers: vec!["the owner and the librarian".to_owned()], ..Told::of(&case) };
            }
            *before = runs::judge(&case, last, problems);
            let mut gates = gates::judge(&case, problems);
            let reviewers = words::judge(&case, problems);
            council(&case, history, problems);
            gates.extend(
                case.needs.reasons.iter().map(|reason| format!("more than the least was asked: {}", super::problems::plain(reason))),
            );
            Told { gates, reviewers, ..Told::of(&case) }
        }
        Err(why) => {
            problems.entry(merge.merged, format_args!("{} was merged, and {why}", merge.task));
            Told::default()
        }
    }
}

/// Where the charter asks the council: more than half of it, without contributors, said yes to exactly this candidate; or the owner did.
fn council(case: &Case<'_>, history: &History<'_>, problems: &mut Problems) {
    if !case.asks(GateName::Peer, "council-agreed") || !case.needs.council {
        return;
    }
    let (merge, charter) = (case.merge, &case.rules.charter);
    let put = history.motions.values().find(|put| put.about == Some((merge.task, merge.attempt)) && put.matter == motion::CHANGE);
    let rule = charter.policy.decisions.get(motion::CHANGE);
    let agreed = put.zip(rule).is_some_and(|(put, rule)| {
        let roles: Vec<&str> = rule.by.iter().flat_map(|place| place.split('|')).collect();
        let all = charter.roles.iter().filter(|role| roles.contains(&role.name.as_str())).flat_map(|role| &role.seats);
        let voters: BTreeSet<&SeatName> = all.filter(|seat| !case.contributors.contains(*seat)).collect();
        let yes = voters.iter().filter(|seat| put.voices.get(&Actor::Seat((**seat).clone())) == Some(&true)).count();
        let owner = put.voices.get(&Actor::Owner) == Some(&true);
        put.closed.is_some_and(|(seq, passed)| passed && seq < merge.intended) && (owner || yes * 2 > voters.len())
    });
    if !agreed {
        problems.entry(merge.intended, format_args!("{} was to be merged without the council's word", merge.task));
    }
}

/// Neither frozen nor vetoed when it was intended, nor when it was made.
fn timely(history: &History<'_>, merge: &Merge<'_>, problems: &mut Problems) {
    for (seq, word) in [(merge.intended, "intended"), (merge.merged, "made")] {
        if let Some(frozen) = history.frozen_at(seq) {
            problems.entry(seq, format_args!("the merge of {} was {word} while the workshop was frozen by entry {frozen}", merge.task));
        }
    }
    let veto = history.tasks.get(merge.task).and_then(|task| task.vetoed);
    if let Some(veto) = veto.filter(|veto| *veto < merge.merged) {
        problems.entry(merge.merged, format_args!("{} was merged although entry {veto} had vetoed it", merge.task));
    }
}

fn open<'a>(roster: &'a Roster<'a>, history: &'a History<'a>, merge: &'a Merge<'a>) -> Result<Case<'a>, String> {
    let task = history.tasks.get(merge.task).ok_or("it was never opened")?;
    let attempt = task.attempts.get(&merge.attempt).ok_or_else(|| format!("its attempt {} was never submitted", merge.attempt))?;
    let author = attempt.author.ok_or("nobody took it")?;
    let (submitted, _) = attempt.submitted.filter(|(seq, _)| *seq < merge.intended).ok_or("its candidate was submitted only later")?;
    let newer = task.attempts.range(merge.attempt.saturating_add(1)..).filter_map(|(number, newer)| Some((number, newer.submitted?)));
    if let Some((number, (seq, _))) = newer.into_iter().find(|(_, (seq, _))| *seq < merge.merged) {
        return Err(format!("attempt {number} had taken the place of its candidate by entry {seq}"));
    }
    if let Some(seq) = task.released.iter().find(|seq| (submitted..merge.merged).contains(*seq)) {
        return Err(format!("entry {seq} had released its task"));
    }
    let measured = attempt.measured.as_ref().filter(|measured| measured.seq < merge.intended).ok_or("its candidate was never measured")?;
    let rules = roster.rules(merge.intended);
    let contributors = contributors(roster, measured, author)?;
    Ok(Case {
        roster,
        history,
        merge,
        task,
        attempt,
        author,
        change: measured.change,
        rules,
        needs: measured.moment.needs(history, rules, measured, author),
        contributors,
        submitted,
        measured: measured.seq,
        fresh: attempt.outdated.iter().copied().filter(|seq| *seq < merge.intended).max().unwrap_or(0),
    })
}

/// Whoever signed a commit of the range had a hand in it, and whoever had one before the task was released; a commit that no seat signed could not enter.
fn contributors(roster: &Roster<'_>, measured: &Measured<'_>, author: &SeatName) -> Result<BTreeSet<SeatName>, String> {
    let mut all: BTreeSet<SeatName> = measured.former.iter().chain([author]).cloned().collect();
    for commit in &measured.change.commits {
        let seat = match &commit.signature {
            Signature::Good(fingerprint) => roster.seat_of(fingerprint, measured.seq),
            Signature::Missing | Signature::OtherFormat | Signature::UnknownKey | Signature::Bad(_) => None,
        };
        let seat = seat.ok_or_else(|| format!("the commit {} of its range is signed by no seat", commit.id.short()))?;
        let own = roster.email(seat.as_str());
        if commit.author.email != own || commit.committer.email != own {
            return Err(format!("the commit {} of its range is signed by {seat} and bears another's name", commit.id.short()));
        }
        all.insert(seat.clone());
    }
    Ok(all)
}

impl Case<'_> {
    /// What was measured must be of this candidate, under these rules, and ask for what was recorded.
    fn rest(&self, round: u64, problems: &mut Problems) {
        let Some(Measured { contributors, needs, .. }) = &self.attempt.measured else { return };
        let mut say = |what: String| problems.entry(self.measured, format_args!("the measuring of {}: {what}", self.merge.task));
        if self.attempt.submitted.is_some_and(|(_, commit)| *commit != self.change.commit) {
            say(format!("it is of {}, which is not what was submitted", self.change.commit.short()));
        }
        if let Some(why) = unlinked(self.change) {
            say(why);
        }
        if **contributors != self.contributors {
            say(format!("it names {} as contributors, and the signatures say {}", listed(contributors), listed(&self.contributors)));
        }
        if (&needs.gates, needs.approvals, needs.owner) != (&self.needs.gates, self.needs.approvals, self.needs.owner) {
            say("it asks for other gates or words than the charter in force".to_owned());
        }
        if let Some(why) = self.needs.denied.first() {
            say(format!("the charter forbids the change: {why}"));
        }
        if self.measured < self.rules.since {
            say(format!("entry {} changed the charter after it", self.rules.since));
        }
        if let Some(back) = self.attempt.back.iter().find(|seq| **seq < self.merge.merged && !(**seq < round && self.said_no(**seq))) {
            problems.entry(*back, format_args!("{} was sent back here and merged all the same", self.merge.task));
        }
    }

    /// Whether what sent it back here was a gate's own no, and nothing else.
    fn said_no(&self, back: u64) -> bool {
        self.attempt.judged.iter().any(|judged| !judged.pass && judged.seq + 1 == back)
    }

    /// Says what a word is bound to that is not this candidate, these rules or this question.
    pub fn unbound(&self, bound: &Bound, tree: &Oid, index: u64) -> Option<String> {
        let merge = self.merge;
        let wanted = |what: &str, is: &dyn std::fmt::Display, should: &dyn std::fmt::Display| {
            Some(format!("it is bound to {what} {is}, not {should}"))
        };
        match () {
            () if bound.workshop != self.roster.genesis.workshop => wanted("workshop", &bound.workshop, &self.roster.genesis.workshop),
            () if bound.task != *merge.task => wanted("task", &bound.task, merge.task),
            () if bound.attempt != merge.attempt => wanted("attempt", &bound.attempt, &merge.attempt),
            () if bound.commit != self.change.commit => wanted("commit", &bound.commit, &self.change.commit),
            () if bound.tree != *tree => wanted("tree", &bound.tree, tree),
            () if bound.base != self.change.base => wanted("base", &bound.base, &self.change.base),
            () if bound.policy != self.rules.digest => wanted("policy", &bound.policy, &self.rules.digest),
            () if bound.index != index => wanted("entry", &bound.index, &index),
            () => None,
        }
    }

    /// Where its candidate is a fix of what came back.
    pub fn fix(&self) -> Option<&Fix> {
        self.attempt.measured.as_ref().and_then(|measured| measured.fix)
    }

    /// The tree that a word at this gate is about: what was reviewed, or what would enter the branch.
    pub fn subject(&self, gate: GateName) -> &Oid {
        match gate {
            GateName::Red | GateName::Green | GateName::Peer => &self.change.tree,
            GateName::Qa | GateName::Deploy => self.merge.tree,
        }
    }

    /// Whether an entry about a gate counts: before the intent, and for QA and DEPLOY after they last began again.
    pub fn counts(&self, gate: GateName, seq: u64) -> bool {
        seq < self.merge.intended && (gate < GateName::Qa || seq > self.fresh) && seq > self.reopened(|taken| taken < gate)
    }

    /// The last entry by which a word at one of these gates was taken back.
    pub fn reopened(&self, wanted: impl Fn(GateName) -> bool) -> u64 {
        let taken = self.attempt.panels.iter().filter(|(seq, ..)| *seq < self.merge.intended);
        let taken = taken.filter(|(.., event)| matches!(event, panel::Event::Withdrawn { gate, .. } if wanted(*gate)));
        taken.map(|(seq, ..)| *seq).max().unwrap_or(0)
    }

    /// Whether the charter's gate lists a check.
    pub fn asks(&self, gate: GateName, check: &str) -> bool {
        self.needs.gates.contains(&gate) && self.rules.charter.gate(gate).checks.iter().any(|name| name == check)
    }
}

/// A candidate is a straight line of commits from its base.
fn unlinked(change: &Change) -> Option<String> {
    let mut parent = &change.base;
    for commit in &change.commits {
        if commit.parents != std::slice::from_ref(parent) {
            return Some(format!("the commit {} does not stand on {} alone", commit.id.short(), parent.short()));
        }
        if let Some(why) = &commit.malformed {
            return Some(format!("the commit {} is malformed: {why}", commit.id.short()));
        }
        parent = &commit.id;
    }
    let last = change.commits.last().map(|commit| (&commit.id, &commit.tree));
    (last != Some((&change.commit, &change.tree))).then(|| "its last commit is not the candidate".to_owned())
}

fn listed(seats: &BTreeSet<SeatName>) -> String {
    seats.iter().map(SeatName::as_str).collect::<Vec<_>>().join(", ")
}
