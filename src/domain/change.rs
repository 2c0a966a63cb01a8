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
    /// What of the new content a reader could miss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// Something in the new content of a file that a reader could miss, or that steers more than it seems to. Only what the change adds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A line that looks like a secret: first, so that no other mark crowds it out.
    Secret { kind: String, line: u64 },
    /// A code point that turns or hides text, in this line.
    HiddenText { point: u32, line: u64 },
    /// A word of letters of two scripts that look alike.
    MixedScript { word: String },
    /// The content stands elsewhere: a pointer of git's large file storage.
    Pointer,
    /// Source that can tell whether it is being tested.
    KnowsTests { word: String },
    /// A manifest's line that says how tests are found or run.
    SteersTests { word: String },
    /// A lock file takes in a package that it did not name before.
    NewPackage { name: String },
    /// A lock file or manifest takes something from a place that it did not name before.
    NewSource { place: String },
    /// A package of a lock file is bound to no checksum, and others are.
    Unsealed { name: String },
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
