//! The outside, one file per thing. Nothing here decides; everything here may fail.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the layer where processes start and clock and chance are read")]

pub mod agent;
pub mod chance;
pub mod clock;
pub mod disk;
pub mod git;
pub mod keys;
pub mod lure;
pub mod mail;
pub mod port;
pub mod process;
pub mod runner;
pub mod sandbox;
pub mod script;
pub mod tmux;
pub mod totp;
pub mod upstream;
pub mod users;
pub mod webhook;
pub mod witness;
