//! What a start is told that must not lie anywhere: the API credential and the passphrase. It comes over the start's own socket.

use super::place::read_private;
use crate::domain::failure::{Doing, Failure};
use crate::domain::policy::Agent;
use crate::edge::process::SECRETS;
use crate::edge::upstream::{Credential, Kind};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use zeroize::{Zeroize, Zeroizing};

/// The longest line over the start's socket.
const MOST: u64 = 64 << 10;

/// The owner's secrets on their way to the supervisor; wiped when they go, and never printed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    #[serde(default)]
    pub credential: Option<Handed>,
    #[serde(default)]
    pub passphrase: Option<String>,
}

/// A credential from the environment of the owner's start, and the address that stood beside it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handed {
    pub kind: Kind,
    /// The credential itself; of a login, where it lies.
    pub secret: String,
    #[serde(default)]
    pub upstream: Option<String>,
}

impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handed({:?})", self.kind)
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.passphrase.zeroize();
    }
}

impl Secrets {
    /// What the owner's environment holds.
    pub fn of_environment() -> Self {
        Self { credential: handed(), passphrase: None }
    }

    /// Sends them to the supervisor that has just been started.
    pub fn send(&self, mut to: &UnixStream) -> Result<(), Failure> {
        const WHAT: &str = "cannot speak to the new supervisor";
        let mut line = Zeroizing::new(serde_json::to_vec(self).doing(WHAT)?);
        line.push(b'\n');
        to.write_all(&line).doing(WHAT)
    }

    /// Receives them; a start without a listener has none.
    pub fn receive(from: Option<&UnixStream>) -> Result<Self, Failure> {
        const WHAT: &str = "cannot hear whoever started the supervisor";
        let Some(from) = from else { return Ok(Self::default()) };
        let mut line = Zeroizing::new(Vec::with_capacity(MOST as usize));
        BufReader::new(from.take(MOST)).read_until(b'\n', &mut line).doing(WHAT)?;
        if line.is_empty() { Ok(Self::default()) } else { serde_json::from_slice(&line).doing(WHAT) }
    }
}

fn handed() -> Option<Handed> {
    let kinds = [Kind::ApiKey, Kind::Bearer, Kind::Token];
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let named = SECRETS.iter().zip(kinds).find_map(|(name, kind)| Some((given(name)?, kind)));
    let (secret, kind) = named.or_else(|| Some((login()?.to_str()?.to_owned(), Kind::Login)))?;
    Some(Handed { kind, secret, upstream: given("ANTHROPIC_BASE_URL") })
}

/// Where the owner's own client keeps its login, unless the owner keeps it to that client (`ORCHESTRATE_LOGIN=no`).
fn login() -> Option<PathBuf> {
    let folder = std::env::var_os("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".claude")))?;
    let path = folder.join(".credentials.json");
    (std::env::var_os("ORCHESTRATE_LOGIN").is_none_or(|word| word != "no") && path.is_absolute() && logged_in(&path).is_ok()).then_some(path)
}

#[derive(Deserialize)]
struct Logins {
    #[serde(rename = "claudeAiOauth")]
    claude: LoggedIn,
}

/// What is taken of a login: the token of the hour. What makes it anew stays with the owner's client: of two who use it one is thrown out.
#[derive(Deserialize)]
struct LoggedIn {
    #[serde(rename = "accessToken")]
    token: String,
}

/// The token that the owner's client has at this moment.
fn logged_in(path: &std::path::Path) -> Result<Credential, Failure> {
    let what = format!("cannot use the login in {}", path.display());
    let hint = "claude   (log in there), or give bootstrap another credential";
    let logins: Logins = serde_json::from_str(&text(path)?).map_err(|_| Failure::new(&what, "it is not what the client writes").hint(hint))?;
    Credential::new(Kind::Login, &Zeroizing::new(logins.claude.token))
}

/// What opens the keys; it is printed nowhere and wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

impl Passphrase {
    /// Takes a text; the end of its line is no part of it.
    pub fn new(text: &str) -> Result<Self, Failure> {
        let text = text.trim_end_matches(['\r', '\n']);
        match text.is_empty() {
            true => Err(Failure::new("cannot use the passphrase", "it is empty").hint("orchestrate keys seal")),
            false => Ok(Self(Zeroizing::new(text.to_owned()))),
        }
    }

    /// Reads a private file of the owner's.
    pub fn of_file(path: &std::path::Path) -> Result<Self, Failure> {
        Self::new(&text(path)?)
    }

    /// Reads a descriptor to its end.
    pub fn of_descriptor(number: u32) -> Result<Self, Failure> {
        let what = format!("cannot read the passphrase from descriptor {number}");
        let mut text = Zeroizing::new(String::with_capacity(4096));
        std::fs::File::open(format!("/proc/self/fd/{number}")).doing(&what)?.take(4096).read_to_string(&mut text).doing(what)?;
        Self::new(&text)
    }

    /// What systemd hands over, if it does.
    pub fn of_systemd() -> Result<Option<Self>, Failure> {
        systemd("orchestrate-passphrase")?.map(|text| Self::new(&text)).transpose()
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// Where a credential was found, for people; never what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Systemd,
    File,
    Environment,
    Login,
}

/// The credential that counts: systemd's, else the owner's file, else what the start was handed.
pub fn credential(terms: &Agent, handed: Option<&Handed>) -> Result<Option<(Credential, From)>, Failure> {
    if let Some(text) = systemd("orchestrate-api-key")? {
        return Credential::guess(&text).map(|found| Some((found, From::Systemd)));
    }
    if !terms.key_file.is_empty() {
        let text = text(&PathBuf::from(&terms.key_file))?;
        return Credential::guess(&text).map(|found| Some((found, From::File)));
    }
    handed.map(given).transpose()
}

/// The credential that a start handed over, or said where it lies.
pub fn given(handed: &Handed) -> Result<(Credential, From), Failure> {
    match handed.kind {
        Kind::Login => logged_in(std::path::Path::new(&handed.secret)).map(|found| (found, From::Login)),
        Kind::ApiKey | Kind::Bearer | Kind::Token => Credential::new(handed.kind, &handed.secret).map(|found| (found, From::Environment)),
    }
}

/// A credential that systemd hands over, if it does.
pub fn systemd(name: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    let path = PathBuf::from(folder).join(name);
    if path.exists() { text(&path).map(Some) } else { Ok(None) }
}

/// The text of a file that only its owner can read.
pub fn text(path: &std::path::Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = read_private(path)?;
    let text = std::str::from_utf8(&bytes).doing(format!("cannot read {}", path.display()))?;
    Ok(Zeroizing::new(text.to_owned()))
}
