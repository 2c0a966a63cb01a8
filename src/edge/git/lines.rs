//! How many lines a change adds and deletes, counted on bytes: no setting, attribute or file name has a say.

use imara_diff::{Algorithm, Diff, InternedInput, Token, TokenSource};
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Two contents cut into lines; each line has a number, the same wherever it stands.
pub(super) struct Laid<'a> {
    pub before: &'a [u8],
    pub after: &'a [u8],
    numbered: InternedInput<&'a [u8]>,
    /// Numbers from here on stand in the new content alone.
    fresh: u32,
}

impl<'a> Laid<'a> {
    /// Lays two sides side by side; nothing where one could not be taken into memory.
    pub fn new(old: &'a Side, new: &'a Side) -> Option<Self> {
        let (before, after) = (old.bytes.as_deref()?, new.bytes.as_deref()?);
        let mut numbered = InternedInput::default();
        numbered.reserve_for_token_source(&Lines(before), &Lines(after));
        numbered.update_before(Lines(before));
        let fresh = numbered.interner.num_tokens();
        numbered.update_after(Lines(after));
        Some(Self { before, after, numbered, fresh })
    }

    /// The lines that only the new content has, each once, with its number: in the order in which they first stand there.
    pub fn fresh(&self) -> impl Iterator<Item = (u32, &'a [u8])> + '_ {
        (self.fresh..self.numbered.interner.num_tokens()).map(|number| (number, self.numbered.interner[Token(number)]))
    }

    /// The number of each line of the new content, in order.
    pub fn after(&self) -> impl Iterator<Item = u32> + '_ {
        self.numbered.after.iter().map(|token| token.0)
    }
}

/// What a change to one file counts, and, where its contents are hard to lay side by side, what it counts when they are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    count: Count,
    rough: Option<Count>,
}

impl Counted {
    /// What counts in the end. Whose turn came first must not be seen: where there was not enough effort for all of a change, every hard pair
    /// counts roughly.
    pub fn settled(self, over: bool) -> Count {
        self.rough.filter(|_| over).unwrap_or(self.count)
    }
}

/// Counts the change from one side to another, laid side by side where they could be.
pub(super) fn count(old: &Side, new: &Side, laid: Option<&Laid<'_>>, effort: &Effort) -> Counted {
    match laid {
        Some(laid) if !laid.before.contains(&0) && !laid.after.contains(&0) => text(&laid.numbered, effort),
        _ => {
            let count = Count { added: new.size.div_ceil(BYTES_OF_OPAQUE), deleted: old.size.div_ceil(BYTES_OF_OPAQUE), binary: true };
            Counted { count, rough: None }
        }
    }
}

/// A line that stands so often in one content helps nobody to lay two side by side.
const OFTEN: u64 = 64;
/// The most pairs of such lines in two contents: where nothing but them is there, the time grows with the square of their number.
const MOST_PAIRS: u64 = 100_000_000;
/// The most in all contents of one change; seconds.
const MOST_IN_ALL: u64 = 2_000_000_000;
/// So few cost no more than to read the contents.
const FEW_PAIRS: u64 = 10_000;

/// What laying the contents of one change side by side has cost, in pairs of lines that stand there often.
#[derive(Debug)]
pub struct Effort {
    spent: AtomicU64,
    most: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self::of(MOST_IN_ALL)
    }
}

impl Effort {
    pub(super) fn of(most: u64) -> Self {
        Self { spent: AtomicU64::new(0), most }
    }

    /// Takes what is about to be spent, and tells whether there is enough.
    fn take(&self, pairs: u64) -> bool {
        self.spent.fetch_add(pairs, Ordering::Relaxed).saturating_add(pairs) <= self.most
    }

    /// Whether more was asked for than there is, by whomever.
    pub(super) fn is_over(&self) -> bool {
        self.spent.load(Ordering::Relaxed) > self.most
    }
}

/// Lays two contents side by side; nothing where both have so many lines that stand there often that it would take for ever, or where the
/// contents before them have taken all that there is.
pub(super) fn diff(input: &InternedInput<&[u8]>, effort: &Effort) -> Option<Diff> {
    lay(input, pairs(input), effort)
}

fn lay(input: &InternedInput<&[u8]>, pairs: u64, effort: &Effort) -> Option<Diff> {
    let may = pairs <= FEW_PAIRS || pairs <= MOST_PAIRS && effort.take(pairs);
    may.then(|| Diff::compute(Algorithm::Histogram, input))
}

/// The pairs of lines, one of each content, that stand often in theirs.
fn pairs(input: &InternedInput<&[u8]>) -> u64 {
    let (before, after) = middle(input);
    let often = |lines: &[Token]| {
        let mut counts = vec![0_u64; input.interner.num_tokens() as usize];
        lines.iter().for_each(|token| counts[token.0 as usize] += 1);
        counts.into_iter().filter(|count| *count > OFTEN).sum::<u64>()
    };
    often(before).saturating_mul(often(after))
}

/// What is left without the lines that both begin and end with.
fn middle<'a>(input: &'a InternedInput<&[u8]>) -> (&'a [Token], &'a [Token]) {
    let same = |pair: &(&Token, &Token)| pair.0 == pair.1;
    let begin = input.before.iter().zip(&input.after).take_while(same).count();
    let (before, after) = (&input.before[begin..], &input.after[begin..]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
    (&before[..before.len() - end], &after[..after.len() - end])
}

fn text(input: &InternedInput<&[u8]>, effort: &Effort) -> Counted {
    let length = |token: &Token| input.interner[*token].len() as u64;
    let pairs = pairs(input);
    let rough = (pairs > FEW_PAIRS).then(|| {
        let (before, after) = middle(input);
        Count { added: weigh(after.iter().map(length)), deleted: weigh(before.iter().map(length)), binary: false }
    });
    let laid = lay(input, pairs, effort).map(|diff| {
        let added = input.after.iter().zip(0..).filter(|(_, at)| diff.is_added(*at)).map(|(token, _)| length(token));
        let deleted = input.before.iter().zip(0..).filter(|(_, at)| diff.is_removed(*at)).map(|(token, _)| length(token));
        Count { added: weigh(added), deleted: weigh(deleted), binary: false }
    });
    Counted { count: laid.or(rough).unwrap_or_default(), rough }
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
        let (old, new) = (side(old), side(new));
        let count = count(&old, &new, Laid::new(&old, &new).as_ref(), &Effort::default()).count;
        (count.added, count.deleted, count.binary)
    }

    #[test]
    fn lines_are_counted_like_a_diff() {
        assert_eq!(of(b"a\nb\nc\n", b"a\nX\nc\nd\n"), (2, 1, false));
        assert_eq!(of(b"", b"a"), (1, 0, false));
        assert_eq!(of(b"a\n", b"a"), (1, 1, false));
        assert_eq!(of(b"a\n", b" a\n"), (1, 1, false), "white space counts");
    }

    /// By a diff of these two it would be minutes.
    #[test]
    fn where_all_lines_are_alike_the_middle_is_replaced() {
        let alike = |seed: u64| -> String {
            let next = |state: &mut u64| {
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                Some(if *state >> 40 & 1 == 0 { "a\n" } else { "b\n" })
            };
            std::iter::repeat_n((), 400_000).scan(seed, |state, ()| next(state)).collect()
        };
        let (one, other) = (format!("x\ny\n{}z\n", alike(1)), format!("x\n{}z\n", alike(2)));
        let (added, deleted, binary) = of(one.as_bytes(), other.as_bytes());
        assert!((390_000..=400_000).contains(&added) && (390_000..=400_001).contains(&deleted) && !binary, "{added} {deleted}");
        let long: String = (0..200_000).map(|at| format!("{}\n", at % 3)).collect();
        assert_eq!(of(long.as_bytes(), long.replacen("1\n", "new\n", 1).as_bytes()), (1, 1, false), "a small change of such a one is small");
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
        assert!(Laid::new(&Side::absent(), &unread).is_none());
        assert_eq!(count(&Side::absent(), &unread, None, &Effort::default()).count.added, 10);
    }
}
