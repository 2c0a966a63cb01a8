//! How much room a folder takes that somebody hostile may write in meanwhile.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
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

/// Bytes on the disk of everything below a folder; `u64::MAX` where that cannot be told. No link is followed, and no other disk entered.
pub fn usage(folder: &Path) -> u64 {
    let Ok(top) = rustix::fs::open(folder, FOLDER, Mode::empty()) else { return 0 };
    let device = fstat(&top).map(|stat| stat.st_dev).unwrap_or_default();
    let mut count = Count { bytes: 0, entries: 0, linked: BTreeSet::new(), device };
    if count.below(top, 0) { count.bytes } else { u64::MAX }
}

struct Count {
    bytes: u64,
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
        openat(&folder, name, FOLDER, Mode::empty()).map_or(true, |below| self.below(below, depth + 1))
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
    use std::fs;
    use std::os::unix::fs::symlink;

    const BIG: usize = 1 << 20;

    #[test]
    fn files_count_once_and_links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        fs::create_dir_all(own.join("a/b")).unwrap();
        fs::write(folder.path().join("big"), vec![1; 8 * BIG]).unwrap();
        let empty = usage(&own);
        symlink(folder.path().join("big"), own.join("link")).unwrap();
        symlink(folder.path(), own.join("a/up")).unwrap();
        assert!(usage(&own) < empty + BIG as u64);
        fs::write(own.join("a/b/file"), vec![1; BIG]).unwrap();
        fs::hard_link(own.join("a/b/file"), own.join("again")).unwrap();
        let full = usage(&own);
        assert!((BIG as u64..2 * BIG as u64).contains(&full), "{full}");
        assert_eq!(usage(&folder.path().join("none")), 0);
    }

    #[test]
    fn what_hides_deep_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let deep: std::path::PathBuf = std::iter::repeat_n("d", DEEPEST + 3).collect();
        fs::create_dir_all(folder.path().join(deep)).unwrap();
        assert_eq!(usage(folder.path()), u64::MAX);
    }
}
