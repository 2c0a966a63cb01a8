//! The one integration test binary.
#![expect(clippy::unwrap_used, reason = "a test ends where an expectation does not hold")]

mod attacks;
mod bad_input;
mod readme;
mod replay;
mod simulate;
mod speak;
mod stories;
mod tidy;
mod workshop;
mod world;
