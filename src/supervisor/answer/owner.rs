//! The owner's own requests: codes, the record, the way home, the end.

use super::{denial, done, keys, outcome, page, said};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::SeatName;
use crate::ledger::chain::{consistency_proof, inclusion_proof};
use crate::edge::totp::Recovery;
use crate::ledger::{Damage, Verified};
use crate::ledger::checkpoint::tlog_proof;
use crate::supervisor::home;
use crate::supervisor::report;
use crate::supervisor::protocol::{Request, Response};
use crate::supervisor::seats;
use crate::supervisor::start::{Options, Reporter, charter_of};
use crate::supervisor::yard::{Yard, blocking};
use crate::ledger::bundle;
use crate::view::answer::{Attach, Audit, CodeTaken, Config, Entries, Note, Outcome as Spoken, Since, Totp, Written};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
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
        Request::KeyRevoke { .. } => "revoke-key",
        Request::KeyRotate { .. } => "rotate-key",
        Request::AuditOpen => "audit-open",
        Request::Deliver => "deliver",
        Request::Recharter => "recharter",
        Request::ConfigShow => "config-show",
        Request::TotpShow => "totp-show",
        Request::TotpReset { .. } => "totp-reset",
        Request::Ledger { .. } | Request::LedgerVerify | Request::LedgerProve { .. } | Request::LedgerSince { .. } | Request::Checkpoint | Request::Bundle { .. } => "ledger",
        Request::Report { .. } | Request::ReportMail { .. } => "report",
        Request::Attach { .. } => "attach",
        Request::Resume => "resume",
        Request::Credential { .. } => "credential",
        Request::Down => "down",
        _ => return None,
    })
}

pub async fn answer(yard: &Arc<Yard>, request: Request) -> Response {
    match request {
        Request::TaskConfirm { task, code, .. } if code.trim().eq_ignore_ascii_case(crate::supervisor::protocol::FRAUD) => {
            match yard.ask(Actor::Owner, Act::Fraud { task }).await {
                Ok(_) => said("the workshop is frozen: look at what led to the question, then orchestrate thaw"),
                Err(denied) => denial(denied),
            }
        }
        Request::TaskConfirm { task, shown, code } => {
            coded(yard, &code, |step| Act::Confirm { task, shown, step }).await
        }
        Request::Thaw { code } => {
            coded(yard, &code, |step| Act::Thaw { step }).await
        }
        Request::KeyRevoke { seat, reason } => keys::revoke(yard, seat, reason).await,
        Request::KeyRotate { seat } => keys::rotate(yard, seat).await,
        Request::AuditOpen => match crate::supervisor::audit::open(yard).await {
            Ok(_) => said("the epoch's secret is open: orchestrate bundle FILE, then orchestrate audit draw EPOCH --bundle FILE"),
            Err(denied) => denial(denied),
        },
        Request::Deliver => page(home::deliver(yard).await.map(|home| Spoken { outcome: format!("{}: {}", home.branch, home.outcome) })),
        Request::Recharter => recharter(yard).await,
        Request::ConfigShow => page(config(yard).await),
        Request::TotpShow => totp(yard).await,
        Request::TotpReset { code } => taken(yard, Act::ResetCodes { code: yard.keys.recovery.find(&code) }).await,
        Request::Ledger { from, most, wait } => page(entries(yard, from, most.min(PAGE), wait.min(LONGEST_WAIT)).await),
        Request::LedgerVerify => verify(yard).await,
        Request::Report { about, date, zone } => report::answer(yard, report::Wanted { about, date, zone }).await,
        Request::ReportMail { about, date, zone } => report::mail(yard, report::Wanted { about, date, zone }).await,
        Request::LedgerProve { seq } => prove(yard, seq).await,
        Request::LedgerSince { old, new } => since(yard, old, new).await,
        Request::Checkpoint => page(checkpoint(yard).await.map(|(_, text)| Note { text })),
        Request::Bundle { path } => page(export(yard, PathBuf::from(path)).await),
        Request::Attach { seat } => page(attach(yard, seat).await),
        Request::Resume => resume(yard).await,
        Request::Credential { handed } => {
            yard.hand(handed);
            done(json!({"outcome": "the relay has the credential"}))
        }
        Request::Down => down(yard).await,
        _ => Response::Bug("BUG: no request of the owner's".to_owned()),
    }
}

/// Compares a code with the secret that counts now.
async fn coded(yard: &Arc<Yard>, code: &str, act: impl FnOnce(Option<u64>) -> Act) -> Response {
    match yard.see(|state, _| state.codes.generation).await {
        Ok(generation) => taken(yard, act(yard.keys.step(generation, yard.clock.now(), code))).await,
        Err(failure) => Response::Failed(failure),
    }
}

/// A wrong code is recorded and answered as such.
async fn taken(yard: &Arc<Yard>, act: Act) -> Response {
    use crate::domain::confirm::Event as Confirm;
    use crate::domain::event::Event;
    match yard.ask(Actor::Owner, act).await {
        Ok(entries) => {
            let accepted = !entries.iter().any(|entry| matches!(entry.event, Event::Confirm(Confirm::Missed)));
            page(yard.see(move |state, _| CodeTaken { accepted, missed: state.codes.missed }).await)
        }
        Err(denied) => denial(denied),
    }
}

async fn recharter(yard: &Arc<Yard>) -> Response {
    match charter_of(&yard.place) {
        Err(failure) => Response::Failed(failure),
        Ok((charter, _)) => match yard.ask(Actor::Owner, Act::Recharter { charter: charter.canonical() }).await {
            Ok(entries) if entries.is_empty() => said("the charter in force is the same already"),
            Ok(_) => said(format!("the charter {} is in force; words given under the old one are void", charter.digest().short())),
            Err(denied) => denial(denied),
        },
    }
}

/// The secret and the recovery codes are shown until a code made from it has been used once.
async fn totp(yard: &Arc<Yard>) -> Response {
    use crate::domain::refusal::Refusal;
    match yard.see(|state, _| state.codes.clone()).await {
        Ok(codes) if codes.last_step == 0 => {
            let unspent = (0..Recovery::CODES).filter(|number| !codes.spent.contains(number));
            let recovery = unspent.map(|number| yard.keys.recovery.code(number)).collect();
            page(Ok(Totp { uri: yard.keys.totp_uri(codes.generation, &yard.workshop), recovery }))
        }
        Ok(_) => Response::Refused(Refusal::new("in-use", "the secret is in use and is not shown again", "orchestrate totp reset")),
        Err(failure) => Response::Failed(failure),
    }
}

/// Entries as they were written; with `wait`, the first ones that come.
async fn entries(yard: &Arc<Yard>, from: u64, most: u32, wait: u32) -> Result<Entries, Failure> {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait.into());
    loop {
        grown.borrow_and_update();
        let (len, records) = yard.see(move |_, ledger| Ok::<_, Failure>((ledger.len(), ledger.read(from, most as usize)?))).await??;
        if !records.is_empty() {
            let entries = records.into_iter().map(|record| String::from_utf8_lossy(&record.bytes).into_owned()).collect();
            return Ok(Entries { from, len, entries });
        }
        let more = tokio::select! {
            more = tokio::time::timeout_at(deadline, grown.changed()) => more.is_ok(),
            _ = stop.changed() => false,
        };
        if !more {
            return Ok(Entries { from, len, entries: Vec::new() });
        }
    }
}

/// The charter in force, for people, with where each value comes from.
async fn config(yard: &Arc<Yard>) -> Result<Config, Failure> {
    let policy = yard.see(|state, _| state.policy.clone()).await?;
    let (charter, origins) = charter_of(&yard.place)?;
    let lines: Vec<String> = origins.iter().map(|origin| format!("{} = {}   # {}", origin.key, origin.value, origin.from)).collect();
    let note = if charter.digest() == policy { "" } else { "# differs from the charter in force: orchestrate config adopt\n" };
    let folder = crate::supervisor::place::config().map(|folder| folder.display().to_string()).unwrap_or_default();
    Ok(Config { policy, folder, text: format!("{note}{}\n", lines.join("\n")) })
}

pub fn audit(seen: Result<Verified, Damage>) -> Audit {
    match seen {
        Ok(seen) => Audit { ok: true, entries: seen.len, root: hex::encode(seen.root), problems: Vec::new() },
        Err(damage) => Audit { ok: false, entries: damage.seq, root: String::new(), problems: vec![damage.to_string()] },
    }
}

async fn verify(yard: &Arc<Yard>) -> Response {
    match yard.see(|_, ledger| ledger.check()).await {
        Ok(seen) => page(Ok(audit(seen))),
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
            Ok(note) => {
                let entry = String::from_utf8_lossy(&entry.bytes).into_owned();
                done(json!({"entry": entry, "text": tlog_proof(seq, &path, &note)}))
            }
            Err(failure) => Response::Failed(failure),
        },
        Ok(Ok((size, ..))) => {
            use crate::domain::refusal::Refusal;
            Response::Refused(Refusal::new("no-such-entry", format!("the ledger has the entries 0 to {}", size.saturating_sub(1)), "orchestrate log"))
        }
        Ok(Err(failure)) | Err(failure) => Response::Failed(failure),
    }
}

/// How the tree grew from one size to another; a ledger that is shorter than either lost its end.
async fn since(yard: &Arc<Yard>, old: u64, new: Option<u64>) -> Response {
    use crate::domain::refusal::Refusal;
    let looked = yard
        .see(move |state, ledger| {
            let (len, root) = (ledger.len(), ledger.root());
            let size = new.unwrap_or(len);
            let leaves = if old <= size && size <= len { ledger.leaf_hashes(size)? } else { Vec::new() };
            let path = if size <= len { consistency_proof(&leaves, old) } else { None };
            let key = state.genesis.as_ref().map(|genesis| genesis.note_key.clone()).unwrap_or_default();
            Ok::<_, Failure>((len, root, path, key))
        })
        .await;
    match looked {
        Ok(Ok((len, root, Some(path), key))) => page(yard.keys.checkpoint(&yard.workshop, len, root).map(|note| Since {
            old,
            new: new.unwrap_or(len),
            path: path.iter().map(|node| STANDARD.encode(node)).collect(),
            note,
            key,
        })),
        Ok(Ok((len, ..))) => {
            let why = format!("the ledger has {len} entries, and {} were asked about: a later size cannot be shorter", old.max(new.unwrap_or(old)));
            Response::Refused(Refusal::new("not-a-beginning", why, "orchestrate ledger verify"))
        }
        Ok(Err(failure)) | Err(failure) => Response::Failed(failure),
    }
}

/// Writes the bundle beside its place and renames it, so that there is a whole one or none.
async fn export(yard: &Arc<Yard>, path: PathBuf) -> Result<Written, Failure> {
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
    let bytes = blocking(move || write(&written, &note, all)).await?;
    Ok(Written { path: path.display().to_string(), entries: size, bytes })
}

fn write(path: &Path, note: &str, entries: Vec<Vec<u8>>) -> Result<u64, Failure> {
    let what = format!("cannot write {}", path.display());
    let draft = path.with_extension("part");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&draft).doing(&what)?);
    bundle::write(&mut file, note, entries.into_iter()).doing(&what)?;
    file.flush().doing(&what)?;
    std::fs::rename(&draft, path).doing(&what)?;
    std::fs::metadata(path).map(|seen| seen.len()).doing(what)
}

async fn attach(yard: &Arc<Yard>, seat: Option<SeatName>) -> Result<Attach, Failure> {
    let here = Arc::clone(yard);
    blocking(move || {
        let tmux = here.tmux.get().ok_or_else(|| Failure::new("there is no grid yet", "the start has not come so far"))?;
        let panes = tmux.panes()?;
        let pane = seat.as_ref().map(|seat| {
            let found = panes.iter().find(|pane| pane.seat == seat.as_str());
            found.map(|pane| pane.id.clone()).ok_or_else(|| Failure::new("cannot attach", format!("there is no pane of {seat}")).hint("orchestrate status"))
        });
        let pane = pane.transpose()?;
        let argv = tmux.attach(&here.workshop, pane.as_deref()).iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Ok(Attach { argv })
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
    if let Err(failure) = yard.unlock(&charter.policy.agent) {
        return Response::Failed(failure);
    }
    if let Err(failure) = seats::fill(yard, &options, &charter, &mut reporter, yard.filling.lock().await).await {
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
        Response::Done(_) => done(json!({"outcome": "the workshop is stopping; work, mail and ledger stay", "pid": pid})),
        other => other,
    }
}
