//! Tree objects taken apart, and the names in them that no change may bring.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use std::collections::BTreeMap;

pub(super) const TREE: u32 = 0o040_000;
pub(super) const FILE: u32 = 0o100_644;
pub(super) const PROGRAM: u32 = 0o100_755;
pub(super) const LINK: u32 = 0o120_000;
pub(super) const GITLINK: u32 = 0o160_000;
const LONGEST_PATH: usize = 1024;

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub mode: u32,
    pub id: Oid,
}

/// A directory: name to entry. Git allows no name twice; where a broken object has one, it is counted.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub items: BTreeMap<Vec<u8>, Item>,
    pub doubled: Vec<Vec<u8>>,
}

/// Takes a tree object apart; `width` is the length of a raw object id.
pub(super) fn parse(mut rest: &[u8], width: usize) -> Result<Listing, Failure> {
    let mut listing = Listing::default();
    while !rest.is_empty() {
        let (mode, after) = split(rest, b' ')?;
        let (name, after) = split(after, 0)?;
        let (id, after) = after.split_at_checked(width).ok_or_else(broken)?;
        let mode = std::str::from_utf8(mode).ok().and_then(|text| u32::from_str_radix(text, 8).ok()).ok_or_else(broken)?;
        let item = Item { mode, id: Oid::new(hex::encode(id)).doing("cannot read a tree")? };
        if listing.items.insert(name.to_vec(), item).is_some() {
            listing.doubled.push(name.to_vec());
        }
        rest = after;
    }
    Ok(listing)
}

fn split(bytes: &[u8], at: u8) -> Result<(&[u8], &[u8]), Failure> {
    let end = bytes.iter().position(|&byte| byte == at).ok_or_else(broken)?;
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
