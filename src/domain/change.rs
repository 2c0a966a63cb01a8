//! What a candidate would change: facts measured by the edge on objects, never what an author said.

use super::name::{Fingerprint, Oid};
use serde::{Deserialize, Serialize};

/// A change from a base to a candidate commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where the candidate left the protected branch (the merge base).
    pub base: Oid,
    pub base_tree: Oid,
    pub commit: Oid,
    pub tree: Oid,
    /// The commits in `base..commit`, oldest first.
    pub commits: Vec<CommitFacts>,
    /// Every path that differs between base and candidate, sorted by path; renames are a delete and an add.
    pub files: Vec<FileChange>,
    /// Lines added plus deleted, summed over each commit of the range (never net), as `FileChange::lines` counts.
    pub churn: u64,
    /// Every path that some commit of the range touched, sorted, also where the net difference is empty.
    pub touched: Vec<String>,
}

impl Change {
    /// Lines that count for thresholds: the larger of net difference and per-commit churn.
    pub fn lines(&self) -> u64 {
        self.files.iter().map(FileChange::lines).sum::<u64>().max(self.churn)
    }

    /// Files that count for thresholds.
    pub fn file_count(&self) -> usize {
        self.files.len().max(self.touched.len())
    }
}

/// One commit of a range, as its object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitFacts {
    pub id: Oid,
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub author: Person,
    pub committer: Person,
    pub subject: String,
    pub signature: Signature,
    /// The first rule of the commit grammar that the object breaks, if any (unknown header, NUL, encoding, two authors …).
    pub malformed: Option<String>,
}

/// Name and address as they stand in a commit; text, not identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub email: String,
}

/// What the OpenPGP signature of a commit is worth, judged in process against given certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    Missing,
    /// Not an OpenPGP signature (SSH, X.509, garbage).
    OtherFormat,
    /// Good, by the certificate with this primary fingerprint.
    Good(Fingerprint),
    /// Made by a key that is in no given certificate.
    UnknownKey,
    /// Does not fit the bytes, is expired, revoked or weak; says why.
    Bad(String),
}

/// One path of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    pub path: String,
    pub old: Option<Blob>,
    pub new: Option<Blob>,
    pub added: u64,
    pub deleted: u64,
    /// Holds a NUL byte: `added`/`deleted` then count size / 40.
    pub binary: bool,
}

impl FileChange {
    pub fn lines(&self) -> u64 {
        self.added + self.deleted
    }
}

/// A file's content by id, with git's mode (0o100644, 0o100755, 0o120000, 0o160000).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    pub oid: Oid,
    pub mode: u32,
    pub size: u64,
}
