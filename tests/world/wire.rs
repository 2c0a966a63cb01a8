//! The sockets as anyone may speak to them, well or badly.

use super::DEADLINE;
use orchestrate::domain::entry::Entry;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// An answer: the HTTP status and the body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The refusal's code, or what else it was.
    pub fn code(&self) -> String {
        self.body["refused"]["code"].as_str().map_or_else(|| format!("{} {}", self.status, self.body), str::to_owned)
    }
}

/// Connects, with a deadline on every read.
pub fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap_or_else(|why| panic!("{}: {why}", socket.display()));
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Says these bytes and listens to the end; a socket that hangs up early has said all.
pub fn say(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(socket);
    let mut heard = Vec::new();
    match stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write)) {
        Ok(()) | Err(_) => stream.read_to_end(&mut heard).map_or(heard.clone(), |_| heard),
    }
}

/// One `POST /v1/call` with this body, whatever it is.
pub fn post(socket: &Path, body: &[u8]) -> Answer {
    let head = format!("POST /v1/call HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let heard = exchange(socket, &[head.as_bytes(), body].concat());
    let text = String::from_utf8_lossy(&heard);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    Answer { status, body: serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())) }
}

fn exchange(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(socket);
    let (sent, mut heard) = (stream.write_all(bytes), Vec::new());
    let read = stream.read_to_end(&mut heard);
    assert!(sent.is_ok() || read.is_ok() || !heard.is_empty(), "{sent:?} {read:?}");
    heard
}

pub fn ask(socket: &Path, request: &Value) -> Answer {
    post(socket, request.to_string().as_bytes())
}

/// The ledger's length and its entries from a position on; with `wait` seconds, the next ones that come.
pub fn page(state: &Path, from: u64, wait: u32) -> (u64, Vec<Entry>) {
    let answer = ask(&state.join("run/owner.sock"), &json!({"ledger": {"from": from, "most": 2000, "wait": wait}}));
    let page = &answer.body["done"];
    let len = page["len"].as_u64().unwrap_or_else(|| panic!("no ledger: {answer:?}"));
    let entries = page["entries"].as_array().unwrap().iter();
    (len, entries.map(|text| Entry::parse(text.as_str().unwrap().as_bytes()).unwrap()).collect())
}
