//! The only durable truth.
