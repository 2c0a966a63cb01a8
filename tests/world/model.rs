//! A model's API on this machine's loopback: it keeps what it was sent, and answers as a model would.

use super::DEADLINE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

#[derive(Default)]
struct Shared {
    /// Head and body of each request as they came, and when.
    heard: Mutex<Vec<(Instant, String)>>,
    /// Somebody asked for the models: a stream that waits may go on.
    asked: Mutex<bool>,
    bell: Condvar,
    go_on: Condvar,
    manner: Mutex<Manner>,
    changed: Condvar,
    answers: AtomicU32,
    /// What an answer says that it read, in tokens beyond one.
    weight: AtomicU32,
    /// What a model that has a script does instead of answering in words.
    script: Option<Script>,
}

/// How the API behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Well,
    /// Answers with this status and no more.
    Status(u16),
    /// Takes requests and says nothing, until it behaves otherwise.
    Silent,
    /// Hangs up.
    Gone,
}

/// A tool that the model uses: its name, what goes into it, and the number of its use.
#[derive(Debug, Clone)]
pub struct Use {
    pub tool: String,
    pub input: Value,
    pub id: String,
}

impl Use {
    pub fn of(tool: &str, input: Value) -> Self {
        Self { tool: tool.to_owned(), input, id: format!("toolu_{tool}") }
    }
}

/// The tool that is used after a request with this body.
pub type Script = Box<dyn Fn(&str) -> Option<Use> + Send + Sync>;

/// The credential that the relay puts in, which no seat may hold.
pub const KEY: &str = "sk-ant-real-0123456789-key-of-the-owner";

/// What a message says whose reader is to run a script of its home.
pub fn order(number: u32) -> String {
    format!("run {number}!")
}

/// What the model hears when that script has ended.
pub fn done(number: u32) -> String {
    format!("<ended {number}>")
}

/// A model that has its client run each script that it was told of, once.
pub fn obedient(body: &str) -> Option<Use> {
    let mut orders = body.match_indices("| run ").filter_map(|(at, start)| {
        let (number, rest) = body[at + start.len()..].split_once('!')?;
        Some((number.parse::<u32>().ok()?, rest.split_once("mail ack ")?.1.get(..12)?))
    });
    let open = |(number, _): &(u32, &str)| !body.contains(&format!("toolu_run_{number}_"));
    let (number, message) = orders.find(open)?;
    // Once, also for a client that was killed before it had written down what it did.
    let script = format!("[ -e ~/{number}.code ] || {{ sh ~/{number}.sh </dev/null >~/{number}.out 2>~/{number}.err; echo $? >~/{number}.code; }}");
    // Not the word itself: the model hears the line as well as what came of it.
    let line = format!("orchestrate mail ack {message} >/dev/null; {script}; printf '<ended %s>' {number}");
    let input = serde_json::json!({"command": line, "description": "what the message says", "timeout": 600_000});
    Some(Use { tool: "Bash".to_owned(), input, id: format!("toolu_run_{number}_") })
}

pub struct Model {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Model {
    pub fn start() -> Self {
        Self::with(None)
    }

    /// A model that uses tools as the script says.
    pub fn scripted(script: impl Fn(&str) -> Option<Use> + Send + Sync + 'static) -> Self {
        Self::with(Some(Box::new(script)))
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

    /// Says from now on that so many tokens were read for each answer.
    pub fn weigh(&self, tokens: u32) {
        self.shared.weight.store(tokens, Ordering::Relaxed);
    }

    /// Behaves so from now on.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
        self.shared.changed.notify_all();
    }

    /// When such a request came first; waits until one has.
    #[track_caller]
    pub fn when(&self, wanted: impl Fn(&str) -> bool) -> Instant {
        self.wait(wanted).0
    }

    /// Waits until such a request has come.
    #[track_caller]
    pub fn wait_heard(&self, wanted: impl Fn(&str) -> bool) -> String {
        self.wait(wanted).1
    }

    #[track_caller]
    fn wait(&self, wanted: impl Fn(&str) -> bool) -> (Instant, String) {
        // What was looked at once is not looked at again: conversations are long.
        let (mut seen, mut found) = (0, None);
        let silent = |heard: &mut Vec<(Instant, String)>| {
            found = found.or_else(|| (seen..heard.len()).find(|at| wanted(&heard[*at].1)));
            seen = heard.len();
            found.is_none()
        };
        let (heard, _) = self.shared.bell.wait_timeout_while(self.shared.heard.lock().unwrap(), DEADLINE, silent).unwrap();
        let end = |text: &str| text.chars().rev().take(2000).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        found.map_or_else(|| panic!("not heard: {:?}", heard.iter().map(|(_, text)| end(text)).collect::<Vec<_>>()), |at| heard[at].clone())
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub fn wait_count(&self, count: usize) {
        let fewer = |heard: &mut Vec<(Instant, String)>| heard.len() < count;
        let (heard, _) = self.shared.bell.wait_timeout_while(self.shared.heard.lock().unwrap(), DEADLINE, fewer).unwrap();
        assert!(heard.len() >= count, "{} of {count} requests", heard.len());
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.shared.heard.lock().unwrap().len()
    }

    pub fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().iter().map(|(_, text)| text.clone()).collect()
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
    shared.heard.lock().unwrap().push((Instant::now(), format!("{head}{body}")));
    shared.bell.notify_all();
    answer(stream, &head, &body, shared).ok()
}

fn answer(mut stream: &TcpStream, head: &str, body: &str, shared: &Shared) -> std::io::Result<()> {
    if head.starts_with("GET /v1/models ") {
        *shared.asked.lock().unwrap() = true;
        shared.go_on.notify_all();
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\n{}");
    }
    let well = |manner: &mut Manner| *manner == Manner::Silent;
    let manner = *shared.changed.wait_while(shared.manner.lock().unwrap(), well).unwrap();
    match manner {
        Manner::Status(status) => return write!(stream, "HTTP/1.1 {status} No\r\ncontent-length: {}\r\ncontent-type: application/json\r\n\r\n{SORRY}", SORRY.len()),
        Manner::Gone => return Err(std::io::Error::other("hung up")),
        Manner::Well | Manner::Silent => {}
    }
    let tokens = format!("\"input_tokens\":{}", 1 + shared.weight.load(Ordering::Relaxed));
    let start = START.replace("msg_1", &format!("msg_{}", shared.answers.fetch_add(1, Ordering::Relaxed))).replace("\"input_tokens\":1", &tokens);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let mut chunk = |text: &str| write!(stream, "{:x}\r\n{text}\r\n", text.len());
    chunk(&start)?;
    if let Some(used) = shared.script.as_ref().filter(|_| !body.contains(TITLE)).and_then(|script| script(body)) {
        let input = Value::String(used.input.to_string()).to_string();
        chunk(&TOOL.replace("NAME", &used.tool).replace("ID", &used.id).replace("\"INPUT\"", &input))?;
        return chunk("");
    }
    if body.contains("wait for me") {
        drop(shared.go_on.wait_while(shared.asked.lock().unwrap(), |asked| !*asked).unwrap());
    }
    chunk(REST)?;
    chunk("")
}

/// What is asked for a title only.
const TITLE: &str = "\"tools\":[]";
const SORRY: &str = "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"sorry\"}}";
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-8\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";
const REST: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"through the wall\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const TOOL: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"ID\",\"name\":\"NAME\",\"input\":{}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"INPUT\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
