//! The sockets: HTTP and JSON for words, raw bytes for git, CONNECT for the network.

pub mod kin;

use super::answer;
use super::drive::Denied;
use super::protocol::{API_SOCKET, GIT_SOCKET, HOOK_SOCKET, MOST_BYTES, OWNER_SOCKET, RELAY_SOCKET, Request, Response, SEAT_SOCKET};
use super::relay;
use super::yard::{Yard, blocking};
use crate::domain::actor::Actor;
use crate::domain::command::Act;
use crate::domain::failure::{Doing, Failure};
use crate::domain::name::{RefName, SeatName};
use crate::domain::refusal::Refusal;
use crate::edge::chance;
use crate::edge::git::{Conversation, Limits, Service, serve};
use crate::edge::sandbox::give;
use crate::edge::upstream::{Body, whole};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Conversations with git that one seat may have at once.
const GIT_AT_ONCE: usize = 4;
/// Connections for words that one socket serves at once; more wait their turn.
const WORDS_AT_ONCE: usize = 256;
/// A client that has not said what it wants after this time is cut off.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the owner's socket has the workshop's figures.
pub const METRICS: &str = "/metrics";
/// The longest first line of a git conversation.
const FIRST_LINE: usize = 120;
/// How long nothing is taken after the kernel had no descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// Which socket a request came through: this, and nothing it says, is who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    Owner,
    Seat(SeatName),
    /// The gate repository's own hooks.
    Hook,
}

struct Here {
    yard: Arc<Yard>,
    door: Door,
}

/// Opens the owner's and the hooks' sockets.
pub fn open_house(yard: &Arc<Yard>) -> Result<(), Failure> {
    listen(yard, &yard.place.join(OWNER_SOCKET), Door::Owner)?;
    listen(yard, &yard.place.join(HOOK_SOCKET), Door::Hook)
}

/// Opens a seat's sockets, in its own folder.
pub fn open_seat(yard: &Arc<Yard>, seat: &SeatName) -> Result<(), Failure> {
    let folder = yard.place.sockets_of(seat);
    if yard.users.is_empty() { super::place::make_private(&folder)? } else { super::place::make_seats_own(&folder)? }
    listen(yard, &folder.join(SEAT_SOCKET), Door::Seat(seat.clone()))?;
    listen_git(yard, &folder.join(GIT_SOCKET), seat)?;
    relay::listen(yard, seat, bind(&folder.join(RELAY_SOCKET))?);
    relay::api::listen(yard, seat, bind(&folder.join(API_SOCKET))?);
    if let Some(user) = yard.users.get(seat) {
        give(&folder, *user, 1)?;
    }
    Ok(())
}

/// Binds a socket path anew; a socket left behind by a supervisor that died is replaced.
fn bind(path: &Path) -> Result<UnixListener, Failure> {
    let what = format!("cannot listen on {}", path.display());
    match std::fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(Failure::new(what, why)),
        Err(_) | Ok(()) => {}
    }
    UnixListener::bind(path).doing(what)
}

fn listen(yard: &Arc<Yard>, path: &Path, door: Door) -> Result<(), Failure> {
    let listener = bind(path)?;
    let (here, room) = (Arc::new(Here { yard: Arc::clone(yard), door }), Arc::new(Semaphore::new(WORDS_AT_ONCE)));
    tokio::spawn(async move {
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let Some(stream) = next(&here.yard, &listener).await else { continue };
            let here = Arc::clone(&here);
            tokio::spawn(async move {
                speak(&here, stream).await;
                drop(permit);
            });
        }
    });
    Ok(())
}

/// The next connection. Where there is no descriptor left for it, it waits in the kernel until some have gone.
pub async fn next(yard: &Yard, listener: &UnixListener) -> Option<UnixStream> {
    let why = match listener.accept().await {
        Ok((stream, _)) => return Some(stream),
        Err(why) => why,
    };
    let ended = tokio::time::timeout(BREATH, yard.stop.subscribe().changed()).await;
    eprintln!("orchestrate: a connection was not taken: {why}{}", if ended.is_ok() { "; the end has come" } else { "" });
    None
}

/// One connection; a client that breaks it off has only itself to blame.
async fn speak(here: &Here, stream: UnixStream) {
    let stranger = kin::stranger(&here.yard, &here.door, &stream).await;
    let stranger = stranger.as_ref();
    let service = service_fn(|request| async move { Ok::<_, Infallible>(hear(here, stranger, request).await) });
    let mut http = hyper::server::conn::http1::Builder::new();
    let served = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).serve_connection(TokioIo::new(stream), service).await;
    drop(served);
}

async fn hear(here: &Here, stranger: Option<&(Actor, Refusal)>, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
    if here.door == Door::Owner && request.method() == Method::GET && request.uri().path() == METRICS {
        return super::metrics::page(&here.yard).await;
    }
    let response = match body(request).await {
        Err(status) => return plain(status),
        Ok(_) if stranger.is_some() => turn_away(&here.yard, stranger).await,
        Ok(body) => call(here, &body).await,
    };
    let status = match &response {
        Response::Done(_) => StatusCode::OK,
        Response::Refused(_) => StatusCode::FORBIDDEN,
        Response::Failed(_) => StatusCode::BAD_GATEWAY,
        Response::Bug(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let Ok(bytes) = serde_json::to_vec(&response) else { return plain(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut said = hyper::Response::new(whole(bytes));
    *said.status_mut() = status;
    said.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    said
}

/// What was said, where it was said in the one way there is, in time, and at bearable length.
async fn body(request: hyper::Request<Incoming>) -> Result<Bytes, StatusCode> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/call") => {}
        (_, "/v1/call") => return Err(StatusCode::METHOD_NOT_ALLOWED),
        _ => return Err(StatusCode::NOT_FOUND),
    }
    let body = Limited::new(request.into_body(), MOST_BYTES).collect();
    let read = tokio::time::timeout(PATIENCE, body).await.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    read.map(http_body_util::Collected::to_bytes).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

pub fn plain(status: StatusCode) -> hyper::Response<Body> {
    let mut said = hyper::Response::new(whole(""));
    *said.status_mut() = status;
    said
}

async fn call(here: &Here, body: &[u8]) -> Response {
    match serde_json::from_slice::<Request>(body) {
        Ok(request) => answer::answer(&here.yard, &here.door, request).await,
        Err(why) => malformed(here, &why).await,
    }
}

/// Somebody else's process speaks through this socket: it is refused, and recorded like every attempt.
async fn turn_away(yard: &Arc<Yard>, stranger: Option<&(Actor, Refusal)>) -> Response {
    let Some((actor, refusal)) = stranger.cloned() else { return Response::Bug("nobody is turned away".to_owned()) };
    answer::outcome(yard.ask(actor, Act::Trespass { verb: "connect".to_owned(), refusal }).await)
}

/// Refuses and records a connection that is no request for words; says what to tell its client.
pub async fn refused(yard: &Arc<Yard>, seat: &SeatName, stream: &UnixStream) -> Option<Refusal> {
    let found = kin::stranger(yard, &Door::Seat(seat.clone()), stream).await?;
    if let Response::Failed(failure) = turn_away(yard, Some(&found)).await {
        eprintln!("orchestrate: {seat}: {failure}");
    }
    Some(found.1)
}

/// What cannot be read is refused, and recorded like every attempt.
async fn malformed(here: &Here, why: &serde_json::Error) -> Response {
    let refusal = Refusal::new("malformed", format!("the request cannot be read: {why}"), "orchestrate --help");
    let act = Act::Trespass { verb: "malformed".to_owned(), refusal };
    answer::outcome(here.yard.ask(here.door.actor(), act).await)
}

impl Door {
    pub fn actor(&self) -> Actor {
        match self {
            Self::Owner => Actor::Owner,
            Self::Seat(seat) => Actor::Seat(seat.clone()),
            Self::Hook => Actor::Edge,
        }
    }
}

fn listen_git(yard: &Arc<Yard>, path: &Path, seat: &SeatName) -> Result<(), Failure> {
    let listener = bind(path)?;
    let (yard, seat, room) = (Arc::clone(yard), seat.clone(), Arc::new(Semaphore::new(GIT_AT_ONCE)));
    tokio::spawn(async move {
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            let Some(stream) = next(&yard, &listener).await else { continue };
            let (yard, seat) = (Arc::clone(&yard), seat.clone());
            tokio::spawn(async move {
                if let Err(failure) = converse(&yard, &seat, stream).await {
                    eprintln!("orchestrate: {seat}: {failure}");
                }
                drop(permit);
            });
        }
    });
    Ok(())
}

/// One conversation: the first line says which service, then git has the socket.
async fn converse(yard: &Arc<Yard>, seat: &SeatName, mut stream: UnixStream) -> Result<(), Failure> {
    let line = tokio::time::timeout(PATIENCE, first_line(&mut stream)).await.doing("a git client said nothing")??;
    let mut words = line.split(' ');
    let service = match words.next() {
        Some("git-upload-pack") => Service::Upload,
        Some("git-receive-pack") => Service::Receive,
        _ => return Err(Failure::new("a git client asked for something else", line.escape_default())),
    };
    if let Some(refusal) = refused(yard, seat, &stream).await {
        return say_no(&mut stream, &refusal.why, &refusal.code).await;
    }
    let protocol = words.next().filter(|word| *word == "version=2").map(str::to_owned);
    let push = hex::encode(chance::bytes::<16>()?);
    let guard = yard.enter_push(&push, seat);
    let frozen = yard.see(|state, _| state.frozen.clone()).await?;
    if let (Some(freeze), Service::Receive) = (&frozen, &service) {
        let words = format!("frozen by {}: {}", freeze.by, freeze.reason);
        return say_no(&mut stream, &words, "frozen").await;
    }
    let named = push.clone();
    let socket = stream.into_std().doing("cannot take a socket")?;
    let (here, seat) = (Arc::clone(yard), seat.clone());
    blocking(move || {
        let env = [
            ("ORCHESTRATE_PUSH".to_owned(), push.clone()),
            ("ORCHESTRATE_HOOK_SOCKET".to_owned(), here.place.join(HOOK_SOCKET).to_string_lossy().into_owned()),
        ];
        let visible = visible(&seat)?;
        let hooks = here.place.join("hooks");
        let limits = Limits::default();
        let about = Conversation { service, protocol: protocol.as_deref(), hooks: &hooks, visible: &visible, env: &env, limits };
        serve(here.gate()?, &about, socket.into())?.wait()
    })
    .await?;
    drop(guard);
    forget(yard, named).await
}

/// A push that was accepted and never came to its move is dropped when its conversation ends.
async fn forget(yard: &Arc<Yard>, push: String) -> Result<(), Failure> {
    let wanted = push.clone();
    let left = yard.see(move |state, _| state.pushes.get(&wanted).is_some_and(|pending| !pending.landing)).await?;
    if !left {
        return Ok(());
    }
    let trouble = Some("the client left before its references could move".to_owned());
    match yard.ask(Actor::Edge, Act::Landed { push, trouble }).await {
        Err(Denied::Failed(failure)) => Err(failure),
        Ok(_) | Err(Denied::Refused(_)) => Ok(()),
    }
}

/// A seat sees the protected branch, its own branches, and every candidate under review.
pub fn visible(seat: &SeatName) -> Result<Vec<RefName>, Failure> {
    ["refs/gate/tasks".to_owned(), format!("refs/heads/{seat}")]
        .into_iter()
        .map(|name| RefName::new(name).doing("cannot name a folder of references"))
        .collect()
}

async fn first_line(stream: &mut UnixStream) -> Result<String, Failure> {
    let mut line = Vec::new();
    // One byte at a time: what follows the line belongs to git.
    let mut reader = BufReader::with_capacity(1, stream);
    while !line.ends_with(b"\n") {
        let seen = reader.read_until(b'\n', &mut line).await.doing("cannot read from a git client")?;
        if seen == 0 || line.len() > FIRST_LINE {
            return Err(Failure::new("a git client left", "no service was named"));
        }
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Tells a git client no in the way that it prints to the person in front of it.
async fn say_no(stream: &mut UnixStream, words: &str, code: &str) -> Result<(), Failure> {
    let text = format!("ERR orchestrate: refused: {words} [{code}]\n");
    let line = format!("{:04x}{text}", text.len() + 4);
    stream.write_all(line.as_bytes()).await.doing("cannot answer a git client")?;
    stream.shutdown().await.doing("cannot close a git client's socket")
}

