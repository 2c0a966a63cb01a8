//! Keys encrypted at rest: a random key seals every file of the folder, and a passphrase wraps that key.

use super::memory::lock;
use crate::domain::failure::{Doing as _, Failure};
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a sealed file begins with; no key file begins so otherwise.
const MAGIC: &[u8] = b"orchestrate sealed 1\n";
const NONCE: usize = 12;
/// What a guess costs: 64 MiB, three passes.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// A header that asks for more is not ours.
const MOST_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;
/// What the wrapped key is bound to.
const WRAP: &[u8] = b"orchestrate key folder 1";

/// The key that seals a folder's files. It lies in locked memory and is wiped when it goes.
pub struct Seal(Box<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

/// The header of a sealed folder: how the passphrase becomes a key, and the folder's key under it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    v: u8,
    memory_kib: u32,
    passes: u32,
    #[serde(with = "hex")]
    salt: [u8; 16],
    #[serde(with = "hex")]
    wrapped: Vec<u8>,
}

impl Seal {
    /// Makes a key and the header that a passphrase opens again.
    pub fn make(passphrase: &str) -> Result<(Self, Vec<u8>), Failure> {
        const WHAT: &str = "cannot seal the keys";
        let mut seal = Self::empty();
        getrandom::fill(&mut **seal.0).doing(WHAT)?;
        let mut header = Header { v: 1, memory_kib: MEMORY_KIB, passes: PASSES, salt: [0; 16], wrapped: Vec::new() };
        getrandom::fill(&mut header.salt).doing(WHAT)?;
        header.wrapped = encrypt(&*derive(passphrase, &header)?, WRAP, &**seal.0)?;
        let bytes = serde_json::to_vec_pretty(&header).doing(WHAT)?;
        Ok((seal, bytes))
    }

    /// Opens a folder's key; a wrong passphrase and a damaged header look alike.
    pub fn open(passphrase: &str, header: &[u8]) -> Result<Self, Failure> {
        const WHAT: &str = "cannot open the sealed keys";
        let header: Header = serde_json::from_slice(header).doing(WHAT)?;
        if header.v != 1 || header.memory_kib > MOST_KIB || header.passes > MOST_PASSES {
            return Err(Failure::new(WHAT, "the seal's header is not one of this program's"));
        }
        let wrong = |_| Failure::new(WHAT, "the passphrase is wrong").hint("orchestrate bootstrap   (nothing was changed: try again)");
        let bytes = decrypt(&*derive(passphrase, &header)?, WRAP, &header.wrapped).map_err(wrong)?;
        let mut seal = Self::empty();
        match bytes.len() {
            32 => seal.0.copy_from_slice(&bytes),
            _ => return Err(Failure::new(WHAT, "the sealed key has a wrong length")),
        }
        Ok(seal)
    }

    fn empty() -> Self {
        let key = Box::new(Zeroizing::new([0; 32]));
        lock(&*key);
        Self(key)
    }

    /// A file's bytes, sealed; bound to its name, so that no two can change places.
    pub fn close(&self, name: &str, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok([MAGIC, &encrypt(&self.0, name.as_bytes(), bytes)?].concat())
    }

    /// A sealed file's bytes.
    pub fn reveal(&self, name: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let sealed = bytes.strip_prefix(MAGIC).ok_or_else(|| Failure::new("cannot open a sealed key", "it is not sealed"))?;
        decrypt(&self.0, name.as_bytes(), sealed)
            .map_err(|()| Failure::new("cannot open a sealed key", "it was changed, or sealed under another key"))
    }
}

/// Tells whether these are a sealed file's bytes.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

fn derive(passphrase: &str, header: &Header) -> Result<Zeroizing<[u8; 32]>, Failure> {
    const WHAT: &str = "cannot make a key of the passphrase";
    let params = Params::new(header.memory_kib, header.passes, 1, Some(32)).map_err(|why| Failure::new(WHAT, why))?;
    let mut key = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(passphrase.as_bytes(), &header.salt, &mut *key).map_err(|why| Failure::new(WHAT, why))?;
    Ok(key)
}

fn encrypt(key: &[u8; 32], bound: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    const WHAT: &str = "cannot seal a key";
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).doing(WHAT)?;
    let payload = Payload { msg: bytes, aad: bound };
    let sealed =
        Aes256Gcm::new(key.into()).encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| Failure::new(WHAT, "it is too long"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &[u8; 32], bound: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, ()> {
    let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or(())?;
    let payload = Payload { msg: sealed, aad: bound };
    Aes256Gcm::new(key.into()).decrypt(Nonce::from_slice(nonce), payload).map(Zeroizing::new).map_err(|_| ())
}
