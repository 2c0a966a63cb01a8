//! The rules, as pure functions over plain values: no IO, no clock, no chance, no async, no printing.

pub mod change;
pub mod charter;
pub mod check;
pub mod draw;
pub mod dsse;
pub mod evidence;
pub mod failure;
pub mod gate;
pub mod glob;
pub mod name;
pub mod policy;
pub mod refusal;
pub mod risk;
pub mod role;
pub mod run;
#[cfg(test)]
mod sample;
