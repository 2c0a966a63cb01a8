//! `pre-receive`: asks whether a push may enter, while its objects are still in quarantine. Whatever is odd is a no.
//!
//! At the supervisor's gate the supervisor decides. In an ordinary bare repository a bundle decides: see `offline`.

use super::wire::{self, No};
use super::{offline, say};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use crate::supervisor::protocol::{RawUpdate, Request};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// More commands of one push, and more of one name, are not passed on: both are far beyond what any push may have.
const MOST_UPDATES: usize = 1000;
const MOST_NAME: usize = 1000;

pub(super) fn run(_: &[OsString]) -> u8 {
    match judge() {
        Ok(()) => 0,
        Err(no) => {
            say::tell(&no);
            1
        }
    }
}

fn judge() -> Result<(), No> {
    let updates = updates(std::io::stdin().lock())?;
    let cut = updates.len() > MOST_UPDATES;
    match gate()? {
        Some(gate) => ask(&gate, updates)?,
        None => offline::judge(&updates)?,
    }
    if cut {
        return Err(Failure::new("cannot judge a push", "it has too many references").hint("git push origin <one branch>").into());
    }
    Ok(())
}

/// The supervisor that runs this hook: how it calls the push, and where it listens.
pub(super) struct Gate {
    pub push: String,
    pub socket: PathBuf,
}

/// Finds the supervisor in the environment. Half of the two words is worse than none.
pub(super) fn gate() -> Result<Option<Gate>, Failure> {
    match (std::env::var_os("ORCHESTRATE_PUSH"), std::env::var_os("ORCHESTRATE_HOOK_SOCKET")) {
        (Some(push), Some(socket)) => {
            let push = push.into_string().map_err(|_| Failure::new("cannot judge a push", "its name is no text"))?;
            Ok(Some(Gate { push, socket: socket.into() }))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            Err(Failure::new("cannot judge a push", "only one of ORCHESTRATE_PUSH and ORCHESTRATE_HOOK_SOCKET is set"))
        }
    }
}

fn ask(gate: &Gate, updates: Vec<RawUpdate>) -> Result<(), No> {
    // A push that only deletes brings no objects, and git makes no quarantine for it: the rules still have their say.
    let brings = updates.iter().any(|update| !update.new.is_zero());
    let quarantine = if brings { quarantine()? } else { String::new() };
    let request = Request::PreReceive { push: gate.push.clone(), updates, quarantine, alternates: alternates()? };
    wire::call(&gate.socket, &request, wire::LONG).map(drop)
}

/// Reads git's command list: `<old> <new> <reference>` per line. Bytes that are no text stand as a sign that no name may have, and a list
/// longer than any that is accepted is cut: whoever judges it sees enough to refuse it, and the attempt is on record.
fn updates(from: impl Read) -> Result<Vec<RawUpdate>, Failure> {
    const WHAT: &str = "cannot read the push's command list";
    let mut list = Vec::new();
    for line in BufReader::new(from).split(b'\n') {
        let line = line.doing(WHAT)?;
        if list.len() <= MOST_UPDATES {
            let line = String::from_utf8_lossy(&line);
            let line: String = line.chars().take(MOST_NAME).collect();
            list.push(update(&line).ok_or_else(|| Failure::new(WHAT, format!("{line:?}")))?);
        }
    }
    Ok(list)
}

/// Reads one command of a push.
pub(super) fn update(line: &str) -> Option<RawUpdate> {
    let mut words = line.splitn(3, ' ');
    let mut oid = || words.next().and_then(|word| Oid::new(word).ok());
    let (old, new) = (oid()?, oid()?);
    let name = words.next().filter(|name| !name.is_empty())?.to_owned();
    Some(RawUpdate { name, old, new })
}

/// Where the pushed objects are, as an absolute path.
fn quarantine() -> Result<String, Failure> {
    let folder = std::env::var_os("GIT_QUARANTINE_PATH").or_else(|| std::env::var_os("GIT_OBJECT_DIRECTORY"));
    let folder =
        folder.ok_or_else(|| Failure::new("cannot judge a push", "git names no quarantine: this hook runs only inside receive-pack"))?;
    absolute(&folder)
}

fn alternates() -> Result<Vec<String>, Failure> {
    let list = std::env::var_os("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    split(list.as_bytes())?.iter().map(|folder| absolute(folder)).collect()
}

fn absolute(folder: &OsStr) -> Result<String, Failure> {
    let path = std::path::absolute(folder).doing("cannot find a folder of objects")?;
    path.into_os_string()
        .into_string()
        .map_err(|path| Failure::new("cannot name a folder of objects", format!("{} is no UTF-8", path.display())))
}

/// Splits git's list of folders: colons separate, and a quote opens a C string in which they do not.
pub(super) fn split(list: &[u8]) -> Result<Vec<OsString>, Failure> {
    let mut folders = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (folder, after) = match rest.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted).ok_or_else(|| Failure::new("cannot read the list of object folders", "an open quote"))?,
            None => {
                let end = rest.iter().position(|b| *b == b':').unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        if !folder.is_empty() {
            folders.push(OsString::from_vec(folder));
        }
        rest = after.strip_prefix(b":").unwrap_or(after);
    }
    Ok(folders)
}

/// Reads a C string up to its closing quote; gives what follows it too. Escapes other than `\"` and `\\` are not for paths of ours.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match (*text.get(at)?, text.get(at + 1)) {
            (b'"', _) => return Some((out, &text[at + 1..])),
            (b'\\', Some(next @ (b'"' | b'\\'))) => {
                out.push(*next);
                at += 2;
            }
            (b'\\', _) => return None,
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_list_is_read_whole_or_not_at_all() {
        let (a, b) = ("1".repeat(40), "2".repeat(64));
        let two = updates(format!("{a} {b} refs/heads/x\n{b} {a} refs/heads/\u{456} y\n").as_bytes()).unwrap();
        assert_eq!(two[1].name, "refs/heads/\u{456} y");
        for bad in [format!("{a} {b}\n"), format!("{a} {b} \n"), format!("{a} short refs/x\n"), "\n".to_owned()] {
            assert!(updates(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(updates(&b"\xff\n"[..]).is_err());
        let odd = updates(format!("{a} {b} refs/heads/").into_bytes().into_iter().chain(*b"\xff\n").collect::<Vec<u8>>().as_slice()).unwrap();
        assert_eq!(odd[0].name, "refs/heads/\u{fffd}");
        let line = format!("{a} {b} refs/heads/{}\n", "x".repeat(60_000));
        let many = updates(line.repeat(3000).as_bytes()).unwrap();
        assert!(many.len() == MOST_UPDATES + 1 && many[0].name.len() < MOST_NAME);
    }

    #[test]
    fn object_folders_may_hold_colons() {
        assert_eq!(split(b"/a:\"/b:\\\"c\":/d").unwrap(), ["/a", "/b:\"c", "/d"]);
        assert!(split(b"\"/open").is_err() && split(b"\"\\n\"").is_err());
        assert!(split(b"").unwrap().is_empty());
    }
}
