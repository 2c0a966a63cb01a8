//! A witness: somebody on another machine who puts a name to a ledger's head only when it is proved to contain the one seen before.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::planted;
use crate::domain::refusal::Refusal;
use crate::edge::chance;
use crate::edge::clock::Clock;
use crate::edge::port::{Asked, Port, Said};
use crate::edge::webhook;
use crate::edge::witness::Shelf;
use crate::ledger::checkpoint::{Checkpoint, Growth, VerifierKey, cosign, open_checkpoint, unverified_checkpoint};
use ed25519_dalek::SigningKey;
use hyper::{Method, StatusCode};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// No proof of growth is longer.
const MOST: usize = 64 * 1024;
/// How long a witness may take for its answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A witness with its key and what it has seen.
pub struct Witness {
    shelf: Shelf,
    key: SigningKey,
    name: String,
}

/// Why nothing was cosigned.
#[derive(Debug, Clone)]
pub enum Unsigned {
    Refused(Refusal),
    Failed(Failure),
}

impl From<Failure> for Unsigned {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What is kept of each log: its key, and the last checkpoint that was cosigned.
struct Known {
    key: VerifierKey,
    last: Checkpoint,
}

impl Witness {
    /// Opens the witness's folder; the first time, a key is made, under the name given.
    pub fn open(folder: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let shelf = Shelf::open(folder)?;
        let (key, name) = shelf.identity(name, chance::bytes()?)?;
        VerifierKey::witness(&name, key.verifying_key()).doing("cannot name the witness")?;
        Ok(Self { shelf, key, name })
    }

    /// The key by which everybody knows this witness's word.
    pub fn key(&self) -> Result<String, Failure> {
        VerifierKey::witness(&self.name, self.key.verifying_key()).map(|key| key.encode()).doing("cannot name the witness")
    }

    /// The last checkpoint of each log, as it was cosigned.
    pub fn seen(&self) -> Result<Vec<String>, Failure> {
        self.shelf.all().map(|all| all.into_iter().filter_map(|text| Some(text.split_once('\n')?.1.to_owned())).collect())
    }

    /// Cosigns the newer checkpoint of a proof of growth. What was seen is durable before the signature exists: a crash between them
    /// loses a signature, never the memory of one.
    pub fn cosign(&self, request: &str, log: Option<&str>) -> Result<String, Unsigned> {
        let growth = Growth::parse(request).map_err(|why| refuse("malformed", why.to_string()))?;
        let claimed = unverified_checkpoint(&growth.note).map_err(|why| refuse("malformed", why.to_string()))?;
        let held = self.shelf.hold(&claimed.origin)?;
        let known = held.read()?.map(|text| recall(&text)).transpose()?;
        let key = pinned(known.as_ref(), log)?;
        let new = open_checkpoint(&growth.note, key.name(), std::slice::from_ref(&key))
            .map_err(|why| refuse("bad-checkpoint", why.to_string()))?;
        grew(known.as_ref().map(|known| &known.last), &growth, &new)?;
        let seconds = Clock::default().now() / 1000;
        let line = cosign(&growth.note, &self.key, &self.name, seconds).doing("cannot cosign")?;
        let note = format!("{}{line}", growth.note);
        held.write(&format!("{}\n{note}", key.encode()))?;
        Ok(note)
    }
}

/// Asks a witness at a port for its word on a proof of growth; gives the checkpoint with what it signed, or why it did not.
pub async fn ask(url: &str, token: &str, growth: &str) -> Result<String, Unsigned> {
    let note = growth.split_once("\n\n").map(|(_, note)| note).ok_or_else(|| refuse("malformed", "it is no proof of growth".to_owned()))?;
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    match webhook::ask(&url, Some(token), growth.to_owned(), MOST, PATIENCE).await? {
        (200, line) => Ok(format!("{note}{line}")),
        (status, said) => Err(refuse("unwitnessed", format!("it answered {status}: {}", said.trim()))),
    }
}

/// Listens, says where, and answers for as long as the process lives.
pub async fn serve(witness: Witness, logs: Vec<String>, listen: &str, token: &str, say: impl FnOnce(SocketAddr)) -> Result<(), Failure> {
    let port = Port::open(listen, token).await?;
    say(port.address()?);
    let (witness, logs) = (Arc::new(witness), Arc::new(logs));
    port.serve(MOST, move |asked| answer(Arc::clone(&witness), Arc::clone(&logs), asked)).await;
    Ok(())
}

/// Answers at a port as tlog-witness says: a proof of growth posted to `/add-checkpoint` is answered with the cosignature, or a status and why not.
async fn answer(witness: Arc<Witness>, logs: Arc<Vec<String>>, asked: Asked) -> Said {
    match (&asked.method, asked.path.as_str(), String::from_utf8(asked.body)) {
        (&Method::POST, "/add-checkpoint", Ok(request)) => {
            let joined = tokio::task::spawn_blocking(move || witness.cosign(&request, log_of(&request, &logs)).map(|note| signature(&request, note)));
            said(joined.await)
        }
        (&Method::POST, "/add-checkpoint", Err(_)) => Said::plain(StatusCode::BAD_REQUEST),
        (_, "/add-checkpoint", _) => Said::plain(StatusCode::METHOD_NOT_ALLOWED),
        _ => Said::plain(StatusCode::NOT_FOUND),
    }
}

/// The key, among those told, of the log that a request is about.
fn log_of<'a>(request: &str, logs: &'a [String]) -> Option<&'a str> {
    let origin = request.split_once("\n\n")?.1.lines().next()?;
    logs.iter().map(String::as_str).find(|key| key.split('+').next() == Some(origin))
}

/// What was added to the note.
fn signature(request: &str, note: String) -> String {
    let asked = request.split_once("\n\n").map_or("", |(_, note)| note);
    note.strip_prefix(asked).map_or(note.clone(), str::to_owned)
}

fn said<E>(joined: Result<Result<String, Unsigned>, E>) -> Said {
    const TEXT: &str = "text/plain; charset=utf-8";
    match joined {
        Ok(Ok(line)) => Said::new(StatusCode::OK, TEXT, line),
        Ok(Err(Unsigned::Refused(refusal))) => {
            let status = match refusal.code.as_str() {
                "other-size" => return Said::new(StatusCode::CONFLICT, "text/x.tlog.size", format!("{}\n", digits(&refusal.why))),
                "malformed" => StatusCode::BAD_REQUEST,
                "unknown-log" => StatusCode::NOT_FOUND,
                "not-a-beginning" => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::FORBIDDEN,
            };
            Said::new(status, TEXT, format!("{}: {}\n", refusal.code, refusal.why))
        }
        Ok(Err(Unsigned::Failed(_))) | Err(_) => Said::plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The size that a refusal names.
fn digits(why: &str) -> String {
    why.chars().filter(char::is_ascii_digit).collect()
}

fn refuse(code: &str, why: String) -> Unsigned {
    Unsigned::Refused(Refusal::new(code, why, "orchestrate witness show"))
}

fn recall(text: &str) -> Result<Known, Failure> {
    const WHAT: &str = "cannot read what was seen of this log";
    let (key, note) = text.split_once('\n').ok_or_else(|| Failure::new(WHAT, "its file is damaged"))?;
    Ok(Known { key: VerifierKey::parse(key).doing(WHAT)?, last: unverified_checkpoint(note).doing(WHAT)? })
}

/// The log's key: as it was told the first time, and never another one.
fn pinned(known: Option<&Known>, told: Option<&str>) -> Result<VerifierKey, Unsigned> {
    let told = told.map(VerifierKey::parse).transpose().map_err(|why| refuse("malformed", format!("the log's key: {why}")))?;
    match (known, told) {
        (Some(known), Some(told)) if known.key != told => {
            Err(refuse("other-key", format!("this log is known by the key {}", known.key.encode())))
        }
        (Some(known), _) => Ok(known.key.clone()),
        (None, Some(told)) if !told.is_witness() => Ok(told),
        (None, Some(_)) => Err(refuse("other-key", "that is a witness's key, not a log's".to_owned())),
        (None, None) => {
            Err(refuse("unknown-log", "the first time, the log's key has to be told by --log, from a source that you trust".to_owned()))
        }
    }
}

/// Growth from exactly what was seen last, proved; the very first time there is nothing to grow from.
fn grew(last: Option<&Checkpoint>, growth: &Growth, new: &Checkpoint) -> Result<(), Unsigned> {
    let Some(last) = last else {
        return if growth.old == 0 && growth.path.is_empty() { Ok(()) } else { Err(conflict(0)) };
    };
    if planted::out("witness-consistency") || growth.holds(last, new) {
        return Ok(());
    }
    if growth.old != last.size && new.size >= last.size {
        return Err(conflict(last.size));
    }
    let why = format!(
        "the checkpoint over {} entries does not contain the {} that were seen before: the ledger was cut, or written anew",
        new.size, last.size
    );
    Err(refuse("not-a-beginning", why))
}

fn conflict(size: u64) -> Unsigned {
    let why = format!("the proof has to begin at the {size} entries that were seen last");
    Unsigned::Refused(Refusal::new("other-size", why, format!("orchestrate ledger prove --from {size}")))
}
