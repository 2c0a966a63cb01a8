//! The mirror: approved history alone, which every seat reads as the alternate of its clone.
//!
//! Objects are only ever added: a clone that refers to the mirror would break if one went.

use super::{Gate, Move, made_whole, store};
use crate::domain::failure::Failure;
use crate::domain::name::{Oid, RefName};
use std::path::Path;

impl Gate {
    /// Makes a mirror of the protected branch, whole or not at all; its objects are copies.
    pub fn make_mirror(&self, dir: &Path) -> Result<(), Failure> {
        let tip = self.tip()?;
        made_whole(dir, |making| {
            store::skeleton(making, &store::config(self.object_format(), true), self.branch())?;
            self.send(making, &tip, None)?;
            self.settle(making, self.branch(), None, &tip)
        })
    }

    /// Makes the first mirror of a gate that was just made. Both hold one history and nothing else: its pack is copied as it is.
    pub fn first_mirror(&self, dir: &Path) -> Result<(), Failure> {
        let tip = self.tip()?;
        made_whole(dir, |making| {
            store::skeleton(making, &store::config(self.object_format(), true), self.branch())?;
            store::copy_packs(self.dir(), making)?;
            self.settle(making, self.branch(), None, &tip)
        })
    }

    /// Brings the mirror to where the gate's branch stands.
    pub fn refresh_mirror(&self, dir: &Path, branch: &RefName) -> Result<(), Failure> {
        let tip = self.find_ref(branch)?.ok_or_else(|| Failure::new("cannot refresh the mirror", format!("the gate has no {branch}")))?;
        let known = self.mirrored(dir, branch)?;
        if known.as_ref() == Some(&tip) {
            return Ok(());
        }
        self.send(dir, &tip, known.as_ref())?;
        self.settle(dir, branch, known, &tip)
    }

    fn mirrored(&self, dir: &Path, branch: &RefName) -> Result<Option<Oid>, Failure> {
        let mut command = self.git().bare(dir);
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", branch.as_str()]);
        let ran = super::run(command, b"", "read the mirror")?;
        match ran.code {
            Some(0) => super::oid(&ran.out).map(Some),
            Some(1) => Ok(None),
            _ => Err(Failure::new("cannot read the mirror", ran.why()).hint(format!("ls -la {}", dir.display()))),
        }
    }

    fn send(&self, to: &Path, wanted: &Oid, known: Option<&Oid>) -> Result<(), Failure> {
        let mut from = self.command();
        store::pack_from(&mut from);
        store::transfer(self.git(), from, to, wanted, known)
    }

    fn settle(&self, dir: &Path, branch: &RefName, old: Option<Oid>, tip: &Oid) -> Result<(), Failure> {
        store::move_refs(self.git().bare(dir), &[Move { name: branch.clone(), old, new: Some(tip.clone()) }])
    }
}
