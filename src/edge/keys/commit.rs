//! The signature inside a commit object, cut out and put in as git does.

use super::SecretKey;
use crate::domain::failure::Failure;

/// Splits a raw commit into what was signed and the signature; none where it has no `gpgsig` header.
///
/// As in git, every header that begins with `gpgsig` is left out of the payload, and only `gpgsig` itself counts.
pub fn split_commit(raw: &[u8]) -> Option<(Vec<u8>, String)> {
    let (mut payload, mut signature) = (Vec::with_capacity(raw.len()), Vec::new());
    let mut inside = Header::Other;
    let mut rest = raw;
    while !rest.is_empty() && rest[0] != b'\n' {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        inside = inside.next(line);
        match inside {
            Header::Signature => signature.extend_from_slice(line.strip_prefix(b"gpgsig ").unwrap_or(&line[1..])),
            Header::OtherSignature => {}
            Header::Other => payload.extend_from_slice(line),
        }
        rest = after;
    }
    payload.extend_from_slice(rest);
    (!signature.is_empty()).then(|| (payload, String::from_utf8_lossy(&signature).into_owned()))
}

/// Which header a line belongs to.
#[derive(Clone, Copy)]
enum Header {
    Signature,
    /// `gpgsig-sha256` and whatever else begins like a signature.
    OtherSignature,
    Other,
}

impl Header {
    fn next(self, line: &[u8]) -> Self {
        match (self, line) {
            (Self::Signature | Self::OtherSignature, [b' ', ..]) => self,
            _ if line.starts_with(b"gpgsig ") => Self::Signature,
            _ if line.starts_with(b"gpgsig") => Self::OtherSignature,
            _ => Self::Other,
        }
    }
}

/// Signs a raw commit that has no signature yet: gives it with its `gpgsig` header.
pub fn sign_commit(raw: &[u8], key: &SecretKey) -> Result<Vec<u8>, Failure> {
    const WHAT: &str = "cannot sign the commit";
    let Some(blank) = raw.windows(2).position(|pair| pair == b"\n\n") else {
        return Err(Failure::new(WHAT, "it has no empty line after its headers"));
    };
    let (headers, message) = raw.split_at(blank + 1);
    if headers.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"gpgsig")) {
        return Err(Failure::new(WHAT, "it is signed already"));
    }
    let folded = key.sign_armored(raw)?.trim_end().replace('\n', "\n ");
    Ok([headers, format!("gpgsig {folded}\n").as_bytes(), message].concat())
}
