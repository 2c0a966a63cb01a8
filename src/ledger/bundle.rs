//! The bundle: a whole ledger and its signed checkpoint as one file that goes to another machine.
//!
//! Line 1 is `orchestrate-bundle/v1`, line 2 the checkpoint note's length in bytes, then come the note and one entry per line.

use std::io::{self, Write};

/// The first line.
pub const HEAD: &str = "orchestrate-bundle/v1";
/// Larger files are not looked at.
pub const MOST_BYTES: u64 = 1 << 30;
const MOST_NOTE: usize = 1 << 18;
const MOST_ENTRY: usize = 32 << 20;

/// A bundle taken apart; nothing in it has been judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle<'a> {
    pub note: &'a str,
    pub entries: Vec<&'a [u8]>,
}

/// Writes a bundle; an entry that the format cannot hold is an error, never a broken file.
pub fn write(out: &mut dyn Write, note: &str, entries: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    if !note.ends_with('\n') || note.len() > MOST_NOTE {
        return Err(invalid("the checkpoint does not end in a newline, or is longer than 256 KiB"));
    }
    write!(out, "{HEAD}\n{}\n{note}", note.len())?;
    for entry in entries {
        if entry.is_empty() || entry.len() > MOST_ENTRY || entry.contains(&b'\n') {
            return Err(invalid("an entry is empty, longer than 32 MiB, or holds a newline"));
        }
        out.write_all(&entry)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads exactly what `write` writes: writing the result again gives the same bytes.
pub fn read(bytes: &[u8]) -> Result<Bundle<'_>, String> {
    let (head, rest) = line(bytes).ok_or("the bundle is empty")?;
    if head != HEAD.as_bytes() {
        return Err(format!("the bundle does not begin with {HEAD}"));
    }
    let (length, rest) = line(rest).ok_or("the bundle ends before the length of its checkpoint")?;
    let length =
        decimal(length).filter(|length| *length <= MOST_NOTE).ok_or("the length of the bundle's checkpoint is not a number it can be")?;
    let (note, rest) = rest.split_at_checked(length).ok_or("the bundle ends inside its checkpoint")?;
    let note = std::str::from_utf8(note).map_err(|why| format!("the bundle's checkpoint is not text: {why}"))?;
    if !note.ends_with('\n') {
        return Err("the bundle's checkpoint does not end in a newline".to_owned());
    }
    Ok(Bundle { note, entries: lines(rest)? })
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn decimal(text: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().filter(|number: &usize| number.to_string() == text)
}

fn lines(rest: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut entries: Vec<&[u8]> = rest.split(|byte| *byte == b'\n').collect();
    if entries.pop().is_none_or(|last| !last.is_empty()) {
        return Err("the bundle's last line does not end in a newline".to_owned());
    }
    match entries.iter().position(|entry| entry.is_empty() || entry.len() > MOST_ENTRY) {
        Some(at) => Err(format!("entry {at}: its line is empty or longer than 32 MiB")),
        None if entries.is_empty() => Err("the bundle holds no entry".to_owned()),
        None => Ok(entries),
    }
}
