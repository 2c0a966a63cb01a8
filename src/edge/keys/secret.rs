//! A private key: certify-only primary and one signing subkey, both v4 Ed25519, as stock gpg 2.2 reads them.

use super::fingerprint_of;
use super::pen::Pen;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Fingerprint;
use openpgp::cert::prelude::*;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::parse::Parse as _;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::{Serialize as _, SerializeInto as _};
use openpgp::types::{KeyFlags, ReasonForRevocation, SignatureType};
use openpgp::{Packet, Profile, armor};
use sequoia_openpgp as openpgp;
use std::io::Write as _;
use zeroize::Zeroizing;

/// A key that signs; it is ready in memory, so that a signature costs microseconds.
#[derive(Clone)]
pub struct SecretKey {
    cert: openpgp::Cert,
    pen: Pen,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({})", self.fingerprint)
    }
}

impl SecretKey {
    /// Makes a key that never expires, for a user id such as `dev-a (seat) <dev-a@lab.orchestrate>`.
    pub fn generate(user_id: &str) -> Result<Self, Failure> {
        let make = || -> openpgp::Result<openpgp::Cert> {
            let builder = CertBuilder::new().set_profile(Profile::RFC4880)?.set_cipher_suite(CipherSuite::Cv25519);
            let builder = builder.set_primary_key_flags(KeyFlags::empty().set_certification());
            Ok(builder.add_userid(user_id).add_signing_subkey().generate()?.0)
        };
        Self::from_cert(make().doing("cannot make a key")?)
    }

    /// Reads what `to_bytes` writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        Self::from_cert(openpgp::Cert::from_bytes(bytes).doing("cannot read the private key")?)
    }

    /// Takes a certificate with its secrets, if it has exactly one subkey that may sign now and a primary that may not.
    fn from_cert(cert: openpgp::Cert) -> Result<Self, Failure> {
        const WHAT: &str = "cannot use the private key";
        let policy = StandardPolicy::new();
        let signing = || cert.keys().with_policy(&policy, None).alive().revoked(false).for_signing();
        if !cert.primary_key().key().has_unencrypted_secret() || signing().count() != 1 {
            return Err(Failure::new(WHAT, "it has not exactly one live signing key and its primary secret"));
        }
        let subkey = signing().subkeys().next().ok_or_else(|| Failure::new(WHAT, "its primary key signs"))?;
        let pair = subkey.key().clone().parts_into_secret().and_then(|key| key.into_keypair()).doing(WHAT)?;
        let fingerprint = fingerprint_of(&cert.fingerprint()).ok_or_else(|| Failure::new(WHAT, "it is not of version 4"))?;
        Ok(Self { pen: Pen::of(&pair)?, fingerprint, cert })
    }

    /// The primary fingerprint, by which the key's holder is known.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }

    /// The fingerprint of the subkey that signs, as gpg's `SIG_CREATED` line names it.
    pub fn signing_fingerprint(&self) -> String {
        self.pen.public().fingerprint().to_hex()
    }

    /// The public certificate, as `gpg --import` takes it.
    pub fn certificate_armored(&self) -> String {
        armored(&self.cert)
    }

    /// The public certificate with its own revocation, for a key that is no longer to be trusted from the first day on.
    pub fn revoked_armored(&self, why: &str) -> Result<String, Failure> {
        let revoke = || -> openpgp::Result<openpgp::Cert> {
            let mut primary = self.cert.primary_key().key().clone().parts_into_secret()?.into_keypair()?;
            let revocation = self.cert.revoke(&mut primary, ReasonForRevocation::KeyCompromised, why.as_bytes())?;
            Ok(self.cert.clone().insert_packets(revocation)?.0)
        };
        revoke().doing("cannot revoke the key").map(|cert| armored(&cert))
    }

    /// Signs bytes: a detached, binary-mode signature in ASCII armor.
    pub fn sign_armored(&self, bytes: &[u8]) -> Result<String, Failure> {
        let armor = |signature: Vec<u8>| -> openpgp::Result<Vec<u8>> {
            let mut writer = armor::Writer::new(Vec::with_capacity(400), armor::Kind::Signature)?;
            writer.write_all(&signature)?;
            Ok(writer.finalize()?)
        };
        let text = armor(self.sign_binary(bytes)?).doing("cannot sign")?;
        String::from_utf8(text).doing("cannot sign")
    }

    /// Signs bytes: a detached, binary-mode signature packet.
    pub fn sign_binary(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = SignatureBuilder::new(SignatureType::Binary).sign_message(&mut self.pen.clone(), bytes);
        signature.and_then(|signature| Packet::from(signature).to_vec()).doing("cannot sign")
    }

    /// The whole key with its secrets, unencrypted: for the key store alone.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        self.cert.as_tsk().serialize(&mut *bytes).doing("cannot write the private key")?;
        Ok(bytes)
    }

    #[cfg(test)]
    pub(super) fn pair(&self) -> openpgp::crypto::KeyPair {
        self.cert.keys().subkeys().next().unwrap().key().clone().parts_into_secret().unwrap().into_keypair().unwrap()
    }

    /// A key that `from_cert` would refuse, such as an expired one.
    #[cfg(test)]
    pub(super) fn unchecked(cert: openpgp::Cert) -> Self {
        let pair = cert.keys().subkeys().next().unwrap().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
        Self { pen: Pen::of(&pair).unwrap(), fingerprint: fingerprint_of(&cert.fingerprint()).unwrap(), cert }
    }
}

fn armored(cert: &openpgp::Cert) -> String {
    let bytes = cert.armored().to_vec().expect("BUG: a certificate in memory cannot be written to memory");
    String::from_utf8(bytes).expect("BUG: ASCII armor is not ASCII")
}
