//! `proc-receive`: lets the supervisor move the references of a push that it accepted, and tells git what became of each.
//!
//! The supervisor answers all or nothing. Without its word every reference is refused.

use super::pre_receive::{gate, update};
use super::wire::{self, No};
use super::{pkt, say};
use crate::domain::failure::{Doing as _, Failure};
use crate::supervisor::protocol::{RawUpdate, Request};
use std::ffi::OsString;
use std::io::{Read, Write};

/// Most references in one push, as far as this hook reads.
const MOST_LINES: usize = 10_000;
const MOST_REASON: usize = 300;

pub(super) fn run(_: &[OsString]) -> u8 {
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    match receive(&mut from, &mut to) {
        Ok(()) => 0,
        Err(failure) => {
            say::tell(&failure.into());
            1
        }
    }
}

fn receive(from: &mut impl Read, to: &mut impl Write) -> Result<(), Failure> {
    let (updates, names) = hear(from, to).doing("git's proc-receive conversation broke")?;
    let verdict = updates.and_then(land);
    if let Err(no) = &verdict {
        say::tell(no);
    }
    report(to, &names, verdict.err().as_ref()).doing("git did not take the report")
}

type Updates = Result<Vec<RawUpdate>, No>;

/// Agrees on version 1 and reads the commands; the names come along even where a command makes no sense, to be refused.
fn hear(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(Updates, Vec<String>)> {
    let greeting = pkt::read_group(from, 1)?;
    let (version, features) = split_features(greeting.first().map_or(&[][..], Vec::as_slice));
    if version != b"version=1" {
        return Err(std::io::Error::other("git speaks another version"));
    }
    let atomic = features.split(|b| *b == b' ').any(|feature| feature == b"atomic");
    pkt::write(to, if atomic { b"version=1\0atomic" } else { b"version=1" })?;
    pkt::flush(to)?;
    let lines: Vec<String> = pkt::read_group(from, MOST_LINES)?.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let names = lines.iter().map(|line| line.splitn(3, ' ').last().unwrap_or_default().to_owned()).collect();
    let strange = |line: &String| No::Failed(Failure::new("cannot read a command of the push", format!("{line:?}")));
    let updates = lines.iter().map(|line| update(line).ok_or_else(|| strange(line))).collect();
    Ok((updates, names))
}

fn split_features(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|b| *b == 0).unwrap_or(line.len());
    (&line[..end], line.get(end + 1..).unwrap_or_default())
}

fn land(updates: Vec<RawUpdate>) -> Result<(), No> {
    let gate = gate()?.ok_or_else(|| {
        Failure::new("no reference moves", "this hook is the supervisor's own, and there is no supervisor here")
            .hint("git config --unset-all receive.procReceiveRefs   (in an ordinary repository pre-receive is enough)")
    })?;
    wire::call(&gate.socket, &Request::ProcReceive { push: gate.push, updates }, wire::LONG).map(drop)
}

fn report(to: &mut impl Write, names: &[String], no: Option<&No>) -> std::io::Result<()> {
    for name in names {
        let line = match no {
            None => format!("ok {name}"),
            Some(no) => format!("ng {name} {}", reason(no)),
        };
        pkt::write(to, line.as_bytes())?;
    }
    pkt::flush(to)
}

fn reason(no: &No) -> String {
    let reason = match no {
        No::Refused(refusal) => format!("{} [{}]", refusal.why, refusal.code),
        No::Failed(failure) => failure.to_string(),
    };
    say::plain(&reason).chars().take(MOST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::Refusal;

    fn wire(lines: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in lines {
            if line.is_empty() { pkt::flush(&mut out).unwrap() } else { pkt::write(&mut out, line).unwrap() }
        }
        out
    }

    #[test]
    fn commands_are_heard_and_every_reference_is_answered() {
        let command = format!("{} {} refs/heads/dev-a/t1", "0".repeat(40), "1".repeat(40));
        let said = wire(&[b"version=1\0push-options atomic", b"", command.as_bytes(), b""]);
        let mut answer = Vec::new();
        let (updates, names) = hear(&mut said.as_slice(), &mut answer).unwrap();
        assert_eq!(updates.unwrap()[0].name, "refs/heads/dev-a/t1");
        assert_eq!(answer, wire(&[b"version=1\0atomic", b""]));
        let mut told = Vec::new();
        let no = No::Refused(Refusal::new("frozen", "two\nlines", ""));
        report(&mut told, &names, Some(&no)).unwrap();
        assert_eq!(told, wire(&[b"ng refs/heads/dev-a/t1 two\\u{a}lines [frozen]", b""]));
    }

    #[test]
    fn a_command_without_sense_is_refused_with_its_name() {
        let said = wire(&[b"version=1", b"", b"junk refs/heads/x", b""]);
        let (updates, names) = hear(&mut said.as_slice(), &mut Vec::new()).unwrap();
        assert!(updates.is_err() && names.len() == 1);
    }

    #[test]
    fn another_version_is_no_conversation() {
        for said in [wire(&[b"version=2", b""]), wire(&[b""]), b"000".to_vec()] {
            assert!(hear(&mut said.as_slice(), &mut Vec::new()).is_err());
        }
    }
}
