//! What can be asked of the page, by whom, and what comes back.

use super::{Site, page};
use crate::domain::name::{Digest, TaskId};
use crate::interface::exit::Trouble;
use crate::supervisor::protocol::Request as Asked;
use crate::view::Dashboard;
use crate::view::answer::CodeTaken;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// How long a question for news waits for some, in seconds.
const WAIT: u32 = 20;

/// The files of the page itself: nothing in them is anybody's.
const FILES: [(&str, &str, &str); 3] = [
    ("/", HTML, include_str!("board.html")),
    ("/board.css", "text/css; charset=utf-8", include_str!("board.css")),
    ("/board.js", "text/javascript; charset=utf-8", include_str!("board.js")),
];

/// Answers one request.
pub fn answer(site: &Site, request: &Request<Bytes>) -> Response<String> {
    // A name that somebody else's server pointed here is not ours, whatever it asks for.
    if !is_local(request) {
        return plain(StatusCode::MISDIRECTED_REQUEST);
    }
    let path = request.uri().path();
    if let Some((_, kind, text)) = FILES.iter().find(|(name, ..)| *name == path) {
        return if request.method() == Method::GET { said(kind, (*text).to_owned()) } else { plain(StatusCode::METHOD_NOT_ALLOWED) };
    }
    if !site.knows(request) {
        return plain(StatusCode::UNAUTHORIZED);
    }
    let answered = match (request.method(), path) {
        (&Method::GET, "/board") => board(site, request.uri().query().unwrap_or_default()),
        (&Method::POST, "/act") => act(site, request.body()),
        (&Method::GET, _) if path.starts_with("/task/") => task(site, &path["/task/".len()..]),
        (_, "/board" | "/act") => return plain(StatusCode::METHOD_NOT_ALLOWED),
        _ => return plain(StatusCode::NOT_FOUND),
    };
    match answered {
        Ok(value) => said(JSON, value.to_string()),
        Err(trouble) => {
            let mut response = said(JSON, json!({"trouble": trouble.lines()}).to_string());
            *response.status_mut() = status(&trouble);
            response
        }
    }
}

impl Site {
    fn knows(&self, request: &Request<Bytes>) -> bool {
        let brought = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        brought.is_some_and(|key| Digest::of(key.as_bytes()) == self.key)
    }
}

/// Tells whether the reader's browser believes to speak with this machine itself.
fn is_local(request: &Request<Bytes>) -> bool {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = if host.starts_with('[') { host.split_inclusive(']').next() } else { host.split(':').next() };
    matches!(name, Some("localhost" | "[::1]"))
        || name.and_then(|name| name.parse().ok()).is_some_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
}

/// Everything at once, when there is more than `since=` entries, or after a while.
fn board(site: &Site, query: &str) -> Result<Value, Trouble> {
    let since = query.strip_prefix("since=").and_then(|number| number.parse().ok());
    let since: u64 = since.ok_or_else(|| Trouble::usage(format!("{query:?} is not since=NUMBER"), "/board?since=0"))?;
    let seen: Dashboard = site.client.read(&Asked::Dashboard { since, wait: if since == 0 { 0 } else { WAIT } })?;
    Ok(page::board(&seen))
}

fn task(site: &Site, name: &str) -> Result<Value, Trouble> {
    let task: TaskId = name.parse().map_err(|why| Trouble::usage(format!("{why}"), "/task/T1"))?;
    let told = (site.tell)(&task)?;
    Ok(json!({"task": task, "text": told.text, "confirm": told.confirm}))
}

/// Does what the owner asked for: what stops things, and what wants a code. All else is for the terminal.
fn act(site: &Site, body: &[u8]) -> Result<Value, Trouble> {
    let asked: Asked =
        serde_json::from_slice(body).map_err(|why| Trouble::usage(format!("this is no request: {why}"), "orchestrate --help"))?;
    if !matches!(asked, Asked::Freeze { .. } | Asked::Thaw { .. } | Asked::TaskVeto { .. } | Asked::TaskConfirm { .. }) {
        return Err(Trouble::usage("the page does not offer this", "orchestrate --help"));
    }
    let value = site.client.ask(&asked)?;
    match CodeTaken::of(&value) {
        Some(taken) if !taken.accepted => Err(taken.refusal().into()),
        Some(_) => Ok(json!({"outcome": "the code is taken"})),
        None => Ok(json!({"outcome": value.get("outcome").cloned().unwrap_or_else(|| "done".into())})),
    }
}

fn status(trouble: &Trouble) -> StatusCode {
    match trouble {
        Trouble::Refused(_) => StatusCode::FORBIDDEN,
        Trouble::Failed(_) | Trouble::Interrupted => StatusCode::BAD_GATEWAY,
        Trouble::Usage { .. } => StatusCode::BAD_REQUEST,
        Trouble::Bug(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A status with its own words.
pub fn plain(status: StatusCode) -> Response<String> {
    let mut response = said("text/plain; charset=utf-8", format!("{status}\n"));
    *response.status_mut() = status;
    response
}

fn said(kind: &'static str, text: String) -> Response<String> {
    let mut response = Response::new(text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
