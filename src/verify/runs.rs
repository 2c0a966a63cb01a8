//! The test runs: made on the trees they should be of, and saying by their ids what the gates say they said.

use super::case::Case;
use super::history::{Attempt, Step, Tested};
use super::problems::Problems;
use super::word::{self, Bound, RunWord};
use super::{bypass, gates};
use crate::domain::check::lines_covered;
use crate::domain::gate::GateName;
use crate::domain::name::{Oid, TaskId};
use crate::domain::policy::takes_away;
use crate::domain::run::{Completion, Outcome, Run};
use crate::domain::task::RunKind;

/// Judges the runs of a merge; `before` is the run of the tree it replaced. Gives the run of the tree that entered.
pub(super) fn judge(case: &Case<'_>, before: Option<Run>, problems: &mut Problems) -> Option<Run> {
    let mut found = |kind: RunKind, until: GateName| match run(case, kind, until) {
        Ok(run) => Some(run),
        Err((seq, why)) => {
            problems.entry(seq, format_args!("the {} run of {}: {why}", kind.word(), case.merge.task));
            None
        }
    };
    let merge = found(RunKind::Merge, GateName::Deploy);
    let red_green = case.asks(GateName::Red, "new-tests-fail") || case.asks(GateName::Green, "red-ids-pass");
    let suite = case.asks(GateName::Qa, "suite-passes");
    let base = if red_green || suite { found(RunKind::Base, GateName::Qa) } else { None };
    let (red, green) = if red_green { (found(RunKind::Red, GateName::Red), found(RunKind::Green, GateName::Green)) } else { (None, None) };
    let disarmed = case.asks(GateName::Green, "old-tests-pass") && altered(case, false);
    let sampling = case.asks(GateName::Qa, "mutants-noticed") && red_green && case.rules.charter.policy.qa.sample > 0;
    let sampled = if sampling { found(RunKind::Sample, GateName::Qa) } else { None };
    let old = if disarmed { found(RunKind::Kept, GateName::Green) } else { None };
    if let (Some(base), Some(old)) = (&base, &old) {
        told(case, "GREEN", unarmed(case, base, old), problems);
    }
    if let (Some(base), Some(red), Some(green)) = (&base, &red, &green) {
        told(case, "GREEN", turned(base, red, green).and_then(|()| kept(base, green)), problems);
    }
    if case.asks(GateName::Qa, "mutants-noticed")
        && case.needs.gates.contains(&GateName::Red)
        && let Some(wanted) = case.rules.charter.policy.qa.wanted(case.needs.risk)
        && let Some(sample) = sampled
    {
        told(case, "QA", noticed(&sample, wanted), problems);
    }
    let asked = case.rules.charter.policy.qa.covered(case.needs.risk).filter(|_| case.asks(GateName::Qa, "lines-covered") && red_green);
    if let Some((word, asked)) = asked.and_then(|asked| Some((found_cover(case, problems)?, asked))) {
        let verdict = lines_covered::of(&word.run, asked);
        told(case, "QA", if verdict.lets_through() { Ok(()) } else { Err(verdict.why().to_owned()) }, problems);
    }
    let last = if *case.merge.old == case.change.base { base.map(|word| word.run) } else { suite.then(|| tip(case, before, problems)).flatten() };
    if let (true, Some(merge), Some(last)) = (suite, &merge, &last) {
        told(case, "QA", whole(merge, last), problems);
    }
    merge.and_then(shown)
}

/// The run of the tree that entered by a bypass: what comes next is compared with it as well.
pub(super) fn made(case: &Case<'_>, problems: &mut Problems) -> Option<Run> {
    let found = run(case, RunKind::Merge, GateName::Deploy);
    found.map_err(|(seq, why)| problems.entry(seq, format_args!("the merge run of {}: {why}", case.merge.task))).ok().and_then(shown)
}

/// A run without a single test says nothing about its tree.
fn shown(word: RunWord) -> Option<Run> {
    Some(word.run).filter(|run| !run.results.is_empty())
}

/// As many hunks as the risk asks for are noticed when they are taken back.
fn noticed(sample: &RunWord, wanted: u32) -> Result<(), String> {
    let (all, noticed) = (sample.run.results.len(), sample.run.passed().count());
    if noticed * 100 >= all * wanted as usize { Ok(()) } else { Err(format!("{noticed} of {all} hunks were noticed when taken back")) }
}

/// The tests as they were pass with the change, but where their files were rewritten.
fn unarmed(case: &Case<'_>, base: &RunWord, old: &RunWord) -> Result<(), String> {
    let gone = lost(&base.run, &old.run).filter(|_| !altered(case, true));
    gone.map_or(Ok(()), |id| Err(format!("{id} passed on the base and, as it was, does not pass with the change")))
}

/// Whether the change touches a test file that was there before, or takes something out of one.
fn altered(case: &Case<'_>, away: bool) -> bool {
    let tests = case.rules.charter.policy.tests_of(case.change);
    tests.iter().any(|file| file.old.is_some() && (!away || takes_away(file)))
}

fn told(case: &Case<'_>, gate: &str, judged: Result<(), String>, problems: &mut Problems) {
    if let Err(why) = judged {
        problems.entry(case.merge.intended, format_args!("{gate} of {} is not what its runs show: {why}", case.merge.task));
    }
}

fn found_cover(case: &Case<'_>, problems: &mut Problems) -> Option<RunWord> {
    let found = run(case, RunKind::Cover, GateName::Qa);
    found.map_err(|(seq, why)| problems.entry(seq, format_args!("the cover run of {}: {why}", case.merge.task))).ok()
}

/// The run of what the merge replaced, where that is not its base: the run of the tip, which any attempt may have asked for, or what the last
/// merge showed.
fn tip(case: &Case<'_>, before: Option<Run>, problems: &mut Problems) -> Option<Run> {
    let until = gates::passed(case, GateName::Qa).map_or(case.merge.intended, |judged| judged.seq);
    let all = case.history.tasks.iter().flat_map(|(task, known)| known.attempts.iter().map(move |(number, attempt)| (*task, *number, attempt)));
    let runs = all.flat_map(|(task, number, attempt)| attempt.runs.iter().map(move |run| (task, number, attempt, run)));
    let on_tip = runs.filter(|(.., run)| run.kind == RunKind::Tip && run.tip == Some(case.merge.old) && run.seq < until);
    let last = on_tip.max_by_key(|(.., run)| run.seq);
    // A run of the tip that did not end well is its attempt's alone.
    let own = || case.attempt.runs.iter().rev().find(|run| run.kind == RunKind::Tip && run.tip == Some(case.merge.old) && (case.fresh..until).contains(&run.seq));
    let own = || own().map(|run| (case.merge.task, case.merge.attempt, case.attempt, run));
    let Some((task, number, attempt, tested)) = last.and_then(|last| if finished(last.3) { Some(last) } else { own() }) else {
        if before.is_none() || last.is_some() {
            problems.entry(case.merge.intended, format_args!("the tip run of {}: there is none, and the last merge showed no test", case.merge.task));
        }
        return before;
    };
    let found = of_tip(case, task, number, attempt, tested);
    found.map_err(|why| problems.entry(tested.seq, format_args!("the tip run of {task}: {why}"))).ok()
}

fn finished(tested: &Tested<'_>) -> bool {
    word::read::<RunWord>(tested.statement).is_ok_and(|(_, word)| word.run.completion == Completion::Finished)
}

/// A sound run of the tip, bound to the attempt that asked for it.
fn of_tip(case: &Case<'_>, task: &TaskId, number: u32, attempt: &Attempt<'_>, tested: &Tested<'_>) -> Result<Run, String> {
    let (measured, (submitted, _)) = attempt.measured.as_ref().zip(attempt.submitted).ok_or("it is of no candidate")?;
    let wanted = bypass::wanted(case.roster, (task, number), measured.change, tested.seq, submitted);
    let word = statement(tested, |bound| bound.unlike(&wanted))?;
    // The tree on which the workshop was founded is in no entry; every later one is.
    let tree = case.history.moves.iter().find_map(|step| match step.step {
        Step::Intended { commit, tree, .. } if commit == case.merge.old => Some(tree),
        _ => None,
    });
    match tree.filter(|tree| **tree != word.run.tree) {
        Some(tree) => Err(format!("it was made on the tree {}, not {}", word.run.tree.short(), tree.short())),
        None => Ok(word.run),
    }
}

/// The last run of a kind that was known when a gate was passed, if it is sound and of the right tree.
fn run(case: &Case<'_>, kind: RunKind, until: GateName) -> Result<RunWord, (u64, String)> {
    let until = gates::passed(case, until).map_or(case.merge.intended, |judged| judged.seq);
    let counts = |run: &&Tested<'_>| run.kind == kind && run.seq < until && (!matches!(kind, RunKind::Merge | RunKind::Cover) || run.seq > case.fresh);
    let tested = case.attempt.runs.iter().rev().find(counts).ok_or((case.merge.intended, "there is none".to_owned()))?;
    let word = statement(tested, |bound| case.unbound(bound, &case.change.tree, case.submitted)).map_err(|why| (tested.seq, why))?;
    match wrong_tree(case, kind, &word, tested.tip) {
        Some(why) => Err((tested.seq, why)),
        None => Ok(word),
    }
}

fn statement(tested: &Tested<'_>, unbound: impl Fn(&Bound) -> Option<String>) -> Result<RunWord, String> {
    let (subject, word) = word::read::<RunWord>(tested.statement)?;
    if let Some(why) = unbound(&word.bound) {
        return Err(why);
    }
    let passed = word.run.completion == Completion::Finished && word.run.failed().next().is_none();
    match () {
        () if word.kind != tested.kind.word() => Err(format!("its statement is of a {} run", word.kind)),
        () if (word.tip.as_ref(), word.declared.as_slice()) != (tested.tip, tested.declared) => {
            Err("its statement says something else than its entry".to_owned())
        }
        () if subject.digest.get("gitTree").map(String::as_str) != Some(word.run.tree.as_str()) => {
            Err("its subject is another tree".to_owned())
        }
        () if (word.result == "PASSED") != passed => Err(format!("its statement says {}, and its results do not", word.result)),
        () => Ok(word),
    }
}

fn wrong_tree(case: &Case<'_>, kind: RunKind, word: &RunWord, tip: Option<&Oid>) -> Option<String> {
    let should = match kind {
        RunKind::Base => &case.change.base_tree,
        RunKind::Green | RunKind::Sample => &case.change.tree,
        RunKind::Merge | RunKind::Cover => case.merge.tree,
        RunKind::Red | RunKind::Tip | RunKind::Kept => return None,
    };
    if word.run.tree != *should {
        return Some(format!("it was made on the tree {}, not {}", word.run.tree.short(), should.short()));
    }
    (matches!(kind, RunKind::Merge | RunKind::Cover) && tip != Some(case.merge.old)).then(|| format!("it was not made on the tip {}", case.merge.old.short()))
}

/// Ids that are new and fail without the change pass with it.
fn turned(base: &RunWord, red: &RunWord, green: &RunWord) -> Result<(), String> {
    if base.run.completion != Completion::Finished || green.run.completion != Completion::Finished {
        return Err("base or candidate did not run to the end".to_owned());
    }
    let new = |id: &&str| !base.run.results.contains_key(*id);
    let ids: Vec<&str> = match red.run.completion {
        Completion::Finished => red.run.failed().filter(new).collect(),
        Completion::NotBuilt if by_symbols(red) => green.run.passed().filter(new).collect(),
        Completion::NotBuilt | Completion::LimitReached | Completion::Infrastructure => Vec::new(),
    };
    let failing = ids.iter().find(|id| green.run.results.get(**id) != Some(&Outcome::Passed));
    match (ids.is_empty(), failing) {
        (true, _) => Err("no new test failed without the change".to_owned()),
        (false, Some(id)) => Err(format!("{id} failed without the change and does not pass with it")),
        (false, None) => Ok(()),
    }
}

fn by_symbols(red: &RunWord) -> bool {
    !red.run.missing.is_empty() && red.run.missing.iter().all(|symbol| red.declared.contains(symbol))
}

fn kept(base: &RunWord, green: &RunWord) -> Result<(), String> {
    lost(&base.run, &green.run).map_or(Ok(()), |id| Err(format!("{id} passed on the base and does not pass with the change")))
}

fn whole(merge: &RunWord, before: &Run) -> Result<(), String> {
    if merge.run.completion != Completion::Finished || merge.run.passed().next().is_none() {
        return Err("the merge result was not tested to the end, or nothing passed".to_owned());
    }
    if before.completion != Completion::Finished {
        return Err("what it replaced was not tested to the end".to_owned());
    }
    lost(before, &merge.run).map_or(Ok(()), |id| Err(format!("{id} passed before and does not pass on the merge result")))
}

fn lost<'r>(before: &'r Run, after: &Run) -> Option<&'r str> {
    before.passed().find(|id| after.results.get(*id) != Some(&Outcome::Passed))
}
