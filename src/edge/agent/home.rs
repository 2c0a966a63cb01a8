//! Writing in a folder that a seat can change at will: every step goes through a held folder and follows no link.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::planted;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, fsync, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Files above this size are none of ours.
const MOST: u64 = 16 << 20;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A plain file in a folder of a seat, as it looks from outside.
pub(super) struct PlainFile {
    pub name: String,
    pub size: u64,
    /// Seconds and nanoseconds.
    pub changed: (i64, u64),
}

/// A folder of a seat, held open.
pub(super) struct Home {
    dir: OwnedFd,
    path: PathBuf,
}

/// No link that a seat lays is followed.
fn unfollowed(flags: OFlags) -> OFlags {
    if planted::out("home-links") { flags } else { flags | OFlags::NOFOLLOW }
}

impl AsFd for Home {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

impl Home {
    /// Opens a seat's home, which its caller made.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let dir = openat(CWD, path, unfollowed(FOLDER), Mode::empty()).doing(format!("cannot open {}", path.display()))?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// Opens a folder below, made if it is not there; a link or a file in its place is put aside, never followed.
    pub fn folder(&self, name: &str) -> Result<Self, Failure> {
        let path = self.path.join(name);
        self.make(name).doing(format!("cannot make {}", path.display()))?;
        let mut dir = openat(&self.dir, name, unfollowed(FOLDER), Mode::empty());
        if let Err(Errno::NOTDIR | Errno::LOOP) = dir {
            self.aside(name)?;
            self.make(name).doing(format!("cannot make {}", path.display()))?;
            dir = openat(&self.dir, name, unfollowed(FOLDER), Mode::empty());
        }
        let dir = dir.map_err(|why| {
            Failure::new(format!("{} is no folder of its own", path.display()), why).hint(format!("rm '{}'", path.display()))
        })?;
        Ok(Self { dir, path })
    }

    /// Opens a folder below where there is one of its own.
    pub fn existing(&self, name: &str) -> Option<Self> {
        let dir = openat(&self.dir, name, unfollowed(FOLDER), Mode::empty()).ok()?;
        Some(Self { dir, path: self.path.join(name) })
    }

    /// The plain files among so many of its entries.
    pub fn files(&self, most: usize) -> Vec<PlainFile> {
        let Ok(folder) = Dir::read_from(&self.dir) else { return Vec::new() };
        let names = folder.take(most).flatten().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        let plain = |name: String| {
            let stat = statat(&self.dir, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            regular.then(|| PlainFile { name, size: stat.st_size.cast_unsigned(), changed: (stat.st_mtime, stat.st_mtime_nsec) })
        };
        names.filter_map(plain).collect()
    }

    fn make(&self, name: &str) -> Result<(), Errno> {
        match mkdirat(&self.dir, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// Reads a plain file; `None` when there is none, or something else in its place.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        self.read_most(name, MOST)
    }

    /// The same; `None` also for a file that is longer.
    pub fn read_most(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Failure> {
        let what = || format!("cannot read {}", self.path.join(name).display());
        let flags = unfollowed(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC);
        let file = match openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
            Err(why) => return Err(Failure::new(what(), why)),
        };
        let stat = fstat(&file).doing(what())?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        File::from(file).take(most + 1).read_to_end(&mut bytes).doing(what())?;
        Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
    }

    /// Reads at most so many of the last bytes of a plain file, and says whether that is all of it; nothing where something else is in its place.
    pub fn tail(&self, name: &str, most: u64) -> Option<(Vec<u8>, bool)> {
        let stat = statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let from = stat.st_size.cast_unsigned().saturating_sub(most);
        Some((self.piece(name, from, most)?, from == 0))
    }

    /// Reads at most so many bytes of a plain file from a position on.
    pub fn piece(&self, name: &str, from: u64, most: u64) -> Option<Vec<u8>> {
        let flags = unfollowed(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC);
        let mut file = File::from(openat(&self.dir, name, flags, Mode::empty()).ok()?);
        let plain = FileType::from_raw_mode(fstat(&file).ok()?.st_mode) == FileType::RegularFile;
        file.seek(SeekFrom::Start(from)).ok().filter(|_| plain)?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Puts a file in its place at once, over whatever bears its name.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let what = || format!("cannot write {}", self.path.join(name).display());
        let draft = format!(".{name}.new");
        match unlinkat(&self.dir, &draft, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(why) => return Err(Failure::new(what(), why)),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.dir, &draft, flags, PRIVATE).doing(what())?);
        file.write_all(bytes).doing(what())?;
        fsync(&file).doing(what())?;
        renameat(&self.dir, &draft, &self.dir, name).doing(what())
    }

    /// Removes a file; one that cannot be removed stays.
    pub fn remove(&self, name: &str) {
        unlinkat(&self.dir, name, AtFlags::empty()).unwrap_or_default();
    }

    /// Puts a file aside that cannot be understood.
    pub fn aside(&self, name: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        renameat(&self.dir, name, &self.dir, format!("{name}.unreadable")).doing(format!("cannot put {} aside", path.display()))
    }
}
