//! Git's packet lines, and the conversation between receive-pack and its `proc-receive` hook.
//!
//! Pure over any reader and writer, so that a hook can speak it through pipes or sockets.

use crate::domain::failure::{Doing as _, Failure};
use std::io::{Read, Write};

const LONGEST: usize = 65_516;
const MOST_LINES: usize = 10_000;
const WHAT: &str = "cannot speak with git";

/// What receive-pack asks: the whole push at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    pub commands: Vec<Command>,
    pub push_options: Vec<String>,
    pub atomic: bool,
}

/// One command; the ids and the name are what the client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub old: String,
    pub new: String,
    pub name: String,
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Moved { name: String },
    Refused { name: String, reason: String },
}

/// Reads one packet: its content without a line end, or nothing for a flush.
pub fn read(from: &mut impl Read) -> Result<Option<Vec<u8>>, Failure> {
    let mut head = [0; 4];
    from.read_exact(&mut head).doing(WHAT)?;
    let digits = std::str::from_utf8(&head).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let length = digits.and_then(|text| usize::from_str_radix(text, 16).ok());
    match length {
        Some(0) => Ok(None),
        Some(length) if (4..=LONGEST + 4).contains(&length) => content(from, length - 4).map(Some),
        _ => Err(Failure::new(WHAT, format!("{:?} is no packet length", String::from_utf8_lossy(&head)))),
    }
}

fn content(from: &mut impl Read, length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).doing(WHAT)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}

/// Writes one packet.
pub fn write(to: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    if bytes.len() > LONGEST {
        return Err(Failure::new(WHAT, format!("a packet of {} bytes is too long", bytes.len())));
    }
    let head = format!("{:04x}", bytes.len() + 4);
    to.write_all(&[head.as_bytes(), bytes].concat()).doing(WHAT)
}

/// Ends a section.
pub fn flush(to: &mut impl Write) -> Result<(), Failure> {
    to.write_all(b"0000").and_then(|()| to.flush()).doing(WHAT)
}

/// Passes on everything as it comes, up to the end. By hand: what is spliced from a pipe holds the pipe's lock while it waits.
pub fn carry(from: &mut impl Read, to: &mut impl Write) -> Result<(), Failure> {
    let mut room = vec![0; 1 << 16];
    loop {
        match from.read(&mut room).doing(WHAT)? {
            0 => return Ok(()),
            length => to.write_all(&room[..length]).and_then(|()| to.flush()).doing(WHAT)?,
        }
    }
}

/// Agrees on version 1 with receive-pack, then reads its commands and push options.
pub fn asked(from: &mut impl Read, to: &mut impl Write) -> Result<Asked, Failure> {
    let greeting = section(from)?;
    let first = greeting.first().map(Vec::as_slice).unwrap_or_default();
    let (version, features) = first.split_at(first.iter().position(|&byte| byte == 0).unwrap_or(first.len()));
    if version != b"version=1" {
        return Err(Failure::new(WHAT, format!("it speaks {:?}", String::from_utf8_lossy(version))));
    }
    let features = String::from_utf8_lossy(features).replace('\0', " ");
    let has = |name: &str| features.split_whitespace().any(|word| word == name);
    let agreed = if has("push-options") { "version=1\0push-options" } else { "version=1" };
    write(to, agreed.as_bytes())?;
    flush(to)?;
    let commands = section(from)?.iter().map(|line| command(line)).collect::<Result<_, _>>()?;
    let push_options = if has("push-options") { section(from)?.iter().map(|line| text(line)).collect() } else { Vec::new() };
    Ok(Asked { commands, push_options, atomic: has("atomic") })
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Reads packets up to the next flush.
pub fn section(from: &mut impl Read) -> Result<Vec<Vec<u8>>, Failure> {
    let mut lines = Vec::new();
    while let Some(line) = read(from)? {
        lines.push(line);
        if lines.len() > MOST_LINES {
            return Err(Failure::new(WHAT, format!("it sent more than {MOST_LINES} packets")));
        }
    }
    Ok(lines)
}

/// Reads `<old> <new> <name>`, as pre-receive and proc-receive are given it.
pub fn command(line: &[u8]) -> Result<Command, Failure> {
    let line = std::str::from_utf8(line).doing(WHAT)?;
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(old), Some(new), Some(name)) if !name.is_empty() => Ok(Command { old: old.into(), new: new.into(), name: name.into() }),
        _ => Err(Failure::new(WHAT, format!("{line:?} is no command"))),
    }
}

/// Reports what became of each command.
pub fn report(to: &mut impl Write, answers: &[Answer]) -> Result<(), Failure> {
    for answer in answers {
        match answer {
            Answer::Moved { name } => write(to, format!("ok {name}").as_bytes())?,
            Answer::Refused { name, reason } => write(to, format!("ng {name} {}", one_line(reason)).as_bytes())?,
        }
    }
    flush(to)
}

/// A reason on one line, short, and without anything a terminal would obey.
fn one_line(reason: &str) -> String {
    let plain: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    if plain.trim().is_empty() { "refused".into() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(lines: &[Option<&str>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            match line {
                Some(line) => write(&mut bytes, line.as_bytes()).expect("a packet"),
                None => flush(&mut bytes).expect("a flush"),
            }
        }
        bytes
    }

    #[test]
    fn a_whole_push_is_read() {
        let (old, new) = ("0".repeat(40), "1".repeat(40));
        let line = format!("{old} {new} refs/heads/x");
        let sent = packets(&[Some("version=1\0push-options atomic\n"), None, Some(&line), None, Some("note=hi"), None]);
        let mut said = Vec::new();
        let asked = asked(&mut sent.as_slice(), &mut said).expect("a push");
        assert_eq!(asked.commands, [Command { old, new, name: "refs/heads/x".into() }]);
        assert_eq!((asked.push_options, asked.atomic), (vec!["note=hi".to_owned()], true));
        assert_eq!(said, packets(&[Some("version=1\0push-options"), None]));
    }

    #[test]
    fn broken_packets_are_failures() {
        for bad in [&b"00"[..], b"0003", b"zzzz", b"+00a123456", b"0010abc", b"fff1"] {
            assert!(read(&mut &*bad).is_err(), "{bad:?}");
        }
        assert!(asked(&mut packets(&[Some("version=2"), None]).as_slice(), &mut Vec::new()).is_err());
        assert!(command(b"a b").is_err());
    }

    #[test]
    fn a_reason_cannot_forge_a_second_answer() {
        let mut said = Vec::new();
        let answer = Answer::Refused { name: "refs/heads/x".into(), reason: "no\nok refs/heads/main\u{1b}[2J".into() };
        report(&mut said, &[answer, Answer::Moved { name: "refs/heads/y".into() }]).expect("a report");
        assert_eq!(said, packets(&[Some("ng refs/heads/x no ok refs/heads/main [2J"), Some("ok refs/heads/y"), None]));
    }
}
