//! The registered certificates.

use crate::domain::actor::Party;
use crate::domain::name::Fingerprint;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// A holder's certificate as stock OpenPGP tools import it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub holder: Party,
    pub fingerprint: Fingerprint,
    pub armored: String,
}

/// All certificates: owner, gatekeeper, then the seats.
pub fn certificates(state: &State) -> Vec<Certificate> {
    let page = |(holder, key): (&Party, &crate::domain::key::Key)| Certificate {
        holder: holder.clone(),
        fingerprint: key.fingerprint.clone(),
        armored: key.certificate.clone(),
    };
    state.keys.iter().map(page).collect()
}
