//! Git's index, versions 2 to 4: what the next commit will hold.

use crate::domain::failure::Failure;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One path of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::interface::hook) struct Entry<'a> {
    pub path: Cow<'a, [u8]>,
    pub mode: u32,
    pub id: &'a [u8],
    /// Only announced by `git add -N`: no part of the commit.
    pub announced: bool,
}

/// The index, and for each folder that it knows to be unchanged since it was written as a tree, that tree's id.
#[derive(Debug, Default)]
pub(in crate::interface::hook) struct Index<'a> {
    pub entries: Vec<Entry<'a>>,
    pub trees: BTreeMap<Vec<u8>, &'a [u8]>,
}

/// Size of an entry before its object id.
const STAT: usize = 40;
const EXTENDED: u16 = 0x4000;
const NAME_LENGTH: u16 = 0x0fff;
const ANNOUNCED: u16 = 0x2000;

impl<'a> Index<'a> {
    /// Reads an index file's bytes; `width` is the length of an object id.
    pub fn read(bytes: &'a [u8], width: usize) -> Result<Self, Failure> {
        let bad = |why: &str| Failure::new("cannot read the index", why).hint("git status");
        let end = bytes.len().checked_sub(width).ok_or_else(|| bad("it is too short"))?;
        let body = &bytes[..end];
        let version = match body.get(..8) {
            Some(b"DIRC\0\0\0\x02") => 2,
            Some(b"DIRC\0\0\0\x03") => 3,
            Some(b"DIRC\0\0\0\x04") => 4,
            Some(_) | None => return Err(bad("it is of no known version")),
        };
        let mut reading = Reading { body, at: 12, version, width };
        let count = number(body, 8).ok_or_else(|| bad("it is too short"))?;
        let entries = reading.entries(count).ok_or_else(|| bad("an entry is damaged"))?;
        let trees = reading.extensions().map_err(bad)?;
        Ok(Self { entries, trees })
    }
}

struct Reading<'a> {
    body: &'a [u8],
    at: usize,
    version: u8,
    width: usize,
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?) as usize)
}

impl<'a> Reading<'a> {
    fn entries(&mut self, count: usize) -> Option<Vec<Entry<'a>>> {
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(count.min(self.body.len() / STAT));
        for _ in 0..count {
            let entry = self.entry(entries.last())?;
            entries.push(entry);
        }
        Some(entries)
    }

    fn entry(&mut self, before: Option<&Entry<'a>>) -> Option<Entry<'a>> {
        let body = self.body;
        let start = self.at;
        let mode = number(body, start + 24)? as u32;
        let id = body.get(start + STAT..start + STAT + self.width)?;
        let flags = self.flags(start + STAT + self.width)?;
        let mut name = start + STAT + self.width + 2;
        let announced = flags & EXTENDED != 0 && self.flags(name)? & ANNOUNCED != 0;
        if flags & EXTENDED != 0 {
            name += 2;
        }
        let path = if self.version == 4 { self.packed(name, before)? } else { self.plain(start, name, flags)? };
        Some(Entry { path, mode, id, announced })
    }

    fn flags(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(self.body.get(at..at + 2)?.try_into().ok()?))
    }

    fn plain(&mut self, start: usize, name: usize, flags: u16) -> Option<Cow<'a, [u8]>> {
        let known = usize::from(flags & NAME_LENGTH);
        let length = if known < usize::from(NAME_LENGTH) { known } else { to_nul(self.body.get(name..)?)? };
        let path = self.body.get(name..name + length)?;
        self.at = start + (name + length - start + 8) / 8 * 8;
        Some(Cow::Borrowed(path))
    }

    /// Version 4 says how much of the path before is dropped, and what follows.
    fn packed(&mut self, at: usize, before: Option<&Entry<'a>>) -> Option<Cow<'a, [u8]>> {
        let (mut drop, mut used) = (0usize, 0);
        loop {
            let byte = *self.body.get(at + used)?;
            drop = drop.checked_mul(128)? | usize::from(byte & 0x7f);
            used += 1;
            if byte & 0x80 == 0 {
                break;
            }
            drop += 1;
        }
        let rest = self.body.get(at + used..)?;
        let rest = &rest[..to_nul(rest)?];
        self.at = at + used + rest.len() + 1;
        let kept = before.map_or(&[][..], |entry| &entry.path);
        let kept = &kept[..kept.len().checked_sub(drop)?];
        Some(Cow::Owned([kept, rest].concat()))
    }

    /// Reads what follows the entries: the tree ids; a split index is not understood.
    fn extensions(&self) -> Result<BTreeMap<Vec<u8>, &'a [u8]>, &'static str> {
        let (mut at, mut trees) = (self.at, BTreeMap::new());
        while let Some(name) = self.body.get(at..at + 4) {
            let size = number(self.body, at + 4).ok_or("an extension is cut")?;
            let content = self.body.get(at + 8..at + 8 + size).ok_or("an extension is cut")?;
            match name {
                b"TREE" => {
                    cached(content, self.width, &[], &mut trees, 0);
                }
                b"link" => return Err("it is split, which this hook does not follow"),
                _ => {}
            }
            at += 8 + size;
        }
        Ok(trees)
    }
}

fn to_nul(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|b| *b == 0)
}

/// Reads one folder of the cached tree and those below it; gives what follows. Damage only costs speed.
fn cached<'a>(bytes: &'a [u8], width: usize, above: &[u8], trees: &mut BTreeMap<Vec<u8>, &'a [u8]>, depth: u32) -> Option<&'a [u8]> {
    let end = to_nul(bytes)?;
    let path = if above.is_empty() { bytes[..end].to_vec() } else { [above, b"/", &bytes[..end]].concat() };
    let line = bytes[end + 1..].iter().position(|b| *b == b'\n')? + end + 1;
    let (count, below) = std::str::from_utf8(&bytes[end + 1..line]).ok()?.split_once(' ')?;
    let mut rest = &bytes[line + 1..];
    if !count.starts_with('-') {
        let (id, after) = rest.split_at_checked(width)?;
        trees.insert(path.clone(), id);
        rest = after;
    }
    for _ in 0..below.parse::<u32>().ok().filter(|_| depth < 256)? {
        rest = cached(rest, width, &path, trees, depth + 1)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_and_never_a_panic() {
        let mut good = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
        good.extend([0u8; 24]);
        good.extend([0, 0, 0x81, 0xa4]);
        good.extend([0u8; 12]);
        good.extend([7u8; 20]);
        good.extend([0, 1, b'a', 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        good.resize(12 + 64, 0);
        good.extend([9u8; 20]);
        let index = Index::read(&good, 20).unwrap();
        assert_eq!((&*index.entries[0].path, index.entries[0].mode), (&b"a"[..], 0o100_644));
        (0..good.len() - 20).for_each(|cut| {
            let outcome = Index::read(&good[..cut], 20);
            assert!(outcome.is_err(), "{cut}");
        });
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            drop(Index::read(&bad, 20));
        }
    }
}
