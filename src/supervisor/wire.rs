//! One request over a unix socket, blocking: what a second start needs of the first one's supervisor.

use super::protocol::{Request, Response};
use crate::domain::failure::{Doing, Failure};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

pub fn call(socket: &Path, request: &Request) -> Result<Response, Failure> {
    const WHAT: &str = "cannot reach the supervisor";
    let body = serde_json::to_vec(request).doing(WHAT)?;
    let mut stream = UnixStream::connect(socket).map_err(|why| Failure::new(WHAT, why).hint("orchestrate bootstrap <repo>"))?;
    let head = format!("POST /v1/call HTTP/1.1\r\nhost: orchestrate\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).doing(WHAT)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).doing(WHAT)?;
    let start = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| Failure::new(WHAT, "it hung up").hint("orchestrate status   (it may be ending: then start it again)"))?;
    serde_json::from_slice(&answer[start + 4..]).doing(WHAT)
}
