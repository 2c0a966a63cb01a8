//! Git's objects, loose and packed, read without git; deltas included, alternates followed, every content hashed.

mod inflate;
mod pieces;

use crate::domain::failure::Failure;
use inflate::Inflate;
use pieces::{Pieces, Room, read_at};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Objects above this size are not read, nor chains of deltas and alternates deeper than these.
pub(super) const MOST: usize = 16 << 20;
const DEEPEST_DELTA: usize = 128;
const DEEPEST_ALTERNATE: u32 = 5;
/// Bytes that one reader unpacks as deltas and only to have them laid upon, at most: a chain can cost a thousandfold of what it gives.
const MOST_BASES: u64 = 256 << 20;
/// Bytes that it keeps of what it unpacked last, and as many of what it unpacked before.
const MOST_FRESH: usize = 4 << 20;
/// Bytes that keeping one costs beside its content.
const KEEPING: usize = 128;
/// Bytes that it keeps of packs and indexes that are read much.
const MOST_WHOLE: u64 = 32 << 20;
/// More than what stands before an entry's packed bytes: kind and size, how far back its base stands, or the base's id.
const HEAD: usize = 64;
/// So many names of an index are read at once; among more, the place is halved first.
const NAMES_AT_ONCE: u64 = 256;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Commit,
    Tree,
    Blob,
    Tag,
}

impl Type {
    const ALL: [(Self, &str); 4] = [(Self::Commit, "commit"), (Self::Tree, "tree"), (Self::Blob, "blob"), (Self::Tag, "tag")];

    /// Reads git's own word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, word)| *word == text).map(|(kind, _)| kind)
    }

    /// Git's own word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// Folders of objects, searched in order; what comes later into them may be missed.
pub struct Stored {
    stores: Vec<PathBuf>,
    /// Bytes of an object id: 20 or 32.
    width: usize,
    packs: OnceLock<Vec<Pack>>,
    /// Bytes unpacked so far only to have deltas laid upon them.
    bases: AtomicU64,
    known: Mutex<Known>,
    inflate: Inflate,
    room: Room,
}

/// What was unpacked of late, by pack and place: the next object often stands in the same chain.
#[derive(Default)]
struct Known {
    fresh: HashMap<Place, Content>,
    /// What was fresh before; gone when `fresh` is full again.
    older: HashMap<Place, Content>,
    /// Bytes of `fresh`.
    bytes: usize,
}

/// A pack by its number, and where in it an object stands.
pub(super) type Place = (usize, u64);
type Content = (Type, Arc<Vec<u8>>);

impl Known {
    fn get(&mut self, place: Place) -> Option<Content> {
        if let Some(content) = self.fresh.get(&place) {
            return Some(content.clone());
        }
        let content = self.older.remove(&place)?;
        self.keep(place, &content);
        Some(content)
    }

    fn keep(&mut self, place: Place, content: &Content) {
        let size = content.1.len() + KEEPING;
        if size > MOST_FRESH / 4 {
            return;
        }
        if self.bytes + size > MOST_FRESH {
            self.older = std::mem::take(&mut self.fresh);
            self.bytes = 0;
        }
        if self.fresh.insert(place, content.clone()).is_none() {
            self.bytes += size;
        }
    }
}

struct Pack {
    index: Pieces,
    path: PathBuf,
    /// Opened once: a chain of deltas reads it at every link.
    body: OnceLock<Option<Pieces>>,
    fanout: Vec<u32>,
    room: Room,
}

/// What an entry of a pack says of itself.
struct Entry {
    /// Unpacked bytes: the object's own, or the delta's.
    size: usize,
    /// Where the packed bytes begin.
    at: u64,
    base: Base,
}

/// What an entry is laid upon.
enum Base {
    None(Type),
    /// What stands at an earlier place of the same pack.
    At(u64),
    /// An object named by its id.
    Named(Vec<u8>),
}

impl Stored {
    pub fn new(folders: impl IntoIterator<Item = PathBuf>, width: usize) -> Self {
        let mut stores = Vec::new();
        folders.into_iter().for_each(|folder| alternates(folder, &mut stores, 0));
        Self {
            stores,
            width,
            packs: OnceLock::new(),
            bases: AtomicU64::new(0),
            known: Mutex::default(),
            inflate: Inflate::default(),
            room: Room::new(MOST_WHOLE),
        }
    }

    /// Reads an object that has to be there and bearable.
    pub fn read(&self, id: &[u8]) -> Result<(Type, Vec<u8>), Failure> {
        self.find(id).ok_or_else(|| Failure::new("cannot read an object", hex::encode(id)).hint("git fsck"))
    }

    /// Reads an object whose content hashes to its name; nothing where it is not there, damaged, or more than is read here.
    pub fn find(&self, id: &[u8]) -> Option<(Type, Vec<u8>)> {
        let (kind, body) = self.seek(id)?;
        let body = Arc::try_unwrap(body).unwrap_or_else(|kept| kept.to_vec());
        (id.len() == self.width && is_named(kind, &body, id)).then_some((kind, body))
    }

    /// What stands first under this name. Where that is damaged, no other is tried: what is in a circle or too deep in one pack can be so in
    /// another as well, and each would double the work of the one before.
    fn seek(&self, id: &[u8]) -> Option<Content> {
        self.place(id).map_or_else(|| self.loose(id), |place| self.content(place))
    }

    fn loose(&self, id: &[u8]) -> Option<Content> {
        self.stores.iter().find_map(|store| loose(store, id, &self.inflate)).map(|(kind, body)| (kind, Arc::new(body)))
    }

    fn packs(&self) -> &[Pack] {
        self.packs.get_or_init(|| self.stores.iter().flat_map(|store| packs(store, &self.room)).collect())
    }

    /// Where an object stands in a pack: those that stand side by side are read fastest one after the other.
    pub(super) fn place(&self, id: &[u8]) -> Option<Place> {
        self.packs().iter().enumerate().find_map(|(number, pack)| Some((number, pack.offset(id, self.width)?)))
    }

    /// What stands at a place, known or unpacked: down the chain of deltas by their heads alone, and up again with one delta at a time.
    fn content(&self, from: Place) -> Option<Content> {
        let mut links: Vec<(Place, Entry)> = Vec::new();
        let mut place = Some(from);
        let mut content = loop {
            // A base that is named stands in no pack.
            let Some(at) = place else {
                let Some((_, Entry { base: Base::Named(id), .. })) = links.last() else { return None };
                break self.loose(id)?;
            };
            if let Some(known) = self.known().get(at) {
                break known;
            }
            let pack = self.packs().get(at.0)?;
            let entry = pack.entry(at.1, self.width)?;
            match &entry.base {
                Base::None(kind) => break self.keep(at, (*kind, Arc::new(pack.body(&entry, &self.inflate)?))),
                Base::At(base) => place = Some((at.0, *base)),
                Base::Named(id) => place = self.place(id),
            }
            links.push((at, entry));
            if links.len() > DEEPEST_DELTA {
                return None;
            }
        };
        for (at, entry) in links.iter().rev() {
            let cost = (content.1.len() + entry.size) as u64;
            if self.bases.fetch_add(cost, Ordering::Relaxed) > MOST_BASES {
                return None;
            }
            let delta = self.packs().get(at.0)?.body(entry, &self.inflate)?;
            content = self.keep(*at, (content.0, Arc::new(apply(&content.1, &delta)?)));
        }
        Some(content)
    }

    fn keep(&self, place: Place, content: Content) -> Content {
        self.known().keep(place, &content);
        content
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects a folder of objects and those that it borrows from.
fn alternates(folder: PathBuf, stores: &mut Vec<PathBuf>, depth: u32) {
    if depth > DEEPEST_ALTERNATE || stores.contains(&folder) {
        return;
    }
    let list = fs::read_to_string(folder.join("info/alternates")).unwrap_or_default();
    let borrowed: Vec<PathBuf> =
        list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| folder.join(line)).collect();
    stores.push(folder);
    borrowed.into_iter().for_each(|folder| alternates(folder, stores, depth + 1));
}

/// Whether a content is what its name says.
fn is_named(kind: Type, body: &[u8], id: &[u8]) -> bool {
    let head = format!("{} {}\0", kind.as_str(), body.len());
    match id.len() {
        20 => Sha1::new().chain_update(head).chain_update(body).finalize().as_slice() == id,
        32 => Sha256::new().chain_update(head).chain_update(body).finalize().as_slice() == id,
        _ => false,
    }
}

fn loose(store: &Path, id: &[u8], inflate: &Inflate) -> Option<(Type, Vec<u8>)> {
    let name = hex::encode(id);
    let path = store.join(name.get(..2)?).join(&name[2..]);
    let file = File::open(path).ok()?;
    let size = usize::try_from(file.metadata().ok()?.len()).ok().filter(|size| *size <= MOST)?;
    let body = inflate.zlib(&read_at(&file, 0, size)?, MOST + 64)?;
    let end = body.iter().position(|b| *b == 0)?;
    let (kind, size) = std::str::from_utf8(&body[..end]).ok()?.split_once(' ')?;
    let kind = Type::parse(kind)?;
    let body = body[end + 1..].to_vec();
    (size.parse() == Ok(body.len())).then_some((kind, body))
}

fn packs(store: &Path, room: &Room) -> Vec<Pack> {
    let entries = fs::read_dir(store.join("pack")).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "idx")).filter_map(|path| Pack::open(&path, room)).collect()
}

fn word(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}

impl Pack {
    /// Where names begin in an index of version 2.
    const NAMES: u64 = 8 + 4 * 256;

    fn open(path: &Path, room: &Room) -> Option<Self> {
        let index = Pieces::open(path, room)?;
        let head = index.read(0, 8 + 4 * 256)?;
        if head.get(..8)? != b"\xfftOc\0\0\0\x02" {
            return None;
        }
        let fanout: Vec<u32> = head[8..].chunks(4).filter_map(word).collect();
        drop(head);
        (fanout.len() == 256).then(|| Self { index, path: path.with_extension("pack"), body: OnceLock::new(), fanout, room: room.clone() })
    }

    fn count(&self) -> u64 {
        u64::from(self.fanout[255])
    }

    /// Finds an object's place, by halving where a look at all names of this beginning would be too much.
    fn offset(&self, id: &[u8], width: usize) -> Option<u64> {
        let first = usize::from(*id.first()?);
        let mut low = if first == 0 { 0 } else { u64::from(self.fanout[first - 1]) };
        let mut high = u64::from(self.fanout[first]);
        while low + NAMES_AT_ONCE < high {
            let middle = low.midpoint(high);
            if *self.names(middle, 1, width)? <= *id { low = middle } else { high = middle }
        }
        let names = self.names(low, usize::try_from(high.checked_sub(low)?).ok()?, width)?;
        let number = names.chunks(width).position(|name| name == id)?;
        self.place(low + number as u64, width)
    }

    fn names(&self, from: u64, count: usize, width: usize) -> Option<Cow<'_, [u8]>> {
        self.index.read(Self::NAMES + from * width as u64, count * width)
    }

    fn place(&self, number: u64, width: usize) -> Option<u64> {
        let places = Self::NAMES + self.count() * (width as u64 + 4);
        let short = word(&self.index.read(places + number * 4, 4)?)?;
        if short & 0x8000_0000 == 0 {
            return Some(u64::from(short));
        }
        let at = places + self.count() * 4 + u64::from(short & 0x7fff_ffff) * 8;
        Some(u64::from_be_bytes(self.index.read(at, 8)?.as_ref().try_into().ok()?))
    }

    fn file(&self) -> Option<&Pieces> {
        self.body.get_or_init(|| Pieces::open(&self.path, &self.room)).as_ref()
    }

    fn entry(&self, at: u64, width: usize) -> Option<Entry> {
        let head = self.file()?.read(at, HEAD)?;
        let (kind, size, mut used) = entry_head(&head)?;
        let base = match kind {
            1 => Base::None(Type::Commit),
            2 => Base::None(Type::Tree),
            3 => Base::None(Type::Blob),
            4 => Base::None(Type::Tag),
            6 => {
                let (back, length) = back(head.get(used..)?)?;
                used += length;
                Base::At(at.checked_sub(back).filter(|_| back > 0)?)
            }
            7 => {
                used += width;
                Base::Named(head.get(used - width..used)?.to_vec())
            }
            _ => return None,
        };
        Some(Entry { size, at: at.checked_add(used as u64)?, base })
    }

    fn body(&self, entry: &Entry, inflate: &Inflate) -> Option<Vec<u8>> {
        let packed = self.file()?.read(entry.at, entry.size + entry.size / 8 + 256)?;
        inflate.zlib(&packed, entry.size).filter(|body| body.len() == entry.size)
    }
}

/// Reads an entry's kind and unpacked size, and how many bytes say so.
fn entry_head(head: &[u8]) -> Option<(u8, usize, usize)> {
    let mut byte = *head.first()?;
    let kind = byte >> 4 & 7;
    let (mut size, mut shift, mut used) = (u64::from(byte & 15), 4, 1);
    while byte & 0x80 != 0 {
        byte = *head.get(used)?;
        size |= u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
        shift += 7;
        used += 1;
    }
    let size = usize::try_from(size).ok().filter(|size| *size <= MOST)?;
    Some((kind, size, used))
}

/// Reads how far back a delta's base stands.
fn back(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = u64::from(bytes.first()? & 0x7f);
    let mut used = 1;
    while bytes[used - 1] & 0x80 != 0 {
        let byte = *bytes.get(used)?;
        value = (value + 1).checked_mul(128)? | u64::from(byte & 0x7f);
        used += 1;
    }
    Some((value, used))
}

/// Applies a delta to its base.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let (from, rest) = size(delta)?;
    let (to, mut rest) = size(rest)?;
    if from != base.len() || to > MOST {
        return None;
    }
    let mut out = Vec::with_capacity(to);
    while let Some((&code, after)) = rest.split_first() {
        rest = if code & 0x80 == 0 {
            let (new, after) = after.split_at_checked(usize::from(code)).filter(|_| code > 0)?;
            out.extend(new);
            after
        } else {
            let (start, length, after) = span(code, after)?;
            out.extend(base.get(start..start + length)?);
            after
        };
        if out.len() > to {
            return None;
        }
    }
    (out.len() == to).then_some(out)
}

fn size(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (i, byte) in bytes.iter().enumerate().take(8) {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

/// Reads which stretch of the base is copied.
fn span(code: u8, mut bytes: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (mut start, mut length) = (0usize, 0usize);
    for bit in 0..7 {
        if code >> bit & 1 == 1 {
            let (&byte, after) = bytes.split_first()?;
            bytes = after;
            if bit < 4 { start |= usize::from(byte) << (8 * bit) } else { length |= usize::from(byte) << (8 * (bit - 4)) }
        }
    }
    Some((start, if length == 0 { 0x10000 } else { length }, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_copies_and_inserts_within_bounds() {
        let delta = [11, 9, 0x91, 6, 5, 4, b'!', b'a', b'b', b'c'];
        assert_eq!(apply(b"hello world", &delta).unwrap(), b"world!abc");
        for bad in [&[10, 9, 0x91, 6, 5][..], &[11, 9, 0x91, 7, 5], &[11, 4, 0x91, 6, 5], &[11, 9, 0], &[11, 9, 4, b'a'], &[], &[0xff; 12]]
        {
            assert!(apply(b"hello world", bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_beyond_the_limit_are_not_believed() {
        assert_eq!(entry_head(&[0x35]), Some((3, 5, 1)));
        assert_eq!(entry_head(&[0xb5, 0x01]), Some((3, 21, 2)));
        assert_eq!(entry_head(&[0xff; 16]), None);
        assert_eq!(back(&[0x81, 0x00]), Some((256, 2)));
        assert_eq!(back(&[0xff; 16]), None);
    }
}
