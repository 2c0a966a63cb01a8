//! What reviewers read: differences and files as they are in objects, with nothing that a terminal or an eye obeys unseen.

use super::Gate;
use super::lines::{self, Effort, Lines};
use super::objects::Objects;
use super::stored::Type;
use super::tree::{self, FILE, Item, PROGRAM, TREE};
use super::walk::{self, Delta};
use crate::domain::failure::Failure;
use crate::domain::name::{Oid, RefName};
use crate::domain::reading::FileText;
use imara_diff::{Hunk, InternedInput};
use std::fmt::Write as _;
use std::ops::Range;

const AROUND: u32 = 3;

impl Gate {
    /// Spells the difference of two trees, every file named first, in at most about `limit` bytes.
    ///
    /// Control bytes and code points that hide or reorder text stand as `⟦U+202E⟧`.
    pub fn diff_text(&self, from_tree: &Oid, to_tree: &Oid, limit: usize) -> Result<String, Failure> {
        let (mut objects, effort) = (self.objects(None)?, Effort::default());
        let difference = walk::whole(&mut objects, Some(from_tree), Some(to_tree))?;
        let mut text = format!("{} paths differ\n", difference.deltas.len());
        for delta in &difference.deltas {
            writeln!(text, "  {}", headline(delta)).map_err(|why| Failure::new("cannot spell a difference", why))?;
        }
        for delta in &difference.deltas {
            if text.len() > limit {
                break;
            }
            write!(text, "\n--- {}\n{}", headline(delta), file(&mut objects, delta, &effort)?).map_err(|why| Failure::new("cannot spell a difference", why))?;
        }
        Ok(cut(text, limit))
    }

    /// The same difference file by file, in at most about `limit` bytes; where only a file's mode changed, its headline stands for it.
    pub fn file_texts(&self, from_tree: &Oid, to_tree: &Oid, limit: usize) -> Result<Vec<FileText>, Failure> {
        let mut objects = self.objects(None)?;
        let difference = walk::whole(&mut objects, Some(from_tree), Some(to_tree))?;
        texts(&mut objects, &difference.deltas, limit)
    }

    /// What a kept candidate changed since it left the protected branch; nothing where it is not there.
    pub fn kept_texts(&self, name: &RefName, limit: usize) -> Result<Option<Vec<FileText>>, Failure> {
        let Some(commit) = self.find_ref(name)? else { return Ok(None) };
        let Some(base) = self.merge_base(None, self.branch().as_str(), commit.as_str())? else { return Ok(None) };
        self.file_texts(&self.tree_of(&base)?, &self.tree_of(&commit)?, limit).map(Some)
    }

    /// Reads a regular file of a tree; nothing where there is none.
    pub fn file_at(&self, tree: &Oid, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
        let mut objects = self.objects(None)?;
        let Some(id) = find(&mut objects, tree, path)? else { return Ok(None) };
        let bytes = objects.read(&id, Type::Blob)?;
        if bytes.len() > limit {
            return Err(Failure::new(format!("cannot read {path}"), format!("it has {} bytes, and {limit} are allowed", bytes.len())));
        }
        Ok(Some(bytes))
    }
}

/// Walks down a path, through directories only.
fn find(objects: &mut Objects, tree: &Oid, path: &str) -> Result<Option<Oid>, Failure> {
    let mut at = Item { mode: TREE, id: tree.clone() };
    for name in path.split('/') {
        if at.mode != TREE {
            return Ok(None);
        }
        let bytes = objects.read(&at.id, Type::Tree)?;
        match tree::parse(&bytes, at.id.as_str().len() / 2)?.find(name.as_bytes()) {
            Some(entry) => at = entry.item()?,
            None => return Ok(None),
        }
    }
    Ok([FILE, PROGRAM].contains(&at.mode).then_some(at.id))
}

fn headline(delta: &Delta) -> String {
    let side = |item: &Option<Item>| item.as_ref().map_or_else(|| "none".into(), |item| format!("{:o} {}", item.mode, item.id.short()));
    format!("{} ({} -> {})", escaped(&delta.path), side(&delta.old), side(&delta.new))
}

/// Spells these files' differences one by one.
pub(super) fn texts(objects: &mut Objects, deltas: &[Delta], limit: usize) -> Result<Vec<FileText>, Failure> {
    let (mut left, effort) = (limit, Effort::default());
    let mut all = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let text = if left == 0 { String::new() } else { file(objects, delta, &effort)? };
        let text = if text.is_empty() { headline(delta) } else { text };
        left = left.saturating_sub(text.len());
        all.push(FileText { path: tree::spell(&delta.path), text });
    }
    Ok(all)
}

/// A file's hunks, or what there is to say of a content that cannot be shown.
fn file(objects: &mut Objects, delta: &Delta, effort: &Effort) -> Result<String, Failure> {
    let mut text = String::new();
    let old = content(objects, delta.old.as_ref())?;
    let new = content(objects, delta.new.as_ref())?;
    match (old, new) {
        (Some(old), Some(new)) if !old.contains(&0) && !new.contains(&0) => hunks(&old, &new, effort, &mut text),
        (old, new) => text.push_str(&format!("opaque: {} -> {}\n", size(old.as_ref()), size(new.as_ref()))),
    }
    Ok(text)
}

fn size(bytes: Option<&Vec<u8>>) -> String {
    bytes.map_or_else(|| "too large to read".into(), |bytes| format!("{} bytes", bytes.len()))
}

fn content(objects: &mut Objects, item: Option<&Item>) -> Result<Option<Vec<u8>>, Failure> {
    match item.filter(|item| walk::has_content(item)) {
        Some(item) => Ok(objects.find(&item.id)?.and_then(|object| object.bytes)),
        None => Ok(Some(Vec::new())),
    }
}

fn hunks(old: &[u8], new: &[u8], effort: &Effort, text: &mut String) {
    let input = InternedInput::new(Lines(old), Lines(new));
    let Some(mut diff) = lines::diff(&input, effort) else {
        text.push_str("too many lines are alike to be laid side by side; all of both:\n");
        spelled(&input, &input.before, 0..input.before.len() as u32, '-', text);
        return spelled(&input, &input.after, 0..input.after.len() as u32, '+', text);
    };
    diff.postprocess_lines(&input);
    let mut after = 0;
    let all: Vec<Hunk> = diff.hunks().collect();
    for (at, hunk) in all.iter().enumerate() {
        let begin = hunk.before.start.saturating_sub(AROUND).max(after);
        if begin > after || at == 0 {
            text.push_str(&format!("@@ -{} +{} @@\n", begin + 1, hunk.after.start - (hunk.before.start - begin) + 1));
        }
        spelled(&input, &input.before, begin..hunk.before.start, ' ', text);
        spelled(&input, &input.before, hunk.before.clone(), '-', text);
        spelled(&input, &input.after, hunk.after.clone(), '+', text);
        let next = all.get(at + 1).map_or(input.before.len() as u32, |next| next.before.start);
        after = next.min(hunk.before.end + AROUND);
        spelled(&input, &input.before, hunk.before.end..after, ' ', text);
    }
}

fn spelled(input: &InternedInput<&[u8]>, tokens: &[imara_diff::Token], range: Range<u32>, sign: char, text: &mut String) {
    for token in &tokens[range.start as usize..range.end as usize] {
        let line = input.interner[*token];
        text.push(sign);
        text.push_str(&escaped(line.strip_suffix(b"\n").unwrap_or(line)));
        text.push_str(if line.ends_with(b"\n") { "\n" } else { "⟦no LF⟧\n" });
    }
}

/// Spells bytes so that what is read is what is there.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let hides = (c.is_control() && c != '\t') || tree::unseen(c) || matches!(c, '⟦' | '⟧');
            if hides { text.push_str(&format!("⟦U+{:04X}⟧", u32::from(c))) } else { text.push(c) }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("⟦{byte:02X}⟧")));
    }
    text
}

/// Cuts a text at a character, and says so.
fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n⟦cut off here⟧\n");
    }
    text
}
