//! Names that come from outside, each checked once, when it is made.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Says why a text is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}: {why}")]
pub struct BadName {
    pub what: &'static str,
    pub text: String,
    pub why: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text if it has the form of this name.
            pub fn new(text: impl Into<String>) -> Result<Self, BadName> {
                let text = text.into();
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(why) => Err(BadName { what: $what, text: text.chars().take(120).collect(), why }),
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A named place of a role, such as `dev-a`.
    SeatName, "seat name", slug
}
name! {
    /// A kind of work, such as `dev`.
    RoleName, "role name", slug
}
name! {
    /// A task's number, such as `T12`.
    TaskId, "task number", |text| match text.strip_prefix('T') {
        Some(rest) if is_number(rest) => Ok(()),
        _ => Err("it is T and a number, as in T12"),
    }
}
name! {
    /// A git object id: 40 or 64 lower-case hex digits.
    Oid, "git object id", |text| match text.len() {
        40 | 64 if is_hex(text) => Ok(()),
        _ => Err("it is 40 or 64 lower-case hex digits"),
    }
}
name! {
    /// A full git reference name, such as `refs/heads/dev-a/t1`; stricter than git's own rule.
    RefName, "reference name", ref_name
}
name! {
    /// A SHA-256 in 64 lower-case hex digits.
    Digest, "SHA-256 digest", |text| match text.len() {
        64 if is_hex(text) => Ok(()),
        _ => Err("it is 64 lower-case hex digits"),
    }
}
name! {
    /// An OpenPGP v4 fingerprint in 40 upper-case hex digits.
    Fingerprint, "OpenPGP fingerprint", |text| {
        let ok = text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        if ok { Ok(()) } else { Err("it is 40 upper-case hex digits") }
    }
}

impl Oid {
    /// Tells whether this is git's "no object" id.
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|b| b == b'0')
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl Digest {
    /// Hashes bytes with SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }

    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

fn slug(text: &str) -> Result<(), &'static str> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if first && rest && text.len() <= 31 {
        Ok(())
    } else {
        Err("it is 1 to 31 of a-z, 0-9 and -, and begins with a letter")
    }
}

fn is_number(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0')
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hex(text)
}

fn ref_name(text: &str) -> Result<(), &'static str> {
    let chars = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._/-".contains(&b));
    let part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(['.', '-']) && !part.ends_with(".lock");
    match text {
        _ if !text.starts_with("refs/") => Err("it begins with refs/"),
        _ if text.len() > 200 => Err("it is longer than 200 bytes"),
        _ if !chars => Err("it uses only a-z, 0-9 and . _ / -"),
        _ if !text.split('/').all(part) => Err("a part is empty, begins or ends with . or -, or ends with .lock"),
        _ if text.contains("..") => Err("it has two dots in a row"),
        _ if text.split('/').any(is_object_id) => Err("a part looks like an object id, which git would take it for"),
        _ if text.split('/').count() < 3 => Err("it has at least three parts"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_names_are_strict() {
        for good in ["refs/heads/main", "refs/heads/dev-a/t1", "refs/heads/dev-a/fix_2.x"] {
            assert!(RefName::new(good).is_ok(), "{good}");
        }
        for bad in ["main", "refs/heads/", "refs/heads/Main", "refs/heads/-x", "refs/heads/a..b", "refs/heads/a.lock",
            "refs/heads/a b", "refs/heads/ma\u{456}n", "refs/main", "refs/heads/a/", "refs/heads/a\n", "refs/heads/@{x"] {
            assert!(RefName::new(bad).is_err(), "{bad}");
        }
        for (length, good) in [(39, true), (40, false), (41, true), (64, false)] {
            assert_eq!(RefName::new(format!("refs/heads/dev-a/{}", "a".repeat(length))).is_ok(), good, "{length}");
        }
    }

    #[test]
    fn seat_names_are_slugs() {
        assert!(SeatName::new("dev-a").is_ok());
        for bad in ["", "-a", "Dev", "a/b", "a b", "..", "a".repeat(32).as_str()] {
            assert!(SeatName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn task_numbers_have_one_spelling() {
        assert!(TaskId::new("T1").is_ok());
        for bad in ["T", "T0", "T01", "1", "t1", "T1x"] {
            assert!(TaskId::new(bad).is_err(), "{bad}");
        }
    }
}
