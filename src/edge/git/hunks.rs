//! A file's change hunk by hunk, each taken back alone: what a test that asks for the change has to notice.

use super::Gate;
use super::lines::Lines;
use super::stored::Type;
use super::tree::{self, FILE, PROGRAM};
use super::walk;
use crate::domain::failure::Failure;
use crate::domain::name::Oid;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput};
use std::collections::{BTreeMap, BTreeSet};

/// The content of a file with one hunk taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// Where the hunk stands: `@@ -3,1 +3,2 @@`.
    pub place: String,
    pub content: Vec<u8>,
}

impl Gate {
    /// Every hunk of a file's change, taken back alone; hunks of blank lines and comments are left out, as no test can notice them.
    pub fn taken_back(&self, old: &Oid, new: &Oid) -> Result<Vec<TakenBack>, Failure> {
        let mut objects = self.objects(None)?;
        let (before, after) = (objects.read(old, Type::Blob)?, objects.read(new, Type::Blob)?);
        Ok(hunks(&before, &after))
    }
}

impl Gate {
    /// The paths of all regular files of a tree.
    pub fn files_of(&self, tree: &Oid) -> Result<Vec<String>, Failure> {
        let all = walk::whole(&mut self.objects(None)?, None, Some(tree))?.deltas;
        let file = |delta: &walk::Delta| delta.new.as_ref().is_some_and(|item| [FILE, PROGRAM].contains(&item.mode));
        Ok(all.into_iter().filter(file).map(|delta| tree::spell(&delta.path)).collect())
    }

    /// The lines that a tree has and an earlier one had not, by path, counted from 1.
    pub fn added_lines(&self, old: &Oid, new: &Oid) -> Result<BTreeMap<String, BTreeSet<u32>>, Failure> {
        let mut objects = self.objects(None)?;
        let mut added = BTreeMap::new();
        for delta in walk::whole(&mut objects, Some(old), Some(new))?.deltas {
            let Some(now) = delta.new.as_ref().filter(|item| [FILE, PROGRAM].contains(&item.mode)) else { continue };
            let after = objects.read(&now.id, Type::Blob)?;
            let before = delta.old.as_ref().filter(|item| [FILE, PROGRAM].contains(&item.mode));
            let before = before.map_or_else(|| Ok(Vec::new()), |item| objects.read(&item.id, Type::Blob))?;
            added.insert(tree::spell(&delta.path), added_in(&before, &after));
        }
        Ok(added)
    }
}

fn added_in(before: &[u8], after: &[u8]) -> BTreeSet<u32> {
    let input = InternedInput::new(Lines(before), Lines(after));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    diff.hunks().flat_map(|hunk| hunk.after).map(|line| line + 1).collect()
}

fn hunks(before: &[u8], after: &[u8]) -> Vec<TakenBack> {
    let input = InternedInput::new(Lines(before), Lines(after));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let says = |hunk: &Hunk| {
        let old = input.before[hunk.before.start as usize..hunk.before.end as usize].iter();
        let new = input.after[hunk.after.start as usize..hunk.after.end as usize].iter();
        old.chain(new).any(|token| !silent(input.interner[*token]))
    };
    diff.hunks().filter(says).map(|hunk| taken(&input, &hunk)).collect()
}

fn taken(input: &InternedInput<&[u8]>, hunk: &Hunk) -> TakenBack {
    let (start, end) = (hunk.after.start as usize, hunk.after.end as usize);
    let old = &input.before[hunk.before.start as usize..hunk.before.end as usize];
    let tokens = input.after[..start].iter().chain(old).chain(&input.after[end..]);
    let content = tokens.flat_map(|token| input.interner[*token].iter().copied()).collect();
    let place = format!("@@ -{},{} +{},{} @@", hunk.before.start + 1, hunk.before.len(), hunk.after.start + 1, hunk.after.len());
    TakenBack { place, content }
}

/// A line that no run of the program depends on, in most languages.
fn silent(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    text.is_empty() || text == "#" || ["//", "/*", "*/", "* ", "# ", "-- ", "<!--"].iter().any(|mark| text.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: &str, after: &str) -> Vec<(String, String)> {
        let taken = hunks(before.as_bytes(), after.as_bytes());
        taken.into_iter().map(|one| (one.place, String::from_utf8(one.content).unwrap())).collect()
    }

    #[test]
    fn each_hunk_is_taken_back_alone() {
        let found = of("a\nb\nc\nd\ne\n", "a\nB\nc\nd\nE\nf\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], ("@@ -2,1 +2,1 @@".to_owned(), "a\nb\nc\nd\nE\nf\n".to_owned()));
        assert_eq!(found[1], ("@@ -5,1 +5,2 @@".to_owned(), "a\nB\nc\nd\ne\n".to_owned()));
        assert_eq!(of("a\n", ""), [("@@ -1,1 +1,0 @@".to_owned(), "a\n".to_owned())]);
    }

    #[test]
    fn what_no_test_can_notice_is_left_out() {
        assert!(of("a\n", "a\n\n// why\n# why\n").is_empty());
        assert_eq!(of("a\n", "a\n#[inline]\n").len(), 1);
    }
}
