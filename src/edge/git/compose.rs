//! A tree made from another by putting some files in and taking some out.

use super::tree::{FILE, LINK, PROGRAM};
use super::{Gate, must};
use crate::domain::change::Blob;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Gate {
    /// Stores `base_tree` with each path replaced, or removed where it has no content.
    pub fn compose(&self, base_tree: &Oid, files: &[(String, Option<Blob>)]) -> Result<Oid, Failure> {
        let index = self.dir().join(format!("index.{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let composed = self.compose_in(&index, base_tree, files);
        if index.exists() {
            std::fs::remove_file(&index).doing(format!("cannot remove {}", index.display()))?;
        }
        composed
    }

    fn compose_in(&self, index: &Path, base_tree: &Oid, files: &[(String, Option<Blob>)]) -> Result<Oid, Failure> {
        let at = |args: &[&str]| indexed(self.command(), index, args);
        must(at(&["read-tree", base_tree.as_str()]), b"", "read the base tree")?;
        let zero = "0".repeat(base_tree.as_str().len());
        let lines = files.iter().map(|(path, blob)| index_line(path, blob.as_ref(), &zero)).collect::<Result<String, _>>()?;
        must(at(&["update-index", "--add", "--replace", "-z", "--index-info"]), lines.as_bytes(), "put files into a tree")?;
        super::oid(&must(at(&["write-tree"]), b"", "store a tree")?)
    }

    /// Stores content, so that a tree can be composed with it.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Oid, Failure> {
        let mut command = self.command();
        command.args(["hash-object", "-t", "blob", "-w", "--no-filters", "--stdin"]);
        super::oid(&must(command, bytes, "store a file")?)
    }
}

fn indexed(mut command: Command, index: &Path, args: &[&str]) -> Command {
    command.env("GIT_INDEX_FILE", PathBuf::from(index)).args(args);
    command
}

fn index_line(path: &str, blob: Option<&Blob>, zero: &str) -> Result<String, Failure> {
    let bad = |why: &str| Err(Failure::new(format!("cannot put {path:?} into a tree"), why));
    if path.split('/').any(|name| super::tree::bad_name(name.as_bytes()).is_some()) && blob.is_some() {
        return bad("its name is not one that a tree may gain");
    }
    match blob {
        _ if path.is_empty() || path.contains('\0') => bad("it is no path"),
        Some(blob) if ![FILE, PROGRAM, LINK].contains(&blob.mode) => bad("it is no file"),
        Some(blob) => Ok(format!("{:o} {} 0\t{path}\0", blob.mode, blob.oid)),
        None => Ok(format!("0 {zero} 0\t{path}\0")),
    }
}
