//! What each request means: a look at the state, or a command to the loop.

mod deploy;
mod keys;
mod lock;
mod mail;
pub(super) mod owner;
mod push;
pub(super) mod record;
mod work;

pub use work::complete;

use super::drive::{Denied, Outcome};
use super::protocol::{Request, Response};
use super::serve::Door;
use super::yard::Yard;
use crate::domain::command::Act;
use crate::domain::failure::Failure;
use crate::domain::planted;
use crate::domain::refusal::Refusal;
use crate::domain::state::State;
use crate::ledger::Ledger;
use serde::Serialize;
use crate::view::answer::Outcome as Spoken;
use serde_json::Value;
use std::sync::Arc;

/// Answers one request of one socket.
pub async fn answer(yard: &Arc<Yard>, door: &Door, request: Request) -> Response {
    greet(yard, door).await;
    if let Some(verb) = not_offered(door, &request) {
        return trespass(yard, door, verb).await;
    }
    let actor = door.actor();
    match request {
        Request::Whoami
        | Request::Status
        | Request::TaskList
        | Request::TaskShow { .. }
        | Request::GateShow { .. }
        | Request::ReviewList
        | Request::Certificates
        | Request::ReviewShow { .. }
        | Request::GateWait { .. } => work::read(yard, actor, request).await,
        Request::Inbox { .. } | Request::MailRead { .. } | Request::MailAck { .. } | Request::MailWait { .. } | Request::MailSend { .. } => {
            mail::answer(yard, actor, request).await
        }
        Request::LockList | Request::LockWhy { .. } | Request::EditMay { .. } | Request::LockAcquire { .. } | Request::LockRelease { .. } => {
            lock::answer(yard, actor, request).await
        }
        Request::MotionList => work::read(yard, actor, request).await,
        Request::TaskOpen { .. }
        | Request::TaskTake { .. }
        | Request::TaskRelease { .. }
        | Request::TaskSubmit { .. }
        | Request::TaskRetry { .. }
        | Request::TaskVeto { .. }
        | Request::ReviewDecide { .. }
        | Request::ReviewWithdraw { .. }
        | Request::ReviewCosign { .. }
        | Request::BypassSign { .. } | Request::BypassReview { .. }
        | Request::MotionOpen { .. }
        | Request::MotionVote { .. }
        | Request::Sign { .. }
        | Request::VerifySignature { .. }
        | Request::Hook { .. }
        | Request::Freeze { .. }
        | Request::ThawAgree => work::act(yard, actor, request).await,
        Request::PreReceive { .. } | Request::ProcReceive { .. } => push::answer(yard, request).await,
        Request::TaskConfirm { .. }
        | Request::Thaw { .. }
        | Request::BypassShow { .. } | Request::BypassOpen { .. } | Request::BypassAnswer { .. }
        | Request::DeployShow { .. } | Request::Deploy { .. }
        | Request::KeyRevoke { .. }
        | Request::KeyRotate { .. }
        | Request::AuditOpen
        | Request::Deliver
        | Request::Recharter { .. }
        | Request::ConfigShow
        | Request::TotpShow
        | Request::TotpReset { .. }
        | Request::Ledger { .. }
        | Request::Dashboard { .. }
        | Request::Metrics
        | Request::Witnessed { .. } | Request::LedgerSeal { .. } | Request::LedgerUnseal { .. }
        | Request::LedgerVerify
        | Request::Report { .. }
        | Request::ReportMail { .. }
        | Request::Bundle { .. }
        | Request::LedgerProve { .. } | Request::LedgerSince { .. } | Request::Checkpoint
        | Request::Attach { .. }
        | Request::Resume
        | Request::Credential { .. }
        | Request::Down => owner::answer(yard, request).await,
    }
}

/// The first word of an instance through its own socket is its answer to the start.
async fn greet(yard: &Arc<Yard>, door: &Door) {
    let Door::Seat(seat) = door else { return };
    // Met first and asked then: a new instance that is expected between the two is answered for, never passed over.
    if !yard.meet(seat) {
        return;
    }
    if let Err(Denied::Failed(failure)) = yard.ask(door.actor(), Act::Answer).await {
        yard.expect(seat);
        eprintln!("orchestrate: {failure}");
    }
}

/// Requests belong to sockets: the owner's to the owner's, the hooks' to the hooks'.
fn not_offered(door: &Door, request: &Request) -> Option<&'static str> {
    let owners = owner::verb(request);
    let hooks = matches!(request, Request::PreReceive { .. } | Request::ProcReceive { .. });
    match door {
        Door::Hook => (!hooks).then_some("hook"),
        Door::Owner => hooks.then_some("receive"),
        Door::Seat(_) if hooks => Some("receive"),
        Door::Seat(_) if planted::out("owner-requests") => None,
        Door::Seat(_) => owners,
    }
}

async fn trespass(yard: &Arc<Yard>, door: &Door, verb: &str) -> Response {
    let why = format!("{verb} is not offered on this socket: it is not for {}", door.actor());
    let refusal = Refusal::new("not-offered", why, "orchestrate --help");
    outcome(yard.ask(door.actor(), Act::Trespass { verb: verb.to_owned(), refusal }).await)
}

/// A command's outcome as an answer: the entries it left.
pub fn outcome(outcome: Outcome) -> Response {
    match outcome {
        Ok(entries) => said(match entries.as_slice() {
            [] => "nothing to change: it is so already".to_owned(),
            [first, ..] => format!("done, recorded as entry {}", first.seq),
        }),
        Err(denied) => denial(denied),
    }
}

pub fn denial(denied: Denied) -> Response {
    match denied {
        Denied::Refused(refusal) => Response::Refused(refusal),
        Denied::Failed(failure) => Response::Failed(failure),
    }
}

/// A page as an answer.
pub fn page(page: Result<impl Serialize, Failure>) -> Response {
    match page.map(serde_json::to_value) {
        Ok(Ok(value)) => Response::Done(value),
        Ok(Err(why)) => Response::Bug(format!("BUG: a page cannot be written: {why}")),
        Err(failure) => Response::Failed(failure),
    }
}

/// Shows a page made from the state; `None` becomes the refusal.
pub async fn shown<T: Serialize + Send + 'static>(
    yard: &Yard,
    otherwise: impl FnOnce() -> Refusal + Send,
    look: impl FnOnce(&State, &dyn Ledger) -> Option<T> + Send + 'static,
) -> Response {
    match yard.see(look).await {
        Ok(Some(found)) => page(Ok(found)),
        Ok(None) => Response::Refused(otherwise()),
        Err(failure) => Response::Failed(failure),
    }
}

/// An answer that is one sentence.
pub fn said(sentence: impl Into<String>) -> Response {
    page(Ok(Spoken { outcome: sentence.into() }))
}

/// A small answer by hand.
pub fn done(value: Value) -> Response {
    Response::Done(value)
}
