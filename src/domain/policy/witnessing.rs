//! The witness on another machine whom the supervisor asks by itself.

use super::Invalid;
use serde::{Deserialize, Serialize};

/// What it means that the witness does not answer, or refuses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The owner is told.
    #[default]
    Warn,
    /// The owner is told, and nothing is merged until the witness has signed again.
    Hold,
}

/// The witness's terms; without an address nobody is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnessing {
    /// `https`, or `http` on this machine's own loopback; empty: none.
    pub url: String,
    /// The key under which the witness signs, as `orchestrate witness key` prints it.
    pub key: String,
    /// Where the token is that the witness asks for.
    pub token_file: String,
    /// The longest between two looks; after each merge it is asked at once.
    pub minutes: u32,
    pub timeout_seconds: u32,
    pub trouble: Trouble,
}

// What a charter without this section means: it came later than the first charters.
impl Default for Witnessing {
    fn default() -> Self {
        Self {
            url: String::new(),
            key: String::new(),
            token_file: String::new(),
            minutes: 60,
            timeout_seconds: 10,
            trouble: Trouble::Warn,
        }
    }
}

impl Witnessing {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn is_asked(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let odd = |key: &str, why: &str| Err(Invalid::new(format!("witness.{key}"), why));
        let authority = self.url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        match () {
            () if self.minutes == 0 || self.minutes > 1440 => odd("minutes", "it is 1 to 1440"),
            () if self.timeout_seconds == 0 || self.timeout_seconds > 120 => odd("timeout_seconds", "it is 1 to 120"),
            () if self.url.is_empty() && self.trouble == Trouble::Hold => odd("trouble", "nobody is asked: merges cannot wait for it"),
            () if self.url.is_empty() => Ok(()),
            () if !(self.url.starts_with("https://") || self.url.starts_with("http://") && local) => {
                odd("url", "it is https, or http on this machine's own loopback")
            }
            () if self.key.trim().is_empty() => odd("key", "whose word it is has to be said: orchestrate witness key"),
            () if self.token_file.trim().is_empty() => odd("token_file", "the witness answers only whoever brings its token"),
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_named_whole_or_not_at_all() {
        let terms = |url: &str, key: &str, token: &str| Witnessing {
            url: url.to_owned(),
            key: key.to_owned(),
            token_file: token.to_owned(),
            ..Witnessing::default()
        };
        assert_eq!(Witnessing::default().check(), Ok(()));
        for url in ["https://cellar.example.org", "http://127.0.0.1:9465", "http://[::1]:9465/witness"] {
            assert_eq!(terms(url, "k", "/t").check(), Ok(()), "{url}");
        }
        for (url, key, token) in [
            ("http://cellar.example.org", "k", "/t"),
            ("http://127.0.0.1.example.org", "k", "/t"),
            ("ftp://127.0.0.1", "k", "/t"),
            ("https://c", "", "/t"),
            ("https://c", "k", ""),
        ] {
            assert!(terms(url, key, token).check().is_err(), "{url} {key} {token}");
        }
        assert!(Witnessing { trouble: Trouble::Hold, ..Witnessing::default() }.check().is_err());
        assert!(Witnessing { minutes: 0, ..Witnessing::default() }.check().is_err());
    }
}
