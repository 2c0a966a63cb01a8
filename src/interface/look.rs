//! How states look, the same on a line and on the dashboard.

use crate::view::Doing;

/// The look of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Wait,
}

/// What a seat is at: its look, and its mark in Unicode and in ASCII.
pub fn doing(doing: Doing) -> (Look, [&'static str; 2]) {
    match doing {
        Doing::Ready | Doing::Idle => (Look::Good, ["●", "*"]),
        Doing::Working => (Look::Good, ["▶", ">"]),
        Doing::Starting | Doing::RateLimited | Doing::OutOfBudget => (Look::Wait, ["◐", "~"]),
        Doing::Waiting => (Look::Wait, ["?", "?"]),
        Doing::Vacant => (Look::Dim, ["○", "o"]),
        Doing::Silent | Doing::Stuck | Doing::Dead => (Look::Bad, ["✕", "x"]),
    }
}
