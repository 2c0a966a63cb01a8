//! Which lines of a change the tests run, on what would enter the branch.

use super::lay::Laid;
use super::{Trial, with_job};
use crate::domain::failure::Failure;
use crate::domain::name::Oid;
use crate::domain::policy::PathKind;
use crate::domain::run::Run;
use crate::edge::runner::{self, cover::Asked};
use crate::supervisor::yard::Yard;

/// Source alone counts: what the tests' own files run says nothing.
pub(super) fn run(yard: &Yard, trial: &Trial, tree: &Oid) -> Result<Run, Failure> {
    let gate = yard.gate()?;
    let source = |path: &String| trial.policy.kind(path) == PathKind::Source;
    let files = gate.files_of(tree)?.into_iter().filter(&source).collect();
    let changed = gate.added_lines(&gate.tree_of(&trial.tip)?, tree)?.into_iter().filter(|(path, _)| source(path)).collect();
    let laid = Laid::of(yard, tree)?;
    let run = with_job(yard, trial, tree, &laid.dir(), |job| runner::cover(job, &Asked { files, changed }));
    laid.give_back_after(yard, &run);
    Ok(run)
}
