//! A file's bytes as the page cache holds them: a large index is neither copied nor asked for page by page.

use crate::domain::failure::{Doing as _, Failure};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::ptr;

/// A file that git replaces by renaming and never rewrites in place.
#[derive(Debug)]
pub(in crate::interface::hook) struct Mapped {
    start: *mut c_void,
    len: usize,
}

impl Mapped {
    /// Maps a whole file; one that is empty or not there gives no bytes.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let what = || format!("cannot read {}", path.display());
        let file = match File::open(path) {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Self { start: ptr::null_mut(), len: 0 }),
            Err(why) => return Err(Failure::new(what(), why)),
        };
        let len = usize::try_from(file.metadata().doing(what())?.len()).doing(what())?;
        if len == 0 {
            return Ok(Self { start: ptr::null_mut(), len });
        }
        // SAFETY: a fresh private mapping, read only; nothing else refers to it, and `drop` ends it once.
        let start = unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE | MapFlags::POPULATE, &file, 0) };
        Ok(Self { start: start.doing(what())?, len })
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: `start` maps `len` readable bytes for as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.start.cast::<u8>(), self.len) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if !self.start.is_null() {
            // SAFETY: the mapping is this value's own, and the value goes.
            let end = unsafe { munmap(self.start, self.len) };
            debug_assert!(end.is_ok(), "BUG: {end:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_seen_whole_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        assert_eq!(&*Mapped::open(&path).unwrap(), b"");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(&*Mapped::open(&path).unwrap(), b"");
        std::fs::write(&path, vec![7; 10_000]).unwrap();
        assert_eq!(&*Mapped::open(&path).unwrap(), vec![7; 10_000]);
        assert!(Mapped::open(folder.path()).is_err());
    }
}
