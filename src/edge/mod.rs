//! The outside, one file per thing. Nothing here decides; everything here may fail.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the edge is where processes, time and chance come from")]

pub mod clock;
pub mod git;
pub mod keys;
pub mod process;
pub mod runner;
pub mod sandbox;
pub mod tmux;
pub mod totp;
