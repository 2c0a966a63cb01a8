//! What the next commit changes: the index against HEAD's trees, reading only those trees that differ.

use super::{Entry, Index, Type, Stored};
use crate::domain::failure::Failure;
use std::collections::HashMap;

/// A tree's word on one name: mode and object.
type Item<'t> = (u32, &'t [u8]);

const FOLDER: u32 = 0o040_000;
const DEEPEST: usize = 512;

/// Finds the entries that are new or differ from the commit; all of them when there is none.
pub(in crate::interface::hook) fn against<'i, 'b>(
    objects: &Stored,
    commit: Option<&str>,
    index: &'i Index<'b>,
) -> Result<Vec<&'i Entry<'b>>, Failure> {
    let root = commit.map(|commit| root(objects, commit)).transpose()?;
    let mut walk = Walk { objects, index, changed: Vec::new() };
    walk.folder(&index.entries, &mut Vec::new(), root.as_deref(), 0)?;
    Ok(walk.changed)
}

fn root(objects: &Stored, commit: &str) -> Result<Vec<u8>, Failure> {
    let bad = || Failure::new("cannot read HEAD's commit", commit).hint("git fsck");
    let (kind, body) = objects.read(&hex::decode(commit).map_err(|_| bad())?)?;
    let line = body.strip_prefix(b"tree ").and_then(|rest| rest.split(|b| *b == b'\n').next());
    let tree = line.filter(|_| kind == Type::Commit).and_then(|line| hex::decode(line).ok());
    tree.ok_or_else(bad)
}

struct Walk<'o, 'i, 'b> {
    objects: &'o Stored,
    index: &'i Index<'b>,
    changed: Vec<&'i Entry<'b>>,
}

impl<'i, 'b> Walk<'_, 'i, 'b> {
    /// Compares the entries below one folder with HEAD's tree of it. `prefix` ends with a slash, or is empty.
    fn folder(&mut self, entries: &'i [Entry<'b>], prefix: &mut Vec<u8>, tree: Option<&[u8]>, depth: usize) -> Result<(), Failure> {
        let name = prefix.strip_suffix(b"/").unwrap_or(prefix);
        if depth > DEEPEST || (tree.is_some() && self.index.trees.get(name).copied() == tree) {
            return Ok(());
        }
        let body = tree.map(|id| self.objects.read(id)).transpose()?.map(|(_, body)| body).unwrap_or_default();
        let known = items(&body, tree.map_or(0, <[u8]>::len));
        let mut rest = entries;
        while let Some(entry) = rest.first() {
            let below = &entry.path[prefix.len()..];
            let Some(end) = below.iter().position(|b| *b == b'/').filter(|end| end + 1 < below.len()) else {
                self.file(entry, known.get(below.strip_suffix(b"/").unwrap_or(below)));
                rest = &rest[1..];
                continue;
            };
            let kept = prefix.len();
            prefix.extend(&below[..=end]);
            let count = rest.iter().take_while(|entry| entry.path.starts_with(prefix)).count();
            let tree = known.get(&below[..end]).filter(|(mode, _)| *mode == FOLDER).map(|(_, id)| *id);
            self.folder(&rest[..count], prefix, tree, depth + 1)?;
            prefix.truncate(kept);
            rest = &rest[count.max(1)..];
        }
        Ok(())
    }

    fn file(&mut self, entry: &'i Entry<'b>, known: Option<&Item<'_>>) {
        let same = known.is_some_and(|(mode, id)| *mode == entry.mode && *id == entry.id);
        if !same && !entry.announced {
            self.changed.push(entry);
        }
    }
}

/// Reads a tree's items; what is damaged ends the list.
fn items(body: &[u8], width: usize) -> HashMap<&[u8], Item<'_>> {
    let mut items = HashMap::new();
    let mut rest = body;
    while let Some((name, item, after)) = item(rest, width) {
        items.insert(name, item);
        rest = after;
    }
    items
}

fn item(bytes: &[u8], width: usize) -> Option<(&[u8], Item<'_>, &[u8])> {
    let space = bytes.iter().position(|b| *b == b' ')?;
    let end = bytes.iter().position(|b| *b == 0).filter(|end| *end > space)?;
    let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
    let (id, after) = bytes[end + 1..].split_at_checked(width)?;
    Some((&bytes[space + 1..end], (mode, id), after))
}
