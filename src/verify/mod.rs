//! The offline judge.
pub mod bundle;
