//! One question to the supervisor over a unix socket, without a runtime: HTTP/1.1, `POST /v1/call`, one answer, done.

use crate::domain::failure::{Doing as _, Failure};
use crate::domain::refusal::Refusal;
use crate::supervisor::protocol::{self, Request, Response};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An answer, and its head, may be this long.
const MOST_ANSWER: u64 = 64 * 1024 * 1024;
const MOST_HEAD: u64 = 64 * 1024;

/// Patience for questions that the supervisor answers at once, and for those it has to work on.
pub(super) const SHORT: Duration = Duration::from_secs(2);
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Why there is no good answer: the rules said no, or the outside did not work.
#[derive(Debug)]
pub(super) enum No {
    Refused(Refusal),
    Failed(Failure),
}

/// How long a seat's own question may take: `ORCHESTRATE_PATIENCE` in seconds, or a minute.
pub(super) fn patience() -> Duration {
    let told = std::env::var("ORCHESTRATE_PATIENCE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(told.unwrap_or(60))
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The folder with a seat's own sockets. A variable names it where there is no sandbox to put it at its usual place;
/// a lie in it only reaches a socket that the liar could open anyway.
pub(super) fn run_folder() -> PathBuf {
    std::env::var_os("ORCHESTRATE_RUN").map_or_else(|| PathBuf::from(protocol::INSIDE), PathBuf::from)
}

pub(super) fn seat_socket() -> PathBuf {
    run_folder().join(protocol::SEAT_SOCKET)
}

/// Asks and waits for the answer, no longer than `patience` between two signs of life.
pub(super) fn call(socket: &Path, request: &Request, patience: Duration) -> Result<Value, No> {
    let mut stream = open(socket, patience)?;
    send(&mut stream, request)?;
    receive(&stream)
}

pub(super) fn open(socket: &Path, patience: Duration) -> Result<UnixStream, Failure> {
    let reach = || -> std::io::Result<UnixStream> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(stream)
    };
    reach().map_err(|why| unreachable(socket, &why))
}

/// Says that nobody answers at a socket.
pub(super) fn unreachable(socket: &Path, why: &std::io::Error) -> Failure {
    let why = format!("{}: {why}", socket.display());
    Failure::new("the supervisor cannot be reached", why)
        .hint("orchestrate status   (outside: orchestrate bootstrap <repo> starts it again)")
}

pub(super) fn send(stream: &mut UnixStream, request: &Request) -> Result<(), Failure> {
    let body = serde_json::to_vec(request).doing("cannot write a question")?;
    if body.len() > protocol::MOST_BYTES {
        return Err(Failure::new(
            "cannot ask the supervisor",
            format!("the question has {} bytes, at most {}", body.len(), protocol::MOST_BYTES),
        ));
    }
    let mut message = format!(
        "POST /v1/call HTTP/1.1\r\nHost: orchestrate\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    message.extend(body);
    stream.write_all(&message).doing("cannot ask the supervisor")
}

/// Reads the one answer.
pub(super) fn receive(stream: &UnixStream) -> Result<Value, No> {
    let body = read_body(BufReader::new(stream)).map_err(silent)?;
    match serde_json::from_slice(&body).doing("cannot understand the supervisor's answer")? {
        Response::Done(value) => Ok(value),
        Response::Refused(refusal) => Err(No::Refused(refusal)),
        Response::Failed(failure) => Err(No::Failed(failure)),
        Response::Bug(why) => Err(No::Failed(Failure::new("the supervisor has a bug", why).hint("orchestrate log"))),
    }
}

fn silent(why: std::io::Error) -> Failure {
    if why.kind() == std::io::ErrorKind::WouldBlock {
        return Failure::new("the supervisor does not answer", "it is there, but says nothing in time").hint("orchestrate status");
    }
    Failure::new("the supervisor gave no answer", why)
}

fn read_body(mut from: impl BufRead) -> std::io::Result<Vec<u8>> {
    let length = read_head(&mut from.by_ref().take(MOST_HEAD))?;
    let length = length.filter(|length| *length <= MOST_ANSWER).ok_or_else(|| std::io::Error::other("an answer without a fair length"))?;
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length { Ok(body) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads up to the empty line and finds the length that the head promises.
fn read_head(from: &mut impl BufRead) -> std::io::Result<Option<u64>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok(),
            None if line.trim_end().is_empty() => return Ok(length),
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_length() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length: 4\r\n\r\nabcdEXTRA";
        assert_eq!(read_body(&whole[..]).unwrap(), b"abcd");
    }

    #[test]
    fn a_cut_or_boundless_answer_is_none() {
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        ] {
            assert!(read_body(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nobody_at_the_socket_is_told_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let Err(No::Failed(failure)) = call(&folder.path().join("none.sock"), &Request::Whoami, SHORT) else {
            panic!("an answer from nobody")
        };
        assert!(failure.hint.contains("orchestrate"), "{failure:?}");
    }
}
