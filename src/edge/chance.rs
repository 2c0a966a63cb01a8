//! The system's source of chance.

use crate::domain::failure::{Doing as _, Failure};

/// Bytes that nobody can guess, for names and nonces.
pub fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).doing("cannot get chance from the system")?;
    Ok(bytes)
}
