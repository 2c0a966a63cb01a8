//! A file's change hunk by hunk and operator by operator, each altered alone: what a test that asks for the change has to notice.

use super::Gate;
use super::lines::{self, Effort, Lines};
use super::stored::Type;
use super::tree::{self, FILE, PROGRAM};
use super::walk;
use crate::domain::failure::Failure;
use crate::domain::mutant::mutants;
use crate::domain::name::Oid;
use imara_diff::{Hunk, InternedInput};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Larger files are taken back by their hunks alone.
const MOST_MUTATED: usize = 1 << 20;

/// One stretch of a file, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// Where it stands: `@@ -3,1 +3,2 @@`, or `line 3, byte 7: == becomes !=`.
    pub place: String,
    range: Range<usize>,
    with: Vec<u8>,
}

impl Altered {
    fn of(&self, content: &[u8]) -> Vec<u8> {
        let (before, rest) = content.split_at(usize::min(self.range.start, content.len()));
        [before, &self.with, rest.get(self.range.len()..).unwrap_or_default()].concat()
    }
}

impl Gate {
    /// Every hunk of a file's change, taken back alone; hunks of blank lines and comments are left out, as no test can notice them.
    pub fn taken_back(&self, old: &Oid, new: &Oid, effort: &Effort) -> Result<Vec<Altered>, Failure> {
        let mut objects = self.objects(None)?;
        let (before, after) = (objects.read(old, Type::Blob)?, objects.read(new, Type::Blob)?);
        Ok(hunks(&before, &after, effort))
    }

    /// Every operator in the lines that a file's change brings, turned alone; none where the language is not known.
    pub fn turned(&self, path: &str, old: Option<&Oid>, new: &Oid, effort: &Effort) -> Result<Vec<Altered>, Failure> {
        let mut objects = self.objects(None)?;
        let after = objects.read(new, Type::Blob)?;
        if after.len() > MOST_MUTATED {
            return Ok(Vec::new());
        }
        let before = old.map_or_else(|| Ok(Vec::new()), |old| objects.read(old, Type::Blob))?;
        Ok(turned(path, &before, &after, effort))
    }

    /// Stores a file's content as it is altered.
    pub fn alter(&self, content: &Oid, altered: &Altered) -> Result<(Oid, u64), Failure> {
        let bytes = altered.of(&self.objects(None)?.read(content, Type::Blob)?);
        Ok((self.write_blob(&bytes)?, bytes.len() as u64))
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
        let (mut objects, effort) = (self.objects(None)?, Effort::default());
        let mut added = BTreeMap::new();
        for delta in walk::whole(&mut objects, Some(old), Some(new))?.deltas {
            let Some(now) = delta.new.as_ref().filter(|item| [FILE, PROGRAM].contains(&item.mode)) else { continue };
            let after = objects.read(&now.id, Type::Blob)?;
            let before = delta.old.as_ref().filter(|item| [FILE, PROGRAM].contains(&item.mode));
            let before = before.map_or_else(|| Ok(Vec::new()), |item| objects.read(&item.id, Type::Blob))?;
            added.insert(tree::spell(&delta.path), added_in(&before, &after, &effort));
        }
        Ok(added)
    }
}

fn added_in(before: &[u8], after: &[u8], effort: &Effort) -> BTreeSet<u32> {
    let input = InternedInput::new(Lines(before), Lines(after));
    let Some(mut diff) = lines::diff(&input, effort) else { return (1..).take(input.after.len()).collect() };
    diff.postprocess_lines(&input);
    diff.hunks().flat_map(|hunk| hunk.after).map(|line| line + 1).collect()
}

fn hunks(before: &[u8], after: &[u8], effort: &Effort) -> Vec<Altered> {
    let input = InternedInput::new(Lines(before), Lines(after));
    let Some(mut diff) = lines::diff(&input, effort) else { return Vec::new() };
    diff.postprocess_lines(&input);
    let says = |hunk: &Hunk| {
        let old = input.before[hunk.before.start as usize..hunk.before.end as usize].iter();
        let new = input.after[hunk.after.start as usize..hunk.after.end as usize].iter();
        old.chain(new).any(|token| !silent(input.interner[*token]))
    };
    let (from, to) = (starts(before), starts(after));
    let bytes = |starts: &[usize], lines: &Range<u32>| starts[lines.start as usize]..starts[lines.end as usize];
    let taken = |hunk: Hunk| {
        let place = format!("@@ -{},{} +{},{} @@", hunk.before.start + 1, hunk.before.len(), hunk.after.start + 1, hunk.after.len());
        Altered { place, range: bytes(&to, &hunk.after), with: before[bytes(&from, &hunk.before)].to_vec() }
    };
    diff.hunks().filter(says).map(taken).collect()
}

fn turned(path: &str, before: &[u8], after: &[u8], effort: &Effort) -> Vec<Altered> {
    let (added, starts) = (added_in(before, after, effort), starts(after));
    let turned = mutants(path, after).into_iter().filter_map(|mutant| {
        let line = starts.partition_point(|start| *start <= mutant.at);
        let place = format!("line {line}, byte {}: {} becomes {}", mutant.at - starts[line - 1] + 1, mutant.from, mutant.to);
        let altered = Altered { place, range: mutant.at..mutant.at + mutant.from.len(), with: mutant.to.as_bytes().to_vec() };
        added.contains(&u32::try_from(line).ok()?).then_some(altered)
    });
    turned.collect()
}

/// Where each line of a content begins, and where the last one ends.
fn starts(content: &[u8]) -> Vec<usize> {
    let ends = Lines(content).scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    [0].into_iter().chain(ends).collect()
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
        spelled(&hunks(before.as_bytes(), after.as_bytes(), &Effort::default()), after)
    }

    fn spelled(all: &[Altered], after: &str) -> Vec<(String, String)> {
        all.iter().map(|one| (one.place.clone(), String::from_utf8(one.of(after.as_bytes())).unwrap())).collect()
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

    #[test]
    fn only_operators_of_new_lines_are_turned() {
        let (before, after) = ("a == b\nc == d\n", "a == b\nif c == d:\n    e < f\n");
        let found = spelled(&turned("x.py", before.as_bytes(), after.as_bytes(), &Effort::default()), after);
        let (line, column) = ("line 2, byte 6: == becomes !=".to_owned(), "line 3, byte 7: < becomes >=".to_owned());
        let turned_line = (line, "a == b\nif c != d:\n    e < f\n".to_owned());
        assert_eq!(found, [turned_line, (column, "a == b\nif c == d:\n    e >= f\n".to_owned())]);
        assert_eq!(turned("x.py", b"", b"a == b", &Effort::default()).len(), 1, "a new file, its last line without an end");
        assert!(turned("x.py", b"a == b\n", b"a == b\n", &Effort::default()).is_empty() && turned("x.txt", b"", b"a == b\n", &Effort::default()).is_empty());
    }
}
