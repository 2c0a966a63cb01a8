//! The statements that must stand alone: in-toto payloads, built once, signed as they are.

use super::actor::Party;
use super::change::Change;
use super::check::Verdict;
use super::dsse::{Envelope, IN_TOTO};
use super::freeze::Freeze;
use super::gate::GateName;
use super::name::{Digest, Fingerprint, Oid, SeatName, TaskId};
use super::reading::Reading;
use super::run::Run;
use super::workshop::Genesis;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Predicate types: what kind of word is given.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
pub const VERDICT: &str = "https://slsa.dev/verification_summary/v1";
pub const REVIEW: &str = "https://orchestrate.invalid/review/v1";
pub const CONFIRMATION: &str = "https://orchestrate.invalid/confirmation/v1";
pub const THAW: &str = "https://orchestrate.invalid/thaw/v1";
pub const DEPLOYMENT: &str = "https://orchestrate.invalid/deployment/v1";
pub const BYPASS: &str = "https://orchestrate.invalid/bypass/v1";
pub const SEND_BACK: &str = "https://orchestrate.invalid/send-back/v1";
pub const VOTE: &str = "https://orchestrate.invalid/vote/v1";
pub const GENESIS: &str = "https://orchestrate.invalid/genesis/v1";
/// The payload type of a message.
pub const MESSAGE: &str = "application/vnd.orchestrate.message+json";

/// What every word about a candidate is bound to; a change of any of these voids it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bound<'a> {
    pub workshop: &'a str,
    pub task: &'a TaskId,
    pub attempt: u32,
    pub commit: &'a Oid,
    pub tree: &'a Oid,
    pub base: &'a Oid,
    pub policy: &'a Digest,
    /// The ledger position that this word answers.
    pub index: u64,
}

impl<'a> Bound<'a> {
    pub fn new(workshop: &'a str, task: &'a TaskId, attempt: u32, change: &'a Change, policy: &'a Digest, index: u64) -> Self {
        Self { workshop, task, attempt, commit: &change.commit, tree: &change.tree, base: &change.base, policy, index }
    }
}

/// What the owner's word on a deployment is bound to; `index` is the ledger position of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shipment<'a> {
    pub workshop: &'a str,
    pub task: &'a TaskId,
    pub merge: &'a Oid,
    pub tree: &'a Oid,
    pub list: &'a Digest,
    pub policy: &'a Digest,
    pub index: u64,
}

impl Shipment<'_> {
    /// The digest that the owner is shown and confirms.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("BUG: a binding is always writable as JSON"))
    }
}

fn seal(payload_type: &str, payload: &impl Serialize) -> Envelope {
    let payload = serde_json::to_vec(payload).expect("BUG: a statement is always writable as JSON");
    Envelope { payload_type: payload_type.to_owned(), payload: STANDARD.encode(payload), signatures: Vec::new() }
}

fn statement(bound: &Bound<'_>, subject: Value, predicate_type: &str, mut predicate: Value) -> Envelope {
    predicate["bound"] = json!(bound);
    seal(IN_TOTO, &json!({"_type": STATEMENT, "subject": [subject], "predicateType": predicate_type, "predicate": predicate}))
}

fn candidate(bound: &Bound<'_>) -> Value {
    json!({"name": format!("{}/{}", bound.workshop, bound.task), "digest": {"gitCommit": bound.commit, "gitTree": bound.tree}})
}

/// A test run: the in-toto test-result predicate plus the whole run as the runner saw it.
pub fn run(bound: &Bound<'_>, kind: &str, tip: Option<&Oid>, declared: &[String], run: &Run) -> Envelope {
    let result = if run.failed().next().is_none() && run.completion == super::run::Completion::Finished { "PASSED" } else { "FAILED" };
    let subject = json!({"name": format!("{}/{}/{kind}", bound.workshop, bound.task), "digest": {"gitTree": run.tree}});
    let predicate = json!({
        "result": result,
        "configuration": [{"name": run.harness, "digest": {"sha256": bound.policy}}],
        "kind": kind, "tip": tip, "declared": declared, "run": run,
    });
    statement(bound, subject, TEST_RESULT, predicate)
}

/// A gate's verdict with what each check saw.
pub fn verdict(bound: &Bound<'_>, gate: GateName, checks: &[(String, Verdict)], pass: bool) -> Envelope {
    let levels: Vec<String> = if pass { vec![format!("ORCHESTRATE_{gate}").to_uppercase()] } else { Vec::new() };
    let predicate = json!({
        "verifier": {"id": format!("https://orchestrate.invalid/{}", bound.workshop)},
        "policy": {"digest": {"sha256": bound.policy}},
        "verificationResult": if pass { "PASSED" } else { "FAILED" },
        "verifiedLevels": levels, "gate": gate, "checks": checks,
    });
    statement(bound, candidate(bound), VERDICT, predicate)
}

/// A reviewer's word, with what it says of each file and quotes.
pub fn review(bound: &Bound<'_>, gate: GateName, seat: &SeatName, accept: bool, note: &str, reading: &Reading) -> Envelope {
    let mut predicate = json!({"gate": gate, "seat": seat, "accept": accept, "note": note});
    if !reading.is_empty() {
        predicate["reading"] = json!(reading);
    }
    statement(bound, candidate(bound), REVIEW, predicate)
}

/// The owner's confirmation of exactly what was shown.
pub fn confirmation(bound: &Bound<'_>, shown: &Digest) -> Envelope {
    statement(bound, candidate(bound), CONFIRMATION, json!({"shown": shown}))
}

/// The librarian's signature under a reviewer's no.
pub fn send_back(bound: &Bound<'_>, gate: GateName, seat: &SeatName, note: &str) -> Envelope {
    statement(bound, candidate(bound), SEND_BACK, json!({"gate": gate, "seat": seat, "note": note}))
}

/// A half of an emergency bypass, or a look at it afterwards.
pub fn bypass(bound: &Bound<'_>, who: &str, accept: bool, note: &str) -> Envelope {
    statement(bound, candidate(bound), BYPASS, json!({"seat": who, "accept": accept, "note": note}))
}

/// The owner's word on a deployment, bound to exactly the list that was shown.
pub fn deployment(shipment: &Shipment<'_>) -> Envelope {
    let subject = json!({"name": format!("{}/{}", shipment.workshop, shipment.task), "digest": {"gitCommit": shipment.merge, "gitTree": shipment.tree}});
    let predicate = json!({"shown": shipment.digest(), "bound": shipment});
    seal(IN_TOTO, &json!({"_type": STATEMENT, "subject": [subject], "predicateType": DEPLOYMENT, "predicate": predicate}))
}

/// A voice on a motion.
#[expect(clippy::too_many_arguments, reason = "each is a fact that the voice is bound to")]
pub fn vote(workshop: &str, motion: u32, text: &Digest, voter: &Party, accept: bool, note: &str, policy: &Digest, index: u64) -> Envelope {
    let subject = json!({"name": format!("{workshop}/M{motion}"), "digest": {"sha256": text}});
    let predicate = json!({"workshop": workshop, "motion": motion, "voter": voter.to_string(), "accept": accept, "note": note, "policy": policy, "index": index});
    seal(IN_TOTO, &json!({"_type": STATEMENT, "subject": [subject], "predicateType": VOTE, "predicate": predicate}))
}

/// A seat's word that a freeze may end.
pub fn thaw(workshop: &str, freeze: &Freeze, seat: &SeatName, policy: &Digest) -> Envelope {
    let subject = json!({"name": format!("{workshop}/freeze"), "digest": {"sha256": Digest::of(freeze.reason.as_bytes())}});
    let predicate = json!({"workshop": workshop, "voter": seat, "policy": policy, "index": freeze.seq});
    seal(IN_TOTO, &json!({"_type": STATEMENT, "subject": [subject], "predicateType": THAW, "predicate": predicate}))
}

/// Who is to sign a voice, by its own words.
pub fn signer(envelope: &Envelope) -> Option<Party> {
    let value: Value = serde_json::from_slice(&payload(envelope)?).ok()?;
    value.get("predicate")?.get("voter")?.as_str()?.parse().ok()
}

/// The owner's word on genesis: which keys, which charter.
pub fn genesis(genesis: &Genesis, policy: &Digest, keys: &[(&Party, &Fingerprint)]) -> Envelope {
    let subject = json!({"name": genesis.workshop, "digest": {"gitCommit": genesis.base}});
    let predicate = json!({"policy": policy, "keys": keys, "draw": genesis.draw, "note_key": genesis.note_key});
    seal(IN_TOTO, &json!({"_type": STATEMENT, "subject": [subject], "predicateType": GENESIS, "predicate": predicate}))
}

/// A message's envelope, whose bytes make its id.
pub fn message(letter: &impl Serialize) -> Envelope {
    seal(MESSAGE, letter)
}

/// Reads an envelope's payload back; strict base64, any JSON.
pub fn payload(envelope: &Envelope) -> Option<Vec<u8>> {
    STANDARD.decode(&envelope.payload).ok()
}

/// Reads the run out of a test-result statement.
pub fn read_run(envelope: &Envelope) -> Option<Run> {
    let statement: Value = serde_json::from_slice(&payload(envelope)?).ok()?;
    serde_json::from_value(statement.get("predicate")?.get("run")?.clone()).ok()
}
