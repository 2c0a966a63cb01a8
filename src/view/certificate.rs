//! The registered certificates.

use crate::domain::actor::Party;
use crate::domain::key::{Key, Retired};
use crate::domain::name::Fingerprint;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// A holder's certificate as stock OpenPGP tools import it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub holder: Party,
    pub fingerprint: Fingerprint,
    /// With its revocation, where it was revoked.
    pub armored: String,
    /// Why it counts no more, and from which entry on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<(u64, String)>,
}

/// All certificates: owner, gatekeeper, then the seats; then those that were revoked.
pub fn certificates(state: &State) -> Vec<Certificate> {
    let page = |(holder, key): (&Party, &Key)| Certificate {
        holder: holder.clone(),
        fingerprint: key.fingerprint.clone(),
        armored: key.certificate.clone(),
        revoked: None,
    };
    let gone = |retired: &Retired| Certificate {
        holder: retired.holder.clone(),
        fingerprint: retired.key.fingerprint.clone(),
        armored: retired.certificate.clone(),
        revoked: Some((retired.until, retired.reason.clone())),
    };
    state.keys.iter().map(page).chain(state.retired.values().map(gone)).collect()
}
