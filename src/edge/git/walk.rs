//! Two trees laid side by side: what differs, and what of the new may not be there.

use super::objects::Objects;
use super::stored::Type;
use super::tree::{self, Entry, GITLINK, Item, LINK, Listing, TREE};
use crate::domain::failure::Failure;
use crate::domain::name::Oid;
use std::cmp::Ordering as Order;
use std::collections::{BTreeMap, HashMap};

/// Directory entries that one comparison looks at, at most: a tree of trees can name a billion files in a kilobyte.
const MOST_ITEMS: usize = 200_000;
/// Bytes of all paths that differ, at most: they are spelled out from the top.
const MOST_SPELLED: usize = 128 << 20;
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
    spelled: usize,
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
        if found.is_too_large() {
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
    let ids: Vec<Oid> = level.iter().flat_map(Pair::sides).cloned().collect();
    let mut next = Vec::new();
    let mut pairs = level.iter();
    let mut now = pairs.next();
    let mut read = Vec::with_capacity(2);
    objects.each_small(&ids, |at, object| {
        read.push(object.take(Type::Tree, &ids[at])?);
        let Some(pair) = now.filter(|pair| pair.sides().count() == read.len()) else { return Ok(()) };
        let mut sides = read.iter().map(Vec::as_slice);
        let mut side = |id: &Option<Oid>| id.as_ref().and_then(|_| sides.next()).unwrap_or_default();
        let (old, new) = (side(&pair.old), side(&pair.new));
        found.directory(pair, old, new, &mut next)?;
        read.clear();
        now = pairs.next();
        Ok(())
    })?;
    Ok(next)
}

impl Pair {
    fn sides(&self) -> impl Iterator<Item = &Oid> {
        self.old.iter().chain(&self.new)
    }

    /// Bytes of a raw object id.
    fn width(&self) -> usize {
        self.sides().next().map_or(20, |id| id.as_str().len() / 2)
    }
}

/// A name that stands for something else than before.
struct Step<'a> {
    name: &'a [u8],
    old: Option<Entry<'a>>,
    new: Option<Entry<'a>>,
}

/// Lays two directories side by side: the names that differ, in order.
fn differing<'a>(old: &Listing<'a>, new: &Listing<'a>) -> Vec<Step<'a>> {
    let (mut old, mut new) = (old.entries.iter().copied().peekable(), new.entries.iter().copied().peekable());
    let mut steps = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return steps,
            (Some(_), None) => Order::Less,
            (None, Some(_)) => Order::Greater,
            (Some(old), Some(new)) => old.name.cmp(new.name),
        };
        let (old, new) = (old.next_if(|_| order.is_le()), new.next_if(|_| order.is_ge()));
        if let Some(name) = old.or(new).filter(|_| old != new).map(|entry| entry.name) {
            steps.push(Step { name, old, new });
        }
    }
}

/// Files that differ become deltas, directories that differ are returned.
fn lay(path: &[u8], steps: &[Step<'_>], deltas: &mut Vec<Delta>) -> Result<Vec<Pair>, Failure> {
    let mut pairs = Vec::new();
    for step in steps {
        let path = join(path, step.name);
        let (old_tree, old) = sort(step.old)?;
        let (new_tree, new) = sort(step.new)?;
        if old_tree != new_tree && tree::too_long(&path).is_none() {
            pairs.push(Pair { path: path.clone(), old: old_tree, new: new_tree });
        }
        if old.is_some() || new.is_some() {
            deltas.push(Delta { path, old, new });
        }
    }
    Ok(pairs)
}

fn sort(entry: Option<Entry<'_>>) -> Result<(Option<Oid>, Option<Item>), Failure> {
    Ok(match entry.map(|entry| entry.item()).transpose()? {
        Some(item) if item.mode == TREE => (Some(item.id), None),
        other => (None, other),
    })
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

    /// Takes a directory apart on both sides, and adds what differs in it.
    fn directory(&mut self, pair: &Pair, old: &[u8], new: &[u8], next: &mut Vec<Pair>) -> Result<(), Failure> {
        let (old, new) = (tree::parse(old, pair.width())?, tree::parse(new, pair.width())?);
        self.items += old.entries.len() + new.entries.len();
        let steps = differing(&old, &new);
        self.spelled += steps.iter().map(|step| pair.path.len() + step.name.len() + 1).sum::<usize>();
        if self.is_too_large() {
            return Err(Failure::new("cannot compare trees", "they are too large"));
        }
        self.judge(pair, &new, &steps);
        next.extend(lay(&pair.path, &steps, &mut self.deltas)?);
        Ok(())
    }

    fn is_too_large(&self) -> bool {
        self.items > MOST_ITEMS || self.spelled > MOST_SPELLED
    }

    /// Judges what a directory gained or changed; what it already held is left alone.
    fn judge(&mut self, pair: &Pair, new: &Listing<'_>, steps: &[Step<'_>]) {
        if new.entries.is_empty() && pair.new.is_some() && !pair.path.is_empty() {
            self.fault(&pair.path, "it is an empty directory");
        }
        for name in &new.doubled {
            self.fault(&join(&pair.path, name), "the name stands twice in its directory");
        }
        for (step, entry) in steps.iter().filter_map(|step| Some((step, step.new?))) {
            let path = join(&pair.path, step.name);
            let name = if step.old.is_some() { None } else { tree::bad_name(step.name) };
            [name, tree::bad_mode(entry.mode), tree::too_long(&path)].into_iter().flatten().for_each(|why| self.fault(&path, why));
        }
        self.twins(&pair.path, new, steps);
    }

    fn twins(&mut self, path: &[u8], new: &Listing<'_>, steps: &[Step<'_>]) {
        let mut added = steps.iter().filter(|step| step.old.is_none()).peekable();
        if added.peek().is_none() {
            return;
        }
        let mut folded: HashMap<String, usize> = HashMap::with_capacity(new.entries.len());
        new.entries.iter().for_each(|entry| *folded.entry(tree::fold(entry.name)).or_default() += 1);
        for step in added {
            if folded.get(&tree::fold(step.name)).is_some_and(|count| *count > 1) {
                self.fault(&join(path, step.name), "another name in its directory differs only in case");
            }
        }
    }
}

/// Targets that are read before the faults so far are looked at.
const LINKS_AT_ONCE: usize = 64;

/// Judges where the new symbolic links point: each target is read once, and none any more where enough is at fault already.
fn links(objects: &mut Objects, found: &mut Difference) -> Result<(), Failure> {
    let mut links: BTreeMap<Oid, Vec<Vec<u8>>> = BTreeMap::new();
    for delta in &found.deltas {
        if let Some(item) = delta.new.as_ref().filter(|item| item.mode == LINK) {
            links.entry(item.id.clone()).or_default().push(delta.path.clone());
        }
    }
    let (ids, paths): (Vec<Oid>, Vec<Vec<Vec<u8>>>) = links.into_iter().unzip();
    for (ids, paths) in ids.chunks(LINKS_AT_ONCE).zip(paths.chunks(LINKS_AT_ONCE)) {
        if found.faults.len() >= MOST_FAULTS {
            break;
        }
        objects.each(ids, |at, object| {
            let target = object.bytes.filter(|bytes| bytes.len() <= 4096).unwrap_or_default();
            for path in &paths[at] {
                if let Some(why) = tree::bad_link(path, &target) {
                    found.fault(path, why);
                }
            }
            Ok(())
        })?;
    }
    Ok(())
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
