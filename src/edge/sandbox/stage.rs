//! A unix user per seat: what the seat is shown is laid out where that user can reach it, and root is given up before `bwrap` starts.

use crate::domain::failure::{Doing, Failure};
use serde::{Deserialize, Serialize};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::process::{Gid, Uid};
use std::ffi::CString;
use std::fs;
use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A folder that every system has and no program needs; only this process's view of it changes.
const STAGE: &str = "/mnt";
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The group of nobody: what a seat has is closed to groups anyway.
const NO_GROUP: u32 = 65534;

/// The user that a sandbox's processes are outside, and what is laid out for it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Other {
    pub(super) user: u32,
    sources: Vec<PathBuf>,
}

impl Other {
    pub(super) fn new(user: u32) -> Self {
        Self { user, sources: Vec::new() }
    }

    /// Takes one more source; gives the path under which the user finds it.
    pub(super) fn lay(&mut self, source: &Path) -> PathBuf {
        self.sources.push(source.to_owned());
        at(self.sources.len() - 1)
    }

    /// Lays everything out and becomes the user, for good.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        const WHAT: &str = "cannot give the seat a user of its own";
        // SAFETY: this process has one thread, and only its view of mounts changes.
        checked(unsafe { libc::unshare(libc::CLONE_NEWNS) }).doing(WHAT)?;
        mount(None, Path::new("/"), libc::MS_SLAVE | libc::MS_REC, None).doing(WHAT)?;
        mount(Some(Path::new("tmpfs")), Path::new(STAGE), libc::MS_NOSUID | libc::MS_NODEV, Some("mode=0711,size=64k")).doing(WHAT)?;
        for (number, source) in self.sources.iter().enumerate() {
            let place = at(number);
            if source.is_dir() { fs::create_dir(&place) } else { fs::write(&place, "") }.doing(WHAT)?;
            mount(Some(source), &place, libc::MS_BIND | libc::MS_REC, None).doing(format!("cannot show {} to the seat", source.display()))?;
        }
        own_terminal(self.user).doing(WHAT)?;
        change(self.user).doing(WHAT)
    }
}

fn at(number: usize) -> PathBuf {
    Path::new(STAGE).join(number.to_string())
}

fn checked(end: libc::c_int) -> std::io::Result<()> {
    if end == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn mount(source: Option<&Path>, target: &Path, flags: libc::c_ulong, options: Option<&str>) -> std::io::Result<()> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(std::io::Error::other);
    let source = source.map(|path| text(path.as_os_str().as_bytes())).transpose()?;
    let (target, options) = (text(target.as_os_str().as_bytes())?, options.map(|words| text(words.as_bytes())).transpose()?);
    let kind = options.as_ref().map(|_| c"tmpfs");
    let pointer = |text: Option<&std::ffi::CStr>| text.map_or(std::ptr::null(), std::ffi::CStr::as_ptr);
    // SAFETY: every path and text ends in NUL and outlives the call.
    let end = unsafe { libc::mount(pointer(source.as_deref()), target.as_ptr(), pointer(kind), flags, pointer(options.as_deref()).cast()) };
    checked(end)
}

/// The terminal was opened by root; what is written to it by its name is the user's to write.
fn own_terminal(user: u32) -> std::io::Result<()> {
    let input = std::io::stdin();
    if input.is_terminal() {
        rustix::fs::fchown(input.as_fd(), Some(Uid::from_raw(user)), None)?;
    }
    Ok(())
}

fn change(user: u32) -> std::io::Result<()> {
    // SAFETY: plain numbers, and an empty list of groups.
    unsafe {
        checked(libc::setgroups(0, std::ptr::null()))?;
        checked(libc::setresgid(NO_GROUP, NO_GROUP, NO_GROUP))?;
        checked(libc::setresuid(user, user, user))
    }
}

/// Gives a folder of root's to a user, with what is in it down to a depth.
pub fn give(path: &Path, user: u32, depth: u32) -> Result<(), Failure> {
    hand_over(path, 0, user, depth)
}

/// Hands a folder of one user to another, with what is in it down to a depth. No link is followed and nothing of a third user is touched: a
/// seat may be at work there.
pub fn hand_over(path: &Path, from: u32, to: u32, depth: u32) -> Result<(), Failure> {
    use rustix::fs::{CWD, openat};
    let what = || format!("cannot give {} to user {to}", path.display());
    let folder = openat(CWD, path, FOLDER, Mode::empty()).doing(what())?;
    rustix::fs::fchown(&folder, Some(Uid::from_raw(to)), Some(Gid::from_raw(if to == 0 { 0 } else { NO_GROUP }))).doing(what())?;
    below(&folder, from, to, depth).doing(what())
}

fn below(folder: &OwnedFd, from: u32, to: u32, depth: u32) -> rustix::io::Result<()> {
    use rustix::fs::{Dir, FileType, chownat, openat, statat};
    if depth == 0 {
        return Ok(());
    }
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let seen = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if seen.st_uid == from {
            chownat(folder, name, Some(Uid::from_raw(to)), Some(Gid::from_raw(if to == 0 { 0 } else { NO_GROUP })), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if FileType::from_raw_mode(seen.st_mode) == FileType::Directory {
            below(&openat(folder, name, FOLDER, Mode::empty())?, from, to, depth - 1)?;
        }
    }
    Ok(())
}

/// Opens what is ours for every user to read; only those get so far to whom it is shown.
pub fn show(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let what = || format!("cannot open {} to the seats", path.display());
    let seen = fs::symlink_metadata(path).doing(what())?;
    if seen.is_symlink() {
        return Ok(());
    }
    let more = if seen.is_dir() || seen.permissions().mode() & 0o100 != 0 { 0o055 } else { 0o044 };
    fs::set_permissions(path, fs::Permissions::from_mode(seen.permissions().mode() & 0o7777 | more)).doing(what())?;
    if seen.is_dir() {
        fs::read_dir(path).doing(what())?.try_for_each(|entry| show(&entry.doing(what())?.path()))?;
    }
    Ok(())
}
