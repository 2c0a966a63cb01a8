//! The one integration test binary.
#![expect(clippy::unwrap_used, reason = "a test ends where an expectation does not hold")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test drives real programs and knows what time it is")]

mod alerts;
mod attacks;
mod bad_input;
mod dashboard;
mod guard;
mod mcp;
mod metrics;
mod projects;
mod readme;
mod real;
mod recovery;
mod replay;
mod report;
mod selftest;
mod simulate;
mod speak;
mod stories;
mod tidy;
mod web;
mod workshop;
mod world;
