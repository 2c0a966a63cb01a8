//! A witness's signature beside the log's own, in the C2SP tlog-cosignature format: it says when the witness saw the checkpoint.

use super::{Checkpoint, NoteError, VerifierKey, open_note, split_note};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};

/// What a witness signs: the time, and the checkpoint's text.
pub(super) fn said(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// The line by which a witness says that it saw this checkpoint, in seconds since 1970.
pub fn cosign(note: &str, key: &SigningKey, name: &str, seconds: u64) -> Result<String, NoteError> {
    let (text, _) = split_note(note)?;
    Checkpoint::parse(text)?;
    let verifier = VerifierKey::witness(name, key.verifying_key())?;
    let signature = key.sign(said(seconds, text).as_bytes());
    let bytes = [&verifier.id()[..], &seconds.to_be_bytes(), &signature.to_bytes()].concat();
    Ok(format!("\u{2014} {name} {}\n", STANDARD.encode(bytes)))
}

/// When a witness says that it saw the checkpoint; its signature is judged.
pub fn seen_at(note: &str, witness: &VerifierKey) -> Result<u64, NoteError> {
    open_note(note, std::slice::from_ref(witness))?;
    let (_, lines) = split_note(note)?;
    let seconds = lines.iter().filter(|line| line.is_by(witness)).filter_map(|line| line.signature.first_chunk());
    seconds.map(|seconds| u64::from_be_bytes(*seconds)).max().ok_or(NoteError::NoKnownKey)
}

#[cfg(test)]
mod tests {
    use super::super::{note, open_checkpoint};
    use super::*;

    #[test]
    fn a_cosignature_is_laid_out_as_specified() {
        let (log, witness) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let text = Checkpoint { origin: "w-1".to_owned(), size: 3, root: [7; 32] }.text();
        let signed = note(&text, &log, "w-1").unwrap();
        let line = cosign(&signed, &witness, "cellar.example", 1_679_315_147).unwrap();
        let bytes = STANDARD.decode(line.trim_end().rsplit(' ').next().unwrap()).unwrap();
        assert_eq!(bytes.len(), 4 + 8 + 64);
        assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
        let message = format!("cosignature/v1\ntime 1679315147\n{text}");
        let signature = ed25519_dalek::Signature::from_slice(&bytes[12..]).unwrap();
        assert!(witness.verifying_key().verify_strict(message.as_bytes(), &signature).is_ok());
        let key = VerifierKey::witness("cellar.example", witness.verifying_key()).unwrap();
        assert_eq!(VerifierKey::parse(&key.encode()).unwrap(), key);
        assert_eq!(seen_at(&format!("{signed}{line}"), &key), Ok(1_679_315_147));
    }

    #[test]
    fn a_cosignature_of_something_else_does_not_count() {
        let (log, witness) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let signed = |size| note(&Checkpoint { origin: "w-1".to_owned(), size, root: [7; 32] }.text(), &log, "w-1").unwrap();
        let key = VerifierKey::witness("cellar", witness.verifying_key()).unwrap();
        let line = cosign(&signed(3), &witness, "cellar", 9).unwrap();
        assert!(matches!(seen_at(&format!("{}{line}", signed(4)), &key), Err(NoteError::BadSignature(_))), "another checkpoint");
        assert_eq!(seen_at(&signed(3), &key), Err(NoteError::NoKnownKey));
        let plain = note(&Checkpoint { origin: "w-1".to_owned(), size: 3, root: [7; 32] }.text(), &witness, "cellar").unwrap();
        assert_eq!(seen_at(&plain, &key), Err(NoteError::NoKnownKey), "a plain signature is no cosignature");
        let log_key = VerifierKey::new("w-1", log.verifying_key()).unwrap();
        assert!(open_checkpoint(&format!("{}{line}", signed(3)), "w-1", &[log_key]).is_ok(), "the log's own word still stands");
        assert!(cosign("not a note\n", &witness, "cellar", 9).is_err());
        assert!(cosign(&note("not a checkpoint\n", &log, "w-1").unwrap(), &witness, "cellar", 9).is_err());
    }
}
