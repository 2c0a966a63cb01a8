//! The attack suite as part of the product: tries every attack of the catalogue from inside a real throw-away workshop, and judges from outside.

mod bait;
mod catalogue;
mod copies;
mod firing;
mod seat;
mod stage;

pub use catalogue::{Row, catalogue};
pub use firing::Fired;
pub use stage::Stage;
