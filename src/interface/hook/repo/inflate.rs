//! Inflate (RFC 1951) inside zlib's frame (RFC 1950), for git objects: bounded, plain, no table of tables.

/// Codes are at most this long.
const LONGEST: usize = 15;
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];
/// The order in which the lengths of the code-length code come.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Unpacks up to `most` bytes; `None` when the stream is damaged, cut, or longer.
pub(super) fn zlib(stream: &[u8], most: usize) -> Option<Vec<u8>> {
    let (head, body) = stream.split_at_checked(2)?;
    let fair = head[0] & 15 == 8 && head[1] & 0x20 == 0 && (u16::from(head[0]) * 256 + u16::from(head[1])) % 31 == 0;
    if fair { Unpacking { from: body, at: 0, bits: 0, held: 0, out: Vec::new(), most }.all() } else { None }
}

struct Unpacking<'a> {
    from: &'a [u8],
    at: usize,
    bits: u32,
    held: u32,
    out: Vec<u8>,
    most: usize,
}

/// A canonical code: how many codes of each length, and their symbols in order.
struct Code {
    count: [u16; LONGEST + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut count = [0u16; LONGEST + 1];
        lengths.iter().for_each(|length| count[usize::from(*length)] += 1);
        count[0] = 0;
        let mut symbols: Vec<u16> = (0..).zip(lengths).filter(|(_, length)| **length > 0).map(|(symbol, _)| symbol).collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        Self { count, symbols }
    }
}

impl Unpacking<'_> {
    fn all(mut self) -> Option<Vec<u8>> {
        loop {
            let last = self.take(1)? == 1;
            match self.take(2)? {
                0 => self.stored()?,
                1 => self.packed(&fixed(), &Code::new(&[5; 30]))?,
                2 => {
                    let (literals, distances) = self.codes()?;
                    self.packed(&literals, &distances)?;
                }
                _ => return None,
            }
            if last {
                return Some(self.out);
            }
        }
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        while self.held < count {
            self.bits |= u32::from(*self.from.get(self.at)?) << self.held;
            self.at += 1;
            self.held += 8;
        }
        let value = self.bits & ((1 << count) - 1);
        self.bits >>= count;
        self.held -= count;
        Some(value)
    }

    fn stored(&mut self) -> Option<()> {
        (self.bits, self.held) = (0, 0);
        let head = self.from.get(self.at..self.at + 4)?;
        let length = u16::from_le_bytes([head[0], head[1]]);
        if length != !u16::from_le_bytes([head[2], head[3]]) {
            return None;
        }
        let body = self.from.get(self.at + 4..self.at + 4 + usize::from(length))?;
        self.room(body.len())?;
        self.out.extend(body);
        self.at += 4 + body.len();
        Some(())
    }

    fn room(&self, more: usize) -> Option<()> {
        (self.out.len() + more <= self.most).then_some(())
    }

    fn symbol(&mut self, code: &Code) -> Option<u16> {
        let (mut value, mut first, mut index) = (0u32, 0u32, 0u32);
        for length in 1..=LONGEST {
            value |= self.take(1)?;
            let count = u32::from(code.count[length]);
            if value < first + count {
                return code.symbols.get((index + value).checked_sub(first)? as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        None
    }

    fn packed(&mut self, literals: &Code, distances: &Code) -> Option<()> {
        loop {
            match self.symbol(literals)? {
                256 => return Some(()),
                byte @ 0..=255 => {
                    self.room(1)?;
                    self.out.push(byte as u8);
                }
                length => self.copy(*LENGTHS.get(usize::from(length) - 257)?, distances)?,
            }
        }
    }

    fn copy(&mut self, (base, extra): (u16, u8), distances: &Code) -> Option<()> {
        let length = usize::from(base) + self.take(u32::from(extra))? as usize;
        let symbol = self.symbol(distances)?;
        let (base, extra) = *DISTANCES.get(usize::from(symbol))?;
        let distance = usize::from(base) + self.take(u32::from(extra))? as usize;
        self.room(length)?;
        let start = self.out.len().checked_sub(distance)?;
        (start..start + length).for_each(|i| self.out.push(self.out[i]));
        Some(())
    }

    /// Reads the two codes of a dynamic block.
    fn codes(&mut self) -> Option<(Code, Code)> {
        let literals = self.take(5)? as usize + 257;
        let distances = self.take(5)? as usize + 1;
        let given = self.take(4)? as usize + 4;
        let mut short = [0u8; 19];
        for place in &ORDER[..given] {
            short[*place] = self.take(3)? as u8;
        }
        let lengths = self.lengths(&Code::new(&short), literals + distances)?;
        Some((Code::new(&lengths[..literals]), Code::new(&lengths[literals..])))
    }

    fn lengths(&mut self, code: &Code, wanted: usize) -> Option<Vec<u8>> {
        let mut lengths: Vec<u8> = Vec::with_capacity(wanted);
        while lengths.len() < wanted {
            let (value, times) = match self.symbol(code)? {
                16 => (*lengths.last()?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                length => (length as u8, 1),
            };
            lengths.extend(std::iter::repeat_n(value, times as usize));
        }
        (lengths.len() == wanted).then_some(lengths)
    }
}

fn fixed() -> Code {
    let length = |symbol: usize| match symbol {
        0..=143 => 8,
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    };
    Code::new(&(0..288).map(length).collect::<Vec<u8>>())
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
    }

    #[test]
    fn damage_and_excess_give_nothing() {
        let fixed = b"\x78\x9c\xcbH\xcd\xc9\xc9W\xc8@'\x01h\x03\x08\xb1";
        assert!(zlib(fixed, 22).is_none());
        (0..12).for_each(|cut| assert!(zlib(&fixed[..cut], 100).is_none(), "{cut}"));
        for bad in [&b"\x79\x9c\x00"[..], b"\x78\x9c\x07", b"\x78\x01\x01\x05\x00\xfa\xfehello", b"\x78\x9c\x03\x02"] {
            assert!(zlib(bad, 100).is_none(), "{bad:?}");
        }
    }
}
