//! The outside, one file per thing. Nothing here decides; everything here may fail.

pub mod agent;
pub mod clock;
pub mod git;
pub mod keys;
pub mod process;
pub mod runner;
pub mod sandbox;
pub mod tmux;
pub mod totp;
pub mod upstream;
