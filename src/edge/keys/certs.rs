//! The certificates that count, and what a signature is worth against them and nothing else.

use super::fingerprint_of;
use crate::domain::change::Signature;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Fingerprint;
use openpgp::cert::amalgamation::key::{ErasedKeyAmalgamation, ValidErasedKeyAmalgamation};
use openpgp::cert::prelude::*;
use openpgp::crypto::mpi::PublicKey;
use openpgp::packet::key::PublicParts;
use openpgp::parse::{Dearmor, PacketParserBuilder, PacketParserResult, Parse as _};
use openpgp::policy::{HashAlgoSecurity, Policy as _, StandardPolicy};
use openpgp::serialize::MarshalInto as _;
use openpgp::types::{Curve, RevocationStatus, SignatureType};
use openpgp::{Packet, armor};
use sequoia_openpgp as openpgp;
use std::collections::HashMap;
use std::io::Read as _;
use std::time::{Duration, SystemTime};

/// A certificate with hundreds of signatures is longer than any that a workshop needs.
const CERTIFICATE_LIMIT: usize = 1 << 16;
const SIGNATURE_LIMIT: usize = 1 << 14;
/// How far a signature may lie in the future: clocks step back by less.
const SKEW: Duration = Duration::from_secs(60);
const BEGIN: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

type Keyed<'a> = ErasedKeyAmalgamation<'a, PublicParts>;
type Judged<'a> = ValidErasedKeyAmalgamation<'a, PublicParts>;

/// The only certificates that a signature is judged by.
#[derive(Debug, Clone, Default)]
pub struct Certs {
    certs: Vec<openpgp::Cert>,
    /// Which certificate each key belongs to, by what makes it a key: no two certificates share one, whatever its fingerprints.
    owners: HashMap<Vec<u8>, openpgp::Fingerprint>,
}

impl Certs {
    /// Adds one armored certificate; one that is known already is merged, so that a revocation stays.
    pub fn add(&mut self, armored: &str) -> Result<Fingerprint, Failure> {
        const WHAT: &str = "cannot take the certificate";
        let hint = "gpg --show-keys FILE shows what it holds";
        let cert = parse_certificate(armored).map_err(|failure| failure.hint(hint))?;
        let refuse = |why: String| Failure::new(WHAT, why).hint(hint);
        sound(&cert).map_err(refuse)?;
        let name = fingerprint_of(&cert.fingerprint()).ok_or_else(|| refuse("it is not of version 4".to_owned()))?;
        self.only_its_own_keys(&cert).map_err(refuse)?;
        self.owners.extend(cert.keys().map(|key| (material(key.key().mpis()), cert.fingerprint())));
        match self.certs.iter_mut().find(|known| known.fingerprint() == cert.fingerprint()) {
            Some(known) => *known = known.clone().merge_public(cert).doing(WHAT)?,
            None => self.certs.push(cert),
        }
        Ok(name)
    }

    /// The primary fingerprints, in the order in which they were added.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        self.certs.iter().filter_map(|cert| fingerprint_of(&cert.fingerprint())).collect()
    }

    fn only_its_own_keys(&self, cert: &openpgp::Cert) -> Result<(), String> {
        let owner = |key: Keyed<'_>| self.owners.get(&material(key.key().mpis())).filter(|owner| **owner != cert.fingerprint());
        match cert.keys().find_map(owner) {
            Some(owner) => Err(format!("a key of it belongs to the certificate {owner} already")),
            None => Ok(()),
        }
    }

    /// Judges an armored detached signature now.
    pub fn verify_armored(&self, signature: &str, data: &[u8]) -> Signature {
        self.verify_armored_at(signature, data, SystemTime::now())
    }

    /// Judges an armored detached signature as of a moment, such as the time of the entry that brought it.
    pub fn verify_armored_at(&self, signature: &str, data: &[u8], at: SystemTime) -> Signature {
        match dearmor(signature) {
            Ok(bytes) => self.verify_binary_at(&bytes, data, at),
            Err(judged) => judged,
        }
    }

    /// Judges a detached signature packet now.
    pub fn verify_binary(&self, signature: &[u8], data: &[u8]) -> Signature {
        self.verify_binary_at(signature, data, SystemTime::now())
    }

    /// Judges a detached signature packet as of a moment.
    pub fn verify_binary_at(&self, signature: &[u8], data: &[u8], at: SystemTime) -> Signature {
        match only_signature(signature) {
            Ok(signature) => self.judge(&signature, data, at),
            Err(judged) => judged,
        }
    }

    fn judge(&self, signature: &openpgp::packet::Signature, data: &[u8], at: SystemTime) -> Signature {
        if let Err(why) = acceptable(signature, at) {
            return Signature::Bad(why);
        }
        let issuers = signature.get_issuers();
        let mut judged = Signature::UnknownKey;
        for key in self.certs.iter().flat_map(|cert| cert.keys().key_handles(issuers.iter())) {
            match made_by(signature, data, &key, at) {
                Ok(()) => return self.good(&key),
                Err(why) => judged = Signature::Bad(why),
            }
        }
        judged
    }

    fn good(&self, key: &Keyed<'_>) -> Signature {
        match fingerprint_of(&key.cert().fingerprint()) {
            Some(fingerprint) => Signature::Good(fingerprint),
            None => Signature::Bad("its certificate is not of version 4".to_owned()),
        }
    }
}

/// The fingerprint of a certificate that carries its own revocation.
pub fn revoked_in(armored: &str) -> Result<Fingerprint, Failure> {
    const WHAT: &str = "cannot take the revocation";
    let cert = parse_certificate(armored)?;
    match cert.revocation_status(&StandardPolicy::new(), None) {
        RevocationStatus::Revoked(_) => fingerprint_of(&cert.fingerprint()).ok_or_else(|| Failure::new(WHAT, "it is not of version 4")),
        RevocationStatus::CouldBe(_) | RevocationStatus::NotAsFarAsWeKnow => Err(Failure::new(WHAT, "the certificate is not revoked by its own key")),
    }
}

/// What makes a key that key: the same point is the same key, whichever of the two Ed25519 spellings it has.
fn material(key: &PublicKey) -> Vec<u8> {
    match key {
        PublicKey::EdDSA { curve: Curve::Ed25519, q } => q.value().strip_prefix(&[0x40]).unwrap_or(q.value()).to_vec(),
        PublicKey::Ed25519 { a } => a.to_vec(),
        other => other.to_vec().expect("BUG: a key in memory cannot be written to memory"),
    }
}

fn parse_certificate(armored: &str) -> Result<openpgp::Cert, Failure> {
    const WHAT: &str = "cannot read the certificate";
    if armored.len() > CERTIFICATE_LIMIT {
        return Err(Failure::new(WHAT, "it is longer than 64 KiB"));
    }
    if armored.matches("-----BEGIN ").count() != 1 {
        return Err(Failure::new(WHAT, "it is not one armored block"));
    }
    let mut certs = CertParser::from_bytes(armored.as_bytes()).doing(WHAT)?;
    let cert = certs.next().ok_or_else(|| Failure::new(WHAT, "it is empty"))?.doing(WHAT)?;
    match certs.next() {
        Some(_) => Err(Failure::new(WHAT, "it holds more than one certificate")),
        None if cert.is_tsk() => Err(Failure::new(WHAT, "it holds a private key")),
        None => Ok(cert),
    }
}

/// Every self-signature must be strong, the certificate bound, and one key of it bound for signing.
fn sound(cert: &openpgp::Cert) -> Result<(), String> {
    let policy = StandardPolicy::new();
    let users = cert.userids().flat_map(|user| user.self_signatures().collect::<Vec<_>>());
    let keys = cert.keys().flat_map(|key| key.self_signatures().collect::<Vec<_>>());
    for signature in users.chain(keys).flat_map(|signature| signature.embedded_signatures().chain([signature])) {
        policy
            .signature(signature, HashAlgoSecurity::SecondPreImageResistance)
            .map_err(|why| format!("weak self-signature: {}", chain(&why)))?;
    }
    let valid = cert.with_policy(&policy, None).map_err(|why| chain(&why))?;
    match valid.keys().for_signing().count() {
        0 => Err("no key of it may sign".to_owned()),
        _ => Ok(()),
    }
}

/// Takes exactly one armored signature block without a word before or after it.
fn dearmor(text: &str) -> Result<Vec<u8>, Signature> {
    let text = text.trim_end();
    if !text.starts_with(BEGIN) {
        return Err(Signature::OtherFormat);
    }
    let bad = |why: &str| Err(Signature::Bad(why.to_owned()));
    if text.len() > SIGNATURE_LIMIT {
        return bad("it is longer than 16 KiB");
    }
    if text.matches("-----BEGIN").count() != 1 || !text.ends_with(END) {
        return bad("it is not exactly one armored signature");
    }
    let mut bytes = Vec::new();
    let mode = armor::ReaderMode::Tolerant(Some(armor::Kind::Signature));
    match armor::Reader::from_bytes(text.as_bytes(), mode).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(why) => bad(&format!("its armor cannot be read: {why}")),
    }
}

/// Takes exactly one signature packet of version 4 and nothing beside it.
fn only_signature(bytes: &[u8]) -> Result<openpgp::packet::Signature, Signature> {
    let bad = |why: &str| Err(Signature::Bad(why.to_owned()));
    if bytes.len() > SIGNATURE_LIMIT {
        return bad("it is longer than 16 KiB");
    }
    let parsed = PacketParserBuilder::from_bytes(bytes).and_then(|builder| builder.dearmor(Dearmor::Disabled).build());
    let Ok(PacketParserResult::Some(first)) = parsed else { return Err(Signature::OtherFormat) };
    match first.next() {
        Ok((Packet::Signature(signature), PacketParserResult::EOF(_))) if signature.version() == 4 => Ok(signature),
        Ok((Packet::Signature(_), PacketParserResult::EOF(_))) => bad("it is not of version 4"),
        Ok((Packet::Signature(_), PacketParserResult::Some(_))) => bad("another packet follows it: only one signature counts"),
        Ok((Packet::Unknown(packet), _)) => bad(&format!("it cannot be read: {}", chain(packet.error()))),
        Ok(_) => bad("it is another kind of OpenPGP packet"),
        Err(why) => bad(&format!("it cannot be read: {}", chain(&why))),
    }
}

/// What can be said of a signature before anyone asks whose it is.
fn acceptable(signature: &openpgp::packet::Signature, at: SystemTime) -> Result<(), String> {
    if signature.typ() != SignatureType::Binary {
        return Err(format!("it is of type {}, not a binary document signature", signature.typ()));
    }
    if signature.get_issuers().is_empty() {
        return Err("it does not name its key".to_owned());
    }
    StandardPolicy::new()
        .signature(signature, HashAlgoSecurity::CollisionResistance)
        .map_err(|why| format!("it is too weak: {}", chain(&why)))?;
    signature.signature_alive(at, SKEW).map_err(|why| chain(&why))
}

/// The key must have stood when it signed and must stand now: the time in a signature is only its maker's word.
fn made_by(signature: &openpgp::packet::Signature, data: &[u8], key: &Keyed<'_>, at: SystemTime) -> Result<(), String> {
    let signed = signature.signature_creation_time().ok_or("it has no creation time")?;
    signature.verify_message(key.key(), data).map_err(|why| format!("it does not fit the bytes: {}", chain(&why)))?;
    let policy = StandardPolicy::new();
    for (time, word) in [(signed, "when it signed"), (at, "at the time of judgement")] {
        key.clone()
            .with_policy(&policy, time)
            .map_err(|why| chain(&why))
            .and_then(|key| stands(&key))
            .map_err(|why| format!("{why}, {word}"))?;
    }
    Ok(())
}

fn stands(key: &Judged<'_>) -> Result<(), String> {
    let revoked = |status: RevocationStatus<'_>| !matches!(status, RevocationStatus::NotAsFarAsWeKnow);
    if revoked(key.valid_cert().revocation_status()) {
        return Err("the certificate is revoked".to_owned());
    }
    if revoked(key.revocation_status()) {
        return Err("the key is revoked".to_owned());
    }
    if !key.for_signing() {
        return Err("the key may not sign".to_owned());
    }
    key.valid_cert().alive().map_err(|why| format!("the certificate is not live: {}", chain(&why)))?;
    key.alive().map_err(|why| format!("the key is not live: {}", chain(&why)))
}

fn chain(error: &openpgp::anyhow::Error) -> String {
    format!("{error:#}")
}
