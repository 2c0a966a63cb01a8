//! A commit of the protected branch, taken apart byte by byte: the gatekeeper writes no other kind.

use crate::domain::name::{Oid, SeatName, TaskId};
use crate::edge::keys::split_commit;
use crate::ledger::chain::Hash;

/// A commit as its object says; `signed` is what its signature covers.
pub(super) struct Commit {
    pub id: Oid,
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub author: String,
    pub committer: String,
    pub message: String,
    pub signed: Vec<u8>,
    pub signature: Option<String>,
}

impl Commit {
    pub fn read(id: &Oid, raw: &[u8]) -> Result<Self, String> {
        let (signed, signature) = match split_commit(raw) {
            Some((signed, signature)) => (signed, Some(signature)),
            None => (raw.to_vec(), None),
        };
        let text = std::str::from_utf8(&signed).map_err(|why| format!("it is not text: {why}"))?;
        let (head, message) = text.split_once("\n\n").ok_or("it has no message")?;
        let mut lines = head.split('\n').peekable();
        let tree = object(lines.next().and_then(|line| line.strip_prefix("tree ")), "tree")?;
        let mut parents = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("parent ")) {
            parents.push(object(line.strip_prefix("parent "), "parent")?);
        }
        let author = email(lines.next(), "author ")?;
        let committer = email(lines.next(), "committer ")?;
        let message = message.to_owned();
        match lines.next() {
            None => Ok(Self { id: id.clone(), tree, parents, author, committer, message, signed, signature }),
            Some(line) => Err(format!("it has the header {line:?}")),
        }
    }

    /// The parents alone, from a commit of any form.
    pub fn first_parent(raw: &[u8]) -> Option<Oid> {
        let head = raw.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
        let parent = head.filter_map(|line| line.strip_prefix(b"parent ")).next()?;
        Oid::new(String::from_utf8_lossy(parent)).ok()
    }
}

fn object(text: Option<&str>, what: &str) -> Result<Oid, String> {
    let text = text.ok_or_else(|| format!("it has no {what}"))?;
    Oid::new(text).map_err(|why| why.to_string())
}

/// The address in `Name <address> seconds +zone`, with one pair of brackets.
fn email(line: Option<&str>, key: &str) -> Result<String, String> {
    let text = line.and_then(|line| line.strip_prefix(key)).ok_or_else(|| format!("it has no {key}"))?;
    let inner = text.split_once(" <").and_then(|(_, rest)| rest.split_once("> "));
    match inner {
        Some((email, _)) if text.matches(['<', '>']).count() == 2 => Ok(email.to_owned()),
        Some(_) | None => Err(format!("its {key}is not a name, an address and a time")),
    }
}

/// What a merge's message has to say.
pub(super) struct Trailers<'a> {
    pub title: &'a str,
    pub task: &'a TaskId,
    pub attempt: u32,
    pub candidate: &'a Oid,
    pub author: &'a SeatName,
    pub policy: &'a str,
    pub workshop: &'a str,
}

impl Trailers<'_> {
    /// Compares a message with what it has to be, and gives the checkpoint it holds.
    pub fn checkpoint(&self, message: &str) -> Result<(u64, Hash), String> {
        let Self { title, task, attempt, candidate, author, policy, workshop } = self;
        let before = format!(
            "{title}\n\nTask: {task}\nAttempt: {attempt}\nCandidate: {candidate}\nAuthor-Seat: {author}\nPolicy: {policy}\nCheckpoint: "
        );
        let after = format!("\nOrigin: {workshop}\n");
        let found = message.strip_prefix(&before).and_then(|rest| rest.strip_suffix(&after));
        let found = found.ok_or_else(|| format!("its message is not what the ledger says of {task}: {}", other(message, &before)))?;
        let cut = found.split_once(' ').and_then(|(size, root)| Some((decimal(size)?, hash(root)?)));
        cut.ok_or_else(|| format!("its checkpoint {found:?} is not a size and a root"))
    }
}

fn other(message: &str, wanted: &str) -> String {
    let differs = wanted.lines().zip(message.lines().chain(std::iter::repeat(""))).find(|(wanted, found)| !found.starts_with(wanted));
    differs.map_or_else(|| "its end".to_owned(), |(wanted, found)| format!("{wanted:?} was expected, and {found:?} stands there"))
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn hash(text: &str) -> Option<Hash> {
    let bytes = hex::decode(text).ok().filter(|bytes| hex::encode(bytes) == text)?;
    bytes.try_into().ok()
}
