//! Hunks of a change taken back one at a time: a test that asks for the change misses it.

use super::{Trial, run_tests, unasked};
use crate::domain::change::{Blob, FileChange};
use crate::domain::failure::Failure;
use crate::domain::policy::PathKind;
use crate::domain::run::{Completion, Outcome, Run};
use crate::edge::chance;
use crate::edge::git::{Gate, TakenBack};
use crate::supervisor::yard::Yard;

/// A hunk of a file, by the change that it is part of.
struct Mutant<'a> {
    file: &'a FileChange,
    taken: TakenBack,
}

/// One result for each hunk of the sample: passed where some test that passes with the whole change does not without the hunk.
pub(super) fn run(yard: &Yard, trial: &Trial) -> Result<Run, Failure> {
    let gate = yard.gate()?;
    let mut told = Run { harness: "hunks".to_owned(), note: String::new(), ..unasked(trial.change.tree.clone()) };
    let Some(green) = &trial.green else { return Ok(told) };
    for mutant in chosen(mutants(gate, trial)?, trial.policy.qa.sample as usize)?.iter() {
        let run = without(yard, trial, mutant)?;
        if run.completion == Completion::Infrastructure {
            return Ok(Run { tree: trial.change.tree.clone(), ..run });
        }
        let missed = run.completion != Completion::Finished || green.passed().any(|id| run.results.get(id) != Some(&Outcome::Passed));
        let id = format!("{} {}", mutant.file.path, mutant.taken.place);
        told.duration_ms += run.duration_ms;
        told.results.insert(id, if missed { Outcome::Passed } else { Outcome::Failed });
    }
    told.note = format!("{} hunks taken back, one at a time", told.results.len());
    Ok(told)
}

/// Every hunk of source that was there before; what is new as a whole is RED's to show.
fn mutants<'a>(gate: &Gate, trial: &'a Trial) -> Result<Vec<Mutant<'a>>, Failure> {
    let mut all = Vec::new();
    for file in trial.change.files.iter().filter(|file| !file.binary && trial.policy.kind_of(file) == PathKind::Source) {
        let (Some(old), Some(new)) = (&file.old, &file.new) else { continue };
        all.extend(gate.taken_back(&old.oid, &new.oid)?.into_iter().map(|taken| Mutant { file, taken }));
    }
    Ok(all)
}

/// So many of them, by a chance that no author can foresee.
fn chosen<T>(mut all: Vec<T>, most: usize) -> Result<Vec<T>, Failure> {
    while all.len() > most {
        let number = chance::bytes::<8>()?.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let at = usize::try_from(number % all.len() as u64).unwrap_or(0);
        all.swap_remove(at);
    }
    Ok(all)
}

fn without(yard: &Yard, trial: &Trial, mutant: &Mutant<'_>) -> Result<Run, Failure> {
    let gate = yard.gate()?;
    let mode = mutant.file.new.as_ref().map_or(crate::domain::policy::PLAIN, |blob| blob.mode);
    let blob = Blob { oid: gate.write_blob(&mutant.taken.content)?, mode, size: mutant.taken.content.len() as u64 };
    let tree = gate.compose(&trial.change.tree, &[(mutant.file.path.clone(), Some(blob))])?;
    run_tests(yard, trial, &tree)
}
