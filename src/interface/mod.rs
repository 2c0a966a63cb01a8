//! Speaks: what people, git and agents call.

pub mod hook;
