//! The owner's own requests: codes, the record, the way home, the end.

use super::{denial, deploy, done, keys, outcome, page, record, said, shown};
use crate::domain::actor::Actor;
use crate::domain::{adoption, bypass};
use crate::domain::command::Act;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::motion;
use crate::domain::name::{SeatName, TaskId};
use crate::domain::refusal::Refusal;
use crate::edge::totp::Recovery;
use crate::supervisor::archive;
use crate::supervisor::home;
use crate::supervisor::report;
use crate::supervisor::protocol::{Request, Response};
use crate::supervisor::seats;
use crate::supervisor::start::{Options, Reporter, charter_of};
use crate::supervisor::yard::{Yard, blocking};
use crate::view::answer::{Attach, CodeTaken, Config, Note, Totp};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// The verb of a request that only the owner's socket offers.
pub fn verb(request: &Request) -> Option<&'static str> {
    Some(match request {
        Request::TaskConfirm { .. } => "confirm",
        Request::Thaw { .. } => "thaw",
        Request::BypassShow { .. } | Request::BypassOpen { .. } | Request::BypassAnswer { .. } => "bypass",
        Request::DeployShow { .. } | Request::Deploy { .. } => "deploy",
        Request::KeyRevoke { .. } => "revoke-key",
        Request::KeyRotate { .. } => "rotate-key",
        Request::AuditOpen => "audit-open",
        Request::Deliver => "deliver",
        Request::Recharter { .. } => "recharter",
        Request::ConfigShow => "config-show",
        Request::TotpShow => "totp-show",
        Request::TotpReset { .. } => "totp-reset",
        Request::Ledger { .. } | Request::LedgerVerify | Request::LedgerProve { .. } | Request::LedgerSince { .. } | Request::Checkpoint | Request::Bundle { .. } => "ledger",
        Request::Report { .. } | Request::ReportMail { .. } => "report",
        Request::Attach { .. } => "attach",
        Request::Dashboard { .. } => "dashboard",
        Request::Metrics => "metrics",
        Request::Witnessed { .. } => "witnessed",
        Request::LedgerSeal { .. } | Request::LedgerUnseal { .. } => "archive",
        Request::Resume => "resume",
        Request::Credential { .. } => "credential",
        Request::Down => "down",
        _ => return None,
    })
}

pub async fn answer(yard: &Arc<Yard>, request: Request) -> Response {
    match request {
        Request::TaskConfirm { task, code, .. } if code.trim().eq_ignore_ascii_case(crate::supervisor::protocol::FRAUD) => {
            fraud(yard, task).await
        }
        Request::TaskConfirm { task, shown, code } => {
            coded(yard, &code, |step| Act::Confirm { task, shown, step }).await
        }
        Request::Thaw { code, alone } => {
            coded(yard, &code, |step| Act::Thaw { step, alone }).await
        }
        Request::BypassShow { task } => page_of_bypass(yard, task).await,
        Request::BypassOpen { task, shown, reason, code } => {
            coded(yard, &code, |code| Act::Bypass { task, word: bypass::Word::Open { shown, reason, code } }).await
        }
        Request::BypassAnswer { task, note } => outcome(yard.ask(Actor::Owner, Act::Bypass { task, word: bypass::Word::Answer { note } }).await),
        Request::DeployShow { task } => deploy::show(yard, task).await,
        Request::Deploy { task, word } => deploy::say(yard, task, word).await,
        Request::KeyRevoke { seat, reason } => keys::revoke(yard, seat, reason).await,
        Request::KeyRotate { seat } => keys::rotate(yard, seat).await,
        Request::AuditOpen => match crate::supervisor::audit::open(yard).await {
            Ok(_) => said("the epoch's secret is open: orchestrate bundle FILE, then orchestrate audit draw EPOCH --bundle FILE"),
            Err(denied) => denial(denied),
        },
        Request::Deliver => match home::deliver(yard).await {
            Ok(home) => said(format!("{}: {}", home.branch, home.outcome)),
            Err(denied) => denial(denied),
        },
        Request::Recharter { alone } => recharter(yard, alone).await,
        Request::ConfigShow => page(config(yard).await),
        Request::TotpShow => totp(yard).await,
        Request::TotpReset { code } => taken(yard, Act::ResetCodes { code: yard.keys.recovery.find(&code) }).await,
        Request::Ledger { from, most, wait } => page(record::entries(yard, from, most, wait).await),
        Request::Dashboard { since, wait } => page(record::dashboard(yard, since, wait).await),
        Request::LedgerVerify => record::verify(yard).await,
        Request::Report { about, date, zone } => report::answer(yard, report::Wanted { about, date, zone }).await,
        Request::ReportMail { about, date, zone } => report::mail(yard, report::Wanted { about, date, zone }).await,
        Request::LedgerProve { seq } => record::prove(yard, seq).await,
        Request::Metrics => page(crate::supervisor::metrics::text(yard).await.map(|text| Note { text })),
        Request::Witnessed { note } => record::witnessed(yard, note).await,
        Request::LedgerSeal { before, path } => archive::seal(yard, &before, PathBuf::from(path)).await,
        Request::LedgerUnseal { path, plain } => archive::unseal(yard, PathBuf::from(path), plain.map(PathBuf::from)).await,
        Request::LedgerSince { old, new } => record::since(yard, old, new).await,
        Request::Checkpoint => page(record::checkpoint(yard).await.map(|(_, text)| Note { text })),
        Request::Bundle { path } => page(record::export(yard, PathBuf::from(path)).await),
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

async fn page_of_bypass(yard: &Arc<Yard>, task: TaskId) -> Response {
    let none = Refusal::new("not-measured", format!("nothing of {task} is measured"), format!("orchestrate task show {task}"));
    shown(yard, || none, move |state, _| crate::view::bypass(state, &task)).await
}

/// The owner was asked for what was never wished for.
pub(super) async fn fraud(yard: &Arc<Yard>, task: TaskId) -> Response {
    match yard.ask(Actor::Owner, Act::Fraud { task }).await {
        Ok(_) => said("the workshop is frozen: look at what led to the question, then orchestrate thaw"),
        Err(denied) => denial(denied),
    }
}

/// Compares a code with the secret that counts now.
pub(super) async fn coded(yard: &Arc<Yard>, code: &str, act: impl FnOnce(Option<u64>) -> Act) -> Response {
    match yard.see(|state, _| state.codes.generation).await {
        Ok(generation) => taken(yard, act(yard.keys.step(generation, yard.clock.wall(), code))).await,
        Err(failure) => Response::Failed(failure),
    }
}

/// A wrong code is recorded and answered as such.
async fn taken(yard: &Arc<Yard>, act: Act) -> Response {
    use crate::domain::confirm::Event as Confirm;
    match yard.ask(Actor::Owner, act).await {
        Ok(entries) => {
            let accepted = !entries.iter().any(|entry| matches!(entry.event, Event::Confirm(Confirm::Missed)));
            page(yard.see(move |state, _| CodeTaken { accepted, missed: state.codes.missed }).await)
        }
        Err(denied) => denial(denied),
    }
}

async fn recharter(yard: &Arc<Yard>, alone: bool) -> Response {
    match charter_of(&yard.place) {
        Err(failure) => Response::Failed(failure),
        Ok((charter, _)) => match yard.ask(Actor::Owner, Act::Recharter { charter: charter.canonical(), alone }).await {
            Ok(entries) if entries.is_empty() => said("the charter in force is the same already"),
            Ok(entries) if entries.iter().any(|entry| matches!(entry.event, Event::Motion(motion::Event::Moved { .. }))) => {
                let why = format!("those who have a voice in the charter {} are asked", charter.digest().short());
                Response::Refused(Refusal::new("not-agreed", why, adoption::ASKED))
            }
            Ok(_) => said(format!("the charter {} is in force; words given under the old one are void", charter.digest().short())),
            Err(denied) => denial(denied),
        },
    }
}

/// The secret and the recovery codes are shown until a code made from it has been used once.
async fn totp(yard: &Arc<Yard>) -> Response {
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

/// The charter in force, for people, with where each value comes from.
async fn config(yard: &Arc<Yard>) -> Result<Config, Failure> {
    let policy = yard.see(|state, _| state.policy.clone()).await?;
    let (charter, origins) = charter_of(&yard.place)?;
    let lines: Vec<String> = origins.iter().map(|origin| format!("{} = {}   # {}", origin.key, origin.value, origin.from)).collect();
    let note = if charter.digest() == policy { "" } else { "# differs from the charter in force: orchestrate config adopt\n" };
    let folder = crate::supervisor::place::config().map(|folder| folder.display().to_string()).unwrap_or_default();
    Ok(Config { policy, folder, text: format!("{note}{}\n", lines.join("\n")) })
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
    // It stops all the same, such as on a full disk; then the record does not say so, and the next start tells it.
    let unsaid = match outcome(stopped) {
        Response::Done(_) => String::new(),
        Response::Failed(failure) => format!("; that it was stopped is not on record: {failure}"),
        other => return other,
    };
    done(json!({"outcome": format!("the workshop is stopped; work, mail and ledger stay{unsaid}"), "pid": pid}))
}
