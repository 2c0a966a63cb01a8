//! Drives: one loop that decides, appends, answers and lets the edge perform.

pub mod charter;
pub mod door;
pub mod drive;
pub mod place;
pub mod protocol;
