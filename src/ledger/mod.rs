//! The only durable truth.

pub mod chain;
pub mod checkpoint;
