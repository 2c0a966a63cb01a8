//! Where the workshop's figures can be read from besides the owner's own socket.

use super::Invalid;
use serde::{Deserialize, Serialize};

/// The figures' terms; without an address they are read from the owner's socket only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measuring {
    /// An address of this machine's own loopback, such as `127.0.0.1:9464`; empty: none.
    pub listen: String,
    /// Where the token is that a reader has to bring.
    pub token_file: String,
}

impl Measuring {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let (host, port) = self.listen.rsplit_once(':').unwrap_or_default();
        let four = host.split('.').filter(|part| part.parse::<u8>().is_ok_and(|number| number.to_string() == *part)).count();
        let own = host == "[::1]" || (host.starts_with("127.") && four == 4 && host.split('.').count() == 4);
        let loopback = own && port.parse::<u16>().is_ok_and(|port| port > 0);
        match () {
            () if self.listen.is_empty() && self.token_file.is_empty() => Ok(()),
            () if !loopback => Err(Invalid::new("metrics.listen", "it is a port of this machine's own loopback, such as 127.0.0.1:9464")),
            () if self.token_file.trim().is_empty() => {
                Err(Invalid::new("metrics.token_file", "on loopback every account of this machine could read: it needs a token"))
            }
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_only_with_a_token() {
        let terms = |listen: &str, token_file: &str| Measuring { listen: listen.into(), token_file: token_file.into() }.check();
        for (listen, token) in [("", ""), ("127.0.0.1:9464", "/t"), ("[::1]:9464", "env:TOKEN")] {
            assert_eq!(terms(listen, token), Ok(()), "{listen}");
        }
        for (listen, token) in [
            ("0.0.0.0:9464", "/t"),
            ("127.0.0.1", "/t"),
            ("127.0.0.1:0", "/t"),
            ("localhost:1", "/t"),
            ("127.0.0.1:9464", ""),
            ("", "/t"),
            ("[::]:1", "/t"),
            ("127.1:9", "/t"),
            ("127.0.0.1.x:9", "/t"),
            ("127.0.0.256:9", "/t"),
        ] {
            assert!(terms(listen, token).is_err(), "{listen}");
        }
    }
}
