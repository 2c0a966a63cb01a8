//! Commits taken apart by a strict grammar: whatever an ordinary `git commit -S` does not write is a fault.

use crate::domain::change::{CommitFacts, Person, Signature};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;

const LONGEST: usize = 64 << 10;

/// Reads the facts of a commit from its object; `verify` judges the signature over the same bytes.
pub(super) fn facts(id: &Oid, raw: &[u8], verify: &dyn Fn(&[u8]) -> Signature) -> Result<CommitFacts, Failure> {
    let (head, message) = cut(raw);
    let headers = headers(head);
    let what = || format!("cannot read commit {id}");
    let tree = first(&headers, b"tree").and_then(object).ok_or_else(|| Failure::new(what(), "it has no tree"))?;
    let author = first(&headers, b"author").ok_or_else(|| Failure::new(what(), "it has no author"))?;
    let committer = first(&headers, b"committer").ok_or_else(|| Failure::new(what(), "it has no committer"))?;
    Ok(CommitFacts {
        id: id.clone(),
        tree,
        parents: parents(&headers).doing(what())?,
        author: person(author),
        committer: person(committer),
        subject: subject(message),
        signature: verify(raw),
        malformed: fault(raw, &headers, message),
    })
}

type Header<'a> = (&'a [u8], Vec<&'a [u8]>);

/// Cuts a commit at its first empty line.
fn cut(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&raw[..end], &raw[end + 2..]),
        None => (raw.strip_suffix(b"\n").unwrap_or(raw), b""),
    }
}

/// Reads header lines; a line that begins with a space belongs to the header above.
fn headers(head: &[u8]) -> Vec<Header<'_>> {
    let mut all: Vec<Header<'_>> = Vec::new();
    for line in head.split(|&byte| byte == b'\n') {
        match (line.strip_prefix(b" "), all.last_mut()) {
            (Some(more), Some((_, values))) => values.push(more),
            _ => {
                let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
                all.push((&line[..end], vec![line.get(end + 1..).unwrap_or_default()]));
            }
        }
    }
    all
}

fn first<'a>(headers: &[Header<'a>], name: &[u8]) -> Option<&'a [u8]> {
    headers.iter().find(|(key, _)| *key == name).map(|(_, values)| values[0])
}

fn object(text: &[u8]) -> Option<Oid> {
    Oid::new(String::from_utf8_lossy(text)).ok()
}

fn parents(headers: &[Header<'_>]) -> Result<Vec<Oid>, &'static str> {
    headers.iter().filter(|(key, _)| *key == b"parent").map(|(_, values)| object(values[0]).ok_or("a parent is no object id")).collect()
}

fn person(text: &[u8]) -> Person {
    let text = String::from_utf8_lossy(text);
    let (name, rest) = text.split_once('<').unwrap_or((&text, ""));
    let email = rest.split('>').next().unwrap_or_default();
    Person { name: name.trim_end().to_owned(), email: email.to_owned() }
}

fn subject(message: &[u8]) -> String {
    String::from_utf8_lossy(message).lines().next().unwrap_or_default().chars().take(200).collect()
}

/// Finds the first rule of the grammar that a commit breaks.
fn fault(raw: &[u8], headers: &[Header<'_>], message: &[u8]) -> Option<String> {
    if raw.len() > LONGEST {
        return Some("the commit is larger than 64 KiB".into());
    }
    order(headers).or_else(|| values(headers)).or_else(|| text(message))
}

/// tree, parents, author, committer, and at most one signature: no other header, in no other order.
fn order(headers: &[Header<'_>]) -> Option<String> {
    let rank = |key: &[u8]| match key {
        b"tree" => Some(0),
        b"parent" => Some(1),
        b"author" => Some(2),
        b"committer" => Some(3),
        b"gpgsig" | b"gpgsig-sha256" => Some(4),
        _ => None,
    };
    let mut last = None;
    for (key, values) in headers {
        let Some(rank) = rank(key) else { return Some(format!("unknown header {:?}", super::tree::spell(key))) };
        if last.is_some_and(|last| rank < last || (rank == last && rank != 1)) {
            return Some(format!("header {:?} is doubled or out of order", super::tree::spell(key)));
        }
        if values.len() > 1 && rank != 4 {
            return Some(format!("header {:?} has a second line", super::tree::spell(key)));
        }
        last = Some(rank);
    }
    None
}

fn values(headers: &[Header<'_>]) -> Option<String> {
    let all = |name: &[u8]| headers.iter().filter(move |(key, _)| *key == name).map(|(_, values)| values[0]).collect::<Vec<_>>();
    let mut parents = all(b"parent");
    let count = parents.len();
    parents.sort_unstable();
    parents.dedup();
    if parents.len() < count {
        return Some("the same parent stands twice".into());
    }
    let people = [all(b"author"), all(b"committer")].concat();
    let bad = people.iter().find_map(|line| identity(line));
    bad.map(|why| format!("author or committer: {why}"))
}

/// `Name <address> seconds +zone`, printable, with one pair of brackets.
fn identity(line: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(line) else { return Some("not UTF-8") };
    if text.chars().any(|c| c.is_control() || super::tree::unseen(c)) {
        return Some("a code point that cannot be seen");
    }
    let Some((name, rest)) = text.split_once(" <") else { return Some("no address") };
    let Some((email, when)) = rest.split_once("> ") else { return Some("no time") };
    if name.is_empty() || email.is_empty() || [name, email, when].iter().any(|part| part.contains(['<', '>'])) {
        return Some("empty, or brackets inside");
    }
    let Some((seconds, zone)) = when.split_once(' ') else { return Some("no zone") };
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let zone_ok = zone.len() == 5 && zone.starts_with(['+', '-']) && digits(&zone[1..], 4);
    if digits(seconds, 11) && zone_ok { None } else { Some("no such time") }
}

fn text(message: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(message) else { return Some("the message is not UTF-8".into()) };
    let hidden = text.chars().find(|&c| {
        (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
    });
    hidden.map(|c| format!("the message holds U+{:04X}", u32::from(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
    const PARENT: &str = "parent 1111111111111111111111111111111111111111\n";
    const PEOPLE: &str = "author A B <a@b> 1700000000 +0100\ncommitter A B <a@b> 1700000000 +0100\n";

    fn read(raw: &str) -> CommitFacts {
        let id = Oid::new("2".repeat(40)).expect("a name");
        facts(&id, raw.as_bytes(), &|_| Signature::Missing).expect("a commit")
    }

    #[test]
    fn an_ordinary_commit_is_well_formed() {
        let signed = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n";
        let read = read(&format!("{TREE}{PARENT}{PEOPLE}{signed}\nsubject\n\nbody\n"));
        assert_eq!(read.malformed, None);
        assert_eq!((read.subject.as_str(), read.parents.len()), ("subject", 1));
        assert_eq!(read.author, Person { name: "A B".into(), email: "a@b".into() });
    }

    #[test]
    fn anything_else_is_malformed() {
        let bodies = [
            format!("{TREE}{PARENT}{PARENT}{PEOPLE}\nx\n"),
            format!("{TREE}{PEOPLE}encoding latin1\n\nx\n"),
            format!("{TREE}{PEOPLE}mergetag object 1\n\nx\n"),
            format!("{PARENT}{TREE}{PEOPLE}\nx\n"),
            format!("{TREE}{PEOPLE}gpgsig a\ngpgsig b\n\nx\n"),
            format!("{TREE}{PEOPLE}author C <c@d> 1 +0000\n\nx\n"),
            format!("{TREE}{PEOPLE}\nx\0y\n"),
            format!("{TREE}{PEOPLE}\nx\u{1b}[2Jy\n"),
            format!("{TREE}{PEOPLE}\nx\u{202e}y\n"),
            format!("{TREE}{}\nx\n", PEOPLE.replace("A B", "A\u{200b}B")),
            format!("{TREE}{}\nx\n", PEOPLE.replace("a@b", "a@b> <c@d")),
            format!("{TREE}{}\nx\n", PEOPLE.replace("+0100", "0100")),
            format!("{TREE}{PEOPLE}\n{}\n", "x".repeat(70_000)),
        ];
        for raw in bodies {
            assert!(read(&raw).malformed.is_some(), "{raw:?}");
        }
    }
}
