//! What a push is shown first: the references as the gate has them, less those that are not the pusher's to see.
//!
//! Git could hide them itself (`receive.hideRefs`), but it then refuses a push to one of them before any hook hears of it, and an attempt
//! would leave no entry.

use super::pkt;
use crate::domain::failure::Failure;
use crate::domain::name::RefName;
use std::io::{Read, Write};

const WHAT: &str = "cannot pass on what git says";
/// The most references that are sifted; the conversation ends where there are more.
const MOST: usize = 1_000_000;

/// Passes on the advertisement of receive-pack without the references that are not `shown`, or below one of them; then everything else as
/// it comes.
pub fn sift(from: &mut impl Read, to: &mut impl Write, shown: &[RefName]) -> Result<(), Failure> {
    let (mut kept, mut features, mut zero) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..MOST {
        let Some(line) = pkt::read(from)? else {
            return settle(to, &kept, &features, &zero).and_then(|()| pkt::carry(from, to));
        };
        let (reference, told) = line.split_at(line.iter().position(|&byte| byte == 0).unwrap_or(line.len()));
        if !told.is_empty() {
            features = told.to_vec();
        }
        match reference.iter().position(|&byte| byte == b' ').map(|at| reference.split_at(at)) {
            // A version, or a word of another kind: not about a reference.
            Some((id, _)) if !id.iter().all(u8::is_ascii_hexdigit) || id.len() < 40 => pkt::write(to, &ended(&line))?,
            Some((id, name)) => {
                zero = "0".repeat(id.len());
                if is_shown(&name[1..], shown) {
                    kept.push(reference.to_vec());
                }
            }
            None => pkt::write(to, &ended(&line))?,
        }
    }
    Err(Failure::new(WHAT, "there are too many references"))
}

fn ended(line: &[u8]) -> Vec<u8> {
    [line, b"\n"].concat()
}

fn is_shown(name: &[u8], shown: &[RefName]) -> bool {
    shown.iter().any(|folder| match name.strip_prefix(folder.as_str().as_bytes()) {
        Some(rest) => rest.is_empty() || rest[0] == b'/',
        None => false,
    })
}

/// The features stand behind the first reference, or behind none of that name.
fn settle(to: &mut impl Write, kept: &[Vec<u8>], features: &[u8], zero: &str) -> Result<(), Failure> {
    let nothing = format!("{zero} capabilities^{{}}").into_bytes();
    let first = kept.first().unwrap_or(&nothing);
    pkt::write(to, &ended(&[first, features].concat()))?;
    kept.iter().skip(1).try_for_each(|line| pkt::write(to, &ended(line)))?;
    pkt::flush(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sifted(lines: &[&[u8]], shown: &[&str]) -> Vec<String> {
        let shown: Vec<RefName> = shown.iter().map(|name| RefName::new(*name).unwrap()).collect();
        let (mut said, mut heard) = (Vec::new(), Vec::new());
        lines.iter().for_each(|line| pkt::write(&mut said, line).unwrap());
        pkt::flush(&mut said).unwrap();
        said.extend(b"0006ab and more");
        sift(&mut said.as_slice(), &mut heard, &shown).unwrap();
        let (mut from, mut lines) = (heard.as_slice(), Vec::new());
        while let Some(line) = pkt::read(&mut from).unwrap() {
            lines.push(String::from_utf8_lossy(&line).replace('\0', "|"));
        }
        assert_eq!(from, b"0006ab and more");
        lines
    }

    #[test]
    fn what_is_not_shown_leaves_no_trace_and_the_features_stay() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let lines = [
            format!("{one} refs/heads/dev-b/x\0report-status atomic\n"),
            format!("{two} refs/heads/dev-a/y\n"),
            format!("{one} refs/heads/dev-ab\n"),
        ];
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        assert_eq!(sifted(&lines, &["refs/heads/dev-a"]), [format!("{two} refs/heads/dev-a/y|report-status atomic")]);
        assert_eq!(sifted(&lines, &["refs/heads/dev-c"]), [format!("{} capabilities^{{}}|report-status atomic", "0".repeat(40))]);
        let main = format!("{one} refs/heads/main\0x\n");
        assert_eq!(
            sifted(&[b"version 1\n", main.as_bytes()], &["refs/heads/main"]),
            ["version 1".to_owned(), format!("{one} refs/heads/main|x")]
        );
    }

    #[test]
    fn what_is_no_packet_ends_it() {
        assert!(sift(&mut &b"zzzz"[..], &mut Vec::new(), &[]).is_err());
        assert!(sift(&mut &b"00"[..], &mut Vec::new(), &[]).is_err());
    }
}
