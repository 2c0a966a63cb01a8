//! A candidate measured: its commits, its files, its lines.

use super::lines::{self, Count, Effort, Laid, Side};
use super::marks::{self, Sort};
use super::objects::{Objects, Quarantine};
use super::stored::Type;
use super::tree::{self, Item};
use super::walk::{self, Delta, Difference};
use super::{Gate, Started, commit, start};
use crate::domain::change::{Blob, Change, CommitFacts, FileChange, Mark, Signature};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Commits that one range may have.
pub(super) const MOST_COMMITS: usize = 2000;
/// Content that measuring one change reads, at most.
const MOST_READ: u64 = 512 << 20;

impl Gate {
    /// Measures the change from where `commit` left the history of `tip`.
    pub fn change(&self, tip: &Oid, commit: &Oid, verify: &dyn Fn(&[u8]) -> Signature) -> Result<Change, Failure> {
        self.change_within(tip, commit, verify, Effort::default())
    }

    pub(super) fn change_within(
        &self,
        tip: &Oid,
        commit: &Oid,
        verify: &dyn Fn(&[u8]) -> Signature,
        effort: Effort,
    ) -> Result<Change, Failure> {
        let what = format!("cannot measure {}", commit.short());
        let mut measure = Measure::new(self, effort)?;
        let range = match straight(&mut measure.objects, tip, commit) {
            Some(range) => range,
            None => self.list(None, &[commit.as_str()], &[tip.as_str()])?.end()?,
        };
        let commits = facts(&mut measure.objects, &range, verify)?;
        if commits.len() > MOST_COMMITS {
            return Err(Failure::new(what, format!("it brings more than {MOST_COMMITS} commits")).hint("git rebase origin/main"));
        }
        let base = self.base(None, tip.as_str(), commit, &commits)?;
        let base =
            base.ok_or_else(|| Failure::new(&what, "it shares no history with the protected branch").hint("git rebase origin/main"))?;
        let base_tree = measure.tree_of(&base)?;
        let tree = measure.tree_of(commit)?;
        let difference = measure.compare(Some(&base_tree), &tree)?;
        let files = measure.files(&difference)?;
        let (churn, touched) = measure.churn(&commits, &Whole { old: &base_tree, new: &tree, files: &files })?;
        Ok(Change { base, base_tree, commit: commit.clone(), tree, commits, files, churn, touched })
    }

    /// Starts to list the commits that `new` reaches and `known` does not, each given as an id or a whole reference's name: oldest first, and
    /// one more than allowed where there are too many.
    pub(super) fn list(&self, quarantine: Option<&Quarantine>, new: &[&str], known: &[&str]) -> Result<Listing, Failure> {
        let mut command = self.reading(quarantine)?;
        command.args(["rev-list", "--topo-order", "--reverse", &format!("--max-count={}", MOST_COMMITS + 1), "--stdin"]);
        let wanted = new.iter().map(|name| format!("{name}\n"));
        let revisions: String = wanted.chain(known.iter().map(|name| format!("^{name}\n"))).collect();
        start(command, revisions.into_bytes(), "list new commits").map(Listing)
    }

    /// Where a range left the history of `tip`; asks git only where the range's own shape does not say.
    pub(super) fn base(
        &self,
        quarantine: Option<&Quarantine>,
        tip: &str,
        new: &Oid,
        range: &[CommitFacts],
    ) -> Result<Option<Oid>, Failure> {
        let own: BTreeSet<&Oid> = range.iter().map(|commit| &commit.id).collect();
        let outside: BTreeSet<&Oid> = range.iter().flat_map(|commit| &commit.parents).filter(|parent| !own.contains(parent)).collect();
        let mut outside = outside.into_iter();
        match (range.is_empty(), outside.next(), outside.next()) {
            (true, _, _) => Ok(Some(new.clone())),
            (false, Some(only), None) if range.len() <= MOST_COMMITS => Ok(Some(only.clone())),
            _ => self.merge_base(quarantine, tip, new.as_str()),
        }
    }

    /// What is wrong with the names, modes and links that `tree` has beyond `base`.
    pub fn tree_faults(&self, quarantine: Option<&Quarantine>, base: Option<&Oid>, tree: &Oid) -> Result<Vec<String>, Failure> {
        Ok(walk::compare(&mut self.objects(quarantine)?, base, Some(tree))?.faults)
    }
}

/// Commits that are looked through for a straight way before git is asked.
const MOST_STRAIGHT: usize = 64;

/// The commits from `tip`, without it, to `commit`, oldest first, where each has one parent; nothing where the way forks, is long, or leads
/// past `tip` to what cannot be read.
fn straight(objects: &mut Objects, tip: &Oid, commit: &Oid) -> Option<Vec<Oid>> {
    let (mut range, mut at) = (Vec::new(), commit.clone());
    while at != *tip {
        let raw = objects.read(&at, Type::Commit).ok()?;
        let parents = commit::facts(&at, &raw, &|_| Signature::Missing).ok()?.parents;
        let [parent] = parents.as_slice() else { return None };
        range.push(std::mem::replace(&mut at, parent.clone()));
        if range.len() > MOST_STRAIGHT {
            return None;
        }
    }
    range.reverse();
    Some(range)
}

/// A listing of commits under way.
pub(super) struct Listing(Started);

impl Listing {
    pub fn end(self) -> Result<Vec<Oid>, Failure> {
        let out = self.0.must()?;
        String::from_utf8_lossy(&out).lines().map(|line| Oid::new(line).doing("cannot list new commits")).collect()
    }
}

/// Reads what each commit says.
pub(super) fn facts(objects: &mut Objects, ids: &[Oid], verify: &dyn Fn(&[u8]) -> Signature) -> Result<Vec<CommitFacts>, Failure> {
    let mut all = Vec::with_capacity(ids.len());
    objects.each(ids, |at, object| {
        all.push(commit::facts(&ids[at], &object.take(Type::Commit, &ids[at])?, verify)?);
        Ok(())
    })?;
    Ok(all)
}

/// A range from its base to its tip, compared already: where it is one commit, that is the commit's own change as well.
struct Whole<'a> {
    old: &'a Oid,
    new: &'a Oid,
    files: &'a [FileChange],
}

/// So many pairs of contents one thread takes at a time; of more, two threads take their parts.
const PAIRS_AT_ONCE: usize = 32;

/// One measuring: open readers, and what it has counted already.
struct Measure {
    objects: Objects,
    beside: Objects,
    counted: Counted,
    read: AtomicU64,
    effort: Effort,
}

impl Measure {
    fn new(gate: &Gate, effort: Effort) -> Result<Self, Failure> {
        let stored = gate.stored(None);
        let (objects, beside) = (gate.shared(None, &stored)?, gate.shared(None, &stored)?);
        Ok(Self { objects, beside, counted: HashMap::new(), read: AtomicU64::new(0), effort })
    }

    fn tree_of(&mut self, id: &Oid) -> Result<Oid, Failure> {
        Ok(commit::facts(id, &self.objects.read(id, Type::Commit)?, &|_| Signature::Missing)?.tree)
    }

    fn compare(&mut self, old: Option<&Oid>, new: &Oid) -> Result<Difference, Failure> {
        walk::whole(&mut self.objects, old, Some(new))
    }

    fn files(&mut self, difference: &Difference) -> Result<Vec<FileChange>, Failure> {
        let keys: Vec<Key> = difference.deltas.iter().map(key).collect();
        self.count(&keys)?;
        let mut files: Vec<FileChange> = difference.deltas.iter().zip(&keys).map(|(delta, key)| self.file(delta, key)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn file(&self, delta: &Delta, key: &Key) -> FileChange {
        let (count, marks, old_size, new_size) = self.counted.get(key).cloned().unwrap_or_default();
        let blob = |item: &Option<Item>, size| item.as_ref().map(|item| Blob { oid: item.id.clone(), mode: item.mode, size });
        FileChange {
            path: tree::spell(&delta.path),
            old: blob(&delta.old, old_size),
            new: blob(&delta.new, new_size),
            added: count.added,
            deleted: count.deleted,
            binary: count.binary,
            marks,
        }
    }

    /// Sums each commit's own change, a merge against its first parent, so that nothing added and removed again is lost.
    fn churn(&mut self, commits: &[CommitFacts], whole: &Whole<'_>) -> Result<(u64, Vec<String>), Failure> {
        let (mut churn, mut touched) = (0, BTreeSet::new());
        let known: HashMap<&Oid, &Oid> = commits.iter().map(|commit| (&commit.id, &commit.tree)).collect();
        for commit in commits {
            let before = match commit.parents.first() {
                Some(parent) => Some(known.get(parent).map_or_else(|| self.tree_of(parent), |tree| Ok((*tree).clone()))?),
                None => None,
            };
            let files = match before.as_ref() == Some(whole.old) && commit.tree == *whole.new {
                true => Cow::Borrowed(whole.files),
                false => Cow::Owned(self.compare(before.as_ref(), &commit.tree).and_then(|difference| self.files(&difference))?),
            };
            churn += files.iter().map(FileChange::lines).sum::<u64>();
            touched.extend(files.iter().map(|file| file.path.clone()));
        }
        Ok((churn, touched.into_iter().collect()))
    }

    /// Reads and counts every pair of contents that was not counted yet.
    fn count(&mut self, keys: &[Key]) -> Result<(), Failure> {
        let mut seen = HashSet::with_capacity(keys.len());
        let mut pairs: Vec<&Key> = keys.iter().filter(|key| !self.counted.contains_key(key) && seen.insert(*key)).collect();
        pairs.sort_by_cached_key(|(old, new, _)| old.as_ref().or(new.as_ref()).and_then(|id| self.objects.place(id)));
        let Self { objects, beside, read, effort, .. } = self;
        let chunks: Vec<&[&Key]> = pairs.chunks(PAIRS_AT_ONCE).collect();
        let taken = AtomicUsize::new(0);
        // From both ends to where they meet: neighbours often stand in one chain of deltas, which one reader unpacks.
        let left = || taken.fetch_add(1, Ordering::Relaxed) < chunks.len();
        let (more, rest) = std::thread::scope(|scope| {
            let more = (chunks.len() > 1).then(|| scope.spawn(|| count(beside, chunks.iter().rev().take_while(|_| left()), read, effort)));
            let rest = count(objects, chunks.iter().take_while(|_| left()), read, effort);
            (more.map_or_else(|| Ok(HashMap::new()), |more| more.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))), rest)
        });
        let over = self.effort.is_over();
        let settled = |(key, (counted, marks, old, new)): (Key, Pair<lines::Counted>)| (key, (counted.settled(over), marks, old, new));
        self.counted.extend(more?.into_iter().chain(rest?).map(settled));
        Ok(())
    }
}

/// Reads and counts these pairs; `read` is what all of one change have read.
fn count<'a>(
    objects: &mut Objects,
    chunks: impl Iterator<Item = &'a &'a [&'a Key]>,
    read: &AtomicU64,
    effort: &Effort,
) -> Result<HashMap<Key, Pair<lines::Counted>>, Failure> {
    let mut counted = HashMap::new();
    for pairs in chunks {
        let ids: Vec<Oid> = pairs.iter().flat_map(|(old, new, _)| [old, new]).flatten().cloned().collect();
        let mut waiting = Vec::with_capacity(2);
        let mut next = 0;
        settle(pairs, &mut next, &mut waiting, &mut counted, effort);
        objects.each(&ids, |_, object| {
            if read.fetch_add(object.size, Ordering::Relaxed) + object.size > MOST_READ {
                return Err(Failure::new("cannot measure the change", "it has more than 512 MiB of content").hint("split the change"));
            }
            waiting.push(Side { size: object.size, bytes: object.bytes });
            settle(pairs, &mut next, &mut waiting, &mut counted, effort);
            Ok(())
        })?;
    }
    Ok(counted)
}

/// The content of a path before and after, and what sort of file it is by its name.
type Key = (Option<Oid>, Option<Oid>, Sort);
/// What a pair of contents counted and showed, and the size of both.
type Pair<C> = (C, Vec<Mark>, u64, u64);
type Counted = HashMap<Key, Pair<Count>>;

fn key(delta: &Delta) -> Key {
    let content = |item: &Option<Item>| item.as_ref().filter(|item| walk::has_content(item)).map(|item| item.id.clone());
    (content(&delta.old), content(&delta.new), Sort::of(&tree::spell(&delta.path)))
}

/// Counts the pairs whose sides have all arrived.
fn settle(pairs: &[&Key], next: &mut usize, waiting: &mut Vec<Side>, counted: &mut HashMap<Key, Pair<lines::Counted>>, effort: &Effort) {
    while let Some(pair) = pairs.get(*next) {
        if waiting.len() < usize::from(pair.0.is_some()) + usize::from(pair.1.is_some()) {
            return;
        }
        let mut sides = waiting.drain(..);
        let mut side = |there: bool| if there { sides.next().unwrap_or_default() } else { Side::absent() };
        let (old, new) = (side(pair.0.is_some()), side(pair.1.is_some()));
        let same = pair.0 == pair.1;
        let laid = if same { None } else { Laid::new(&old, &new) };
        let count = if same { lines::Counted::default() } else { lines::count(&old, &new, laid.as_ref(), effort) };
        let marks = laid.as_ref().map_or_else(Vec::new, |laid| marks::of(pair.2, laid));
        drop(laid);
        drop(sides);
        counted.insert((*pair).clone(), (count, marks, old.size, new.size));
        *next += 1;
    }
}
