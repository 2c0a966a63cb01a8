//! The rules, as pure functions over plain values: no IO, no clock, no chance, no async, no printing.

pub mod actor;
pub mod attack;
pub mod change;
pub mod charter;
pub mod check;
pub mod command;
pub mod confirm;
pub mod decide;
pub mod draw;
pub mod dsse;
pub mod effect;
pub mod entry;
pub mod event;
pub mod evidence;
pub mod failure;
pub mod fleet;
pub mod freeze;
pub mod gate;
pub mod glob;
pub mod isolation;
pub mod key;
pub mod merge;
pub mod message;
pub mod name;
pub mod policy;
pub mod push;
pub mod refusal;
pub mod review;
pub mod risk;
pub mod role;
pub mod run;
#[cfg(test)]
mod sample;
pub mod state;
pub mod statement;
pub mod task;
pub mod workshop;
