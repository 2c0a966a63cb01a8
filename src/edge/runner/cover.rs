//! Which lines the tests run: of what a change brings, and of all source. The tree has no say in it: no file of its, no comment in it.
//!
//! Python's lines are told by its own compiler and tracer, JavaScript's by V8's block coverage, Go's by its own tool, Rust's by LLVM's
//! (`rustup component add llvm-tools`); where a language's tool is not at hand, nothing is told. Which lines can run is told before anything of the tree does, so that no test can hide one. Lines
//! of a report that is missing or cannot be read did not run. What stays open is what stays open for every run: code in a test's own
//! process (a test, `TestMain`, `sitecustomize.py`) can write that process's report, and so claim that other code ran.

use super::execute::{Bench, Trouble};
use super::{Harness, Job, Run, execute, llvm, node, profile, pytest};
use crate::domain::run::{Completion, Coverage};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// The lines of each file, by its path in the tree.
pub type Lines = BTreeMap<String, BTreeSet<u32>>;

/// What is to be told: every file of source, and the lines that a change brings.
#[derive(Debug, Default)]
pub struct Asked {
    pub files: Vec<String>,
    pub changed: Lines,
}

/// The lines that can run, and those that did.
#[derive(Debug, Default)]
pub(super) struct Covered {
    pub tool: &'static str,
    pub code: Lines,
    pub hit: Lines,
}

/// Runs the tests once more, watched.
pub fn cover(job: &Job, asked: &Asked) -> Run {
    let begin = Instant::now();
    let bench = Bench::new(job, begin);
    let told = bench.as_ref().map_err(Trouble::clone).and_then(|bench| with(bench, asked));
    let (output, tail) = bench.as_ref().map_or_else(|_| (crate::domain::name::Digest::of(b""), String::new()), Bench::captured);
    let (completion, coverage, note) = match told {
        Ok(Some(covered)) => (Completion::Finished, Some(Box::new(count(&covered, asked))), String::new()),
        Ok(None) => (Completion::Finished, None, absent(&job.harness)),
        Err(trouble) => {
            let told = trouble.told(&tail);
            (told.completion, None, told.note)
        }
    };
    let duration_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (tree, harness) = (job.tree.clone(), job.harness.to_string());
    Run { tree, harness, command: Vec::new(), completion, results: BTreeMap::new(), missing: Vec::new(), note: execute::clean(&note), output, duration_ms, coverage }
}

fn absent(harness: &Harness) -> String {
    let fix = if *harness == Harness::Cargo { "; fix: rustup component add llvm-tools" } else { "" };
    format!("no tool here tells which lines {harness} runs{fix}")
}

fn with(bench: &Bench, asked: &Asked) -> Result<Option<Covered>, Trouble> {
    let ending = |ends: &[&str]| -> Vec<&str> { asked.files.iter().map(String::as_str).filter(|path| ends.iter().any(|end| path.ends_with(end))).collect() };
    match &bench.job.harness {
        Harness::Pytest => pytest::cover(bench, &ending(&[".py"])).map(Some),
        Harness::Node => node::cover(bench, &ending(&[".js", ".mjs", ".cjs"])),
        Harness::Go => profile::cover(bench, &ending(&[".go"])).map(Some),
        Harness::Cargo => llvm::cover(bench, &ending(&[".rs"])),
        Harness::Command { .. } => Ok(None),
    }
}

fn count(covered: &Covered, asked: &Asked) -> Coverage {
    let mut told = Coverage { tool: covered.tool.to_owned(), ..Coverage::default() };
    let none = BTreeSet::new();
    for (path, code) in &covered.code {
        let (hit, changed) = (covered.hit.get(path).unwrap_or(&none), asked.changed.get(path).unwrap_or(&none));
        told.lines += code.len() as u64;
        told.run += code.intersection(hit).count() as u64;
        let brought: Vec<u32> = code.intersection(changed).copied().collect();
        told.changed += brought.len() as u64;
        told.changed_run += brought.iter().filter(|line| hit.contains(line)).count() as u64;
        told.missed.extend(brought.iter().filter(|line| !hit.contains(line)).map(|line| format!("{path}:{line}")));
    }
    told.missed.truncate(MOST_MISSED);
    told
}

/// Lines that did not run and are named.
const MOST_MISSED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[(&str, &[u32])]) -> Lines {
        of.iter().map(|(path, lines)| ((*path).to_owned(), lines.iter().copied().collect())).collect()
    }

    #[test]
    fn lines_are_counted_of_the_whole_and_of_the_change() {
        let covered = Covered { tool: "t", code: lines(&[("a.py", &[1, 2, 5]), ("b.py", &[1])]), hit: lines(&[("a.py", &[1, 2, 3])]) };
        let asked = Asked { files: Vec::new(), changed: lines(&[("a.py", &[2, 3, 5]), ("b.py", &[1]), ("c.md", &[1])]) };
        let told = count(&covered, &asked);
        assert_eq!((told.run, told.lines, told.changed_run, told.changed), (2, 4, 1, 3));
        assert_eq!(told.missed, ["a.py:5", "b.py:1"]);
    }
}
