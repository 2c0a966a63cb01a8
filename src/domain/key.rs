//! Whose key is whose: the registry that every signature is judged against.

use super::actor::{Actor, Party};
use super::event::Event as Any;
use super::name::{Digest, Fingerprint};
use super::refusal::Refusal;
use super::state::State;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key came into being; the certificate is armored OpenPGP.
    Made { holder: Party, fingerprint: Fingerprint, certificate: String },
    /// The broker signed a commit or tag for the seat; `digest` is SHA-256 of the signed bytes.
    Signed { digest: Digest },
}

/// A registered key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub fingerprint: Fingerprint,
    pub certificate: String,
    /// The ledger position from which it counts.
    pub since: u64,
}

/// Registers a key once; a second key for a holder, or one key for two holders, is refused.
pub fn made(state: &State, holder: &Party, fingerprint: &Fingerprint, certificate: &str) -> Result<Vec<Any>, Refusal> {
    if state.keys.contains_key(holder) {
        return Err(Refusal::new("key-exists", format!("{holder} has a key already"), "orchestrate keys list"));
    }
    if state.keys.values().any(|key| key.fingerprint == *fingerprint) {
        return Err(Refusal::new("key-shared", format!("{fingerprint} belongs to somebody else"), "orchestrate keys list"));
    }
    let (holder, fingerprint, certificate) = (holder.clone(), fingerprint.clone(), certificate.to_owned());
    Ok(vec![Any::Key(Event::Made { holder, fingerprint, certificate })])
}

/// What a seat asks the broker to sign: the commit's own words about its author and committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    pub digest: Digest,
    /// E-mail addresses of author and committer as the payload has them; empty when it is no commit.
    pub emails: Vec<String>,
    /// Why the payload is not a commit or tag in the accepted grammar, if so.
    pub malformed: Option<String>,
}

/// Signs a seat's own commits only, and nothing while frozen.
pub fn sign(state: &State, actor: &Actor, signing: &Signing) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let Some(seat) = actor.seat() else {
        return Err(Refusal::new("seat-only", "only a seat signs through the broker", "git commit -S"));
    };
    if let Some(why) = &signing.malformed {
        return Err(Refusal::new("not-a-commit", format!("the broker signs commits and tags only: {why}"), "git commit -S"));
    }
    let own = state.email(seat);
    match signing.emails.iter().find(|email| **email != own) {
        Some(other) => Err(Refusal::new(
            "not-your-name",
            format!("{seat} asked for a signature on a commit in the name of {other}"),
            format!("git config user.email {own} && git commit --amend --reset-author"),
        )),
        None => Ok(vec![Any::Key(Event::Signed { digest: signing.digest.clone() })]),
    }
}

pub fn apply(state: &mut State, seq: u64, event: &Event) {
    match event {
        Event::Made { holder, fingerprint, certificate } => {
            let key = Key { fingerprint: fingerprint.clone(), certificate: certificate.clone(), since: seq };
            state.keys.insert(holder.clone(), key);
        }
        Event::Signed { .. } => state.signatures += 1,
    }
}
