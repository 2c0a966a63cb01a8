//! Unpacks git objects, bounded.

use flate2::{Decompress, FlushDecompress, Status};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What unpacks streams, for any number of threads: making the tables' room anew for each stream would cost more than most objects do.
#[derive(Default)]
pub(super) struct Inflate(Mutex<Vec<Decompress>>);

impl Inflate {
    /// Unpacks up to `most` bytes; `None` when the stream is damaged, cut, or longer. Bytes after the stream's end are not looked at.
    pub fn zlib(&self, stream: &[u8], most: usize) -> Option<Vec<u8>> {
        let idle = self.idle().pop();
        let mut state = idle.unwrap_or_else(|| Decompress::new(true));
        state.reset(true);
        let out = unpack(&mut state, stream, most);
        self.idle().push(state);
        out
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Decompress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unpack(state: &mut Decompress, stream: &[u8], most: usize) -> Option<Vec<u8>> {
    // One byte more than allowed, so that the end of a stream of exactly so many is seen.
    let mut out = Vec::with_capacity(usize::min(most + 1, 4 * stream.len() + 64));
    loop {
        let rest = stream.get(usize::try_from(state.total_in()).ok()?..)?;
        // Told that nothing follows, it keeps no window for what would.
        match state.decompress_vec(rest, &mut out, FlushDecompress::Finish).ok()? {
            Status::StreamEnd => return (out.len() <= most).then_some(out),
            Status::Ok | Status::BufError if out.len() < out.capacity() || out.len() > most => return None,
            Status::Ok | Status::BufError => out.reserve_exact(usize::min(out.len(), most + 1 - out.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zlib(stream: &[u8], most: usize) -> Option<Vec<u8>> {
        Inflate::default().zlib(stream, most)
    }

    #[test]
    fn a_stored_and_a_fixed_block() {
        let stored = b"\x78\x01\x01\x05\x00\xfa\xffhello\x06\x2c\x02\x15";
        assert_eq!(zlib(stored, 5).unwrap(), b"hello");
        let fixed = b"\x78\x9c\xcbH\xcd\xc9\xc9W\xc8@'\x01h\x03\x08\xb1";
        assert_eq!(zlib(fixed, 100).unwrap(), b"hello hello hello hello");
        assert_eq!(zlib(&[&fixed[..], b"and more"].concat(), 100).unwrap(), b"hello hello hello hello");
    }

    #[test]
    fn damage_and_excess_give_nothing() {
        let fixed = b"\x78\x9c\xcbH\xcd\xc9\xc9W\xc8@'\x01h\x03\x08\xb1";
        assert!(zlib(fixed, 22).is_none());
        (0..fixed.len()).for_each(|cut| assert!(zlib(&fixed[..cut], 100).is_none(), "{cut}"));
        for bad in [&b"\x79\x9c\x00"[..], b"\x78\x9c\x07", b"\x78\x01\x01\x05\x00\xfa\xfehello", b"\x78\x9c\x03\x02"] {
            assert!(zlib(bad, 100).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn one_after_the_other_whatever_the_last_was() {
        let inflate = Inflate::default();
        let fixed = b"\x78\x9c\xcbH\xcd\xc9\xc9W\xc8@'\x01h\x03\x08\xb1";
        for bad in [&fixed[..5], b"\x79\x9c\x00", &fixed[..]] {
            assert!(inflate.zlib(bad, 3).is_none());
            assert_eq!(inflate.zlib(fixed, 100).unwrap(), b"hello hello hello hello");
        }
        assert_eq!(inflate.zlib(b"\x78\x9c\x03\x00\x00\x00\x00\x01", 0).unwrap(), b"");
    }
}
