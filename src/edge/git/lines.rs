//! How many lines a change adds and deletes, counted on bytes: no setting, attribute or file name has a say.

use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

/// A line counts for at least this many bytes, so that one enormous line is not one line.
const BYTES_OF_LINE: u64 = 80;
/// Content that nobody can read line by line counts heavier.
const BYTES_OF_OPAQUE: u64 = 40;

/// The size of a change to one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub added: u64,
    pub deleted: u64,
    pub binary: bool,
}

/// One side of a file: its size, and its content where that could be taken into memory.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub size: u64,
    pub bytes: Option<Vec<u8>>,
}

impl Side {
    /// The side of a file that is not there.
    pub fn absent() -> Self {
        Self { size: 0, bytes: Some(Vec::new()) }
    }
}

/// Counts the change from one content to another.
pub(super) fn count(old: &Side, new: &Side) -> Count {
    match (&old.bytes, &new.bytes) {
        (Some(before), Some(after)) if !before.contains(&0) && !after.contains(&0) => text(before, after),
        _ => Count { added: new.size.div_ceil(BYTES_OF_OPAQUE), deleted: old.size.div_ceil(BYTES_OF_OPAQUE), binary: true },
    }
}

fn text(before: &[u8], after: &[u8]) -> Count {
    let input = InternedInput::new(Lines(before), Lines(after));
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let length = |token: &imara_diff::Token| input.interner[*token].len() as u64;
    let added = input.after.iter().zip(0..).filter(|(_, at)| diff.is_added(*at)).map(|(token, _)| length(token));
    let deleted = input.before.iter().zip(0..).filter(|(_, at)| diff.is_removed(*at)).map(|(token, _)| length(token));
    Count { added: weigh(added), deleted: weigh(deleted), binary: false }
}

fn weigh(lengths: impl Iterator<Item = u64>) -> u64 {
    let (lines, bytes) = lengths.fold((0, 0), |(lines, bytes), length| (lines + 1, bytes + length));
    u64::max(lines, bytes / BYTES_OF_LINE)
}

/// Cuts bytes into lines wherever some language ends one: LF, CR, CR LF, U+2028, U+2029.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a>(pub &'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr3_iter(b'\n', b'\r', 0xe2, self.0).find_map(|at| ends_at(self.0, at)).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(line)
    }
}

fn ends_at(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes[at] {
        b'\n' => Some(at + 1),
        b'\r' if bytes.get(at + 1) != Some(&b'\n') => Some(at + 1),
        0xe2 if matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) => Some(at + 3),
        _ => None,
    }
}

impl<'a> TokenSource for Lines<'a> {
    type Token = &'a [u8];
    type Tokenizer = Self;

    fn tokenize(&self) -> Self {
        *self
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len() / 32).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(old: &[u8], new: &[u8]) -> (u64, u64, bool) {
        let side = |bytes: &[u8]| Side { size: bytes.len() as u64, bytes: Some(bytes.to_vec()) };
        let count = count(&side(old), &side(new));
        (count.added, count.deleted, count.binary)
    }

    #[test]
    fn lines_are_counted_like_a_diff() {
        assert_eq!(of(b"a\nb\nc\n", b"a\nX\nc\nd\n"), (2, 1, false));
        assert_eq!(of(b"", b"a"), (1, 0, false));
        assert_eq!(of(b"a\n", b"a"), (1, 1, false));
        assert_eq!(of(b"a\n", b" a\n"), (1, 1, false), "white space counts");
    }

    #[test]
    fn one_enormous_line_is_many() {
        assert_eq!(of(b"", &[b'x'; 8000]), (100, 0, false));
    }

    #[test]
    fn other_line_ends_end_lines() {
        assert_eq!(of(b"", b"a\rb\rc\r"), (3, 0, false));
        assert_eq!(of(b"", b"a\r\nb\r\n"), (2, 0, false));
        assert_eq!(of(b"", "a\u{2028}b\u{2029}c".as_bytes()), (3, 0, false));
    }

    #[test]
    fn a_nul_byte_does_not_hide_lines() {
        assert_eq!(of(b"", &[0; 41]), (2, 0, true));
        let unread = Side { size: 400, bytes: None };
        assert_eq!(count(&Side::absent(), &unread).added, 10);
    }
}
