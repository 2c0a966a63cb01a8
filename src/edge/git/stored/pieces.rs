//! A file that nobody changes, read in pieces, and as a whole once its pieces have come to as much.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes that may still be kept of whole files.
#[derive(Clone)]
pub(super) struct Room(Arc<AtomicU64>);

impl Room {
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// Reading one piece costs as much as so many bytes more of the whole.
const ASKING: u64 = 4096;

pub(super) struct Pieces {
    file: File,
    size: u64,
    /// What was asked for so far, and what asking cost.
    asked: AtomicU64,
    whole: OnceLock<Option<Vec<u8>>>,
    room: Room,
}

impl Pieces {
    pub fn open(path: &Path, room: &Room) -> Option<Self> {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        Some(Self { file, size, asked: AtomicU64::new(0), whole: OnceLock::new(), room: room.clone() })
    }

    /// Reads up to `size` bytes; fewer at the end of the file.
    pub fn read(&self, at: u64, size: usize) -> Option<Cow<'_, [u8]>> {
        let Some(whole) = self.whole(size) else { return read_at(&self.file, at, size).map(Cow::Owned) };
        let rest = usize::try_from(at).ok().and_then(|at| whole.get(at..)).unwrap_or_default();
        Some(Cow::Borrowed(rest.get(..size).unwrap_or(rest)))
    }

    fn whole(&self, asked: usize) -> Option<&[u8]> {
        if self.asked.fetch_add(asked as u64 + ASKING, Ordering::Relaxed) < self.size {
            return None;
        }
        let read = || {
            let size = usize::try_from(self.size).ok().filter(|_| self.room.take(self.size))?;
            read_at(&self.file, 0, size).filter(|bytes| bytes.len() == size)
        };
        self.whole.get_or_init(read).as_deref()
    }
}

/// Reads up to `size` bytes; fewer at the end of the file.
pub(super) fn read_at(file: &File, at: u64, size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size];
    let mut have = 0;
    while have < size {
        match file.read_at(&mut bytes[have..], at + have as u64) {
            Ok(0) => break,
            Ok(more) => have += more,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(have);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_same_before_and_after_the_file_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        std::fs::write(&path, &bytes).unwrap();
        for (bytes_kept, files_kept) in [(0, 0), (999, 0), (1000, 1), (2000, 2)] {
            let room = Room::new(bytes_kept);
            let files = [Pieces::open(&path, &room).unwrap(), Pieces::open(&path, &room).unwrap()];
            for (at, size) in [(0, 10), (995, 10), (1000, 1), (5000, 1), (3, 0), (0, 2000)].into_iter().cycle().take(60) {
                let start = usize::try_from(at).unwrap().min(1000);
                let wanted = &bytes[start..usize::min(start + size, 1000)];
                files.iter().for_each(|file| assert_eq!(file.read(at, size).unwrap(), wanted, "{at} {size}"));
            }
            assert_eq!(files.iter().filter(|file| file.whole(0).is_some()).count(), files_kept);
        }
    }
}
