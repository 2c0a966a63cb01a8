//! Drives: one loop that decides, appends, answers and lets the edge perform.

mod answer;
mod audit;
pub mod charter;
mod demo;
mod deploy;
mod disk;
mod doctor;
pub mod door;
pub mod drive;
pub mod hands;
mod herald;
mod home;
mod metrics;
mod perform;
pub mod place;
pub mod protocol;
mod relay;
pub mod report;
mod seats;
mod secrets;
mod selftest;
mod serve;
pub mod start;
mod users;
mod watch;
mod wire;
pub mod yard;
