//! Everything that can be asked. Time and chance come in here and nowhere else.

use super::change::Change;
use super::entry::Millis;
use super::actor::Party;
use super::alert;
use super::bypass;
use super::deploy;
use super::gate::GateName;
use super::key::Signing;
use super::lock::Wish;
use super::message::Draft;
use super::name::{Digest, Fingerprint, Oid, RefName, SeatName, TaskId};
use super::push::Update;
use super::reading::{Bundle, Said};
use super::refusal::Refusal;
use super::run::Run;
use super::spend::Used;
use super::task::RunKind;
use super::workshop::Genesis;

/// A command with the clock's word on when it was asked.
#[derive(Debug, Clone)]
pub struct Command {
    pub now: Millis,
    pub act: Act,
}

/// What is asked. Acts of the edge carry what it measured.
#[derive(Debug, Clone)]
pub enum Act {
    Found { genesis: Box<Genesis> },
    RegisterKey { holder: Party, fingerprint: Fingerprint, certificate: String },
    /// `certificate` carries the revocation.
    RevokeKey { seat: SeatName, certificate: String, reason: String },
    Swear,
    Start { version: String, level: String, note: String },
    Stop,
    Recharter { charter: String, alone: bool },
    /// A cosigned checkpoint of this ledger, judged before it is asked.
    Witnessed { note: String },
    /// The witness was asked and has not signed.
    Unwitnessed { why: String, refused: bool },
    /// Bodies of messages are in an archive, which was read back.
    Archive { entries: Vec<u64>, husks: Digest, archive: Digest },
    Restore { entries: u64, archive: Digest },
    Seat { seat: SeatName, agent: Vec<String>, prompt: Digest },
    Answer,
    Leave { seat: SeatName, instance: u32, why: String },
    Relayed { seat: SeatName, requests: u64, refused: u64, used: Used, told: Used },
    Overfull { seat: SeatName, bytes: u64 },
    /// Nothing has come of an instance for long; `api`: because its model's API does not serve it.
    Stuck { seat: SeatName, instance: u32, why: String, api: bool },
    Moves { seat: SeatName, instance: u32 },
    Sign { signing: Signing },
    Push { push: String, updates: Vec<Update> },
    Land { push: String },
    Landed { push: String, trouble: Option<String> },
    OpenTask { title: String, body: String, assign: Option<SeatName> },
    TakeTask { task: TaskId },
    /// `assign` is the one seat that may take it from then on.
    ReleaseTask { task: TaskId, reason: String, assign: Option<SeatName> },
    Submit { task: TaskId, commit: Option<Oid> },
    /// `since` is what it adds to the candidate that came back, where one did.
    Measured { task: TaskId, attempt: u32, change: Box<Change>, since: Option<Box<Change>>, kept: RefName },
    Tested { task: TaskId, attempt: u32, kind: RunKind, tip: Option<Oid>, declared: Vec<String>, run: Box<Run> },
    /// The candidate does not merge cleanly.
    Conflicted { task: TaskId, attempt: u32, why: String },
    Stalled { task: TaskId, attempt: u32, why: String },
    Retry { task: TaskId },
    /// `lot` is what chance says about a third reviewer.
    Draw { task: TaskId, attempt: u32, gate: GateName, draw: Digest, lot: Option<Digest> },
    Redraw { task: TaskId, attempt: u32, gate: GateName, draw: Digest },
    /// `secret` is that of the epoch that ends, `next` the commitment to the one that begins.
    OpenEpoch { epoch: u32, secret: String, next: Digest },
    Judge { task: TaskId, attempt: u32, gate: GateName },
    /// `bundle` is the difference that the gate shows, as the edge made it.
    Review { task: TaskId, accept: bool, note: String, commit: Option<String>, said: Said, bundle: Option<Box<Bundle>> },
    Withdraw { task: TaskId, reason: String },
    /// The librarian's signature under a reviewer's no.
    Cosign { task: TaskId, note: String },
    Move { matter: String, title: String, body: String },
    Vote { motion: u32, accept: bool, note: String },
    Confirm { task: TaskId, shown: Digest, step: Option<u64> },
    Veto { task: TaskId, reason: String },
    MergeBuilt { task: TaskId, attempt: u32, commit: Oid, old: Oid, tree: Oid },
    MainMoved { task: TaskId, attempt: u32, trouble: Option<String> },
    /// `commit` is what is there now, where it got there.
    WentHome { branch: String, outcome: String, commit: Option<Oid> },
    /// A half of an emergency bypass, or a look at it afterwards.
    Bypass { task: TaskId, word: bypass::Word },
    /// Who looks at a bypass afterwards.
    FollowUp { task: TaskId, draw: Digest },
    /// A deployment's step is about to begin, or has come to this since the entry that says that it began.
    Deploying { task: TaskId, step: deploy::Step, seen: Option<(u64, deploy::Seen)> },
    /// The owner's word on a deployment.
    Deploy { task: TaskId, word: deploy::Word },
    Send { draft: Draft },
    Deliver { ids: Vec<Digest> },
    Acknowledge { id: Digest },
    Lock { wish: Wish },
    /// `seat` says whose, where it is not the asker's own.
    Unlock { seat: Option<SeatName>, paths: Vec<String> },
    /// Those who wait for locks get what they can have now.
    Lend,
    Freeze { reason: String },
    /// Freezes where what was refused so far asks for it.
    Alarm,
    /// The owner's answer to a confirmation that the owner never wished for.
    Fraud { task: TaskId },
    /// `step` is the time step of a right code; `None` is a wrong one.
    /// A seat says that the freeze may end.
    AgreeThaw,
    Thaw { step: Option<u64>, alone: bool },
    /// Something that this socket does not offer, or that could not be read.
    Trespass { verb: String, refusal: Refusal },
    /// `code` is the number of a right recovery code; `None` is a wrong one.
    ResetCodes { code: Option<u8> },
    /// A message to the owner went out, or did not.
    Told { outcome: alert::Outcome },
    Reported { day: String, size: u64, digest: Digest },
    Overdue { day: String },
    /// Nothing was asked; the clock moved.
    Tick,
}

impl Act {
    /// Whether a seat needs its key for this: it signs, or brings what it signed.
    pub fn wants_key(&self) -> bool {
        matches!(self, Self::Sign { .. } | Self::Push { .. } | Self::Land { .. } | Self::Submit { .. } | Self::Review { .. } | Self::Withdraw { .. } | Self::Cosign { .. } | Self::Vote { .. } | Self::Bypass { .. } | Self::Send { .. } | Self::Lock { .. })
    }

    /// The verb under which a refusal of this is recorded, and what it was tried on.
    pub fn verb(&self) -> (&str, String) {
        let none = String::new;
        match self {
            Self::Found { .. } => ("found", none()),
            Self::RegisterKey { holder, .. } => ("register-key", holder.to_string()),
            Self::RevokeKey { seat, .. } => ("revoke-key", seat.to_string()),
            Self::Swear => ("swear", none()),
            Self::Start { .. } => ("start", none()),
            Self::Stop => ("stop", none()),
            Self::Recharter { .. } => ("recharter", none()),
            Self::Witnessed { .. } => ("witnessed", none()),
            Self::Unwitnessed { .. } => ("unwitnessed", none()),
            Self::Archive { archive, .. } => ("archive", archive.to_string()),
            Self::Restore { archive, .. } => ("restore", archive.to_string()),
            Self::Seat { seat, .. } => ("seat", seat.to_string()),
            Self::Answer => ("answer", none()),
            Self::Leave { seat, .. } => ("leave", seat.to_string()),
            Self::Relayed { seat, .. } => ("relayed", seat.to_string()),
            Self::Overfull { seat, .. } => ("overfull", seat.to_string()),
            Self::Stuck { seat, .. } => ("stuck", seat.to_string()),
            Self::Moves { seat, .. } => ("moves", seat.to_string()),
            Self::Sign { signing } => ("sign", signing.digest.to_string()),
            Self::Push { updates, .. } => ("push", updates.first().map(|update| update.name.chars().take(200).collect()).unwrap_or_default()),
            Self::Land { push } | Self::Landed { push, .. } => ("land", push.clone()),
            Self::OpenTask { .. } => ("open-task", none()),
            Self::TakeTask { task } => ("take-task", task.to_string()),
            Self::ReleaseTask { task, .. } => ("release-task", task.to_string()),
            Self::Submit { task, .. } => ("submit", task.to_string()),
            Self::Measured { task, .. } => ("measured", task.to_string()),
            Self::Tested { task, .. } => ("tested", task.to_string()),
            Self::Conflicted { task, .. } => ("conflicted", task.to_string()),
            Self::Stalled { task, .. } => ("stalled", task.to_string()),
            Self::Retry { task } => ("retry", task.to_string()),
            Self::Draw { task, .. } | Self::Redraw { task, .. } => ("draw", task.to_string()),
            Self::OpenEpoch { epoch, .. } => ("open-epoch", epoch.to_string()),
            Self::Move { matter, .. } => ("move", matter.chars().take(200).collect()),
            Self::Vote { motion, .. } => ("vote", format!("M{motion}")),
            Self::Withdraw { task, .. } => ("withdraw", task.to_string()),
            Self::Cosign { task, .. } => ("cosign", task.to_string()),
            Self::Judge { task, .. } => ("judge", task.to_string()),
            Self::Review { task, .. } => ("review", task.to_string()),
            Self::Confirm { task, .. } => ("confirm", task.to_string()),
            Self::Veto { task, .. } => ("veto", task.to_string()),
            Self::MergeBuilt { task, .. } => ("merge", task.to_string()),
            Self::MainMoved { task, .. } => ("main-moved", task.to_string()),
            Self::WentHome { branch, .. } => ("went-home", branch.clone()),
            Self::Bypass { task, .. } | Self::FollowUp { task, .. } => ("bypass", task.to_string()),
            Self::Deploying { task, .. } | Self::Deploy { task, .. } => ("deploy", task.to_string()),
            Self::Send { .. } => ("send", none()),
            Self::Deliver { .. } => ("deliver", none()),
            Self::Acknowledge { id } => ("acknowledge", id.to_string()),
            Self::Lock { wish } => ("lock", wish.paths.first().map(|path| path.chars().take(200).collect()).unwrap_or_default()),
            Self::Unlock { paths, .. } => ("unlock", paths.first().map(|path| path.chars().take(200).collect()).unwrap_or_default()),
            Self::Lend => ("lend", none()),
            Self::Freeze { .. } => ("freeze", none()),
            Self::Alarm => ("alarm", none()),
            Self::Fraud { task } => ("confirm", task.to_string()),
            Self::Thaw { .. } => ("thaw", none()),
            Self::AgreeThaw => ("agree-thaw", none()),
            Self::Trespass { verb, .. } => (verb, none()),
            Self::ResetCodes { .. } => ("reset-codes", none()),
            Self::Told { outcome } => ("told", outcome.way.to_string()),
            Self::Reported { day, .. } => ("reported", day.clone()),
            Self::Overdue { day } => ("overdue", day.clone()),
            Self::Tick => ("tick", none()),
        }
    }
}

impl Command {
    pub fn new(now: Millis, act: Act) -> Self {
        Self { now, act }
    }

    /// Takes a text that has to be one plain line of 1 to 200 characters.
    pub fn line(text: &str, why: &str, hint: &str) -> Result<String, Refusal> {
        let text = text.trim();
        let plain = !text.is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control);
        if plain { Ok(text.to_owned()) } else { Err(Refusal::new("one-line", why, hint)) }
    }
}
