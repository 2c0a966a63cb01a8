//! The signed words as their payloads say them, read by types of the judge's own.

use crate::domain::actor::Party;
use crate::domain::check::Verdict;
use crate::domain::dsse::{Envelope, IN_TOTO};
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, Fingerprint, Oid, SeatName, TaskId};
use crate::domain::reading::Reading;
use crate::domain::run::Run;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::BTreeMap;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// An in-toto Statement about one subject.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: P,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    pub name: String,
    pub digest: BTreeMap<String, String>,
}

/// What a word is bound to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bound {
    pub workshop: String,
    pub task: TaskId,
    pub attempt: u32,
    pub commit: Oid,
    pub tree: Oid,
    pub base: Oid,
    pub policy: Digest,
    pub index: u64,
}

impl Bound {
    /// Says what a word is bound to that is not what it should be about.
    pub fn unlike(&self, wanted: &Bound) -> Option<String> {
        let pairs = [
            ("workshop", self.workshop.clone(), wanted.workshop.clone()),
            ("task", self.task.to_string(), wanted.task.to_string()),
            ("attempt", self.attempt.to_string(), wanted.attempt.to_string()),
            ("commit", self.commit.to_string(), wanted.commit.to_string()),
            ("tree", self.tree.to_string(), wanted.tree.to_string()),
            ("base", self.base.to_string(), wanted.base.to_string()),
            ("policy", self.policy.to_string(), wanted.policy.to_string()),
            ("entry", self.index.to_string(), wanted.index.to_string()),
        ];
        pairs.into_iter().find(|(_, is, should)| is != should).map(|(what, is, should)| format!("it is bound to {what} {is}, not {should}"))
    }
}

/// A predicate: its type, as the statement must name it, and what it is bound to.
pub(super) trait Predicate: DeserializeOwned {
    const TYPE: &'static str;
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunWord {
    pub result: String,
    #[serde(rename = "configuration")]
    _configuration: IgnoredAny,
    pub kind: String,
    pub tip: Option<Oid>,
    pub declared: Vec<String>,
    pub run: Run,
    pub bound: Bound,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerdictWord {
    #[serde(rename = "verifier")]
    _verifier: IgnoredAny,
    #[serde(rename = "policy")]
    _policy: IgnoredAny,
    #[serde(rename = "verificationResult")]
    pub result: String,
    #[serde(rename = "verifiedLevels")]
    pub levels: Vec<String>,
    pub gate: GateName,
    pub checks: Vec<(String, Verdict)>,
    pub bound: Bound,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewWord {
    pub gate: GateName,
    pub seat: SeatName,
    pub accept: bool,
    pub note: String,
    #[serde(default)]
    pub reading: Reading,
    pub bound: Bound,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmWord {
    pub shown: Digest,
    pub bound: Bound,
}

/// The librarian's signature under a reviewer's no.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackWord {
    pub gate: GateName,
    pub seat: SeatName,
    pub note: String,
    pub bound: Bound,
}

/// A half of a bypass, or a look at it afterwards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BypassWord {
    pub seat: String,
    pub accept: bool,
    pub note: String,
    pub bound: Bound,
}

/// What the owner's word on a deployment is bound to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shipped {
    pub workshop: String,
    pub task: TaskId,
    pub merge: Oid,
    pub tree: Oid,
    pub list: Digest,
    pub policy: Digest,
    pub index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeployWord {
    pub shown: Digest,
    pub bound: Shipped,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GenesisWord {
    pub policy: Digest,
    pub keys: Vec<(Party, Fingerprint)>,
    pub draw: Digest,
    pub note_key: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoteWord {
    pub workshop: String,
    pub motion: u32,
    pub voter: Party,
    pub accept: bool,
    pub note: String,
    pub policy: Digest,
    pub index: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThawWord {
    pub workshop: String,
    pub voter: Party,
    pub policy: Digest,
    pub index: u64,
}

impl Subject {
    /// Tells whether this digest and no other names it.
    pub fn is_sha256(&self, digest: &Digest) -> bool {
        self.digest.len() == 1 && self.digest.get("sha256").is_some_and(|named| named == digest.as_str())
    }
}

impl Predicate for RunWord {
    const TYPE: &'static str = "https://in-toto.io/attestation/test-result/v0.1";
}
impl Predicate for VerdictWord {
    const TYPE: &'static str = "https://slsa.dev/verification_summary/v1";
}
impl Predicate for ReviewWord {
    const TYPE: &'static str = "https://orchestrate.invalid/review/v1";
}
impl Predicate for ConfirmWord {
    const TYPE: &'static str = "https://orchestrate.invalid/confirmation/v1";
}
impl Predicate for BackWord {
    const TYPE: &'static str = "https://orchestrate.invalid/send-back/v1";
}
impl Predicate for BypassWord {
    const TYPE: &'static str = "https://orchestrate.invalid/bypass/v1";
}
impl Predicate for VoteWord {
    const TYPE: &'static str = "https://orchestrate.invalid/vote/v1";
}
impl Predicate for ThawWord {
    const TYPE: &'static str = "https://orchestrate.invalid/thaw/v1";
}
impl Predicate for DeployWord {
    const TYPE: &'static str = "https://orchestrate.invalid/deployment/v1";
}
impl Predicate for GenesisWord {
    const TYPE: &'static str = "https://orchestrate.invalid/genesis/v1";
}

/// Reads a statement of the wanted kind; says what else it is where it is another.
pub(super) fn read<P: Predicate>(envelope: &Envelope) -> Result<(Subject, P), String> {
    if envelope.payload_type != IN_TOTO {
        return Err(format!("its payload is {:?}, not an in-toto Statement", envelope.payload_type));
    }
    let payload = payload(envelope)?;
    let mut statement: Statement<P> = serde_json::from_slice(&payload).map_err(|why| format!("its statement is not {}: {why}", P::TYPE))?;
    if statement.kind != STATEMENT || statement.predicate_type != P::TYPE {
        return Err(format!("its statement is {:?}, not {}", statement.predicate_type, P::TYPE));
    }
    match (statement.subject.pop(), statement.subject.is_empty()) {
        (Some(subject), true) => Ok((subject, statement.predicate)),
        _ => Err("its statement has not exactly one subject".to_owned()),
    }
}

/// The payload's bytes, in the one spelling of base64 that counts.
pub(super) fn payload(envelope: &Envelope) -> Result<Vec<u8>, String> {
    match STANDARD.decode(&envelope.payload) {
        Ok(bytes) if STANDARD.encode(&bytes) == envelope.payload => Ok(bytes),
        Ok(_) | Err(_) => Err("its payload is not canonical base64".to_owned()),
    }
}
