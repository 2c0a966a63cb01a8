//! The outside, one file per thing. Nothing here decides; everything here may fail.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the edge is where processes, time and chance come from")]

pub mod process;
pub mod tmux;
