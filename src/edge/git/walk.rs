//! Two trees laid side by side: what differs, and what of the new may not be there.

use super::objects::{Object, Objects};
use super::stored::Type;
use super::tree::{self, GITLINK, Item, LINK, Listing, TREE};
use crate::domain::failure::Failure;
use crate::domain::name::Oid;
use std::collections::BTreeMap;

/// Directory entries that one comparison looks at, at most: a tree of trees can name a billion files in a kilobyte.
const MOST_ITEMS: usize = 200_000;
const MOST_FAULTS: usize = 100;

/// One path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    pub path: Vec<u8>,
    pub old: Option<Item>,
    pub new: Option<Item>,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub deltas: Vec<Delta>,
    pub faults: Vec<String>,
    pub items: usize,
    /// There was more than one comparison looks at: what is here is not all, and the reader has to be closed.
    pub cut: bool,
}

struct Pair {
    path: Vec<u8>,
    old: Option<Oid>,
    new: Option<Oid>,
}

/// Compares two trees; no tree is an empty one. Only directories that differ are read.
pub(super) fn compare(objects: &mut Objects, old: Option<&Oid>, new: Option<&Oid>) -> Result<Difference, Failure> {
    let mut found = Difference::default();
    let mut level = vec![Pair { path: Vec::new(), old: old.cloned(), new: new.cloned() }];
    level.retain(|pair| pair.old != pair.new);
    while !level.is_empty() {
        let next = descend(objects, &level, &mut found);
        if found.items > MOST_ITEMS {
            found.faults.push(format!("it changes more than {MOST_ITEMS} entries"));
            found.cut = true;
            return Ok(found);
        }
        level = next?;
    }
    found.deltas.sort_by(|a, b| a.path.cmp(&b.path));
    links(objects, &mut found)?;
    Ok(found)
}

/// Compares two trees, and fails where that is more than can be looked at.
pub(super) fn whole(objects: &mut Objects, old: Option<&Oid>, new: Option<&Oid>) -> Result<Difference, Failure> {
    let found = compare(objects, old, new)?;
    if found.cut { Err(Failure::new("cannot compare trees", format!("more than {MOST_ITEMS} entries differ"))) } else { Ok(found) }
}

/// Reads every directory of one level at once, and returns the pairs of the next.
fn descend(objects: &mut Objects, level: &[Pair], found: &mut Difference) -> Result<Vec<Pair>, Failure> {
    let ids: Vec<Oid> = level.iter().flat_map(|pair| [&pair.old, &pair.new]).flatten().cloned().collect();
    let mut listings = Vec::with_capacity(ids.len());
    objects.each_small(&ids, |at, object| {
        listings.push(listing(object, &ids[at], found)?);
        if found.items > MOST_ITEMS { Err(Failure::new("cannot compare trees", "they are too large")) } else { Ok(()) }
    })?;
    let mut listings = listings.into_iter();
    let mut next = Vec::new();
    for pair in level {
        let old = pair.old.as_ref().and_then(|_| listings.next()).unwrap_or_default();
        let new = pair.new.as_ref().and_then(|_| listings.next()).unwrap_or_default();
        found.directory(pair, &old, &new);
        next.extend(lay(&pair.path, old, new, &mut found.deltas));
    }
    Ok(next)
}

fn listing(object: Object, id: &Oid, found: &mut Difference) -> Result<Listing, Failure> {
    let listing = tree::parse(&object.take(Type::Tree, id)?, id.as_str().len() / 2)?;
    found.items += listing.items.len();
    Ok(listing)
}

/// Lays two directories side by side: files that differ become deltas, directories that differ are returned.
fn lay(path: &[u8], mut old: Listing, new: Listing, deltas: &mut Vec<Delta>) -> Vec<Pair> {
    let now = new.items.into_iter().map(|(name, item)| (old.items.remove(&name), name, Some(item)));
    let mut differ: Vec<_> = now.filter(|(before, _, now)| before != now).collect();
    differ.extend(old.items.into_iter().map(|(name, item)| (Some(item), name, None)));
    let mut pairs = Vec::new();
    for (old, name, new) in differ {
        let path = join(path, &name);
        let (old_tree, old) = sort(old);
        let (new_tree, new) = sort(new);
        if old_tree != new_tree && tree::too_long(&path).is_none() {
            pairs.push(Pair { path: path.clone(), old: old_tree, new: new_tree });
        }
        if old.is_some() || new.is_some() {
            deltas.push(Delta { path, old, new });
        }
    }
    pairs
}

fn sort(item: Option<Item>) -> (Option<Oid>, Option<Item>) {
    match item {
        Some(item) if item.mode == TREE => (Some(item.id), None),
        other => (None, other),
    }
}

pub(super) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}

impl Difference {
    fn fault(&mut self, path: &[u8], why: &str) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(format!("{}: {why}", tree::spell(path)));
        }
    }

    /// Judges what a directory gained or changed; what it already held is left alone.
    fn directory(&mut self, pair: &Pair, old: &Listing, new: &Listing) {
        if new.items.is_empty() && pair.new.is_some() && !pair.path.is_empty() {
            self.fault(&pair.path, "it is an empty directory");
        }
        for name in &new.doubled {
            self.fault(&join(&pair.path, name), "the name stands twice in its directory");
        }
        let fresh: Vec<&Vec<u8>> =
            new.items.iter().filter(|(name, item)| old.items.get(*name) != Some(item)).map(|(name, _)| name).collect();
        for name in &fresh {
            let path = join(&pair.path, name);
            let mode = new.items.get(*name).and_then(|item| tree::bad_mode(item.mode));
            let known = old.items.contains_key(*name);
            let name = if known { None } else { tree::bad_name(name) };
            [name, mode, tree::too_long(&path)].into_iter().flatten().for_each(|why| self.fault(&path, why));
        }
        let added: Vec<&Vec<u8>> = fresh.into_iter().filter(|name| !old.items.contains_key(*name)).collect();
        self.twins(&pair.path, new, &added);
    }

    fn twins(&mut self, path: &[u8], new: &Listing, added: &[&Vec<u8>]) {
        if added.is_empty() {
            return;
        }
        let mut folded: BTreeMap<String, usize> = BTreeMap::new();
        new.items.keys().for_each(|name| *folded.entry(tree::fold(name)).or_default() += 1);
        for name in added {
            if folded.get(&tree::fold(name)).is_some_and(|count| *count > 1) {
                self.fault(&join(path, name), "another name in its directory differs only in case");
            }
        }
    }
}

/// Judges where the new symbolic links point.
fn links(objects: &mut Objects, found: &mut Difference) -> Result<(), Failure> {
    let is_link = |item: &&Item| item.mode == LINK;
    let links: Vec<(Vec<u8>, Oid)> =
        found.deltas.iter().filter_map(|delta| Some((delta.path.clone(), delta.new.as_ref().filter(is_link)?.id.clone()))).collect();
    let ids: Vec<Oid> = links.iter().map(|(_, id)| id.clone()).collect();
    objects.each(&ids, |at, object| {
        let target = object.bytes.filter(|bytes| bytes.len() <= 4096).unwrap_or_default();
        if let Some(why) = tree::bad_link(&links[at].0, &target) {
            found.fault(&links[at].0, why);
        }
        Ok(())
    })
}

/// Tells whether an entry has content in this repository.
pub(super) fn has_content(item: &Item) -> bool {
    item.mode != GITLINK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_system_reads_otherwise_are_bad() {
        for bad in [
            ".git",
            ".GIT",
            ".git.",
            ".git ",
            "git~1",
            "GIT~12",
            ".git:x",
            "a\\b",
            "..",
            "nul",
            "NUL.txt",
            "com1",
            "x.",
            "x ",
            "a\u{1b}b",
            "a\u{202e}b",
            ".g\u{200c}it",
            "e\u{301}",
            ".gitmodules",
            "GITMOD~1",
            ".\u{0131}git\u{7f}",
        ] {
            assert!(tree::bad_name(bad.as_bytes()).is_some(), "{bad:?}");
        }
        for good in [".gitignore", ".gitattributes", ".github", "git", "é", "com", "console.rs", "a b", "日本", "git~x"] {
            assert_eq!(tree::bad_name(good.as_bytes()), None, "{good:?}");
        }
        assert!(tree::bad_name(b"\xff").is_some());
    }

    #[test]
    fn links_stay_inside() {
        for (path, target) in [("a", "b"), ("d/a", "../b"), ("d/e/a", "../../b/c"), ("a", "./b")] {
            assert_eq!(tree::bad_link(path.as_bytes(), target.as_bytes()), None, "{path} {target}");
        }
        for (path, target) in [("a", "/etc"), ("a", "../b"), ("d/a", "../../b"), ("d/a", "x/../../b"), ("a", ".git/config"), ("a", "")] {
            assert!(tree::bad_link(path.as_bytes(), target.as_bytes()).is_some(), "{path} {target}");
        }
    }

    #[test]
    fn folding_finds_twins() {
        assert_eq!(tree::fold("SRC".as_bytes()), tree::fold("src".as_bytes()));
        assert_eq!(tree::fold("É".as_bytes()), tree::fold("é".as_bytes()));
        assert_eq!(tree::fold("stra\u{df}e".as_bytes()), tree::fold("STRASSE".as_bytes()));
        assert_eq!(tree::fold("\u{212a}".as_bytes()), tree::fold("k".as_bytes()));
    }
}
