//! Greets people.

/// Greets somebody by name.
pub fn greet(name: &str) -> String {
    format!("Hello, {}!", name.trim())
}
