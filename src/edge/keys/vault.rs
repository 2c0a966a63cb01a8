//! What is the owner's alone: files encrypted to a key of the key folder, as stock gpg reads them.

use super::KeyStore;
use crate::domain::failure::{Doing as _, Failure};
use openpgp::cert::prelude::*;
use openpgp::crypto::SessionKey;
use openpgp::packet::{PKESK, SKESK};
use openpgp::parse::Parse as _;
use openpgp::parse::stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper};
use openpgp::policy::StandardPolicy;
use openpgp::serialize::Serialize as _;
use openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
use openpgp::types::{KeyFlags, SymmetricAlgorithm};
use openpgp::{Cert, KeyHandle, Profile};
use sequoia_openpgp as openpgp;
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// Its file in the key folder.
const NAME: &str = "archive.key";

/// The key to which archives are encrypted. It outlives every other one: no rotation makes an old archive unreadable.
pub struct Vault(Cert);

impl KeyStore {
    /// The key for archives, made where there is none yet.
    pub fn vault(&self) -> Result<Vault, Failure> {
        if let Some(bytes) = self.read(NAME)? {
            return Cert::from_bytes(&*bytes).map(Vault).doing("cannot read the key for archives");
        }
        let make = || -> openpgp::Result<(Cert, Zeroizing<Vec<u8>>)> {
            let builder = CertBuilder::new().set_profile(Profile::RFC4880)?.set_cipher_suite(CipherSuite::Cv25519);
            let builder = builder.set_primary_key_flags(KeyFlags::empty().set_certification()).add_userid("archives of the workshop");
            let cert = builder.add_storage_encryption_subkey().generate()?.0;
            let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
            cert.as_tsk().serialize(&mut *bytes)?;
            Ok((cert, bytes))
        };
        let (cert, bytes) = make().doing("cannot make the key for archives")?;
        self.write_new(NAME, &bytes)?;
        Ok(Vault(cert))
    }
}

impl Vault {
    /// Has a file written through the encryption; what comes out is whole when this returns.
    pub fn encrypt<T>(&self, out: &mut (dyn Write + Send + Sync), fill: impl FnOnce(&mut dyn Write) -> Result<T, Failure>) -> Result<T, Failure> {
        const WHAT: &str = "cannot encrypt the archive";
        let policy = StandardPolicy::new();
        let keys = self.0.keys().with_policy(&policy, None).supported().alive().revoked(false).for_storage_encryption();
        let message = Encryptor::for_recipients(Message::new(out), keys).build().doing(WHAT)?;
        let mut inside = LiteralWriter::new(message).build().doing(WHAT)?;
        let filled = fill(&mut inside)?;
        inside.finalize().doing(WHAT)?;
        Ok(filled)
    }

    /// What is in an encrypted file, to be read to its end.
    pub fn decrypt<'a>(&'a self, file: impl Read + Send + Sync + 'a) -> Result<impl Read + 'a, Failure> {
        const POLICY: &StandardPolicy<'static> = &StandardPolicy::new();
        let opened = DecryptorBuilder::from_reader(file).and_then(|builder| builder.with_policy(POLICY, None, Opener(&self.0)));
        opened.map_err(|why| Failure::new("cannot decrypt the archive", why).hint("is it of another workshop? its key is in keys/archive.key of the state folder"))
    }
}

struct Opener<'a>(&'a Cert);

impl VerificationHelper for Opener<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    /// Nobody signs an archive: what is in it is compared with the ledger's hashes.
    fn check(&mut self, _: MessageStructure<'_>) -> openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Opener<'_> {
    fn decrypt(
        &mut self,
        sealed: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        let policy = StandardPolicy::new();
        for key in self.0.keys().with_policy(&policy, None).supported().for_storage_encryption().secret() {
            let mut pair = key.key().clone().into_keypair()?;
            for one in sealed {
                if one.decrypt(&mut pair, algorithm).is_some_and(|(algorithm, session)| decrypt(algorithm, &session)) {
                    return Ok(Some(self.0.clone()));
                }
            }
        }
        Err(openpgp::Error::MissingSessionKey("it is encrypted to another key".to_owned()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(vault: &Vault, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        let mut reader = vault.decrypt(bytes).map_err(|failure| failure.to_string())?;
        reader.read_to_end(&mut plain).map_err(|why| why.to_string())?;
        Ok(plain)
    }

    #[test]
    fn what_is_encrypted_comes_back_by_its_own_key_and_no_other_and_no_byte_of_it_may_change() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = KeyStore::open(&folder.path().join("keys")).unwrap();
        let words = "words that nobody else may read\n".repeat(5000);
        let mut sealed = Vec::new();
        let written = store.vault().unwrap().encrypt(&mut sealed, |out| out.write_all(words.as_bytes()).map(|()| 7).doing("x"));
        assert_eq!(written, Ok(7));
        assert!(sealed[0] & 0x80 != 0);
        assert!(!sealed.windows(13).any(|some| some == b"words that no"));
        // Made once: the next start reads the same key.
        let again = KeyStore::open(&folder.path().join("keys")).unwrap().vault().unwrap();
        assert_eq!(open(&again, &sealed), Ok(words.into_bytes()));
        let stranger = KeyStore::open(&other.path().join("keys")).unwrap().vault().unwrap();
        assert!(open(&stranger, &sealed).unwrap_err().contains("another key"));
        for at in [sealed.len() / 2, sealed.len() - 3] {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(open(&again, &bent).is_err(), "byte {at}");
        }
        assert!(open(&again, &sealed[..sealed.len() - 30]).is_err() && open(&again, b"").is_err());
    }
}
