//! A model's API on this machine's loopback: it keeps what it was sent, and answers as a model would.

use super::DEADLINE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Shared {
    /// Head and body of each request, as they came.
    heard: Mutex<Vec<String>>,
    /// Somebody asked for the models: a stream that waits may go on.
    asked: Mutex<bool>,
    bell: Condvar,
    go_on: Condvar,
    /// What a model that has a script does instead of answering in words.
    script: Option<Script>,
}

/// The tool that is used after a request, and with what.
pub type Script = fn(&str) -> Option<(&'static str, &'static str)>;

pub struct Model {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Model {
    pub fn start() -> Self {
        Self::with(None)
    }

    /// A model that uses tools as the script says.
    pub fn scripted(script: Script) -> Self {
        Self::with(Some(script))
    }

    fn with(script: Option<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(Shared { script, ..Shared::default() }));
        let here = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, here) = (stream.unwrap(), Arc::clone(&here));
                std::thread::spawn(move || while one(&stream, &here).is_some() {});
            }
        });
        Self { address, shared }
    }

    /// Waits until such a request has come.
    #[track_caller]
    pub fn wait_heard(&self, wanted: impl Fn(&str) -> bool) -> String {
        let silent = |heard: &mut Vec<String>| !heard.iter().any(|text| wanted(text));
        let (heard, _) = self.shared.bell.wait_timeout_while(self.shared.heard.lock().unwrap(), DEADLINE, silent).unwrap();
        heard.iter().find(|text| wanted(text)).unwrap_or_else(|| panic!("not heard: {heard:?}")).clone()
    }

    pub fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().clone()
    }
}

/// One request and its answer; nothing when the client has gone.
fn one(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    shared.heard.lock().unwrap().push(format!("{head}{body}"));
    shared.bell.notify_all();
    answer(stream, &head, &body, shared).ok()
}

fn answer(mut stream: &TcpStream, head: &str, body: &str, shared: &Shared) -> std::io::Result<()> {
    if head.starts_with("GET /v1/models ") {
        *shared.asked.lock().unwrap() = true;
        shared.go_on.notify_all();
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\n{}");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let mut chunk = |text: &str| write!(stream, "{:x}\r\n{text}\r\n", text.len());
    if let Some((tool, input)) = shared.script.and_then(|script| script(body)) {
        chunk(START)?;
        chunk(&TOOL.replace("NAME", tool).replace("INPUT", &input.replace('"', "\\\"")))?;
        return chunk("");
    }
    chunk(START)?;
    if body.contains("wait for me") {
        drop(shared.go_on.wait_while(shared.asked.lock().unwrap(), |asked| !*asked).unwrap());
    }
    chunk(REST)?;
    chunk("")
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-8\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";
const REST: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"through the wall\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const TOOL: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_NAME\",\"name\":\"NAME\",\"input\":{}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"INPUT\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
