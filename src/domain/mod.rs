//! The rules, as pure functions over plain values: no IO, no clock, no chance, no async, no printing.

pub mod change;
pub mod dsse;
pub mod failure;
pub mod isolation;
pub mod name;
pub mod refusal;
pub mod run;
