//! What of a tree is transferred: chosen files and nothing else, each with its mode, size and digest.

use super::stored::Type;
use super::tree::{self, FILE, GITLINK, LINK, PROGRAM};
use super::{Gate, must, walk};
use crate::domain::change::Blob;
use crate::domain::failure::Failure;
use crate::domain::name::{Digest, Oid};

/// One file that is transferred; of a link, what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    pub path: String,
    pub mode: u32,
    pub size: u64,
    pub digest: Digest,
}

/// The chosen files as a tree of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub tree: Oid,
    pub files: Vec<Packed>,
}

impl Gate {
    /// Packs the wanted files of a tree, and shows each one's content to `look`. An entry that leads out of the tree is no file to be sent.
    pub fn parcel(&self, from: &Oid, wanted: &dyn Fn(&str) -> bool, look: &mut dyn FnMut(&Packed, &[u8])) -> Result<Parcel, Failure> {
        let mut objects = self.objects(None)?;
        let all = walk::whole(&mut objects, None, Some(from))?;
        let (mut files, mut blobs) = (Vec::new(), Vec::new());
        for delta in &all.deltas {
            let Some(item) = &delta.new else { continue };
            let path = tree::spell(&delta.path);
            if !wanted(&path) {
                continue;
            }
            let refuse = |why: &str| Err(Failure::new(format!("cannot transfer {path:?}"), why).hint("git ls-tree -r HEAD"));
            if ![FILE, PROGRAM, LINK].contains(&item.mode) || path.as_bytes() != delta.path {
                return refuse(if item.mode == GITLINK { "it is a link to another repository" } else { "it is no plain file of a plain name" });
            }
            let bytes = objects.read(&item.id, Type::Blob)?;
            if let Some(why) = tree::bad_link(&delta.path, &bytes).filter(|_| item.mode == LINK) {
                return refuse(why);
            }
            let packed = Packed { path, mode: item.mode, size: bytes.len() as u64, digest: Digest::of(&bytes) };
            look(&packed, &bytes);
            blobs.push((packed.path.clone(), Some(Blob { oid: item.id.clone(), mode: item.mode, size: packed.size })));
            files.push(packed);
        }
        let tree = self.compose(&self.empty_tree()?, &blobs)?;
        Ok(Parcel { tree, files })
    }

    fn empty_tree(&self) -> Result<Oid, Failure> {
        let mut command = self.command();
        command.args(["hash-object", "-t", "tree", "-w", "--stdin"]);
        super::oid(&must(command, b"", "store an empty tree")?)
    }
}
