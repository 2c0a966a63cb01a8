//! A signing key laid open once: the library decrypts its own copy in memory and derives the key again for every signature.

use crate::domain::failure::{Doing as _, Failure};
use ed25519_dalek::{Signer as _, SigningKey};
use openpgp::crypto::{KeyPair, Signer, mpi};
use openpgp::packet::Key;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::types::{Curve, HashAlgorithm};
use sequoia_openpgp as openpgp;

/// An Ed25519 key, ready to sign; its secret is wiped when it goes.
#[derive(Clone)]
pub(super) struct Pen {
    public: Key<PublicParts, UnspecifiedRole>,
    secret: SigningKey,
}

impl Pen {
    /// Takes a pair whose two halves are one v4 Ed25519 key.
    pub(super) fn of(pair: &KeyPair) -> Result<Self, Failure> {
        let unfit = || Failure::new("cannot use the private key", "it is not a whole Ed25519 key");
        let secret = pair.secret().map(|secret| match secret {
            mpi::SecretKeyMaterial::EdDSA { scalar } => <[u8; 32]>::try_from(&scalar.value_padded(32)[..]).ok(),
            _ => None,
        });
        let secret = SigningKey::from_bytes(&secret.ok_or_else(unfit)?);
        let public = pair.public().clone();
        let mpi::PublicKey::EdDSA { curve: Curve::Ed25519, q } = public.mpis() else { return Err(unfit()) };
        let (point, _) = q.decode_point(&Curve::Ed25519).doing("cannot use the private key")?;
        if point != secret.verifying_key().as_bytes() {
            return Err(unfit());
        }
        Ok(Self { secret, public })
    }

    pub(super) fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }
}

impl Signer for Pen {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }

    fn sign(&mut self, _: HashAlgorithm, digest: &[u8]) -> openpgp::Result<mpi::Signature> {
        let signature = self.secret.try_sign(digest)?;
        Ok(mpi::Signature::EdDSA { r: mpi::MPI::new(signature.r_bytes()), s: mpi::MPI::new(signature.s_bytes()) })
    }
}
