//! The way to the model's API: a seat speaks plain HTTP with a dummy key, and the owner's credential is put in out here.

use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::freeze::Freeze;
use crate::domain::name::SeatName;
use crate::domain::policy::Agent;
use crate::domain::refusal::Refusal;
use crate::domain::spend::{self, Terms, Used};
use crate::domain::state::State;
use crate::edge::upstream::{Body, whole};
use crate::ledger::Ledger;
use crate::supervisor::drive::Denied;
use crate::supervisor::relay::meter::Kept;
use crate::supervisor::relay::usage::{Said, tapped};
use crate::supervisor::seats::pulse::Met;
use crate::supervisor::serve;
use crate::supervisor::yard::Yard;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Connections that one seat may have open at once; more wait.
const AT_ONCE: usize = 64;
/// A client that does not finish its request's head in this time is cut off.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest request body; the API's own limit.
const MOST_BODY: usize = 32 << 20;
/// The longest path with its query.
const MOST_PATH: usize = 2048;
/// What a client may say in its head; everything else stays here, and with it every credential that is not the owner's.
const HEADERS: [HeaderName; 4] =
    [header::ACCEPT, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::USER_AGENT];
const PREFIXES: [&str; 4] = ["anthropic-", "x-stainless-", "x-claude-", "x-app"];
/// What of an answer's head belongs to the connection outside, or is for a browser.
const HELD_BACK: [&str; 8] =
    ["connection", "keep-alive", "transfer-encoding", "upgrade", "trailer", "set-cookie", "proxy-authenticate", "proxy-connection"];

/// Why a request stays here, as the API itself would say it.
struct No {
    status: StatusCode,
    kind: &'static str,
    refusal: Refusal,
    /// Seconds to wait.
    wait: Option<u64>,
}

impl No {
    fn new(status: StatusCode, kind: &'static str, refusal: Refusal) -> Self {
        Self { status, kind, refusal, wait: None }
    }

    fn forbidden(refusal: Refusal) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", refusal)
    }
}

/// Serves one seat's API socket.
pub fn listen(yard: &Arc<Yard>, seat: &SeatName, listener: UnixListener) {
    let (yard, seat, room) = (Arc::clone(yard), seat.clone(), Arc::new(Semaphore::new(AT_ONCE)));
    tokio::spawn(async move {
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let Some(stream) = serve::next(&yard, &listener).await else { continue };
            let (yard, seat) = (Arc::clone(&yard), seat.clone());
            tokio::spawn(async move {
                serve(&yard, &seat, stream).await;
                drop(permit);
            });
        }
    });
}

/// One connection; a client that breaks it off has only itself to blame.
async fn serve(yard: &Arc<Yard>, seat: &SeatName, stream: UnixStream) {
    let begins = yard.freeze_begins();
    let stranger = serve::refused(yard, seat, &stream).await;
    let stranger = stranger.as_ref();
    let service = service_fn(|request| async move {
        let said = match stranger {
            Some(refusal) => told(No::forbidden(refusal.clone())),
            None => answer(yard, seat, request).await,
        };
        Ok::<_, Infallible>(said)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    let served = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).serve_connection(TokioIo::new(stream), service);
    // A freeze cuts off what is under way; who asks again is told why there is no answer.
    tokio::select! {
        () = begins => {}
        ended = served => drop(ended),
    }
}

async fn answer(yard: &Arc<Yard>, seat: &SeatName, request: Request<Incoming>) -> Response<Body> {
    // The client looks whether anybody is there.
    if request.method() == Method::HEAD && request.uri().path() == "/" {
        return Response::new(whole(""));
    }
    match ask(yard, seat, request).await {
        Ok(answer) => answer,
        Err(no) => refuse(yard, seat, no).await,
    }
}

async fn ask(yard: &Arc<Yard>, seat: &SeatName, request: Request<Incoming>) -> Result<Response<Body>, No> {
    let (terms, spending) = allowed(yard, seat, &request).await?;
    let asking = yard.moods.asks(seat, yard.clock.now());
    let Some(credential) = yard.credential() else {
        asking.met(yard.clock.now(), Met::Locked);
        return Err(locked());
    };
    let upstream = yard.upstream(&terms.upstream).map_err(unreachable)?;
    match yard.meter.take(seat, yard.clock.now(), &terms.requests) {
        Ok(0) => {}
        Ok(held) => {
            turn(yard, held).await?;
            allowed(yard, seat, &request).await?;
        }
        Err(left) => {
            yard.moods.limited(seat, true);
            return Err(spent(left));
        }
    }
    record(yard, seat, false).await;
    let answer = upstream.send(&credential, outgoing(request)).await;
    asking.met(yard.clock.now(), answer.as_ref().map_or(Met::Unreachable, |answer| Met::Status(answer.status().as_u16())));
    let answer = answer.map_err(unreachable)?;
    // Too many requests, or an API that has more than it can do.
    yard.moods.limited(seat, matches!(answer.status().as_u16(), 429 | 529));
    let (here, who) = (Arc::clone(yard), seat.clone());
    let (there, whose) = (Arc::clone(yard), seat.clone());
    let stir = move || there.moods.stir(&whose, there.clock.now());
    Ok(incoming(answer).map(|body| tapped(body, stir, move |said, used| take(here, who, &spending, &said, used))))
}

/// Whether the charter lets this request out now: its path, no freeze, and no limit that is reached.
async fn allowed(yard: &Yard, seat: &SeatName, request: &Request<Incoming>) -> Result<(Agent, Terms), No> {
    let (who, now) = (seat.clone(), yard.clock.now());
    let look = move |state: &State, _: &dyn Ledger| {
        let policy = &state.charter().policy;
        (state.frozen.clone(), policy.agent.clone(), policy.spending.clone(), spend::open(state, &who, now.max(state.now)))
    };
    let (frozen, terms, spending, within) = yard.see(look).await.map_err(unreachable)?;
    judge(&terms, frozen.as_ref(), request.method(), request.uri())?;
    within.map_err(No::forbidden)?;
    Ok((terms, spending))
}

/// Holds a request until its turn has come; where the workshop ends before, it stays here.
async fn turn(yard: &Yard, held: Millis) -> Result<(), No> {
    let mut stop = yard.stop.subscribe();
    match tokio::time::timeout(Duration::from_millis(held), stop.wait_for(|stop| *stop)).await {
        Ok(_) => Err(ends()),
        Err(_) => Ok(()),
    }
}

/// Counts what an answer used, when it is over. Where the owner set a limit each answer is recorded at once.
fn take(yard: Arc<Yard>, seat: SeatName, terms: &Terms, said: &Said, used: Used) {
    if used.is_nothing() {
        return;
    }
    yard.meter.use_up(&seat, yard.clock.now(), &said.message, &terms.priced(&said.model, used));
    if let (true, Ok(runtime)) = (terms.limited(), tokio::runtime::Handle::try_current()) {
        runtime.spawn(async move { record(&yard, &seat, true).await });
    }
}

/// What may leave: the API's own paths that the owner offers, in plain spelling, and not while frozen.
fn judge(terms: &Agent, frozen: Option<&Freeze>, method: &Method, uri: &Uri) -> Result<(), No> {
    const HINT: &str = "orchestrate config show";
    let path = uri.path();
    let plain =
        path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.:".contains(&byte)) && !path.contains("..") && !path.contains("//");
    let long = path.len() + uri.query().map_or(0, str::len) > MOST_PATH;
    let offered = matches!(*method, Method::GET | Method::POST | Method::HEAD) && path.starts_with("/v1/") && terms.offers(path);
    if uri.authority().is_some() || !plain || long || !offered {
        let shown: String = path.chars().take(100).collect();
        return Err(No::forbidden(Refusal::new(
            "relay-path",
            format!("the relay does not offer {method} {}", shown.escape_default()),
            HINT,
        )));
    }
    freeze_of(frozen).map_or(Ok(()), |refusal| Err(No::forbidden(refusal)))
}

fn freeze_of(frozen: Option<&Freeze>) -> Option<Refusal> {
    let why = |freeze: &Freeze| format!("the workshop was frozen by {}: {}", freeze.by, freeze.reason);
    frozen.map(|freeze| Refusal::new("frozen", why(freeze), "orchestrate status"))
}

fn locked() -> No {
    let why = "the relay has no credential: the owner has to start the workshop with one".to_owned();
    let refusal = Refusal::new("no-credential", why, "orchestrate bootstrap   (by the owner, with ANTHROPIC_API_KEY set)");
    No::new(StatusCode::UNAUTHORIZED, "authentication_error", refusal)
}

fn ends() -> No {
    let refusal = Refusal::new("shutting-down", "the workshop ended while this request waited for its turn".to_owned(), "orchestrate status");
    No::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded_error", refusal)
}

fn spent(left: u64) -> No {
    let seconds = left.div_ceil(1000);
    let refusal = Refusal::new("over-budget", format!("this seat asks the model too often; retry after {seconds} s"), "orchestrate status");
    No { wait: Some(seconds), ..No::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", refusal) }
}

fn unreachable(failure: Failure) -> No {
    let refusal = Refusal::new("no-upstream", failure.to_string(), failure.hint);
    No::new(StatusCode::BAD_GATEWAY, "api_error", refusal)
}

/// The request as it goes out: path and query, the headers that are let through, the body as it comes.
fn outgoing(request: Request<Incoming>) -> Request<Body> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY).boxed_unsync();
    let mut out = Request::new(body);
    *out.method_mut() = head.method;
    *out.uri_mut() = head.uri;
    let headers =
        kept(&head.headers, |name| HEADERS.contains(name) || PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)));
    *out.headers_mut() = headers;
    // Its figures are read as they pass.
    out.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    out
}

/// The answer as it goes in, as it comes.
fn incoming(answer: Response<Incoming>) -> Response<Body> {
    let (head, body) = answer.into_parts();
    let mut inside = Response::new(body.map_err(Into::into).boxed_unsync());
    *inside.status_mut() = head.status;
    *inside.headers_mut() = kept(&head.headers, |name| !HELD_BACK.contains(&name.as_str()));
    inside
}

fn kept(headers: &HeaderMap, keep: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    headers.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Answers as the API would; a refusal is an entry.
async fn refuse(yard: &Arc<Yard>, seat: &SeatName, no: No) -> Response<Body> {
    let ours = no.kind != "api_error";
    if ours {
        note(yard, seat, &no.refusal).await;
    } else {
        eprintln!("orchestrate: relay: {seat}: {}", no.refusal.why);
    }
    told(no)
}

/// Puts a refusal on record, the same one of a seat once a minute.
pub async fn note(yard: &Arc<Yard>, seat: &SeatName, refusal: &Refusal) {
    if yard.meter.refuse(seat, yard.clock.now(), &refusal.code) {
        let act = Act::Trespass { verb: "relay".to_owned(), refusal: refusal.clone() };
        if let Err(Denied::Failed(failure)) = yard.ask(Actor::Seat(seat.clone()), act).await {
            eprintln!("orchestrate: relay: {failure}");
        }
    }
}

fn told(no: No) -> Response<Body> {
    let ours = no.kind != "api_error";
    let words = format!("orchestrate: {} [{}]; {}", no.refusal.why, no.refusal.code, no.refusal.hint);
    let body = json!({"type": "error", "error": {"type": no.kind, "message": words}}).to_string();
    let mut answer = Response::new(whole(body));
    *answer.status_mut() = no.status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = no.wait {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // What is refused here is refused again a moment later: the client is not to try by itself.
    if no.wait.is_none() && ours {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    answer
}

/// Writes down what was counted, when enough has come together.
pub async fn record(yard: &Arc<Yard>, seat: &SeatName, all: bool) {
    let Some((requests, refused, used, told)) = yard.meter.due(seat, yard.clock.now(), all) else { return };
    let kept = yard.meter.kept(seat);
    let act = Act::Relayed { seat: seat.clone(), requests, refused, used, told };
    let recorded = match yard.ask(Actor::Edge, act).await {
        Ok(_) => keep(yard, seat, &kept),
        Err(Denied::Failed(failure)) => Err(failure),
        Err(Denied::Refused(_)) => Ok(()),
    };
    if let Err(failure) = recorded {
        eprintln!("orchestrate: relay: {failure}");
    }
}

/// Writes down how far a seat's transcripts are counted in the record.
pub fn keep(yard: &Yard, seat: &SeatName, kept: &Kept) -> Result<(), Failure> {
    let path = yard.place.counted_of(seat);
    let (what, draft) = (format!("cannot write {}", path.display()), path.with_extension("new"));
    let text = serde_json::to_vec(kept).doing(&what)?;
    std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &path)).doing(what)
}

/// What was written down; nothing at the first start.
pub fn kept_of(yard: &Yard, seat: &SeatName) -> Option<Kept> {
    serde_json::from_slice(&std::fs::read(yard.place.counted_of(seat)).ok()?).ok()
}

/// Writes down everything that was counted, at the end.
pub async fn settle(yard: &Arc<Yard>) {
    for seat in yard.meter.seats() {
        record(yard, &seat, true).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Agent {
        serde_json::from_value(json!({"command": "claude", "hosts": []})).unwrap()
    }

    fn code(method: &str, uri: &str) -> Option<String> {
        let uri: Uri = uri.parse().unwrap();
        judge(&terms(), None, &method.parse().unwrap(), &uri).err().map(|no| no.refusal.code)
    }

    #[test]
    fn what_the_owner_offers_passes() {
        for uri in ["/v1/messages", "/v1/messages?beta=true", "/v1/messages/count_tokens", "/v1/models", "/v1/models/claude-x.1"] {
            assert_eq!(code("POST", uri), None, "{uri}");
        }
        assert_eq!(code("GET", "/v1/models"), None);
    }

    #[test]
    fn nothing_else_leaves() {
        for uri in [
            "/",
            "/v1",
            "/v1/",
            "/v2/messages",
            "/v1/files",
            "/v1/messages/batches",
            "/v1/organizations/x",
            "/v1/models/",
            "/v1/models/../files",
            "/v1/models//x",
            "/v1/models/%2e%2e/files",
            "http://evil.example/v1/messages",
            "/V1/messages",
        ] {
            assert_eq!(code("POST", uri).as_deref(), Some("relay-path"), "{uri}");
        }
        for method in ["DELETE", "PUT", "PATCH", "CONNECT", "TRACE", "OPTIONS"] {
            assert_eq!(code(method, "/v1/messages").as_deref(), Some("relay-path"), "{method}");
        }
        let freeze = Freeze { by: Actor::Owner, since: 0, reason: "x".to_owned(), seq: 0, agreed: Default::default() };
        let no = judge(&terms(), Some(&freeze), &Method::POST, &Uri::from_static("/v1/messages")).err().unwrap();
        assert_eq!((no.refusal.code.as_str(), no.status), ("frozen", StatusCode::FORBIDDEN));
    }

    #[test]
    fn a_seats_own_credentials_and_the_connections_words_stay_inside() {
        let mut request = HeaderMap::new();
        for name in [
            "authorization",
            "x-api-key",
            "cookie",
            "host",
            "connection",
            "transfer-encoding",
            "forwarded",
            "x-forwarded-for",
            "te",
            "expect",
        ] {
            request.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        let keep = |name: &HeaderName| HEADERS.contains(name) || PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
        assert!(kept(&request, keep).is_empty());
    }
}
