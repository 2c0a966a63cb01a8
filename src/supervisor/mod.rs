//! Drives: takes commands, lets the domain decide, appends, acts.

pub mod charter;
