//! A tree written out as files, straight from objects: no checkout, no filter, no hook, no attribute.

use super::objects::{Object, Objects};
use super::stored::Type;
use super::tree::{self, FILE, GITLINK, Item, LINK, PROGRAM, TREE};
use super::{Gate, walk};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use rustix::fs::{CWD, Mode, OFlags};
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

impl Gate {
    /// Writes a tree into a folder that is not there yet. Returns the entries it left out: links that leave the tree, submodules.
    pub fn materialise(&self, tree: &Oid, dir: &Path) -> Result<Vec<String>, Failure> {
        let what = format!("cannot write out {}", dir.display());
        rustix::fs::mkdirat(CWD, dir, Mode::from_raw_mode(0o700)).doing(&what)?;
        let root = rustix::fs::openat(CWD, dir, folder(), Mode::empty()).doing(&what)?;
        let mut out = Out { objects: self.objects(None)?, left: Vec::new(), what };
        let mut waiting = vec![(Vec::new(), tree.clone())];
        while let Some((path, id)) = waiting.pop() {
            let folder = reopen(&root, &path).doing(&out.what)?;
            waiting.extend(out.directory(&path, &folder, &id)?);
        }
        out.left.sort();
        Ok(out.left)
    }
}

fn folder() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Opens a folder step by step, so that no step follows a link; a tree with many folders holds no more open than one path has.
fn reopen(root: &OwnedFd, path: &[u8]) -> std::io::Result<OwnedFd> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    names.map(OsStr::from_bytes).try_fold(root.try_clone()?, |at, name| Ok(rustix::fs::openat(&at, name, folder(), Mode::empty())?))
}

struct Out {
    objects: Objects,
    left: Vec<String>,
    what: String,
}

type Waiting = (Vec<u8>, Oid);

impl Out {
    fn directory(&mut self, path: &[u8], folder: &OwnedFd, id: &Oid) -> Result<Vec<Waiting>, Failure> {
        let listing = tree::parse(&self.objects.read(id, Type::Tree)?, id.as_str().len() / 2)?;
        let (mut below, mut files) = (Vec::new(), Vec::new());
        for (name, item) in listing.items {
            self.safe(path, &name)?;
            match item.mode {
                TREE => below.push(self.below(path, folder, &name, item.id)?),
                GITLINK => self.left.push(tree::spell(&walk::join(path, &name))),
                _ => files.push((name, item)),
            }
        }
        self.files(path, folder, &files)?;
        Ok(below)
    }

    /// Proves that a name stays in its folder and is not git's.
    fn safe(&self, path: &[u8], name: &[u8]) -> Result<(), Failure> {
        let bad = matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || tree::is_git(&tree::spell(name));
        let deep = tree::too_long(path).is_some();
        if bad || deep { Err(Failure::new(&self.what, format!("{:?} is no name for a file", tree::spell(name)))) } else { Ok(()) }
    }

    fn below(&self, path: &[u8], parent: &OwnedFd, name: &[u8], id: Oid) -> Result<Waiting, Failure> {
        rustix::fs::mkdirat(parent, OsStr::from_bytes(name), Mode::from_raw_mode(0o755)).doing(&self.what)?;
        Ok((walk::join(path, name), id))
    }

    fn files(&mut self, path: &[u8], folder: &OwnedFd, files: &[(Vec<u8>, Item)]) -> Result<(), Failure> {
        let Self { objects, left, what } = self;
        let ids: Vec<Oid> = files.iter().map(|(_, item)| item.id.clone()).collect();
        objects.each(&ids, |at, object| {
            let (name, item) = &files[at];
            let bytes = content(object, &item.id)?;
            match item.mode {
                LINK if tree::bad_link(&walk::join(path, name), &bytes).is_some() => left.push(tree::spell(&walk::join(path, name))),
                LINK => rustix::fs::symlinkat(OsStr::from_bytes(&bytes), folder, OsStr::from_bytes(name)).doing(&*what)?,
                mode => write(folder, name, mode, &bytes).doing(&*what)?,
            }
            Ok(())
        })
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
