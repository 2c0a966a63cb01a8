//! Signed notes, checkpoints and log proofs in the C2SP formats (signed-note, tlog-checkpoint, tlog-proof). Pure.

mod cosignature;
mod growth;

pub use cosignature::{cosign, seen_at};
pub use growth::Growth;

use super::chain::{Hash, verify_inclusion};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// The signature type bytes of plain Ed25519 and of a witness's cosignature with its time.
const ED25519: u8 = 1;
const COSIGNATURE: u8 = 4;
/// No note is longer: the text of a checkpoint and sixteen post-quantum cosignatures fit many times.
const NOTE_LIMIT: usize = 1 << 18;
/// A path in a tree of 2^63 leaves has 63 nodes.
const PATH_LIMIT: usize = 63;
const PROOF_HEAD: &str = "c2sp.org/tlog-proof@v1";

/// Says why a note, key, checkpoint or proof was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("malformed {what}: {why}")]
    Malformed { what: &'static str, why: &'static str },
    #[error("the signature by {0} does not fit the text")]
    BadSignature(String),
    #[error("no signature by a known key")]
    NoKnownKey,
    #[error("the checkpoint is of {found:?}, not of {expected:?}")]
    OtherOrigin { expected: String, found: String },
    #[error("entry {index} is not in the tree of size {size} by this proof")]
    NotIncluded { index: u64, size: u64 },
}

fn malformed<T>(what: &'static str, why: &'static str) -> Result<T, NoteError> {
    Err(NoteError::Malformed { what, why })
}

/// A Merkle tree head at a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// The note text: origin, size and root, a line each.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads a note text; only the very bytes that `text` writes are taken, so extension lines are refused.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else { return malformed("checkpoint", "it is three lines, each ended by a newline") };
        if origin.is_empty() || origin.chars().any(char::is_control) {
            return malformed("checkpoint", "the origin is empty or holds control characters");
        }
        Ok(Self { origin: origin.to_owned(), size: decimal(size)?, root: hash(root)? })
    }
}

fn decimal(text: &str) -> Result<u64, NoteError> {
    match text.parse::<u64>() {
        Ok(number) if number.to_string() == text => Ok(number),
        _ => malformed("number", "it is decimal without sign or leading zero, below 2^64"),
    }
}

/// Takes only the one spelling that encoding would give: no slack bits, no missing padding.
fn strict_base64(text: &str) -> Result<Vec<u8>, NoteError> {
    match STANDARD.decode(text) {
        Ok(bytes) if STANDARD.encode(&bytes) == text => Ok(bytes),
        _ => malformed("base64", "it is not the canonical padded spelling"),
    }
}

fn hash(text: &str) -> Result<Hash, NoteError> {
    match Hash::try_from(strict_base64(text)?) {
        Ok(hash) => Ok(hash),
        Err(_) => malformed("hash", "it is 32 bytes"),
    }
}

/// A name and an Ed25519 key that may sign notes: as their author, or as a witness, which says when it saw them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
    kind: u8,
}

impl VerifierKey {
    /// Names a key; the name is not empty and holds neither spaces, control characters nor `+`.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        Self::of_kind(name, key, ED25519)
    }

    /// Names a witness's key.
    pub fn witness(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        Self::of_kind(name, key, COSIGNATURE)
    }

    pub fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE
    }

    fn of_kind(name: &str, key: VerifyingKey, kind: u8) -> Result<Self, NoteError> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return malformed("key name", "it is empty or holds spaces, control characters or a plus");
        }
        if key.is_weak() {
            return malformed("key", "it is a point of small order");
        }
        Ok(Self { name: name.to_owned(), key, kind })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that stand before each signature: `SHA-256(name || 0x0A || kind || key)[:4]`.
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new().chain_update(&self.name).chain_update([b'\n', self.kind]).chain_update(self.key.as_bytes()).finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Writes the key as `name+hex(id)+base64(kind || key)`.
    pub fn encode(&self) -> String {
        let key = [&[self.kind], &self.key.as_bytes()[..]].concat();
        format!("{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(key))
    }

    /// Reads what `encode` writes, and nothing else.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let Some((name, rest)) = text.split_once('+') else { return malformed("key", "it is name+id+key") };
        let Some((_, key)) = rest.split_once('+') else { return malformed("key", "it is name+id+key") };
        let bytes = strict_base64(key)?;
        let Some(([kind @ (ED25519 | COSIGNATURE)], point)) = bytes.split_first_chunk() else { return malformed("key", "it is not of type Ed25519") };
        let point = <[u8; 32]>::try_from(point).ok().and_then(|point| VerifyingKey::from_bytes(&point).ok());
        let Some(point) = point else { return malformed("key", "it is not an Ed25519 point") };
        let key = Self::of_kind(name, point, *kind)?;
        if key.encode() == text { Ok(key) } else { malformed("key", "the id is not that of this name and key") }
    }
}

/// Signs a text as a note by the named key.
pub fn note(text: &str, key: &SigningKey, name: &str) -> Result<String, NoteError> {
    check_text(text)?;
    Ok(format!("{text}\n{}", signature_line(text, key, name)?))
}

fn signature_line(text: &str, key: &SigningKey, name: &str) -> Result<String, NoteError> {
    let verifier = VerifierKey::new(name, key.verifying_key())?;
    let bytes = [&verifier.id()[..], &key.sign(text.as_bytes()).to_bytes()].concat();
    Ok(format!("\u{2014} {name} {}\n", STANDARD.encode(bytes)))
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return malformed("note", "its text does not end in a newline");
    }
    if text.chars().any(|c| c.is_ascii_control() && c != '\n') {
        return malformed("note", "it holds control characters");
    }
    Ok(())
}

/// Splits a note into its text and its signature lines at the last empty line.
fn split_note(note: &str) -> Result<(&str, Vec<SignatureLine<'_>>), NoteError> {
    if note.len() > NOTE_LIMIT {
        return malformed("note", "it is longer than 256 KiB");
    }
    check_text(note)?;
    let Some(end) = note.rfind("\n\n") else { return malformed("note", "it has no empty line before its signatures") };
    let (text, lines) = (&note[..=end], &note[end + 2..]);
    let lines = lines.split_terminator('\n').map(SignatureLine::parse).collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() { malformed("note", "it has no signature") } else { Ok((text, lines)) }
}

struct SignatureLine<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let parts: Vec<&str> = line.split(' ').collect();
        let ["\u{2014}", name, encoded] = parts[..] else { return malformed("signature line", "it is an em dash, a name and a signature") };
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
            return malformed("signature line", "its key name is empty or holds spaces or a plus");
        }
        let bytes = strict_base64(encoded)?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self { name, id: *id, signature: signature.to_vec() }),
            _ => malformed("signature line", "it is shorter than a key id and a signature"),
        }
    }

    fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id()
    }

    fn verify(&self, text: &str, key: &VerifierKey) -> Result<(), NoteError> {
        let good = match self.signature.split_first_chunk() {
            Some((seconds, signature)) if key.is_witness() => fits(key, &cosignature::said(u64::from_be_bytes(*seconds), text), signature),
            _ => !key.is_witness() && fits(key, text, &self.signature),
        };
        if good || crate::domain::planted::out("checkpoint-signature") { Ok(()) } else { Err(NoteError::BadSignature(self.name.to_owned())) }
    }
}

fn fits(key: &VerifierKey, text: &str, signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.key.verify_strict(text.as_bytes(), &signature).is_ok())
}

/// Opens a note: gives its text where at least one known key signed it and no known key's signature is bad.
pub fn open_note(note: &str, keys: &[VerifierKey]) -> Result<String, NoteError> {
    let (text, lines) = split_note(note)?;
    let mut known = 0;
    for line in &lines {
        for key in keys.iter().filter(|key| line.is_by(key)) {
            line.verify(text, key)?;
            known += 1;
        }
    }
    if known > 0 { Ok(text.to_owned()) } else { Err(NoteError::NoKnownKey) }
}

/// Reads the checkpoint in a note without judging who signed it.
pub fn unverified_checkpoint(note: &str) -> Result<Checkpoint, NoteError> {
    Checkpoint::parse(split_note(note)?.0)
}

/// Opens a note as the checkpoint of one origin, signed by one of the keys.
pub fn open_checkpoint(note: &str, origin: &str, keys: &[VerifierKey]) -> Result<Checkpoint, NoteError> {
    let checkpoint = Checkpoint::parse(&open_note(note, keys)?)?;
    if checkpoint.origin == origin {
        Ok(checkpoint)
    } else {
        Err(NoteError::OtherOrigin { expected: origin.to_owned(), found: checkpoint.origin })
    }
}

/// A proof, good without any connection, that an entry is in a log: index, path and signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque and not authenticated: never trusted.
    pub extra: Option<Vec<u8>>,
    pub index: u64,
    pub path: Vec<Hash>,
    /// The checkpoint's note, verbatim.
    pub note: String,
}

/// Writes a proof in the tlog-proof format.
pub fn tlog_proof(index: u64, path: &[Hash], note: &str) -> String {
    TlogProof { extra: None, index, path: path.to_vec(), note: note.to_owned() }.text()
}

impl TlogProof {
    pub fn text(&self) -> String {
        let extra = self.extra.iter().map(|extra| format!("extra {}\n", STANDARD.encode(extra)));
        let path = self.path.iter().map(|node| format!("{}\n", STANDARD.encode(node)));
        let body: String = extra.chain([format!("index {}\n", self.index)]).chain(path).collect();
        format!("{PROOF_HEAD}\n{body}\n{}", self.note)
    }

    /// Reads what `text` writes, and nothing else; judges nothing.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let Some((head, note)) = text.split_once("\n\n") else { return malformed("proof", "it has no empty line before the checkpoint") };
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_HEAD) {
            return malformed("proof", "its first line is not c2sp.org/tlog-proof@v1");
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| strict_base64(&line[6..])).transpose()?;
        let Some(index) = lines.next().and_then(|line| line.strip_prefix("index ")) else { return malformed("proof", "it has no index") };
        let path = lines.map(hash).collect::<Result<Vec<_>, _>>()?;
        if path.len() > PATH_LIMIT {
            return malformed("proof", "its path is longer than any tree is high");
        }
        unverified_checkpoint(note)?;
        Ok(Self { extra, index: decimal(index)?, path, note: note.to_owned() })
    }

    /// Judges the whole proof for an entry's leaf hash; gives the checkpoint that it rests on.
    pub fn verify(&self, leaf: &Hash, origin: &str, keys: &[VerifierKey]) -> Result<Checkpoint, NoteError> {
        let checkpoint = open_checkpoint(&self.note, origin, keys)?;
        if verify_inclusion(&checkpoint.root, checkpoint.size, self.index, leaf, &self.path) {
            Ok(checkpoint)
        } else {
            Err(NoteError::NotIncluded { index: self.index, size: checkpoint.size })
        }
    }
}

#[cfg(test)]
mod tests;
