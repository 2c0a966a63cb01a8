//! The tree that a candidate becomes on the protected branch, made by the gate and never by a seat.

use super::stored::Type;
use super::{Gate, Version, commit, run};
use crate::domain::change::Signature;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;

const MERGES: Version = Version(2, 38, 0);
const WHAT: &str = "cannot merge the candidate";

/// What merging gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeTree {
    Clean(Oid),
    /// The paths that both sides changed.
    Conflict(Vec<String>),
}

impl Gate {
    /// Merges `commit` into `tip` path by path: no renames are guessed, no attribute picks a side.
    pub fn merge(&self, tip: &Oid, commit: &Oid) -> Result<MergeTree, Failure> {
        if self.reach(commit, tip)? {
            return self.tree_of(commit).map(MergeTree::Clean);
        }
        if self.git().version() < MERGES {
            let why = format!("git {} cannot merge without a working tree; {MERGES} can", self.git().version());
            return Err(Failure::new(WHAT, why).hint("git rebase origin/main"));
        }
        let mut command = self.command();
        command.args(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", tip.as_str(), commit.as_str()]);
        let ran = run(command, b"", "merge the candidate")?;
        let mut parts = ran.out.split(|&byte| byte == 0).filter(|part| !part.is_empty());
        match (ran.code, parts.next()) {
            (Some(0), Some(tree)) => super::oid(tree).map(MergeTree::Clean),
            (Some(1), Some(_)) => Ok(MergeTree::Conflict(parts.map(super::tree::spell).collect())),
            _ => Err(Failure::new(WHAT, ran.why()).hint("git rebase origin/main")),
        }
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &Oid) -> Result<Oid, Failure> {
        let raw = self.objects(None)?.read(commit, Type::Commit)?;
        commit::facts(commit, &raw, &|_| Signature::Missing).map(|facts| facts.tree).doing(format!("cannot read {commit}"))
    }
}
