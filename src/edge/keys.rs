//! OpenPGP keys: made, kept, used to sign, and judged in process, never by disk, network, keyring or git's configuration.

mod certs;
mod commit;
mod envelope;
mod memory;
mod pen;
mod seal;
mod secret;
mod store;
mod vault;

pub use certs::{Certs, revoked_in};
pub use commit::{sign_commit, split_commit};
pub use envelope::{also_seal, open, open_at, seal};
pub use memory::lock;
pub use secret::SecretKey;
pub use store::KeyStore;
pub use vault::Vault;

use crate::domain::name::Fingerprint;
use sequoia_openpgp as openpgp;

/// A v4 fingerprint in the domain's spelling; other versions have none.
fn fingerprint_of(fingerprint: &openpgp::Fingerprint) -> Option<Fingerprint> {
    Fingerprint::new(fingerprint.to_hex()).ok()
}

#[cfg(test)]
mod tests;
