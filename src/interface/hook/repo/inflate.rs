//! Unpacks git objects, bounded.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// Unpacks up to `most` bytes; `None` when the stream is damaged, cut, or longer. Bytes after the stream's end are not looked at.
pub(super) fn zlib(stream: &[u8], most: usize) -> Option<Vec<u8>> {
    decompress_to_vec_zlib_with_limit(stream, most).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
