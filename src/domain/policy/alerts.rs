//! Who is told what, and by which way.

use super::{Invalid, Policy};
use crate::domain::alert::{Severity, Way};
use serde::{Deserialize, Serialize};

/// Floor which severity on a way is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Floor {
    Low,
    Medium,
    High,
    Critical,
    Never,
}

impl Floor {
    fn takes(self, severity: Severity) -> bool {
        match self {
            Self::Low => true,
            Self::Medium => severity >= Severity::Medium,
            Self::High => severity >= Severity::High,
            Self::Critical => severity >= Severity::Critical,
            Self::Never => false,
        }
    }
}

/// Which severity goes which way. The ledger has everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerting {
    pub tmux: Floor,
    pub mail: Floor,
    pub sms: Floor,
    pub webhook: Floor,
    /// After a message, what is not graver waits so long and then comes as one.
    pub digest_seconds: u32,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting in the clear, or nothing is sent.
    Starttls,
    /// In the clear, to this machine's own loopback only.
    Loopback,
}

/// The owner's mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailing {
    /// `host:port`; empty: no mail is sent.
    pub server: String,
    pub security: Security,
    pub from: String,
    pub to: Vec<String>,
    /// The name to log in with; empty: without.
    pub user: String,
    /// The owner's file with the password.
    pub secret_file: String,
    /// A file with the certificate of an authority of one's own, in PEM.
    pub authority_file: String,
    pub timeout_seconds: u32,
}

/// Text messages: a gateway that takes an HTTP request, or one that takes mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texting {
    /// Takes a POST of `{"to": …, "text": …}`.
    pub url: String,
    /// The telephone number, or the gateway's mail address where there is no `url`.
    pub to: String,
    /// The owner's file with the bearer token.
    pub secret_file: String,
}

/// Any other program that takes a POST of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooking {
    pub url: String,
    pub secret_file: String,
}

// What a charter without these sections means: they came later than the first charters.
impl Default for Alerting {
    fn default() -> Self {
        Self { tmux: Floor::Medium, mail: Floor::High, sms: Floor::Critical, webhook: Floor::High, digest_seconds: 300 }
    }
}

impl Default for Mailing {
    fn default() -> Self {
        Self {
            server: String::new(),
            security: Security::Starttls,
            from: String::new(),
            to: Vec::new(),
            user: String::new(),
            secret_file: String::new(),
            authority_file: String::new(),
            timeout_seconds: 30,
        }
    }
}

macro_rules! is_default {
    ($($type:ident),*) => {
        $(impl $type {
            pub fn is_default(&self) -> bool {
                *self == Self::default()
            }
        })*
    };
}

is_default!(Alerting, Mailing, Texting, Hooking);

impl Policy {
    /// Whether a way is set up, and meant to hear of this.
    pub fn hears(&self, way: Way, severity: Severity) -> bool {
        let (from, there) = match way {
            Way::Tmux => (self.alerts.tmux, true),
            Way::Mail => (self.alerts.mail, !self.mail.server.is_empty()),
            Way::Sms => (self.alerts.sms, !self.sms.to.is_empty()),
            Way::Webhook => (self.alerts.webhook, !self.webhook.url.is_empty()),
        };
        there && from.takes(severity)
    }
}

impl Mailing {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let bad = |key: &str, why: &str| Err(Invalid::new(format!("mail.{key}"), why));
        let address = |text: &str| text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) && is_line(text);
        let port = self.server.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match () {
            () if self.timeout_seconds == 0 => bad("timeout_seconds", "it is at least 1"),
            () if self.server.is_empty() => Ok(()),
            () if !port || !is_line(&self.server) => bad("server", "it is host:port, such as mail.example.org:587"),
            () if self.security == Security::Loopback && !self.is_loopback() => {
                bad("security", "mail leaves this machine by tls or starttls only; loopback is 127.0.0.1, [::1] or localhost")
            }
            () if !address(&self.from) => bad("from", "it is an address such as workshop@example.org"),
            () if self.to.is_empty() || !self.to.iter().all(|to| address(to)) => bad("to", "it is a list of addresses, with one at least"),
            () if !self.user.is_empty() && self.security == Security::Loopback => bad("user", "a password is not sent in the clear"),
            () if self.user.is_empty() != self.secret_file.is_empty() => bad("secret_file", "user and secret_file go together"),
            () => Ok(()),
        }
    }

    pub fn host(&self) -> &str {
        self.server.rsplit_once(':').map_or("", |(host, _)| host)
    }

    pub fn port(&self) -> u16 {
        self.server.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0)
    }

    fn is_loopback(&self) -> bool {
        matches!(self.host(), "127.0.0.1" | "localhost" | "[::1]")
    }
}

impl Texting {
    pub(super) fn check(&self, mail: &Mailing) -> Result<(), Invalid> {
        match () {
            () if self.to.is_empty() && self.url.is_empty() => Ok(()),
            () if self.to.is_empty() || !is_line(&self.to) => {
                Err(Invalid::new("sms.to", "it is a number, or the mail address of a gateway"))
            }
            () if self.url.is_empty() && (mail.server.is_empty() || !self.to.contains('@')) => {
                Err(Invalid::new("sms.url", "without it, sms.to is the mail address of a gateway, and mail.server is set"))
            }
            () => url("sms.url", &self.url),
        }
    }
}

impl Hooking {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        url("webhook.url", &self.url)
    }
}

/// An address in the net is asked through TLS only.
fn url(key: &str, text: &str) -> Result<(), Invalid> {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|head| text.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    let plain = is_line(text) && !text.contains(['@', ' ']);
    if text.is_empty() || (plain && (text.starts_with("https://") || local)) {
        return Ok(());
    }
    Err(Invalid::new(key, "it is https://…, or http:// on this machine's own loopback, without a name or password in it"))
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}
