//! The outside, one file per thing. Nothing here decides; everything here may fail.

pub mod process;
pub mod tmux;
