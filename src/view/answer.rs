//! The answers that are not pages of the state: receipts, texts and files. The supervisor fills them, interfaces print them.

use crate::domain::name::{Digest, Oid, TaskId};
use crate::domain::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// `TaskOpen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub task: TaskId,
}

/// `TaskSubmit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    pub task: TaskId,
    pub attempt: u32,
    pub commit: Oid,
}

/// `MailSend`: registered in the ledger under this id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub id: Digest,
    pub to: usize,
}

/// `TaskConfirm`, `Thaw`: a wrong code is recorded and answered, not refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeTaken {
    pub accepted: bool,
    /// Wrong codes in a row so far.
    pub missed: u32,
}

impl CodeTaken {
    /// Reads an answer, where it is one about a code.
    pub fn of(value: &serde_json::Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    /// A wrong code in the words of a refusal.
    pub fn refusal(&self) -> Refusal {
        let why = format!("the code is wrong or was used before ({} in a row)", self.missed);
        Refusal::new("wrong-code", why, "wait for the next code of your authenticator and try again")
    }
}

/// `Attach`: the command that shows the grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    pub argv: Vec<String>,
}

/// `TotpShow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    pub uri: String,
    /// Codes for one use each, for the day on which the authenticator is lost.
    #[serde(default)]
    pub recovery: Vec<String>,
}

/// `ConfigShow`: the charter in force, for people, and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    pub policy: Digest,
    /// Where the owner's own rules are read from.
    pub folder: String,
    pub text: String,
}

/// `Ledger`: entries as they were written, from a position on, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    pub from: u64,
    pub len: u64,
    pub entries: Vec<String>,
}

/// `LedgerVerify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub ok: bool,
    pub entries: u64,
    /// The tree's root in hex.
    pub root: String,
    /// Messages whose bodies are put away: what stands in their places is vouched for, their words are in an archive.
    #[serde(default)]
    pub sealed: u64,
    /// What does not fit, one sentence each.
    pub problems: Vec<String>,
}

/// `LedgerProve` and `Checkpoint`: a text in its C2SP format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
}

/// `LedgerSince`: the path between two sizes in base64, the signed checkpoint of now, and the key that signs checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    pub old: u64,
    pub new: u64,
    pub path: Vec<String>,
    pub note: String,
    pub key: String,
}

/// `Bundle`: the file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub path: String,
    pub entries: u64,
    pub bytes: u64,
}

/// `Deliver`, `Down`, `Recharter`, `Freeze` and others that end in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub outcome: String,
}
