//! What is said over the sockets: `POST /v1/call` with a `Request`, answered by a `Response`; and where the sockets are.
//!
//! One socket per seat, one for the owner, one for the gate's own hooks. Which socket a request came through is who asks;
//! nothing inside a request says so.

use crate::domain::actor::Party;
use crate::domain::failure::Failure;
use crate::domain::message::Priority;
use crate::domain::name::{Digest, Oid, SeatName, TaskId};
use crate::domain::reading::Said;
use crate::domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Inside a seat's sandbox: the folder with its own sockets, and the sockets in it.
pub const INSIDE: &str = "/run/orchestrate";
pub const SEAT_SOCKET: &str = "seat.sock";
pub const GIT_SOCKET: &str = "git.sock";
pub const RELAY_SOCKET: &str = "relay.sock";
pub const API_SOCKET: &str = "api.sock";
/// Inside a seat's sandbox: our own binary under its three names, and the read-only mirror.
pub const INSIDE_BIN: &str = "/opt/orchestrate/bin";
pub const INSIDE_MIRROR: &str = "/opt/orchestrate/mirror.git";
/// In the state folder: the owner's socket and the gate hooks' socket.
pub const OWNER_SOCKET: &str = "run/owner.sock";
pub const HOOK_SOCKET: &str = "run/hook.sock";
/// What the owner types in the place of a code for what was never wished for: everything freezes.
pub const FRAUD: &str = "fraud";
/// A request body may be this long.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What can be asked. Readers have no effect but `Inbox`, `MailRead` and `MailWait`, which mark what they show as delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    // Everyone reads.
    Whoami,
    Status,
    TaskList,
    TaskShow { task: TaskId },
    GateShow { task: TaskId },
    ReviewList,
    /// The gate's bundle: base, candidate, difference, evidence, digest.
    ReviewShow { task: TaskId },
    Certificates,
    /// Waits until the task leaves its stage or the time is over; answers like `GateShow`.
    GateWait { task: TaskId, seconds: u32 },
    // Mail.
    Inbox { all: bool },
    MailRead { id: String },
    MailAck { id: String },
    /// Waits until there is a message that was not shown yet or the time is over; answers like `Inbox`, with those alone, at most a batch.
    MailWait { seconds: u32 },
    /// `from` may be left out; a name that is not the socket's own is refused and recorded.
    MailSend { #[serde(default)] from: Option<String>, to: Vec<String>, subject: String, body: String, priority: Priority, task: Option<TaskId> },
    // Write locks.
    LockList,
    /// What stands between the asker and a path.
    LockWhy { path: String },
    /// What stands between the asker and an edit of a path in its clone.
    EditMay { path: String },
    /// All paths or none; with `wait`, waits so many seconds for its turn.
    LockAcquire { paths: Vec<String>, priority: Priority, #[serde(default)] wait: Option<u32> },
    /// `seat` for the owner, who may release anybody's.
    LockRelease { paths: Vec<String>, #[serde(default)] seat: Option<SeatName> },
    // Work.
    TaskOpen { title: String, body: String, assign: Option<SeatName> },
    TaskTake { task: TaskId },
    /// Gives a task back, or takes it away; `assign`: the one seat that may take it then.
    TaskRelease { task: TaskId, #[serde(default)] reason: String, #[serde(default)] assign: Option<SeatName> },
    TaskSubmit { task: TaskId, commit: Option<Oid> },
    TaskRetry { task: TaskId },
    TaskVeto { task: TaskId, reason: String },
    ReviewDecide { task: TaskId, accept: bool, note: String, commit: Option<String>, #[serde(default)] said: Said },
    MotionList,
    MotionOpen { matter: String, title: String, body: String },
    MotionVote { motion: u32, accept: bool, note: String },
    /// The librarian's half of a bypass, and a look at it afterwards.
    BypassSign { task: TaskId, note: String },
    BypassReview { task: TaskId, accept: bool, note: String },
    /// The librarian's signature under a reviewer's no.
    ReviewCosign { task: TaskId, note: String },
    /// Takes a yes back.
    ReviewWithdraw { task: TaskId, reason: String },
    /// The signing broker: `payload` is base64 of the bytes git wants signed; answers an armored signature.
    Sign { payload: String },
    /// Judges a signature against the registry; both base64.
    VerifySignature { payload: String, signature: String },
    /// A client hook tells what happened; a hint for people, never evidence.
    Hook { name: String, detail: String },
    Freeze { reason: String },
    /// A seat's word that the freeze may end.
    ThawAgree,
    // The owner's socket only.
    TaskConfirm { task: TaskId, shown: Digest, code: String },
    /// `alone`: without the word of a seat that has one in it.
    Thaw { code: String, #[serde(default)] alone: bool },
    /// A candidate as it would go round its gates, and the owner's half of that.
    BypassShow { task: TaskId },
    BypassOpen { task: TaskId, shown: Digest, reason: String, code: String },
    /// The owner's answer to a no of those who looked at a bypass.
    BypassAnswer { task: TaskId, note: String },
    /// The deployments under way, or one of them with its list.
    DeployShow { task: Option<TaskId> },
    Deploy { task: TaskId, word: DeployWord },
    /// Takes a seat's key away; without it the seat can sign, push, submit, review and send nothing.
    KeyRevoke { seat: SeatName, reason: String },
    /// Gives a seat a new key, and takes the old one away where that still counts.
    KeyRotate { seat: SeatName },
    /// Opens the secret that draws came from, and begins the next epoch.
    AuditOpen,
    Deliver,
    /// Puts the owner's rules in force; `alone`: without those who have a voice in it.
    Recharter { #[serde(default)] alone: bool },
    ConfigShow,
    /// The owner's TOTP secret as an otpauth URI, shown until the first code was used.
    TotpShow,
    /// Makes the TOTP secret anew, for a recovery code.
    TotpReset { code: String },
    /// Entries from a position on, as they were written; waits up to `wait` seconds for the next one when there is none yet.
    Ledger { from: u64, most: u32, wait: u32 },
    /// Everything at once for the owner's screen; waits up to `wait` seconds for the ledger to grow beyond `since` entries.
    Dashboard { since: u64, wait: u32 },
    LedgerVerify,
    /// The security report; `date` is the day it is about or ends with, `zone` another one than the policy's.
    Report { about: About, date: Option<String>, zone: Option<String> },
    /// The same, sent to the owner's mail.
    ReportMail { about: About, date: Option<String>, zone: Option<String> },
    /// The whole history for `orchestrate verify`: written to a file that the answer names; see `ledger::bundle`.
    Bundle { path: String },
    LedgerProve { seq: u64 },
    /// The workshop's figures, as Prometheus reads them.
    Metrics,
    /// Puts the bodies of messages from before a day, or an entry, into a new archive at this place; hashes and all else stay.
    LedgerSeal { before: String, path: String },
    /// Brings back what an archive holds.
    LedgerUnseal { path: String, #[serde(default)] plain: Option<String> },
    /// Keeps a checkpoint of this ledger that a witness cosigned.
    Witnessed { note: String },
    /// The path by which a checkpoint over `new` entries (now, where it is not said) is seen to begin with one over `old`.
    LedgerSince { old: u64, new: Option<u64> },
    Checkpoint,
    /// Where tmux is and what to run to see the grid, or one seat.
    Attach { seat: Option<SeatName> },
    /// A second `bootstrap` of a running workshop: starts what has ended, leaves the rest alone; answers the steps.
    Resume,
    /// The API credential from the owner's environment, for a workshop that runs already.
    Credential { handed: super::secrets::Handed },
    Down,
    // The gate hooks' socket only.
    /// `quarantine` is empty for a push that brings no objects.
    PreReceive { push: String, updates: Vec<RawUpdate>, quarantine: String, alternates: Vec<String> },
    ProcReceive { push: String, updates: Vec<RawUpdate> },
}

/// What the owner says about a deployment; `code` only where the policy asks for one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DeployWord {
    Confirm { shown: Digest, #[serde(default)] code: String },
    Refuse { reason: String },
    Retry,
    Rollback,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    Day,
    Week,
    Task(TaskId),
}

/// One line of a push's command list, as git gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawUpdate {
    pub name: String,
    pub old: Oid,
    pub new: Oid,
}

/// The answer: HTTP 200, 403, 502 or 500 in this order. `Done` carries a `view` struct as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    Done(Value),
    Refused(Refusal),
    Failed(Failure),
    /// A bug in the supervisor; it says so and goes on.
    Bug(String),
}

/// One step of a start, printed by `bootstrap` as it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub number: u32,
    /// `keys`, `gate repository`, `instances` …
    pub name: String,
    /// What was done: "14 made", "there already".
    pub detail: String,
    pub state: StepState,
    pub milliseconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    Done,
    Failed,
    /// The last step: the workshop runs.
    Ready,
}

/// Who a text names as a recipient; `all` is everyone but the sender.
pub fn recipient(text: &str) -> Result<Party, Refusal> {
    text.parse().map_err(|why: crate::domain::name::BadName| {
        Refusal::new("no-such-recipient", why.to_string(), "orchestrate status   (it lists the seats)")
    })
}
