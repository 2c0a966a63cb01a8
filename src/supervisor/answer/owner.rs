//! The owner's own requests: codes, the record, the way home, the end.

use super::{denial, done, outcome, page};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::SeatName;
use crate::ledger::Ledger;
use crate::ledger::chain::inclusion_proof;
use crate::ledger::checkpoint::tlog_proof;
use crate::supervisor::home;
use crate::supervisor::protocol::{Request, Response};
use crate::supervisor::seats;
use crate::supervisor::start::{Options, Reporter, charter_of};
use crate::supervisor::yard::{Yard, blocking};
use crate::verify::bundle;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most entries in one answer, and read at once for a bundle.
const PAGE: u32 = 2000;
const LONGEST_WAIT: u32 = 3600;

/// The verb of a request that only the owner's socket offers.
pub fn verb(request: &Request) -> Option<&'static str> {
    Some(match request {
        Request::TaskConfirm { .. } => "confirm",
        Request::Thaw { .. } => "thaw",
        Request::Deliver => "deliver",
        Request::Recharter => "recharter",
        Request::ConfigShow => "config-show",
        Request::TotpShow => "totp-show",
        Request::Ledger { .. } | Request::LedgerVerify | Request::LedgerProve { .. } | Request::Checkpoint | Request::Bundle { .. } => "ledger",
        Request::Attach { .. } => "attach",
        Request::Resume => "resume",
        Request::Down => "down",
        _ => return None,
    })
}

pub async fn answer(yard: &Arc<Yard>, request: Request) -> Response {
    match request {
        Request::TaskConfirm { task, shown, code } => {
            let step = yard.keys.totp.find(yard.clock.now(), &code);
            coded(yard, Act::Confirm { task, shown, step }).await
        }
        Request::Thaw { code } => {
            let step = yard.keys.totp.find(yard.clock.now(), &code);
            coded(yard, Act::Thaw { step }).await
        }
        Request::Deliver => page(home::deliver(yard).await),
        Request::Recharter => recharter(yard).await,
        Request::ConfigShow => page(charter_of(&yard.place).map(|(charter, origins)| json!({"digest": charter.digest(), "origins": origins}))),
        Request::TotpShow => totp(yard).await,
        Request::Ledger { from, most, wait } => page(entries(yard, from, most.min(PAGE), wait.min(LONGEST_WAIT)).await),
        Request::LedgerVerify => verify(yard).await,
        Request::LedgerProve { seq } => prove(yard, seq).await,
        Request::Checkpoint => page(checkpoint(yard).await.map(|(size, note)| json!({"size": size, "note": note}))),
        Request::Bundle { path } => page(export(yard, PathBuf::from(path)).await),
        Request::Attach { seat } => page(attach(yard, seat).await),
        Request::Resume => resume(yard).await,
        Request::Down => down(yard).await,
        _ => Response::Bug("BUG: no request of the owner's".to_owned()),
    }
}

/// A wrong code is recorded, and told as what it is.
async fn coded(yard: &Arc<Yard>, act: Act) -> Response {
    use crate::domain::confirm::Event as Confirm;
    use crate::domain::event::Event;
    use crate::domain::refusal::Refusal;
    match yard.ask(Actor::Owner, act).await {
        Ok(entries) if entries.iter().any(|entry| matches!(entry.event, Event::Confirm(Confirm::Missed))) => {
            Response::Refused(Refusal::new("wrong-code", "the code is wrong, too old or used already", "wait for the next code, then try again"))
        }
        other => outcome(other),
    }
}

async fn recharter(yard: &Arc<Yard>) -> Response {
    match charter_of(&yard.place) {
        Err(failure) => Response::Failed(failure),
        Ok((charter, _)) => match yard.ask(Actor::Owner, Act::Recharter { charter: charter.canonical() }).await {
            Ok(entries) => done(json!({"digest": charter.digest(), "changed": !entries.is_empty()})),
            Err(denied) => denial(denied),
        },
    }
}

/// The secret is shown until a code made from it has been used once.
async fn totp(yard: &Arc<Yard>) -> Response {
    use crate::domain::refusal::Refusal;
    match yard.see(|state, _| state.codes.last_step > 0).await {
        Ok(false) => done(json!({"uri": yard.keys.totp.uri(&yard.workshop), "secret": yard.keys.totp.base32()})),
        Ok(true) => Response::Refused(Refusal::new("in-use", "the secret is in use and is not shown again", "orchestrate status")),
        Err(failure) => Response::Failed(failure),
    }
}

/// Entries as they were written; with `wait`, the first ones that come.
async fn entries(yard: &Arc<Yard>, from: u64, most: u32, wait: u32) -> Result<Value, Failure> {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait.into());
    loop {
        grown.borrow_and_update();
        let records = yard.see(move |_, ledger| ledger.read(from, most as usize)).await??;
        if !records.is_empty() {
            let lines: Vec<String> = records.into_iter().map(|record| String::from_utf8_lossy(&record.bytes).into_owned()).collect();
            return Ok(json!({"from": from, "entries": lines}));
        }
        let more = tokio::select! {
            more = tokio::time::timeout_at(deadline, grown.changed()) => more.is_ok(),
            _ = stop.changed() => false,
        };
        if !more {
            return Ok(json!({"from": from, "entries": []}));
        }
    }
}

async fn verify(yard: &Arc<Yard>) -> Response {
    match yard.see(|_, ledger| ledger.check()).await {
        Ok(Ok(seen)) => done(json!({"ok": true, "entries": seen.len, "root": hex::encode(seen.root)})),
        Ok(Err(damage)) => Response::Failed(Failure::new("the ledger is damaged", damage).hint("keep the file; compare with a bundle: orchestrate verify <clone> --bundle FILE")),
        Err(failure) => Response::Failed(failure),
    }
}

/// A signed checkpoint over everything so far.
pub async fn checkpoint(yard: &Arc<Yard>) -> Result<(u64, String), Failure> {
    let (size, root) = yard.see(|_, ledger| (ledger.len(), ledger.root())).await?;
    yard.keys.checkpoint(&yard.workshop, size, root).map(|note| (size, note))
}

async fn prove(yard: &Arc<Yard>, seq: u64) -> Response {
    let looked = yard
        .see(move |_, ledger| {
            let leaves = ledger.leaf_hashes(ledger.len())?;
            let entry = ledger.read(seq, 1)?.pop();
            let path = inclusion_proof(&leaves, seq);
            Ok::<_, Failure>((ledger.len(), ledger.root(), entry, path))
        })
        .await;
    match looked {
        Ok(Ok((size, root, Some(entry), Some(path)))) => match yard.keys.checkpoint(&yard.workshop, size, root) {
            Ok(note) => done(json!({"entry": String::from_utf8_lossy(&entry.bytes), "proof": tlog_proof(seq, &path, &note)})),
            Err(failure) => Response::Failed(failure),
        },
        Ok(Ok((size, ..))) => {
            use crate::domain::refusal::Refusal;
            Response::Refused(Refusal::new("no-such-entry", format!("the ledger has the entries 0 to {}", size.saturating_sub(1)), "orchestrate log"))
        }
        Ok(Err(failure)) | Err(failure) => Response::Failed(failure),
    }
}

/// Writes the bundle beside its place and renames it, so that there is a whole one or none.
async fn export(yard: &Arc<Yard>, path: PathBuf) -> Result<Value, Failure> {
    if !path.is_absolute() {
        return Err(Failure::new("cannot write the bundle", "its path is not absolute"));
    }
    let (size, note) = checkpoint(yard).await?;
    let mut all = Vec::new();
    while (all.len() as u64) < size {
        let (from, most) = (all.len() as u64, (size - all.len() as u64).min(u64::from(PAGE)) as usize);
        let records = yard.see(move |_, ledger| ledger.read(from, most)).await??;
        if records.is_empty() {
            return Err(Failure::new("cannot write the bundle", format!("entry {from} is missing")).hint("orchestrate ledger verify"));
        }
        all.extend(records.into_iter().map(|record| record.bytes));
    }
    let written = path.clone();
    blocking(move || write(&written, &note, all)).await?;
    Ok(json!({"path": path, "entries": size}))
}

fn write(path: &Path, note: &str, entries: Vec<Vec<u8>>) -> Result<(), Failure> {
    let what = format!("cannot write {}", path.display());
    let draft = path.with_extension("part");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&draft).doing(&what)?);
    bundle::write(&mut file, note, entries.into_iter()).doing(&what)?;
    file.flush().doing(&what)?;
    std::fs::rename(&draft, path).doing(what)
}

async fn attach(yard: &Arc<Yard>, seat: Option<SeatName>) -> Result<Value, Failure> {
    let here = Arc::clone(yard);
    blocking(move || {
        let tmux = here.tmux.get().ok_or_else(|| Failure::new("there is no grid yet", "the start has not come so far"))?;
        let panes = tmux.panes()?;
        let pane = seat.as_ref().map(|seat| {
            let found = panes.iter().find(|pane| pane.seat == seat.as_str());
            found.map(|pane| pane.id.clone()).ok_or_else(|| Failure::new("cannot attach", format!("there is no pane of {seat}")).hint("orchestrate status"))
        });
        let pane = pane.transpose()?;
        let argv: Vec<String> = tmux.attach(&here.workshop, pane.as_deref()).iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Ok(json!({"argv": argv}))
    })
    .await
}

/// Starts what has ended since; the same steps as a start, told in one answer.
async fn resume(yard: &Arc<Yard>) -> Response {
    let mut reporter = Reporter::new(None);
    let charter = match yard.see(|state, _| state.charter().clone()).await {
        Ok(charter) => charter,
        Err(failure) => return Response::Failed(failure),
    };
    let options = match Options::load(&yard.place) {
        Ok(Some(options)) => options,
        Ok(None) => return Response::Failed(Failure::new("cannot resume", "nobody said which repository").hint("orchestrate bootstrap <repo>")),
        Err(failure) => return Response::Failed(failure),
    };
    if let Err(failure) = seats::fill(yard, &options, &charter, &mut reporter).await {
        return Response::Failed(failure);
    }
    let answered = seats::answered(yard, options.patience, &mut reporter).await;
    page(answered.map(|ready| json!({"answered": ready, "seats": charter.seats().count()})))
}

/// Stops the workshop: the record first, then the supervisor ends tmux and itself.
async fn down(yard: &Arc<Yard>) -> Response {
    let stopped = yard.ask(Actor::Owner, Act::Stop).await;
    let pid = std::process::id();
    yard.stop.send_replace(true);
    match outcome(stopped) {
        Response::Done(_) => done(json!({"stopped": true, "pid": pid})),
        other => other,
    }
}
