//! A tree written out once and used again: as it is while a run left it as it was, and turned into another tree where few files differ.
//!
//! Making and removing some thousand files is what a short test run waits for most. What decides whether a folder may serve again is never
//! what a run says: every entry's number, mode, size and times are as they were, and before another tree is made of it every content is
//! hashed again. Where a file that is written through a mapping may keep its times, contents are hashed each time. A run that left anything
//! at all in the tree has used it up.

use super::materialise::folder;
use super::objects::Objects;
use super::stored::Type;
use super::tree::{FILE, Item, PROGRAM};
use super::{Gate, halves, read, walk};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, Timestamps};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Above so many files and folders, two threads look at them.
const MANY: usize = 64;
const MANY_FOLDERS: usize = 8;

/// A tree's files in a folder of their own.
#[derive(Debug)]
pub struct Checkout {
    dir: PathBuf,
    tree: Oid,
    seen: BTreeMap<Vec<u8>, Looks>,
}

/// What tells whether an entry is the one that was made, untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looks {
    number: u64,
    mode: u32,
    links: libc::nlink_t,
    owner: (u32, u32),
    size: i64,
    changed: (i64, i64, i64, i64),
    /// The SHA-256 of a file's content, where its times do not tell.
    content: Option<[u8; 32]>,
}

impl Looks {
    fn of(stat: &Stat) -> Self {
        let nanos = |nanos| i64::try_from(nanos).unwrap_or(-1);
        Self {
            number: stat.st_ino,
            mode: stat.st_mode,
            links: stat.st_nlink,
            owner: (stat.st_uid, stat.st_gid),
            size: stat.st_size,
            changed: (stat.st_mtime, nanos(stat.st_mtime_nsec), stat.st_ctime, nanos(stat.st_ctime_nsec)),
            content: None,
        }
    }

    fn is(&self, kind: FileType) -> bool {
        FileType::from_raw_mode(self.mode) == kind
    }
}

impl Checkout {
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn tree(&self) -> &Oid {
        &self.tree
    }

    /// Whether the folder is to the last entry as it was made.
    pub fn is_untouched(&self) -> bool {
        survey(&self.dir, Wish::Is(&self.seen)).is_ok_and(|now| now == self.seen)
    }
}

impl Gate {
    /// Writes a tree into a folder that is not there yet.
    pub fn check_out(&self, tree: &Oid, dir: &Path) -> Result<Checkout, Failure> {
        self.materialise(tree, dir)?;
        Checkout { dir: dir.to_owned(), tree: tree.clone(), seen: BTreeMap::new() }.settled()
    }

    /// Makes another tree of an untouched one; nothing where that cannot be done safely or is not worth it, and the folder is used up.
    pub fn refit(&self, checkout: Checkout, tree: &Oid) -> Option<Checkout> {
        self.refitted(checkout, tree).ok().flatten()
    }

    fn refitted(&self, checkout: Checkout, tree: &Oid) -> Result<Option<Checkout>, Failure> {
        let mut objects = self.objects(None)?;
        let all = walk::whole(&mut objects, None, Some(&checkout.tree))?.deltas;
        let steps = walk::whole(&mut objects, Some(&checkout.tree), Some(tree))?.deltas;
        let plain = |item: &Option<Item>| item.as_ref().is_none_or(|item| [FILE, PROGRAM].contains(&item.mode));
        let other: BTreeSet<&[u8]> = steps.iter().map(|step| step.path.as_slice()).collect();
        if steps.len() * 2 > all.len() + 64 || !steps.iter().all(|step| plain(&step.old) && plain(&step.new)) {
            return Ok(None);
        }
        let root = rustix::fs::open(&checkout.dir, folder(), Mode::empty()).doing(WHAT)?;
        let kept = all.iter().filter(|file| !other.contains(file.path.as_slice())).filter_map(|file| Some((file.path.as_slice(), file.new.as_ref()?)));
        let kept: Vec<(&[u8], &Item)> = kept.collect();
        if halves(&kept, MANY, |files| files.iter().all(|(path, item)| holds(&root, path, item))) != (true, true) {
            return Ok(None);
        }
        if steps.is_empty() {
            return Ok(Some(checkout));
        }
        for step in steps.iter().filter(|step| step.old.is_some()) {
            remove(&root, &step.path)?;
        }
        for (path, item) in steps.iter().filter_map(|step| Some((&step.path, step.new.as_ref()?))) {
            put(&root, path, item, &mut objects)?;
        }
        Checkout { tree: tree.clone(), ..checkout }.settled().map(Some)
    }
}

const WHAT: &str = "cannot write out a tree";

impl Checkout {
    /// Gives every entry the same times, so that none tells what came before, and looks at all of them.
    fn settled(mut self) -> Result<Self, Failure> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).doing(WHAT)?;
        let now = rustix::fs::Timespec::try_from(now).doing(WHAT)?;
        self.seen = survey(&self.dir, Wish::Has(&Timestamps { last_access: now, last_modification: now })).doing(WHAT)?;
        Ok(self)
    }
}

/// What is wanted of every entry.
enum Wish<'a> {
    /// It is given these times.
    Has(&'a Timestamps),
    /// It is what was seen before: at the first that is not, nothing more is looked at, as a run can leave any number of entries.
    Is(&'a BTreeMap<Vec<u8>, Looks>),
}

/// File systems on which what is written through a mapping changes a file's times (ext, XFS, Btrfs, F2FS), as `statfs(2)` names them; in
/// memory alone, also below an overlay, it does not.
const STAMPING: [i64; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010];

/// How a folder is looked at.
struct Looking<'a> {
    wish: Wish<'a>,
    /// Times do not tell whether a content is as it was.
    hashing: bool,
}

/// Every entry of a folder, itself as the empty path; no link is followed.
fn survey(dir: &Path, wish: Wish<'_>) -> io::Result<BTreeMap<Vec<u8>, Looks>> {
    let root = rustix::fs::open(dir, folder(), Mode::empty())?;
    let how = Looking { wish, hashing: !STAMPING.contains(&rustix::fs::fstatfs(&root)?.f_type) };
    let mut seen = BTreeMap::from([(Vec::new(), how.look(rustix::fs::CWD, dir.as_os_str(), b"")?)]);
    let mut level = vec![Vec::new()];
    while !level.is_empty() {
        let (one, other) = halves(&level, MANY_FOLDERS, |folders| {
            let all = folders.iter().map(|folder| how.entries(&root, folder));
            all.collect::<io::Result<Vec<_>>>()
        });
        let found: Vec<(Vec<u8>, Looks)> = one?.into_iter().chain(other?).flatten().collect();
        level = found.iter().filter(|(_, looks)| looks.is(FileType::Directory)).map(|(path, _)| path.clone()).collect();
        seen.extend(found);
    }
    Ok(seen)
}

impl Looking<'_> {
    /// The entries of one folder.
    fn entries(&self, root: &OwnedFd, path: &[u8]) -> io::Result<Vec<(Vec<u8>, Looks)>> {
        let here = if path.is_empty() { rustix::fs::openat(root, ".", folder(), Mode::empty())? } else { beneath(root, path, folder(), 0)? };
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(&here)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let path = walk::join(path, name);
                let looks = self.look(here.as_fd(), OsStr::from_bytes(name), &path)?;
                found.push((path, looks));
            }
        }
        Ok(found)
    }

    fn look(&self, folder: BorrowedFd<'_>, name: &OsStr, path: &[u8]) -> io::Result<Looks> {
        if let Wish::Has(times) = self.wish {
            rustix::fs::utimensat(folder, name, times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        let looks = Looks::of(&rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?);
        // Before its content is read: it has the size that it was made with.
        let is = |looks: &Looks, seen: &Looks| *looks == Looks { content: looks.content.and(seen.content), ..*seen };
        let as_seen = |looks: &Looks| match self.wish {
            Wish::Is(seen) => seen.get(path).is_some_and(|seen| is(looks, seen)),
            Wish::Has(_) => true,
        };
        let content = if self.hashing && looks.is(FileType::RegularFile) && as_seen(&looks) { Some(content(folder, name)?) } else { None };
        let looks = Looks { content, ..looks };
        if as_seen(&looks) { Ok(looks) } else { Err(io::Error::other("it is not as it was")) }
    }
}

/// The SHA-256 of a file.
fn content(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<[u8; 32]> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut hash = Sha256::new();
    io::copy(&mut std::fs::File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?), &mut hash)?;
    Ok(hash.finalize().into())
}

fn beneath(root: &OwnedFd, path: &[u8], flags: OFlags, mode: u32) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, OsStr::from_bytes(path), flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::from_raw_mode(mode), resolve)
}

/// Whether a file has the content and mode that the tree says. A link's target cannot be changed in its place, and a submodule has none.
fn holds(root: &OwnedFd, path: &[u8], item: &Item) -> bool {
    if ![FILE, PROGRAM].contains(&item.mode) {
        return true;
    }
    let Ok(file) = beneath(root, path, OFlags::RDONLY | OFlags::NONBLOCK, 0) else { return false };
    let sound = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1;
    let mut bytes = Vec::new();
    rustix::fs::fstat(&file).is_ok_and(sound)
        && bare(&file)
        && std::fs::File::from(file).read_to_end(&mut bytes).is_ok()
        && read::named("blob", &bytes, &item.id)
}

/// Whether nothing is written beside a file's content.
fn bare(file: &OwnedFd) -> bool {
    let mut names = [0_u8; 256];
    matches!(rustix::fs::flistxattr(file, &mut names), Ok(0) | Err(rustix::io::Errno::NOTSUP))
}

fn remove(root: &OwnedFd, path: &[u8]) -> Result<(), Failure> {
    let (folder, name) = split(path);
    let parent = if folder.is_empty() { root.try_clone().doing(WHAT)? } else { beneath(root, folder, OFlags::RDONLY | OFlags::DIRECTORY, 0).doing(WHAT)? };
    rustix::fs::unlinkat(&parent, OsStr::from_bytes(name), AtFlags::empty()).doing(WHAT)?;
    // A folder that holds nothing any more is in no tree.
    let mut folder = folder;
    while !folder.is_empty() && rustix::fs::unlinkat(root, OsStr::from_bytes(folder), AtFlags::REMOVEDIR).is_ok() {
        folder = split(folder).0;
    }
    Ok(())
}

fn put(root: &OwnedFd, path: &[u8], item: &Item, objects: &mut Objects) -> Result<(), Failure> {
    let mut at = Vec::new();
    for name in split(path).0.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        at = walk::join(&at, name);
        match rustix::fs::mkdirat(root, OsStr::from_bytes(&at), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(why) => return Err(Failure::new(WHAT, why)),
        }
    }
    let mode = if item.mode == PROGRAM { 0o755 } else { 0o644 };
    let file = beneath(root, path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode).doing(WHAT)?;
    std::fs::File::from(file).write_all(&objects.read(&item.id, Type::Blob)?).doing(WHAT)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}
