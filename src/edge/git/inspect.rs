//! A push judged by its facts, while its objects are still in quarantine.

use super::compare::{Listing, MOST_COMMITS};
use super::objects::{Keeping, Objects, Quarantine};
use super::stored::Type;
use super::{Gate, tree, walk};
use crate::domain::change::{CommitFacts, Signature};
use crate::domain::failure::Failure;
use crate::domain::name::{Oid, RefName};
use std::collections::{BTreeMap, BTreeSet};

/// Directory entries that judging one range looks at, at most.
const MOST_ITEMS: usize = 2_000_000;

/// One command of a push, as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The reference's name, unchecked.
    pub name: String,
    pub old: Oid,
    pub new: Oid,
}

/// What the new value of a reference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Commit,
    Tag,
    Tree,
    Blob,
    /// The object is not there.
    Missing,
    /// The command deletes the reference.
    Deletion,
}

/// The facts of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub update: Update,
    pub kind: Kind,
    /// The commits that the protected branch does not have, oldest first.
    pub commits: Vec<CommitFacts>,
    /// Those of them without a parent.
    pub roots: Vec<Oid>,
    pub merge_base: Option<Oid>,
    /// The old value can be reached from the new, or there was none.
    pub forward: bool,
    /// Commits that the pusher could not have fetched: they were in the gate before, and no visible reference reaches them.
    pub borrowed: Vec<Oid>,
    /// What no tree may bring, and no range; also where a later commit took it away again.
    pub tree_faults: Vec<String>,
    /// Every path that some commit touched.
    pub touched: Vec<String>,
}

/// The facts of a push, one entry per command, in the client's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    pub updates: Vec<Incoming>,
}

impl Gate {
    /// Gathers the facts of a push; `visible` are the references, or folders of references, that the pusher may fetch, and `known`
    /// is where some of them stand.
    pub fn inspect(
        &self,
        quarantine: Option<&Quarantine>,
        updates: &[Update],
        visible: &[RefName],
        known: &[Oid],
        verify: &dyn Fn(&[u8]) -> Signature,
    ) -> Result<Inspection, Failure> {
        // Git starts all its programs at once: each takes longer to start than to answer.
        let listings = updates.iter().map(|update| self.fresh(quarantine, &update.new)).collect::<Result<Vec<_>, _>>()?;
        let objects = self.objects(quarantine)?;
        let kept = quarantine.map(Quarantine::keep);
        let mut look = Look { gate: self, quarantine, visible, known, verify, objects };
        let updates = updates.iter().zip(listings).map(|(update, listing)| look.incoming(update, listing)).collect::<Result<_, _>>()?;
        kept.map_or(Ok(()), Keeping::end)?;
        Ok(Inspection { updates })
    }

    /// Starts to list what a command brings beyond the protected branch; a deletion brings nothing.
    fn fresh(&self, quarantine: Option<&Quarantine>, new: &Oid) -> Result<Option<Listing>, Failure> {
        (!new.is_zero()).then(|| self.list(quarantine, &[new.as_str()], &[self.branch().as_str()])).transpose()
    }

    /// The bytes of a commit, for judging its signature.
    pub fn raw_commit(&self, quarantine: Option<&Quarantine>, id: &Oid) -> Result<Vec<u8>, Failure> {
        self.objects(quarantine)?.read(id, Type::Commit)
    }
}

/// Tells whether a reference is the protected branch, or one of the visible, or inside one of them.
fn is_visible(name: &RefName, branch: &RefName, visible: &[RefName]) -> bool {
    let under = |folder: &RefName| name.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    name == branch || visible.iter().any(under)
}

struct Look<'a> {
    gate: &'a Gate,
    quarantine: Option<&'a Quarantine>,
    visible: &'a [RefName],
    known: &'a [Oid],
    verify: &'a dyn Fn(&[u8]) -> Signature,
    objects: Objects,
}

impl Look<'_> {
    fn incoming(&mut self, update: &Update, listing: Option<Listing>) -> Result<Incoming, Failure> {
        match (self.kind(&update.new)?, listing) {
            (Kind::Commit, Some(listing)) => self.range(update, &listing.end()?),
            (kind, _) => Ok(empty(update, kind)),
        }
    }

    fn kind(&mut self, id: &Oid) -> Result<Kind, Failure> {
        if id.is_zero() {
            return Ok(Kind::Deletion);
        }
        Ok(match self.objects.find(id)?.map(|object| object.kind) {
            Some(Type::Commit) => Kind::Commit,
            Some(Type::Tag) => Kind::Tag,
            Some(Type::Tree) => Kind::Tree,
            Some(Type::Blob) => Kind::Blob,
            None => Kind::Missing,
        })
    }

    fn range(&mut self, update: &Update, ids: &[Oid]) -> Result<Incoming, Failure> {
        let mut commits = super::compare::facts(&mut self.objects, ids, self.verify)?;
        let merge_base = self.gate.base(self.quarantine, self.gate.branch().as_str(), &update.new, &commits)?;
        let mut found = Found::default();
        if commits.len() > MOST_COMMITS {
            found.faults.insert(format!("it brings more than {MOST_COMMITS} commits"));
            commits.truncate(MOST_COMMITS);
        } else {
            let fresh: Vec<&CommitFacts> = {
                let own = beneath(self.known, &commits);
                commits.iter().filter(|commit| !own.contains(&commit.id)).collect()
            };
            self.trees(&fresh, commits.last(), merge_base.as_ref(), &mut found)?;
        }
        Ok(Incoming {
            kind: Kind::Commit,
            roots: commits.iter().filter(|commit| commit.parents.is_empty()).map(|commit| commit.id.clone()).collect(),
            forward: self.forward(update, &commits, merge_base.as_ref())?,
            borrowed: self.borrowed(&commits)?,
            tree_faults: found.faults.into_iter().collect(),
            touched: found.touched.into_iter().collect(),
            commits,
            merge_base,
            update: update.clone(),
        })
    }

    fn forward(&self, update: &Update, commits: &[CommitFacts], merge_base: Option<&Oid>) -> Result<bool, Failure> {
        let known = |id: &Oid| merge_base == Some(id) || commits.iter().any(|commit| commit.id == *id);
        if update.old.is_zero() || known(&update.old) { Ok(true) } else { self.gate.reach_in(self.quarantine, &update.new, &update.old) }
    }

    /// Judges every new commit's tree against its first parent's, and the last against the merge base's. What the pusher's own
    /// branches hold was judged so when it came.
    fn trees(
        &mut self,
        commits: &[&CommitFacts],
        last: Option<&CommitFacts>,
        merge_base: Option<&Oid>,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let mut trees: BTreeMap<Oid, Oid> = commits.iter().map(|commit| (commit.id.clone(), commit.tree.clone())).collect();
        let last = last.filter(|commit| commit.parents.first() != merge_base).map(|commit| (merge_base, &commit.tree));
        let steps = commits.iter().map(|commit| (commit.parents.first(), &commit.tree));
        for (from, to) in steps.chain(last) {
            let from = from.map(|id| tree_of(&mut self.objects, &mut trees, id)).transpose()?;
            let difference = walk::compare(&mut self.objects, from.as_ref(), Some(to))?;
            let cut = difference.cut;
            found.add(difference);
            if found.items > MOST_ITEMS {
                found.faults.insert(format!("its commits change more than {MOST_ITEMS} entries together"));
            }
            if cut {
                self.objects = self.gate.objects(self.quarantine)?;
            }
            if cut || found.items > MOST_ITEMS {
                break;
            }
        }
        Ok(())
    }

    /// Finds commits that the pusher had no way to read: pushing their id alone would hand them over.
    ///
    /// What no reference holds is nobody's: a push that a crash or a freeze stopped leaves its objects, and is made again with them.
    fn borrowed(&self, commits: &[CommitFacts]) -> Result<Vec<Oid>, Failure> {
        let mut known = Vec::new();
        let mut accepted = None;
        let own = beneath(self.known, commits);
        for commit in commits.iter().filter(|commit| !own.contains(&commit.id) && !self.sent(&commit.id)) {
            let accepted = match &mut accepted {
                Some(open) => open,
                none => none.insert(self.gate.objects(None)?),
            };
            if accepted.find(&commit.id)?.is_some() {
                known.push(commit.id.as_str());
            }
        }
        if known.is_empty() { Ok(Vec::new()) } else { self.unseen(&known) }
    }

    /// Tells whether the client sent the object itself: git keeps no second copy of what the gate had before.
    fn sent(&self, id: &Oid) -> bool {
        let (folder, file) = id.as_str().split_at(2);
        self.quarantine.is_some_and(|quarantine| quarantine.objects.join(folder).join(file).is_file())
    }

    /// Those of the gate's own commits that some reference holds, and none that the pusher may fetch.
    fn unseen(&self, known: &[&str]) -> Result<Vec<Oid>, Failure> {
        let refs = self.gate.refs()?;
        let visible = |name: &RefName| is_visible(name, self.gate.branch(), self.visible);
        let seen: Vec<&str> = refs.iter().filter(|(name, _)| visible(name)).map(|(_, id)| id.as_str()).collect();
        let unseen = self.gate.list(None, known, &seen)?.end()?;
        if unseen.is_empty() {
            return Ok(unseen);
        }
        let held: Vec<&str> = refs.values().map(Oid::as_str).collect();
        let left = self.gate.list(None, known, &held)?.end()?;
        Ok(unseen.into_iter().filter(|id| !left.contains(id)).collect())
    }
}

/// The commits of a range that these reach, as far as the range itself shows; the oldest stands first.
fn beneath<'a>(tips: &'a [Oid], commits: &'a [CommitFacts]) -> BTreeSet<&'a Oid> {
    let mut reached: BTreeSet<&Oid> = tips.iter().collect();
    for commit in commits.iter().rev() {
        if reached.contains(&commit.id) {
            reached.extend(&commit.parents);
        }
    }
    reached
}

#[derive(Default)]
struct Found {
    faults: BTreeSet<String>,
    touched: BTreeSet<String>,
    items: usize,
}

impl Found {
    fn add(&mut self, difference: walk::Difference) {
        self.items += difference.items;
        self.faults.extend(difference.faults);
        self.touched.extend(difference.deltas.iter().map(|delta| tree::spell(&delta.path)));
    }
}

fn tree_of(objects: &mut Objects, trees: &mut BTreeMap<Oid, Oid>, id: &Oid) -> Result<Oid, Failure> {
    if let Some(tree) = trees.get(id) {
        return Ok(tree.clone());
    }
    let facts = super::commit::facts(id, &objects.read(id, Type::Commit)?, &|_| Signature::Missing)?;
    trees.insert(id.clone(), facts.tree.clone());
    Ok(facts.tree)
}

fn empty(update: &Update, kind: Kind) -> Incoming {
    Incoming {
        update: update.clone(),
        kind,
        commits: Vec::new(),
        roots: Vec::new(),
        merge_base: None,
        forward: false,
        borrowed: Vec::new(),
        tree_faults: Vec::new(),
        touched: Vec::new(),
    }
}
