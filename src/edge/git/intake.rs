//! What a client sends for a push, on its way to git.
//!
//! Git keeps a push certificate as an object before any hook is asked, and has a program of the system judge its signature. Nothing here
//! asks for one; so one that comes all the same is taken out of the list of commands, and a command stands in its place that is refused on
//! record.

use super::pkt;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::push::CERTIFICATE;
use std::io::{Read, Write};

const WHAT: &str = "cannot pass on a push";
const FLUSH: &[u8; 4] = b"0000";

/// Passes on the list of commands without certificates, then everything else as it comes.
pub fn intake(from: &mut impl Read, to: &mut impl Write) -> Result<(), Failure> {
    loop {
        let line = raw(from)?;
        if is_line(&line, b"push-cert") {
            pkt::write(to, &stand_in(&line))?;
            if past_certificate(from)? {
                continue;
            }
            to.write_all(FLUSH).doing(WHAT)?;
            return pkt::carry(from, to);
        }
        to.write_all(&line).doing(WHAT)?;
        // Git says itself what it thinks of what is no packet.
        if line == FLUSH || length(&line).is_none() {
            return pkt::carry(from, to);
        }
    }
}

/// A deletion, for which git waits for no objects; with the features that the client asked for.
fn stand_in(line: &[u8]) -> Vec<u8> {
    let features = line.iter().position(|&byte| byte == 0).map_or(&[][..], |at| &line[at..]);
    [format!("{} {} {CERTIFICATE}", "1".repeat(40), "0".repeat(40)).as_bytes(), features].concat()
}

/// Whether the list goes on behind the certificate.
fn past_certificate(from: &mut impl Read) -> Result<bool, Failure> {
    loop {
        let line = raw(from)?;
        match length(&line) {
            None => return Err(Failure::new(WHAT, "a certificate has no end")),
            Some(0) => return Ok(false),
            Some(_) if is_line(&line, b"push-cert-end") => return Ok(true),
            Some(_) => {}
        }
    }
}

fn is_line(line: &[u8], word: &[u8]) -> bool {
    line.get(FLUSH.len()..).and_then(|text| text.strip_prefix(word)).is_some_and(|rest| matches!(rest.first(), None | Some(0 | b'\n')))
}

/// A packet with its head; a head alone where nothing follows that one could wait for.
fn raw(from: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = FLUSH.to_vec();
    from.read_exact(&mut bytes).doing(WHAT)?;
    let whole = length(&bytes).unwrap_or_default().max(FLUSH.len());
    bytes.resize(whole, 0);
    from.read_exact(&mut bytes[FLUSH.len()..]).doing(WHAT)?;
    Ok(bytes)
}

/// The length that a packet's head names.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..FLUSH.len()).filter(|head| head.iter().all(u8::is_ascii_hexdigit))?;
    usize::from_str_radix(std::str::from_utf8(head).ok()?, 16).ok().filter(|length| *length == 0 || *length >= FLUSH.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of these texts, then what follows the flush.
    fn list(lines: &[&str], rest: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        lines.iter().for_each(|line| pkt::write(&mut bytes, line.as_bytes()).unwrap());
        [&bytes, &FLUSH[..], rest.as_bytes()].concat()
    }

    fn passed(sent: &[u8]) -> Vec<u8> {
        let mut to = Vec::new();
        intake(&mut &*sent, &mut to).unwrap();
        to
    }

    #[test]
    fn everything_without_a_certificate_passes_byte_by_byte() {
        for sent in [
            list(&["shallow 1\n", "old new refs/heads/x\0atomic\n", "old new push-cert"], "PACK..."),
            list(&["push-certificate of mine\0", "push-cert-end\n"], ""),
            b"zzzz not a packet".to_vec(),
            b"0003".to_vec(),
            b"0000".to_vec(),
        ] {
            assert_eq!(passed(&sent), sent);
        }
    }

    #[test]
    fn a_certificate_becomes_a_command_that_is_refused() {
        let no = format!("{} {} {CERTIFICATE}", "1".repeat(40), "0".repeat(40));
        let first = list(&["push-cert\0atomic\n", "a b main\n", "push-cert-end\n", "a b refs/heads/x"], "PACK");
        assert_eq!(passed(&first), list(&[&format!("{no}\0atomic\n"), "a b refs/heads/x"], "PACK"));
        let later = list(&["a b refs/heads/x\0atomic", "push-cert", "push-cert", "push-cert-end"], "PACK");
        assert_eq!(passed(&later), list(&["a b refs/heads/x\0atomic", &no], "PACK"));
        let open = list(&["push-cert", "a b main\n"], "PACK");
        assert_eq!(passed(&open), list(&[&no], "PACK"));
    }

    #[test]
    fn what_ends_in_the_middle_is_an_error() {
        for sent in [&b"00"[..], b"0010abc", b"000dpush-cert0010abc", b"000dpush-certzzzz"] {
            assert!(intake(&mut &*sent, &mut Vec::new()).is_err(), "{sent:?}");
        }
    }
}
