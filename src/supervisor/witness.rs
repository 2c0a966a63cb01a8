//! Asks the witness on another machine: after each merge, and on a schedule. It waits for nobody's answer but its own.

use super::herald::secret;
use super::yard::Yard;
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::policy::Witnessing;
use crate::domain::witness;
use crate::edge::webhook;
use crate::ledger::chain::consistency_proof;
use crate::ledger::checkpoint::{Growth, VerifierKey, seen_at};
use std::sync::Arc;
use std::time::Duration;

/// The longest without a look at what is due.
const LONGEST: Duration = Duration::from_secs(3600);
/// No answer of a witness is longer.
const MOST: usize = 16 * 1024;
/// The path that tlog-witness names.
const PATH: &str = "/add-checkpoint";

/// Why there is no signature: nobody answered, or somebody did and refused.
struct Missed {
    why: String,
    refused: bool,
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self { why: failure.to_string(), refused: false }
    }
}

fn refused(why: String) -> Missed {
    Missed { why, refused: true }
}

/// Asks whenever it is due, for as long as the supervisor lives.
pub async fn watch(yard: Arc<Yard>) {
    let (mut grown, mut stop) = (yard.grown.subscribe(), yard.stop.subscribe());
    loop {
        grown.borrow_and_update();
        let now = yard.clock.now();
        let Ok(due) = yard.see(|state, _| witness::due(state)).await else { return };
        if due.is_some_and(|due| due <= now) {
            let looked = tokio::select! {
                looked = look(&yard) => looked,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if let Err(why) = looked {
                return eprintln!("orchestrate: the witness is not asked any more: {why:?}");
            }
            continue;
        }
        let left = due.map_or(LONGEST, |due| Duration::from_millis(due.saturating_sub(now)).min(LONGEST));
        tokio::select! {
            _ = tokio::time::timeout(left, grown.changed()) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// One look of the witness; what comes of it is an entry.
async fn look(yard: &Arc<Yard>) -> Result<(), super::drive::Denied> {
    let act = match signed(yard).await {
        Ok(note) => Act::Witnessed { note },
        Err(Missed { why, refused }) => Act::Unwitnessed { why, refused },
    };
    yard.ask(Actor::Edge, act).await.map(drop)
}

async fn signed(yard: &Arc<Yard>) -> Result<String, Missed> {
    let (terms, seen) = yard.see(|state, _| (state.charter().policy.witness.clone(), state.witness.size)).await?;
    let token = secret(&terms.token_file)?;
    let token = token.as_deref().map(String::as_str);
    let (size, note, growth) = grown(yard, seen).await?;
    let (status, said) = post(&terms, token, growth).await?;
    let (status, said) = match (status, said.trim().parse::<u64>()) {
        (409, Ok(other)) if other > size => {
            let why = format!("it has seen {other} entries, and the ledger has {size}: the ledger lost its end, or the witness saw another one");
            return Err(refused(why));
        }
        // It saw more, or less, than is on record here: once more, from there.
        (409, Ok(other)) if other != seen => post(&terms, token, grown_to(yard, other, size, &note).await?).await?,
        _ => (status, said),
    };
    match status {
        200 => cosigned(&note, &said, &terms.key).map_err(refused),
        400 | 403 | 404 | 409 | 422 => Err(refused(format!("it answered {status}: {}", said.trim()))),
        _ => Err(Missed { why: format!("it answered {status}"), refused: false }),
    }
}

async fn post(terms: &Witnessing, token: Option<&str>, growth: String) -> Result<(u16, String), Failure> {
    let url = format!("{}{PATH}", terms.url.trim_end_matches('/'));
    webhook::ask(&url, token, growth, MOST, Duration::from_secs(terms.timeout_seconds.into())).await
}

/// The ledger as it is now, with the proof that it begins with what was seen.
async fn grown(yard: &Arc<Yard>, seen: u64) -> Result<(u64, String, String), Failure> {
    let (size, root) = yard.see(|_, ledger| (ledger.len(), ledger.root())).await?;
    let note = yard.keys.checkpoint(&yard.workshop, size, root)?;
    let growth = grown_to(yard, seen.min(size), size, &note).await?;
    Ok((size, note, growth))
}

async fn grown_to(yard: &Arc<Yard>, old: u64, size: u64, note: &str) -> Result<String, Failure> {
    let leaves = yard.see(move |_, ledger| ledger.leaf_hashes(size)).await??;
    let path = consistency_proof(&leaves, old).unwrap_or_default();
    Ok(Growth { old, path, note: note.to_owned() }.text())
}

/// The checkpoint with the witness's own signature, and nothing else of what it said.
fn cosigned(note: &str, said: &str, key: &str) -> Result<String, String> {
    let key = VerifierKey::parse(key).map_err(|why| format!("its key in the policy: {why}"))?;
    let own = format!("\u{2014} {} ", key.name());
    let lines: String = said.lines().filter(|line| line.starts_with(&own)).take(1).map(|line| format!("{line}\n")).collect();
    let whole = format!("{note}{lines}");
    match seen_at(&whole, &key) {
        Ok(_) => Ok(whole),
        Err(why) => Err(format!("what it answered is not its signature on this checkpoint: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::checkpoint::{Checkpoint, cosign, note};
    use ed25519_dalek::SigningKey;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    fn head(size: u64) -> String {
        note(&Checkpoint { origin: "lab".to_owned(), size, root: [7; 32] }.text(), &SigningKey::from_bytes(&[1; 32]), "lab").unwrap()
    }

    #[test]
    fn only_the_witness_s_own_signature_on_this_very_checkpoint_counts() {
        let own = SigningKey::from_bytes(&[2; 32]);
        let key = VerifierKey::witness("cellar", own.verifying_key()).unwrap().encode();
        let line = |head: &str, key: &SigningKey, name: &str| cosign(head, key, name, 1_700_000_000).unwrap();
        let good = line(&head(9), &own, "cellar");
        assert_eq!(cosigned(&head(9), &good, &key), Ok(format!("{}{good}", head(9))));
        let padded = format!("{}{good}{good}", line(&head(9), &SigningKey::from_bytes(&[4; 32]), "other"));
        assert_eq!(cosigned(&head(9), &padded, &key), Ok(format!("{}{good}", head(9))), "what others say is left out");
        for (said, what) in [
            (String::new(), "nothing"),
            ("\u{2014} cellar AAAA\n".to_owned(), "garbage"),
            ("<html>".repeat(2000), "a page"),
            (line(&head(8), &own, "cellar"), "an old one"),
            (line(&head(9), &SigningKey::from_bytes(&[3; 32]), "cellar"), "another key"),
        ] {
            assert!(cosigned(&head(9), &said, &key).is_err(), "{what}");
        }
    }

    /// Somebody at a port who answers everyone the same, and may never end.
    fn stub(answer: &'static [u8], endless: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).unwrap() > 0);
            let mut sent = stream.write_all(answer);
            while endless && sent.is_ok() {
                sent = stream.write_all(&[b'x'; 4096]);
            }
            // Held open until the asker gives up.
            drop(stream.read(&mut buffer));
        });
        url
    }

    fn asked(url: &str) -> Result<(u16, String), Failure> {
        let terms = Witnessing { url: url.to_owned(), timeout_seconds: 1, ..Witnessing::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(post(&terms, Some("t"), "old 0\n\n".to_owned()))
    }

    #[test]
    fn a_slow_a_huge_a_mute_and_a_babbling_witness_are_told_apart() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for (url, why) in [
            (format!("http://{nobody}"), "cannot connect"),
            (stub(b"", false), "did not answer within 1 s"),
            (stub(b"HTTP/1.1 200 OK\r\n\r\n", true), "longer than"),
            (stub(b"220 mail.example.org\r\n\r\n", false), "the exchange broke"),
            (stub(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe", false), "is no text"),
        ] {
            let failure = asked(&url).unwrap_err().to_string();
            assert!(failure.contains(why), "{why}: {failure}");
        }
        assert_eq!(asked(&stub(b"HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\n7\n", false)).unwrap(), (409, "7\n".to_owned()));
    }
}
