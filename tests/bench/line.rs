//! A connection that stays: HTTP/1.1 over a unix socket, one question after the other.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

pub struct Line {
    reader: BufReader<UnixStream>,
}

impl Line {
    pub fn open(socket: &Path) -> Self {
        Self { reader: BufReader::new(UnixStream::connect(socket).expect("a socket that listens")) }
    }

    /// Asks, and gives what was done; everything else ends the benchmark.
    pub fn ask(&mut self, request: &Value) -> Value {
        let mut answer = self.hear(request);
        answer.get_mut("done").map(Value::take).unwrap_or_else(|| panic!("{request}: {answer}"))
    }

    /// Asks, and gives the whole answer, also a refusal.
    pub fn hear(&mut self, request: &Value) -> Value {
        serde_json::from_slice(&self.exchange(request.to_string().as_bytes())).expect("an answer in JSON")
    }

    fn exchange(&mut self, body: &[u8]) -> Vec<u8> {
        let head =
            format!("POST /v1/call HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        self.reader.get_mut().write_all(&[head.as_bytes(), body].concat()).expect("a socket that takes");
        let mut length = 0;
        let mut text = String::new();
        loop {
            text.clear();
            assert!(self.reader.read_line(&mut text).expect("a line") > 0, "the supervisor hung up");
            match text.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().expect("a length"),
                None if text.trim_end().is_empty() => break,
                Some(_) | None => {}
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).expect("a whole answer");
        body
    }
}
