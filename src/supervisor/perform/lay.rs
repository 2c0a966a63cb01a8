//! Trees laid out for test runs, used again where a run left nothing behind.

use super::super::runs::AT_ONCE;
use super::super::yard::Yard;
use crate::domain::failure::Failure;
use crate::domain::isolation::Isolation;
use crate::domain::name::Oid;
use crate::domain::run::{Completion, Run};
use crate::edge::chance;
use crate::edge::git::Checkout;
use crate::edge::sandbox::clear;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// A checkout in a folder of its own, beside which a run has room; gone with this value.
pub struct Laid {
    root: PathBuf,
    checkout: Option<Checkout>,
}

impl Laid {
    /// The tree's files, in a fresh folder or in one that is as good.
    pub fn of(yard: &Yard, tree: &Oid) -> Result<Self, Failure> {
        let gate = yard.gate()?;
        let spare = take(yard, tree);
        if let Some(mut laid) = spare {
            laid.checkout = laid.checkout.take().and_then(|checkout| gate.refit(checkout, tree));
            if laid.checkout.is_some() {
                return Ok(laid);
            }
        }
        let root = yard.place.join("work").join(hex::encode(chance::bytes::<8>()?));
        crate::supervisor::place::make_private(&root)?;
        let mut laid = Self { root, checkout: None };
        laid.checkout = Some(gate.check_out(tree, &laid.dir())?);
        Ok(laid)
    }

    pub fn dir(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// Whether a run, whose processes are all gone, left nothing behind.
    pub fn is_as_it_was(&self, yard: &Yard) -> bool {
        yard.isolation != Isolation::None && self.checkout.as_ref().is_some_and(Checkout::is_untouched) && alone(&self.root)
    }

    /// Keeps the files for the next run where the tests of this one came to their own end: of what was killed something may live a moment longer.
    pub fn give_back_after(self, yard: &Yard, run: &Run) {
        if matches!(run.completion, Completion::Finished | Completion::NotBuilt) {
            self.give_back(yard);
        }
    }

    /// Keeps the files for the next run where this one left them as they were.
    pub fn give_back(self, yard: &Yard) {
        let untouched = self.is_as_it_was(yard);
        let mut spare = yard.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if untouched && spare.len() < AT_ONCE {
            spare.push(self);
        }
    }
}

/// Nothing lies beside the tree.
fn alone(root: &Path) -> bool {
    std::fs::read_dir(root).is_ok_and(|entries| entries.count() == 1)
}

/// The spare checkout of this very tree, else the one that was used last.
fn take(yard: &Yard, tree: &Oid) -> Option<Laid> {
    let mut spare = yard.spare.lock().unwrap_or_else(PoisonError::into_inner);
    let same = spare.iter().position(|laid| laid.checkout.as_ref().is_some_and(|checkout| checkout.tree() == tree));
    same.map(|at| spare.remove(at)).or_else(|| spare.pop())
}

impl Drop for Laid {
    fn drop(&mut self) {
        if let Err(why) = clear(&self.root) {
            eprintln!("orchestrate: cannot remove {}: {why}", self.root.display());
        }
    }
}
