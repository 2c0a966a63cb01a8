//! Dead Simple Signing Envelopes: what is signed is the bytes as they stand, never a re-serialisation.

use serde::{Deserialize, Serialize};

/// The media type of an in-toto Statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A DSSE envelope; `payload` and `sig` are kept as base64 text, as the specification stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    pub payload_type: String,
    /// Base64 (standard alphabet, padded) of the payload bytes.
    pub payload: String,
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature over the envelope's pre-authentication encoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The signer's primary OpenPGP fingerprint.
    pub keyid: String,
    /// Base64 of the binary (not armored) detached OpenPGP signature.
    pub sig: String,
}

/// The bytes that are signed: `DSSEv1 <len type> <type> <len payload> <payload>`.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {} {} ", payload_type.len(), payload_type, payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
