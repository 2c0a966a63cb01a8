//! How much room a folder takes that somebody hostile may write in meanwhile.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Folders in folders that are looked into; below that, and beyond so many entries, it counts as more than anybody may have.
const DEEPEST: usize = 200;
const MOST_ENTRIES: u64 = 5_000_000;
/// Files of several names that are told apart; more are counted by each name.
const MOST_LINKED: usize = 200_000;
const BLOCK: u64 = 512;

/// Stands for more than can be counted; exact in every reader of JSON.
pub const UNCOUNTED: u64 = 1 << 53;

/// What a folder takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on the disk, or `UNCOUNTED`.
    pub bytes: u64,
    /// Some folder cannot be looked into, so that there may be more.
    pub hidden: bool,
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes).min(UNCOUNTED), hidden: self.hidden || other.hidden }
    }
}

/// Counts everything below a folder. No link is followed, and no other disk entered.
pub fn usage(folder: &Path) -> Usage {
    let Ok(top) = rustix::fs::open(folder, FOLDER, Mode::empty()) else { return Usage::default() };
    let device = fstat(&top).map(|stat| stat.st_dev).unwrap_or_default();
    let mut count = Count { bytes: 0, hidden: false, entries: 0, linked: BTreeSet::new(), device };
    let bytes = if count.below(top, 0) { count.bytes } else { UNCOUNTED };
    Usage { bytes, hidden: count.hidden }
}

struct Count {
    bytes: u64,
    hidden: bool,
    entries: u64,
    /// Files of several names, which are counted once.
    linked: BTreeSet<u64>,
    device: u64,
}

impl Count {
    /// Adds what is in a folder; false where it is too much to be told.
    fn below(&mut self, folder: OwnedFd, depth: usize) -> bool {
        let Ok(mut entries) = Dir::read_from(&folder) else { return true };
        while let Some(Ok(entry)) = entries.read() {
            self.entries += 1;
            let name = entry.file_name();
            if depth > DEEPEST || self.entries > MOST_ENTRIES || !(is_dots(name) || self.add(folder.as_fd(), name, depth)) {
                return false;
            }
        }
        true
    }

    fn add(&mut self, folder: impl AsFd, name: &CStr, depth: usize) -> bool {
        // What went meanwhile takes no room.
        let Ok(stat) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return true };
        if stat.st_dev != self.device || (stat.st_nlink > 1 && !self.first(&stat)) {
            return true;
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(BLOCK));
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return true;
        }
        match openat(&folder, name, FOLDER, Mode::empty()) {
            Ok(below) => self.below(below, depth + 1),
            Err(errno) => {
                self.hidden |= errno == Errno::ACCESS;
                true
            }
        }
    }

    fn first(&mut self, stat: &rustix::fs::Stat) -> bool {
        let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        folder || self.linked.len() >= MOST_LINKED || self.linked.insert(stat.st_ino)
    }
}

fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const BIG: usize = 1 << 20;

    #[test]
    fn files_count_once_and_links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        fs::create_dir_all(own.join("a/b")).unwrap();
        fs::write(folder.path().join("big"), vec![1; 8 * BIG]).unwrap();
        let empty = usage(&own).bytes;
        symlink(folder.path().join("big"), own.join("link")).unwrap();
        symlink(folder.path(), own.join("a/up")).unwrap();
        assert!(usage(&own).bytes < empty + BIG as u64);
        fs::write(own.join("a/b/file"), vec![1; BIG]).unwrap();
        fs::hard_link(own.join("a/b/file"), own.join("again")).unwrap();
        let full = usage(&own).bytes;
        assert!((BIG as u64..2 * BIG as u64).contains(&full), "{full}");
        assert_eq!(usage(&folder.path().join("none")), Usage::default());
    }

    #[test]
    fn what_hides_deep_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let deep: std::path::PathBuf = std::iter::repeat_n("d", DEEPEST + 3).collect();
        fs::create_dir_all(folder.path().join(deep)).unwrap();
        assert_eq!(usage(folder.path()), Usage { bytes: UNCOUNTED, hidden: false });
    }

    #[test]
    fn what_is_closed_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let seen = std::thread::scope(|scope| {
            let unprivileged = || {
                // Of this thread alone: root looks into everything otherwise.
                let mut own = capabilities(None).unwrap();
                own.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
                set_capabilities(None, own).unwrap();
                usage(folder.path()).hidden
            };
            scope.spawn(unprivileged).join().unwrap()
        });
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(seen && !usage(folder.path()).hidden);
    }
}
