//! The sockets: HTTP and JSON for words, raw bytes for git, CONNECT for the network.

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
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Conversations with git that one seat may have at once.
const GIT_AT_ONCE: usize = 4;
/// A client that has not said what it wants after this time is cut off.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest first line of a git conversation.
const FIRST_LINE: usize = 120;

/// Which socket a request came through: this, and nothing it says, is who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    Owner,
    Seat(SeatName),
    /// The gate repository's own hooks.
    Hook,
}

#[derive(Clone)]
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
    super::place::make_private(&folder)?;
    listen(yard, &folder.join(SEAT_SOCKET), Door::Seat(seat.clone()))?;
    listen_git(yard, &folder.join(GIT_SOCKET), seat)?;
    relay::listen(yard, bind(&folder.join(RELAY_SOCKET))?);
    relay::api::listen(yard, seat, bind(&folder.join(API_SOCKET))?);
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
    let here = Here { yard: Arc::clone(yard), door };
    let routes = Router::new().route("/v1/call", post(call)).layer(DefaultBodyLimit::max(MOST_BYTES)).with_state(here);
    tokio::spawn(async move {
        if let Err(why) = axum::serve(listener, routes).await {
            eprintln!("orchestrate: a socket closed: {why}");
        }
    });
    Ok(())
}

async fn call(State(here): State<Here>, body: Bytes) -> HttpResponse {
    let response = match serde_json::from_slice::<Request>(&body) {
        Ok(request) => answer::answer(&here.yard, &here.door, request).await,
        Err(why) => malformed(&here, &why).await,
    };
    let status = match &response {
        Response::Done(_) => StatusCode::OK,
        Response::Refused(_) => StatusCode::FORBIDDEN,
        Response::Failed(_) => StatusCode::BAD_GATEWAY,
        Response::Bug(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    match serde_json::to_vec(&response) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why.to_string()).into_response(),
    }
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
        while let Ok((stream, _)) = listener.accept().await {
            let (yard, seat, room) = (Arc::clone(&yard), seat.clone(), Arc::clone(&room));
            tokio::spawn(async move {
                let permit = room.acquire_owned().await;
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
    let protocol = words.next().filter(|word| *word == "version=2").map(str::to_owned);
    let push = hex::encode(chance::bytes::<16>()?);
    let guard = yard.enter_push(&push, seat);
    let frozen = yard.see(|state, _| state.frozen.clone()).await?;
    if let (Some(freeze), Service::Receive) = (&frozen, &service) {
        let words = format!("frozen by {}: {}", freeze.by, freeze.reason);
        return say_no(&mut stream, &words).await;
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
        let mut child = serve(here.gate()?, &about, socket.into())?;
        child.wait().map(drop).doing("cannot wait for git")
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
async fn say_no(stream: &mut UnixStream, words: &str) -> Result<(), Failure> {
    let text = format!("ERR orchestrate: refused: {words} [frozen]\n");
    let line = format!("{:04x}{text}", text.len() + 4);
    stream.write_all(line.as_bytes()).await.doing("cannot answer a git client")?;
    stream.shutdown().await.doing("cannot close a git client's socket")
}

