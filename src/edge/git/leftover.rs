//! Objects that lie in the gate without a reference that reaches them: what a refused push would leave.

use super::{Gate, must};
use crate::domain::failure::Failure;
use std::collections::BTreeSet;

impl Gate {
    /// The ids of all objects that no reference reaches.
    pub fn leftovers(&self) -> Result<BTreeSet<String>, Failure> {
        let all = self.ids(&["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)"])?;
        let reached = self.ids(&["rev-list", "--objects", "--no-object-names", "--all"])?;
        Ok(all.difference(&reached).cloned().collect())
    }

    fn ids(&self, args: &[&str]) -> Result<BTreeSet<String>, Failure> {
        let mut command = self.command();
        command.args(args);
        let out = must(command, b"", "list the gate's objects")?;
        Ok(String::from_utf8_lossy(&out).lines().map(str::to_owned).collect())
    }
}
