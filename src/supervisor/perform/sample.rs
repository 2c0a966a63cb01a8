//! Mutants of a change, one at a time: a hunk taken back, or an operator turned into its opposite. A test that asks for the change notices.

use super::{Trial, run_tests, unasked};
use crate::domain::change::{Blob, FileChange};
use crate::domain::failure::Failure;
use crate::domain::policy::PathKind;
use crate::domain::run::{Completion, Outcome, Run};
use crate::edge::chance;
use crate::edge::git::{Altered, Effort, Gate};
use crate::supervisor::yard::Yard;

/// A file of the change, altered in one place.
struct Mutant<'a> {
    file: &'a FileChange,
    altered: Altered,
    /// Whether a whole hunk is taken back: what does not build without it misses it.
    hunk: bool,
}

/// For each mutant that counts so many others may be no program, until no more are made.
const MOST_UNBUILT: usize = 5;

/// One result for each mutant of the sample: passed where some test that passes with the whole change does not with the mutant, skipped where
/// the mutant could not be built.
pub(super) fn run(yard: &Yard, trial: &Trial) -> Result<Run, Failure> {
    let gate = yard.gate()?;
    let mut told = Run { harness: "mutants".to_owned(), note: String::new(), ..unasked(trial.change.tree.clone()) };
    let Some(green) = &trial.green else { return Ok(told) };
    let most = trial.policy.qa.sample as usize;
    let (mut counted, mut unbuilt, effort) = (0, 0, Effort::default());
    for mutant in in_turn(shuffled(hunks(gate, trial, &effort)?)?, shuffled(turned(gate, trial, &effort)?)?) {
        if counted >= most || unbuilt >= most * MOST_UNBUILT {
            break;
        }
        let run = tested(yard, trial, &mutant)?;
        told.duration_ms += run.duration_ms;
        if run.completion == Completion::Infrastructure {
            return Ok(Run { tree: trial.change.tree.clone(), ..run });
        }
        let outcome = match noticed(green, &run, mutant.hunk, trial.limits.wall_seconds) {
            Some(true) => Outcome::Passed,
            Some(false) => Outcome::Failed,
            None => Outcome::Skipped,
        };
        if outcome == Outcome::Skipped { unbuilt += 1 } else { counted += 1 }
        told.results.insert(format!("{} {}", mutant.file.path, mutant.altered.place), outcome);
    }
    told.note = format!("{counted} mutants, one at a time; {unbuilt} more could not be built");
    Ok(told)
}

/// Whether the tests noticed; nothing where the mutant is not even a program, which tells nothing of them. A mutant that never ends is noticed,
/// unless the tests take nearly as long as they may without it.
fn noticed(green: &Run, run: &Run, hunk: bool, wall_seconds: u32) -> Option<bool> {
    match run.completion {
        Completion::Finished => {}
        Completion::LimitReached => return Some(green.duration_ms / 1000 < u64::from(wall_seconds) / 2),
        Completion::NotBuilt => return hunk.then_some(true),
        Completion::Infrastructure => return None,
    }
    let now: Vec<Option<&Outcome>> = green.passed().map(|id| run.results.get(id)).collect();
    match () {
        () if now.iter().all(|outcome| *outcome == Some(&Outcome::Passed)) => Some(false),
        () if hunk || now.iter().flatten().any(|outcome| **outcome != Outcome::Passed) => Some(true),
        () => None,
    }
}

fn sources(trial: &Trial) -> impl Iterator<Item = &FileChange> {
    trial.change.files.iter().filter(|file| !file.binary && trial.policy.kind_of(file) == PathKind::Source)
}

/// Every hunk of source that was there before; what is new as a whole is RED's to show.
fn hunks<'a>(gate: &Gate, trial: &'a Trial, effort: &Effort) -> Result<Vec<Mutant<'a>>, Failure> {
    let mut all = Vec::new();
    for file in sources(trial) {
        let (Some(old), Some(new)) = (&file.old, &file.new) else { continue };
        all.extend(gate.taken_back(&old.oid, &new.oid, effort)?.into_iter().map(|altered| Mutant { file, altered, hunk: true }));
    }
    Ok(all)
}

/// Every operator in the lines of source that the change brings.
fn turned<'a>(gate: &Gate, trial: &'a Trial, effort: &Effort) -> Result<Vec<Mutant<'a>>, Failure> {
    let mut all = Vec::new();
    for file in sources(trial) {
        let Some(new) = &file.new else { continue };
        let turned = gate.turned(&file.path, file.old.as_ref().map(|old| &old.oid), &new.oid, effort)?;
        all.extend(turned.into_iter().map(|altered| Mutant { file, altered, hunk: false }));
    }
    Ok(all)
}

/// By a chance that no author can foresee.
fn shuffled<T>(mut all: Vec<T>) -> Result<Vec<T>, Failure> {
    for at in (1..all.len()).rev() {
        let number = chance::bytes::<8>()?.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        all.swap(at, usize::try_from(number % (at as u64 + 1)).unwrap_or(0));
    }
    Ok(all)
}

/// One of each in turn, and then what is left of either.
fn in_turn<T>(one: Vec<T>, other: Vec<T>) -> impl Iterator<Item = T> {
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut first = false;
    std::iter::from_fn(move || {
        first = !first;
        if first { one.next().or_else(|| other.next()) } else { other.next().or_else(|| one.next()) }
    })
}

fn tested(yard: &Yard, trial: &Trial, mutant: &Mutant<'_>) -> Result<Run, Failure> {
    let gate = yard.gate()?;
    let Some(new) = &mutant.file.new else { return Err(Failure::new("BUG: a mutant of a file that is gone", &mutant.file.path)) };
    let (oid, size) = gate.alter(&new.oid, &mutant.altered)?;
    let blob = Blob { oid, mode: new.mode, size };
    let tree = gate.compose(&trial.change.tree, &[(mutant.file.path.clone(), Some(blob))])?;
    run_tests(yard, trial, &tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::Oid;
    use std::collections::BTreeMap;

    fn run(results: &[(&str, Outcome)], completion: Completion) -> Run {
        let results: BTreeMap<_, _> = results.iter().map(|(id, outcome)| ((*id).to_owned(), *outcome)).collect();
        Run { results, completion, ..unasked(Oid::new("a".repeat(40)).unwrap()) }
    }

    #[test]
    fn a_mutant_is_noticed_by_a_test_that_judged_it() {
        use Outcome::{Broken, Failed, Passed, Skipped};
        let green = run(&[("a", Passed), ("b", Passed), ("c", Skipped)], Completion::Finished);
        let with = |results: &[(&str, Outcome)], hunk| noticed(&green, &run(results, Completion::Finished), hunk, 900);
        for hunk in [true, false] {
            assert_eq!(with(&[("a", Passed), ("b", Passed), ("c", Failed)], hunk), Some(false), "c did not pass before");
            assert_eq!(with(&[("a", Passed), ("b", Failed)], hunk), Some(true));
            assert_eq!(with(&[("a", Passed), ("b", Broken)], hunk), Some(true));
            let endless = |took: u64| noticed(&Run { duration_ms: took, ..green.clone() }, &run(&[], Completion::LimitReached), hunk, 900);
            assert_eq!(endless(449_999), Some(true), "it never ends");
            assert_eq!(endless(450_000), Some(false), "slow tests that became a little slower have seen nothing");
        }
        let unbuilt = |hunk| noticed(&green, &run(&[], Completion::NotBuilt), hunk, 900);
        assert_eq!((unbuilt(true), unbuilt(false)), (Some(true), None), "an operator that its types do not have is no test's doing");
        assert_eq!(with(&[], true), Some(true), "what does not build without a hunk misses it");
        assert_eq!(with(&[], false), None, "what is no program says nothing of the tests");
        assert_eq!(with(&[("a", Passed)], false), None);
    }

    #[test]
    fn both_sorts_come_in_turn() {
        let all = |one: &[u8], other: &[u8]| in_turn(one.to_vec(), other.to_vec()).collect::<Vec<u8>>();
        assert_eq!(all(&[1, 2], &[8, 9]), [1, 8, 2, 9]);
        assert_eq!((all(&[1], &[7, 8, 9]), all(&[1, 2, 3], &[9]), all(&[], &[])), (vec![1, 7, 8, 9], vec![1, 9, 2, 3], vec![]));
        let mut mixed = shuffled((0..50).collect::<Vec<u8>>()).unwrap();
        mixed.sort_unstable();
        assert_eq!(mixed, (0..50).collect::<Vec<u8>>());
    }
}
