//! No path of the change names git's own folder or plays tricks, and the policy forbids none of its entries.

use super::{Check, Verdict};
use crate::domain::evidence::{Evidence, some};
use crate::domain::gate::GateName;
use crate::domain::glob::{FoldedPath, odd_path};
use std::collections::BTreeSet;

pub const NO_FORBIDDEN_ENTRIES: Check = Check {
    name: "no-forbidden-entries",
    gate: GateName::Peer,
    about: "No path of the change names git's own folder or plays tricks, and the policy forbids none of its entries.",
    judge,
    hint: "orchestrate task show TASK",
};

/// Paths that a commit of the range touched count too: a blob that was taken out again can still be reached.
fn judge(evidence: &Evidence) -> Verdict {
    let change = evidence.change;
    let paths: BTreeSet<&String> = change.files.iter().map(|file| &file.path).chain(&change.touched).collect();
    let tricks = paths.into_iter().filter_map(|path| trick(path).map(|why| format!("{path:?}: {why}")));
    let faults: Vec<String> = evidence.needs.denied.iter().cloned().chain(tricks).collect();
    match &faults.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Verdict::Pass("all entries are of kinds that may enter".to_owned()),
        faults => Verdict::Fail(some(faults)),
    }
}

fn trick(path: &str) -> Option<&'static str> {
    let twin = || FoldedPath::new(path).segments().any(|segment| is_git_folder(&segment));
    odd_path(path).or_else(|| twin().then_some("it is git's own folder on some file system"))
}

/// `.git` as some file system would take it: folded already, or by its short name, or with a stream behind it.
fn is_git_folder(segment: &str) -> bool {
    let short = segment.strip_prefix("git~").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    segment == ".git" || segment.starts_with(".git:") || short
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::NO_FORBIDDEN_ENTRIES, include_str!("../../../tests/check/no-forbidden-entries.txt"));
    }
}
