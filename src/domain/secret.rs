//! What looks like a secret: private keys, and tokens that say by their beginning whose they are.
//!
//! It stands against accidents. Who wants to hide a secret can spell it so that nothing here knows it again.

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Something that looks like a secret; never what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub line: u64,
    pub kind: &'static str,
}

/// How a token begins, how many characters follow at least, and what it is.
const TOKENS: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an access key of a cloud"),
    ("ASIA", 16, "an access key of a cloud"),
    ("AIza", 35, "an API key of a cloud"),
    ("ya29.", 30, "an access token of a cloud"),
    ("dop_v1_", 60, "an access token of a cloud"),
    ("ghp_", 36, "an access token of a code host"),
    ("gho_", 36, "an access token of a code host"),
    ("ghu_", 36, "an access token of a code host"),
    ("ghs_", 36, "an access token of a code host"),
    ("ghr_", 36, "an access token of a code host"),
    ("github_pat_", 50, "an access token of a code host"),
    ("glpat-", 20, "an access token of a code host"),
    ("npm_", 36, "a token of a package registry"),
    ("pypi-", 60, "a token of a package registry"),
    ("xoxb-", 20, "a token of a messenger"),
    ("xoxp-", 20, "a token of a messenger"),
    ("xoxa-", 20, "a token of a messenger"),
    ("sk-ant-", 20, "an API key of a model"),
    ("sk-proj-", 20, "an API key of a model"),
    ("hf_", 34, "an API key of a model"),
    ("sk_live_", 16, "a key of a payment service"),
    ("rk_live_", 16, "a key of a payment service"),
    ("SG.", 60, "a key of a mail service"),
];
/// Written in two parts, so that this file holds no such line.
const PEM: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY");

/// Everything in a file that looks like a secret, line by line.
pub fn find(bytes: &[u8]) -> Vec<Found> {
    (1..).zip(bytes.split(|byte| *byte == b'\n')).filter_map(|(line, text)| kind(&String::from_utf8_lossy(text)).map(|kind| Found { line, kind })).collect()
}

/// Every beginning at once: most text has none of them.
static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let begins = TOKENS.iter().map(|(begin, ..)| *begin).chain([PEM.0]);
    AhoCorasick::new(begins).expect("BUG: these words are too many to be looked for at once")
});

/// What kind of secret a line looks like.
pub fn kind(line: &str) -> Option<&'static str> {
    if !BEGINNINGS.is_match(line) {
        return None;
    }
    let key = line.split(PEM.0).skip(1).any(|rest| rest.contains(PEM.1));
    let token = |(begin, least, kind): &(&str, usize, &'static str)| line.match_indices(begin).any(|(at, _)| whole(line, at, begin, *least)).then_some(*kind);
    if key { Some("a private key") } else { TOKENS.iter().find_map(token) }
}

/// Whether a word begins here, and is long enough.
fn whole(line: &str, at: usize, begin: &str, least: usize) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    let free = line[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
    free && line[at + begin.len()..].chars().take_while(|c| word(*c)).count() >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_known_at_its_length_and_not_below() {
        for (begin, least, name) in TOKENS {
            let text = |count: usize| format!("key = \"{begin}{}\"", "A".repeat(count));
            assert_eq!(kind(&text(*least)), Some(*name), "{begin}");
            assert_eq!(kind(&text(*least - 1)), None, "{begin}");
            assert_eq!(kind(&format!("x{begin}{}", "A".repeat(*least))), None, "{begin} inside a word");
        }
    }

    #[test]
    fn private_keys_are_known_and_public_ones_pass() {
        let pem = |what: &str| format!("{}{what}{}", PEM.0, "-----");
        for what in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
            assert_eq!(find(format!("a\nb = '{}\n", pem(what)).as_bytes()), [Found { line: 2, kind: "a private key" }], "{what}");
        }
        for what in ["PUBLIC KEY", "CERTIFICATE", "PGP SIGNATURE"] {
            assert!(find(pem(what).as_bytes()).is_empty(), "{what}");
        }
        assert!(find(b"-----BEGIN\nPRIVATE KEY\n\xff\x00").is_empty());
    }
}
