//! A tree written out as files, straight from objects: no checkout, no filter, no hook, no attribute.

use super::objects::{Object, Objects};
use super::stored::Type;
use super::tree::{self, FILE, GITLINK, Item, LINK, PROGRAM, TREE};
use super::{Gate, halves, walk};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use rustix::fs::{CWD, Mode, OFlags};
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all files of a tree, at most, and bytes of the disk that stay free: one content can be named by any number of paths.
const MOST_BYTES: u64 = 16 << 30;
const DISK_FLOOR: u64 = 512 << 20;
/// After so many bytes the disk is looked at again.
const LOOK: u64 = 64 << 20;
/// Above so many files, two threads write them.
const MANY: usize = 64;

impl Gate {
    /// Writes a tree into a folder that is not there yet. Returns the entries it left out: links that leave the tree, submodules.
    pub fn materialise(&self, tree: &Oid, dir: &Path) -> Result<Vec<String>, Failure> {
        self.materialise_within(tree, dir, MOST_BYTES)
    }

    /// The same, of at most so many bytes.
    pub(super) fn materialise_within(&self, tree: &Oid, dir: &Path, most: u64) -> Result<Vec<String>, Failure> {
        let what = format!("cannot write out {}", dir.display());
        rustix::fs::mkdirat(CWD, dir, Mode::from_raw_mode(0o700)).doing(&what)?;
        let root = rustix::fs::openat(CWD, dir, folder(), Mode::empty()).doing(&what)?;
        let stored = self.stored(None);
        let mut out = Out { what, root, folders: Vec::new(), files: Vec::new(), left: Vec::new(), most, bytes: AtomicU64::new(0) };
        out.folders(&mut self.shared(None, &stored)?, tree)?;
        let (one, other) = halves(&out.files, MANY, |files| out.write(&mut self.shared(None, &stored)?, files));
        let mut left = out.left;
        left.extend(one?.into_iter().chain(other?));
        left.sort();
        Ok(left)
    }
}

/// How a folder is opened: a link in its place is not followed.
pub(super) fn folder() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Opens a folder step by step, so that no step follows a link; a tree with many folders holds no more open than one path has.
fn reopen(root: &OwnedFd, path: &[u8]) -> std::io::Result<OwnedFd> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    names.map(OsStr::from_bytes).try_fold(root.try_clone()?, |at, name| Ok(rustix::fs::openat(&at, name, folder(), Mode::empty())?))
}

struct Out {
    what: String,
    root: OwnedFd,
    /// Every folder's path.
    folders: Vec<Vec<u8>>,
    files: Vec<File>,
    left: Vec<String>,
    /// Bytes of all files, at most.
    most: u64,
    /// What was written so far.
    bytes: AtomicU64,
}

struct File {
    /// Its place among the folders.
    folder: usize,
    name: Vec<u8>,
    item: Item,
}

impl Out {
    /// Makes all folders of a tree, and finds the files that belong into them.
    fn folders(&mut self, objects: &mut Objects, tree: &Oid) -> Result<(), Failure> {
        let mut waiting = vec![(Vec::new(), tree.clone())];
        while let Some((path, id)) = waiting.pop() {
            let folder = reopen(&self.root, &path).doing(&self.what)?;
            let bytes = objects.read(&id, Type::Tree)?;
            for entry in tree::parse(&bytes, id.as_str().len() / 2)?.entries {
                self.safe(&path, entry.name)?;
                let below = walk::join(&path, entry.name);
                match entry.item()? {
                    Item { mode: TREE, id } => {
                        rustix::fs::mkdirat(&folder, OsStr::from_bytes(entry.name), Mode::from_raw_mode(0o755)).doing(&self.what)?;
                        waiting.push((below, id));
                    }
                    Item { mode: GITLINK, .. } => self.left.push(tree::spell(&below)),
                    item => self.files.push(File { folder: self.folders.len(), name: entry.name.to_vec(), item }),
                }
            }
            self.folders.push(path);
        }
        Ok(())
    }

    /// Proves that a name stays in its folder and is not git's.
    fn safe(&self, path: &[u8], name: &[u8]) -> Result<(), Failure> {
        let bad = matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || tree::is_git(&tree::spell(name));
        let deep = tree::too_long(path).is_some();
        if bad || deep { Err(Failure::new(&self.what, format!("{:?} is no name for a file", tree::spell(name)))) } else { Ok(()) }
    }

    /// Proves that there is room for so many bytes more.
    fn room(&self, more: u64) -> Result<(), Failure> {
        let before = self.bytes.fetch_add(more, Ordering::Relaxed);
        if before + more > self.most {
            return Err(Failure::new(&self.what, format!("its files have more than {} bytes", self.most)));
        }
        if before / LOOK < (before + more) / LOOK {
            let disk = rustix::fs::fstatvfs(&self.root).doing(&self.what)?;
            if disk.f_bavail.saturating_mul(disk.f_frsize) < DISK_FLOOR {
                return Err(Failure::new(&self.what, format!("less than {DISK_FLOOR} bytes of the disk are free")).hint("df -h"));
            }
        }
        Ok(())
    }

    /// Writes files, and tells which it left out.
    fn write(&self, objects: &mut Objects, files: &[File]) -> Result<Vec<String>, Failure> {
        let mut left = Vec::new();
        for group in files.chunk_by(|a, b| a.folder == b.folder) {
            let path = &self.folders[group[0].folder];
            let folder = reopen(&self.root, path).doing(&self.what)?;
            let ids: Vec<Oid> = group.iter().map(|file| file.item.id.clone()).collect();
            objects.each(&ids, |at, object| {
                let File { name, item, .. } = &group[at];
                let bytes = content(object, &item.id)?;
                self.room(bytes.len() as u64)?;
                match item.mode {
                    LINK if tree::bad_link(&walk::join(path, name), &bytes).is_some() => left.push(tree::spell(&walk::join(path, name))),
                    LINK => rustix::fs::symlinkat(OsStr::from_bytes(&bytes), &folder, OsStr::from_bytes(name)).doing(&self.what)?,
                    mode => write(&folder, name, mode, &bytes).doing(&self.what)?,
                }
                Ok(())
            })?;
        }
        Ok(left)
    }
}

fn content(object: Object, id: &Oid) -> Result<Vec<u8>, Failure> {
    object.take(Type::Blob, id)
}

fn write(folder: &OwnedFd, name: &[u8], mode: u32, bytes: &[u8]) -> std::io::Result<()> {
    let permissions = if mode == PROGRAM { 0o755 } else { FILE & 0o777 };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, OsStr::from_bytes(name), flags, Mode::from_raw_mode(permissions))?;
    std::fs::File::from(file).write_all(bytes)
}
