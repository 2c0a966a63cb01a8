//! A QR code (ISO/IEC 18004) of a short text: byte mode, error correction M, versions 1 to 10.

/// Squares of light around the code, without which no camera finds it.
const QUIET: usize = 2;

/// Per version: data and correction bytes of a block, blocks, and further blocks that hold one data byte more.
const BLOCKS: [(usize, usize, usize, usize); 10] = [
    (16, 10, 1, 0),
    (28, 16, 1, 0),
    (44, 26, 1, 0),
    (32, 18, 2, 0),
    (43, 24, 2, 0),
    (27, 16, 4, 0),
    (31, 18, 4, 0),
    (38, 22, 2, 2),
    (36, 22, 3, 2),
    (43, 26, 4, 1),
];
/// The middles of the alignment marks besides the first, which is always 6.
const MARKS: [&[usize]; 10] = [&[], &[18], &[22], &[26], &[30], &[34], &[22, 38], &[24, 42], &[26, 46], &[28, 50]];

/// A square of dark and light.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    size: usize,
    dark: Vec<bool>,
    /// Squares that no mask and no text may change.
    fixed: Vec<bool>,
}

/// The code of a text; nothing where it is too long.
pub fn code(text: &str) -> Option<Code> {
    let version = (1..=10).find(|version| text.len() <= room(*version))?;
    let bits = interleaved(&filled(text.as_bytes(), version), version);
    let masked = |mask: u8| {
        let mut code = Code::blank(version);
        code.write(&bits);
        code.mask(mask);
        code.format(mask);
        code
    };
    (0..8).map(masked).min_by_key(Code::penalty)
}

/// Bytes of text that a version holds: its data without mode, length and end.
fn room(version: usize) -> usize {
    data(version) - if version < 10 { 2 } else { 3 }
}

fn data(version: usize) -> usize {
    let (each, _, blocks, longer) = BLOCKS[version - 1];
    each * (blocks + longer) + longer
}

/// Mode, length, text, end, and filling.
fn filled(text: &[u8], version: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut put = |value: usize, count: usize| bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    put(0b0100, 4);
    put(text.len(), if version < 10 { 8 } else { 16 });
    text.iter().for_each(|byte| put(usize::from(*byte), 8));
    put(0, 4);
    let mut bytes: Vec<u8> =
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | u8::from(*bit) << (7 - at))).collect();
    let filling = [0xec, 0x11].into_iter().cycle().take(data(version) - bytes.len().min(data(version)));
    bytes.extend(filling);
    bytes.truncate(data(version));
    bytes
}

/// All blocks, column by column, and then their correction in the same way.
fn interleaved(bytes: &[u8], version: usize) -> Vec<u8> {
    let (each, correction, blocks, longer) = BLOCKS[version - 1];
    let (short, long) = bytes.split_at(each * blocks);
    let parts: Vec<&[u8]> = short.chunks(each).chain(if longer > 0 { long.chunks(each + 1) } else { long.chunks(1) }).collect();
    let checks: Vec<Vec<u8>> = parts.iter().map(|part| remainder(part, correction)).collect();
    let data = (0..=each).flat_map(|at| parts.iter().filter_map(move |part| part.get(at).copied()));
    let check = (0..correction).flat_map(|at| checks.iter().filter_map(move |check| check.get(at).copied()));
    data.chain(check).collect()
}

/// Reed-Solomon: what is left of the data, divided by the generator of this degree.
fn remainder(part: &[u8], degree: usize) -> Vec<u8> {
    let generator = generator(degree);
    let mut left = vec![0_u8; degree];
    for byte in part {
        let factor = byte ^ left.remove(0);
        left.push(0);
        left.iter_mut().zip(&generator).for_each(|(left, own)| *left ^= product(*own, factor));
    }
    left
}

/// (x - 1)(x - 2)(x - 4)…, without its first factor, which is 1.
fn generator(degree: usize) -> Vec<u8> {
    let mut all = vec![0_u8; degree];
    all[degree - 1] = 1;
    let mut root = 1;
    for _ in 0..degree {
        for at in 0..degree {
            all[at] = product(all[at], root) ^ all.get(at + 1).copied().unwrap_or(0);
        }
        root = product(root, 2);
    }
    all
}

/// In the field of 256 by x^8 + x^4 + x^3 + x^2 + 1.
fn product(a: u8, b: u8) -> u8 {
    (0..8).rev().fold(0, |sum: u8, bit| (sum << 1) ^ ((sum >> 7) * 0x1d) ^ ((b >> bit & 1) * a))
}

impl Code {
    /// All marks of a version, and no text yet.
    fn blank(version: usize) -> Self {
        let size = 17 + 4 * version;
        let mut code = Self { size, dark: vec![false; size * size], fixed: vec![false; size * size] };
        for at in 0..size {
            code.set(at, 6, at % 2 == 0);
            code.set(6, at, at % 2 == 0);
        }
        for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] {
            code.finder(x, y);
        }
        let middles: Vec<usize> =
            if version == 1 { Vec::new() } else { std::iter::once(6).chain(MARKS[version - 1].iter().copied()).collect() };
        let last = size - 7;
        for (x, y) in middles.iter().flat_map(|x| middles.iter().map(move |y| (*x, *y))) {
            if ![(6, 6), (6, last), (last, 6)].contains(&(x, y)) {
                code.ring(x, y, 2, |far| far != 1);
            }
        }
        code.format(0);
        code.version(version);
        code
    }

    fn set(&mut self, x: usize, y: usize, dark: bool) {
        let at = y * self.size + x;
        (self.dark[at], self.fixed[at]) = (dark, true);
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.size + x]
    }

    fn finder(&mut self, x: usize, y: usize) {
        self.ring(x, y, 4, |far| far != 2 && far != 4);
    }

    /// A square around a middle, dark by the distance from it; what lies outside of the code is left out.
    fn ring(&mut self, x: usize, y: usize, far: usize, dark: impl Fn(usize) -> bool) {
        for (across, down) in (0..=2 * far).flat_map(|across| (0..=2 * far).map(move |down| (across, down))) {
            let place = (x + across).checked_sub(far).zip((y + down).checked_sub(far));
            let distance = across.abs_diff(far).max(down.abs_diff(far));
            if let Some((x, y)) = place.filter(|(x, y)| *x < self.size && *y < self.size) {
                self.set(x, y, dark(distance));
            }
        }
    }

    /// Correction M and the mask, twice, with their own correction.
    fn format(&mut self, mask: u8) {
        let word = u32::from(mask);
        let rest = (0..10).fold(word, |rest, _| (rest << 1) ^ ((rest >> 9) * 0x537));
        let bits = (word << 10 | rest) ^ 0x5412;
        let bit = |at: u32| bits >> at & 1 == 1;
        let far = self.size - 1;
        for at in 0..6_u32 {
            self.set(8, at as usize, bit(at));
            self.set(5 - at as usize, 8, bit(at + 9));
        }
        self.set(8, 7, bit(6));
        self.set(8, 8, bit(7));
        self.set(7, 8, bit(8));
        for at in 0..8_u32 {
            self.set(far - at as usize, 8, bit(at));
        }
        for at in 8..15_u32 {
            self.set(8, far + at as usize - 14, bit(at));
        }
        self.set(8, far - 7, true);
    }

    fn version(&mut self, version: usize) {
        if version < 7 {
            return;
        }
        let rest = (0..12).fold(version, |rest, _| (rest << 1) ^ ((rest >> 11) * 0x1f25));
        let bits = version << 12 | rest;
        for at in 0..18 {
            let (far, near) = (self.size - 11 + at % 3, at / 3);
            self.set(far, near, bits >> at & 1 == 1);
            self.set(near, far, bits >> at & 1 == 1);
        }
    }

    /// The bits, two columns at a time, up and down, from the right.
    fn write(&mut self, bytes: &[u8]) {
        let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
        let rights = (1..self.size).rev().step_by(2).map(|right| if right <= 6 { right - 1 } else { right });
        for (turn, right) in rights.take_while(|right| *right > 0).enumerate() {
            for row in 0..self.size {
                let y = if turn % 2 == 0 { self.size - 1 - row } else { row };
                for x in [right, right - 1] {
                    let at = y * self.size + x;
                    if !self.fixed[at] {
                        self.dark[at] = bits.next().unwrap_or(false);
                    }
                }
            }
        }
    }

    fn mask(&mut self, mask: u8) {
        let turns = |x: usize, y: usize| match mask {
            0 => (x + y).is_multiple_of(2),
            1 => y.is_multiple_of(2),
            2 => x.is_multiple_of(3),
            3 => (x + y).is_multiple_of(3),
            4 => (x / 3 + y / 2).is_multiple_of(2),
            5 => (x * y) % 2 + (x * y) % 3 == 0,
            6 => ((x * y) % 2 + (x * y) % 3).is_multiple_of(2),
            _ => ((x + y) % 2 + (x * y) % 3).is_multiple_of(2),
        };
        for at in (0..self.dark.len()).filter(|at| !self.fixed[*at]).collect::<Vec<_>>() {
            self.dark[at] ^= turns(at % self.size, at / self.size);
        }
    }

    /// How hard a camera finds it: long runs, and squares of one kind.
    fn penalty(&self) -> usize {
        let all = 0..self.size;
        let rows = all.clone().map(|y| all.clone().map(|x| self.is_dark(x, y)).collect::<Vec<_>>());
        let columns = all.clone().map(|x| all.clone().map(|y| self.is_dark(x, y)).collect::<Vec<_>>());
        let runs =
            |line: Vec<bool>| line.chunk_by(|a, b| a == b).map(<[bool]>::len).filter(|run| *run >= 5).map(|run| run - 2).sum::<usize>();
        let same = |x: usize, y: usize| [(1, 0), (0, 1), (1, 1)].iter().all(|(a, b)| self.is_dark(x + a, y + b) == self.is_dark(x, y));
        let squares = (0..self.size - 1).flat_map(|y| (0..self.size - 1).map(move |x| (x, y))).filter(|(x, y)| same(*x, *y)).count();
        let dark = self.dark.iter().filter(|dark| **dark).count() * 20 / self.dark.len();
        rows.chain(columns).map(runs).sum::<usize>() + 3 * squares + 10 * dark.abs_diff(10)
    }

    /// Lines of half blocks, light where the terminal writes: right on a dark one, and on any with its own colours.
    pub fn lines(&self) -> Vec<String> {
        let whole = self.size + 2 * QUIET;
        let dark = |x: usize, y: usize| {
            let inside = |at: usize| (QUIET..QUIET + self.size).contains(&at);
            inside(x) && inside(y) && self.is_dark(x - QUIET, y - QUIET)
        };
        let cell = |x: usize, y: usize| match (dark(x, y), y + 1 >= whole || dark(x, y + 1)) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        };
        (0..whole).step_by(2).map(|y| (0..whole).map(|x| cell(x, y)).collect()).collect()
    }
}

#[cfg(test)]
mod tests;
