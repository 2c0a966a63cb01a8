//! Takes a folder away that something hostile could write: however deep it is, and whatever its folders' modes say.

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, chmodat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Names that are held at once.
const AT_ONCE: usize = 1024;

/// Removes a folder and all that is in it; two of its folders are open at once, and nothing is done by recursion. A link is removed, not followed.
pub fn clear(path: &Path) -> io::Result<()> {
    chmodat(CWD, path, Mode::RWXU, AtFlags::empty())?;
    let top = openat(CWD, path, FOLDER, Mode::empty())?;
    let mut moved = 0;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            return Ok(unlinkat(CWD, path, AtFlags::REMOVEDIR)?);
        }
        names.iter().try_for_each(|name| empty(top.as_fd(), name, &mut moved))?;
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Some of a folder's names; none where it is empty.
fn names(folder: &OwnedFd) -> rustix::io::Result<Vec<CString>> {
    let entries = Dir::read_from(folder)?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    names.filter(|name| !name.as_ref().is_ok_and(|name| matches!(name.as_bytes(), b"." | b".."))).take(AT_ONCE).collect()
}

/// Whether it is gone; a folder that holds something is not.
fn gone(folder: BorrowedFd<'_>, name: &CString) -> rustix::io::Result<bool> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(why) => return Err(why),
    }
    match unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::ACCESS) => Ok(false),
        Err(why) => Err(why),
    }
}

/// Removes an entry of the top folder; folders in it are moved to the top first, so that none is ever deep.
fn empty(top: BorrowedFd<'_>, name: &CString, moved: &mut u64) -> rustix::io::Result<()> {
    if gone(top, name)? {
        return Ok(());
    }
    chmodat(top, name, Mode::RWXU, AtFlags::empty())?;
    let folder = openat(top, name, FOLDER, Mode::empty())?;
    loop {
        let names = names(&folder)?;
        if names.is_empty() {
            return unlinkat(top, name, AtFlags::REMOVEDIR);
        }
        for name in names {
            if !gone(folder.as_fd(), &name)? {
                chmodat(&folder, &name, Mode::RWXU, AtFlags::empty())?;
                lift(&folder, &name, top, moved)?;
            }
        }
    }
}

fn lift(folder: &OwnedFd, name: &CString, top: BorrowedFd<'_>, moved: &mut u64) -> rustix::io::Result<()> {
    loop {
        *moved += 1;
        match renameat(folder, name, top, format!(".lifted-{moved}")) {
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    /// Deeper than a thread's stack or the descriptors of a process would bear.
    #[test]
    fn however_deep_it_is() {
        let world = tempfile::tempdir().unwrap();
        let top = world.path().join("top");
        fs::create_dir(&top).unwrap();
        let mut at = openat(CWD, &top, FOLDER, Mode::empty()).unwrap();
        for _ in 0..20_000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = openat(&at, "d", FOLDER, Mode::empty()).unwrap();
        }
        drop(at);
        clear(&top).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn whatever_modes_names_and_links_are_in_it() {
        let world = tempfile::tempdir().unwrap();
        let (top, other) = (world.path().join("top"), world.path().join("other"));
        fs::create_dir_all(top.join("a/b/c")).unwrap();
        fs::create_dir_all(top.join("a/.lifted-1/x")).unwrap();
        fs::create_dir_all(top.join(".lifted-1/y")).unwrap();
        fs::create_dir(&other).unwrap();
        (0..2500).for_each(|number| fs::write(top.join(format!("a/b/{number}")), "x").unwrap());
        fs::write(top.join(".lifted-2"), "a file").unwrap();
        fs::write(other.join("kept"), "mine").unwrap();
        symlink(&other, top.join("a/link")).unwrap();
        symlink("/nowhere", top.join("a/b/dangling")).unwrap();
        for folder in ["a/b/c", "a/b", "a", ""] {
            fs::set_permissions(top.join(folder), fs::Permissions::from_mode(0)).unwrap();
        }
        clear(&top).unwrap();
        assert!(!top.exists() && other.join("kept").exists());
        assert!(clear(&top).is_err(), "it is not there");
    }
}
