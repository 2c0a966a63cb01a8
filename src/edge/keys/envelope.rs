//! DSSE envelopes sealed and opened with OpenPGP keys.

use super::{Certs, SecretKey};
use crate::domain::change::Signature;
use crate::domain::dsse::{Envelope, EnvelopeSignature, pae};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Fingerprint;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::SystemTime;

/// More signers than a workshop has seats.
const SIGNER_LIMIT: usize = 64;

/// Seals a payload under one signature.
pub fn seal(payload_type: &str, payload: &[u8], key: &SecretKey) -> Result<Envelope, Failure> {
    let signature = signature(payload_type, payload, key)?;
    Ok(Envelope { payload_type: payload_type.to_owned(), payload: STANDARD.encode(payload), signatures: vec![signature] })
}

/// Adds a further signer's signature to an envelope; judges none that is there.
pub fn also_seal(envelope: &mut Envelope, key: &SecretKey) -> Result<(), Failure> {
    let payload = strict(&envelope.payload).doing("cannot co-sign the envelope")?;
    envelope.signatures.push(signature(&envelope.payload_type, &payload, key)?);
    Ok(())
}

fn signature(payload_type: &str, payload: &[u8], key: &SecretKey) -> Result<EnvelopeSignature, Failure> {
    let sig = key.sign_binary(&pae(payload_type, payload))?;
    Ok(EnvelopeSignature { keyid: key.fingerprint().to_string(), sig: STANDARD.encode(sig) })
}

/// Opens an envelope now: its payload and its signers, all different; an error where any one signature is not good.
///
/// Whoever opens it still has to look at `payload_type`.
pub fn open(envelope: &Envelope, certs: &Certs) -> Result<(Vec<u8>, Vec<Fingerprint>), String> {
    open_at(envelope, certs, SystemTime::now())
}

/// Opens an envelope as of a moment.
pub fn open_at(envelope: &Envelope, certs: &Certs, at: SystemTime) -> Result<(Vec<u8>, Vec<Fingerprint>), String> {
    let payload = strict(&envelope.payload).map_err(|why| format!("the payload {why}"))?;
    let count = envelope.signatures.len();
    if !(1..=SIGNER_LIMIT).contains(&count) {
        return Err(format!("the envelope has {count} signatures, not 1 to {SIGNER_LIMIT}"));
    }
    let signed = pae(&envelope.payload_type, &payload);
    let mut signers = Vec::with_capacity(count);
    for one in &envelope.signatures {
        let signer = signer(one, &signed, certs, at)?;
        if signers.contains(&signer) {
            return Err(format!("{signer} signed twice"));
        }
        signers.push(signer);
    }
    Ok((payload, signers))
}

fn signer(one: &EnvelopeSignature, signed: &[u8], certs: &Certs, at: SystemTime) -> Result<Fingerprint, String> {
    let claimed = &one.keyid;
    let sig = strict(&one.sig).map_err(|why| format!("the signature of {claimed} {why}"))?;
    match certs.verify_binary_at(&sig, signed, at) {
        Signature::Good(signer) if signer.as_str() == claimed => Ok(signer),
        Signature::Good(signer) => Err(format!("the signature of {claimed} was made by {signer}")),
        Signature::UnknownKey => Err(format!("the signature of {claimed} was made by a key that is not registered")),
        Signature::Bad(why) => Err(format!("the signature of {claimed} is bad: {why}")),
        Signature::OtherFormat | Signature::Missing => Err(format!("the signature of {claimed} is not an OpenPGP signature")),
    }
}

/// Takes only the one spelling that encoding would give.
fn strict(text: &str) -> Result<Vec<u8>, &'static str> {
    match STANDARD.decode(text) {
        Ok(bytes) if STANDARD.encode(&bytes) == text => Ok(bytes),
        _ => Err("is not canonical base64"),
    }
}
