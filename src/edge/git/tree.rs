//! Tree objects taken apart, and the names in them that no change may bring.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;

pub(super) const TREE: u32 = 0o040_000;
pub(super) const FILE: u32 = 0o100_644;
pub(super) const PROGRAM: u32 = 0o100_755;
pub(super) const LINK: u32 = 0o120_000;
pub(super) const GITLINK: u32 = 0o160_000;
const LONGEST_PATH: usize = 1024;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub mode: u32,
    pub id: Oid,
}

/// One entry of a directory, as its object spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub name: &'a [u8],
    pub mode: u32,
    id: &'a [u8],
}

impl Entry<'_> {
    pub fn item(&self) -> Result<Item, Failure> {
        Ok(Item { mode: self.mode, id: Oid::new(hex::encode(self.id)).doing("cannot read a tree")? })
    }
}

/// A directory, sorted by name. Git allows no name twice; where a broken object has one, the last counts and the name is told.
#[derive(Debug, Default)]
pub(super) struct Listing<'a> {
    pub entries: Vec<Entry<'a>>,
    pub doubled: Vec<&'a [u8]>,
}

impl<'a> Listing<'a> {
    pub fn find(&self, name: &[u8]) -> Option<&Entry<'a>> {
        self.entries.binary_search_by_key(&name, |entry| entry.name).ok().map(|at| &self.entries[at])
    }
}

/// Takes a tree object apart; `width` is the length of a raw object id.
pub(super) fn parse(mut rest: &[u8], width: usize) -> Result<Listing<'_>, Failure> {
    let mut listing = Listing::default();
    while !rest.is_empty() {
        let (mode, after) = split(rest, b' ')?;
        let (name, after) = split(after, 0)?;
        let (id, after) = after.split_at_checked(width).ok_or_else(broken)?;
        listing.entries.push(Entry { name, mode: octal(mode).ok_or_else(broken)?, id });
        rest = after;
    }
    // Git sorts a folder as if its name ended in a slash.
    if !listing.entries.is_sorted_by(|a, b| a.name < b.name) {
        listing.sort();
    }
    Ok(listing)
}

impl Listing<'_> {
    fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.name);
        let mut kept: Vec<Entry<'_>> = Vec::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            if kept.pop_if(|last| last.name == entry.name).is_some() {
                self.doubled.push(entry.name);
            }
            kept.push(entry);
        }
        self.entries = kept;
    }
}

fn octal(digits: &[u8]) -> Option<u32> {
    let digit = |byte: &u8| byte.checked_sub(b'0').filter(|digit| *digit < 8).map(u32::from);
    let fits = !digits.is_empty() && digits.len() <= 10;
    fits.then(|| digits.iter().try_fold(0, |mode, byte| Some(mode << 3 | digit(byte)?))).flatten()
}

fn split(bytes: &[u8], at: u8) -> Result<(&[u8], &[u8]), Failure> {
    let end = memchr::memchr(at, bytes).ok_or_else(broken)?;
    Ok((&bytes[..end], &bytes[end + 1..]))
}

fn broken() -> Failure {
    Failure::new("cannot read a tree", "it is cut off")
}

/// Spells a path for people and rules: as it is where it is UTF-8, else with `\xNN` for each byte that is not.
pub(super) fn spell(path: &[u8]) -> String {
    path.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
        text
    })
}

/// Folds a name as file systems that ignore case would.
pub(super) fn fold(name: &[u8]) -> String {
    if name.is_ascii() {
        return spell(name).to_ascii_lowercase();
    }
    spell(name).chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Says why no change may bring this name, if it may not.
pub(super) fn bad_name(name: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(name) else { return Some("the name is not UTF-8") };
    match text {
        "" | "." | ".." => Some("the name means a directory itself"),
        _ if text.bytes().any(|b| b < 0x20 || b == 0x7f) => Some("the name holds a control byte"),
        _ if text.contains(['\\', '/', ':']) => Some("the name holds a separator of some system"),
        _ if text.ends_with(['.', ' ']) => Some("the name ends with a dot or a space"),
        _ if text.starts_with(' ') => Some("the name begins with a space"),
        _ if text.chars().any(unseen) => Some("the name holds a code point that cannot be seen"),
        _ if text.chars().any(combining) => Some("the name is not in composed form"),
        _ if is_git(text) => Some("the name is git's own"),
        _ if is_gitmodules(text) => Some("the name makes submodules"),
        _ if is_device(text) => Some("the name is a device of some system"),
        _ => None,
    }
}

/// Tells whether some file system would take this name for `.git`.
pub(super) fn is_git(name: &str) -> bool {
    let name = fold(name.as_bytes());
    let name = name.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    name == ".git" || short_of(name, "git~")
}

fn is_gitmodules(name: &str) -> bool {
    let name = fold(name.as_bytes());
    name == ".gitmodules" || short_of(&name, "gitmod~") || (name.starts_with("gi7") && name.contains('~'))
}

fn short_of(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |stem: &str| stem.len() == 4 && stem.ends_with(|c: char| c.is_ascii_digit());
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || ((stem.starts_with("com") || stem.starts_with("lpt")) && numbered(&stem))
}

/// Code points that change how a line is shown, or are not shown at all.
pub(super) fn unseen(c: char) -> bool {
    let format = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    format || ('\u{80}'..='\u{9f}').contains(&c)
}

/// Marks that decompose a letter, by which one name could have two spellings.
fn combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{1100}'..='\u{11ff}' | '\u{3099}' | '\u{309a}')
}

/// Says why no change may bring an entry of this mode, if it may not.
pub(super) fn bad_mode(mode: u32) -> Option<&'static str> {
    match mode {
        TREE | FILE | PROGRAM | LINK => None,
        GITLINK => Some("it is a submodule"),
        _ => Some("its mode is none that git writes"),
    }
}

/// Says why this path is too long, if it is.
pub(super) fn too_long(path: &[u8]) -> Option<&'static str> {
    (path.len() > LONGEST_PATH).then_some("the path is longer than 1024 bytes")
}

/// Says why a symbolic link at `path` may not point to `target`, if it may not.
///
/// `..` may stand only at the front: after a name it could climb out through another link.
pub(super) fn bad_link(path: &[u8], target: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(target) else { return Some("the link's target is not UTF-8") };
    if text.is_empty() || text.starts_with('/') || text.contains(['\\', ':', '\0']) {
        return Some("the link is empty, absolute or foreign");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    let depth = path.iter().filter(|&&byte| byte == b'/').count();
    match parts.get(up..) {
        _ if up > depth => Some("the link leaves the tree"),
        Some(rest) if rest.contains(&"..") => Some("the link goes up after going down"),
        Some(rest) if rest.iter().any(|part| is_git(part)) => Some("the link points into git's own folder"),
        Some(_) | None => None,
    }
}
