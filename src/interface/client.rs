//! The thin client: one connection, one `POST /v1/call`, one answer. No runtime, nothing kept.

use super::exit::Trouble;
use crate::domain::failure::{Doing, Failure};
use crate::supervisor::door;
use crate::supervisor::protocol::{INSIDE, OWNER_SOCKET, Request, Response, SEAT_SOCKET};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An answer's head may be this long, and its body.
const MOST_HEAD: u64 = 16 * 1024;
const MOST_BODY: u64 = 256 * 1024 * 1024;
/// A socket's path may be this long; a longer one is reached through its folder.
const MOST_PATH: usize = 107;
/// How long an answer may take beyond what the request itself waits for: where only words are looked up or written down, and where work is
/// done for it.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_FOR_WORK: Duration = Duration::from_secs(600);

/// Where requests go: a seat's own socket inside a sandbox, else the owner's.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
    /// How to start what is missing.
    start: String,
}

impl Client {
    /// Finds the socket: inside a seat always its own; else the owner's socket of the repository given, or of the one stood in.
    pub fn find(repo: Option<&Path>) -> Result<Self, Failure> {
        // Without a sandbox a seat finds its sockets by this variable; inside one there is only the one folder anyway.
        let told = std::env::var_os("ORCHESTRATE_RUN").map(PathBuf::from);
        let folders = [Some(PathBuf::from(INSIDE)), told].into_iter().flatten();
        if let Some(inside) = folders.map(|folder| folder.join(SEAT_SOCKET)).find(|socket| socket.exists()) {
            return Ok(Self { socket: inside, start: "orchestrate doctor".to_owned() });
        }
        let repo = repository(repo)?;
        let socket = door::state_folder(&repo)?.join(OWNER_SOCKET);
        Ok(Self { socket, start: format!("orchestrate bootstrap {}", quoted(&repo)) })
    }

    /// A socket by its path, whoever listens there.
    #[cfg(test)]
    pub fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), start: "orchestrate bootstrap .".to_owned() }
    }

    /// Asks and waits for the answer.
    pub fn call(&self, request: &Request) -> Result<Response, Failure> {
        let body = serde_json::to_vec(request).doing("cannot write the request")?;
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(patience(request))).doing("cannot set a time-out")?;
        let head = format!(
            "POST /v1/call HTTP/1.1\r\nHost: orchestrate\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let sent = stream.write_all(&[head.as_bytes(), &body].concat());
        let answer = read_answer(&mut BufReader::new(stream));
        match (sent, answer) {
            (_, Ok(body)) => {
                serde_json::from_slice(&body).doing("cannot read the supervisor's answer").map_err(|failure| self.odd(failure))
            }
            (Err(why), Err(_)) => Err(self.gone(why)),
            (Ok(()), Err(why)) => Err(self.gone(why)),
        }
    }

    /// Asks; anything but "done" is trouble.
    pub fn ask(&self, request: &Request) -> Result<Value, Trouble> {
        match self.call(request)? {
            Response::Done(value) => Ok(value),
            Response::Refused(refusal) => Err(refusal.into()),
            Response::Failed(failure) => Err(failure.into()),
            Response::Bug(why) => Err(Trouble::Bug(why)),
        }
    }

    /// Asks, and takes only the page that was asked for.
    pub fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Trouble> {
        let value = self.ask(request)?;
        serde_json::from_value(value)
            .map_err(|why| Trouble::Bug(format!("the supervisor's answer is not the page that was asked for: {why}")))
    }

    fn connect(&self) -> Result<UnixStream, Failure> {
        let long = self.socket.as_os_str().len() > MOST_PATH;
        let tried = if long { through_folder(&self.socket) } else { UnixStream::connect(&self.socket) };
        tried.map_err(|why| Failure::new(format!("no supervisor answers at {}", self.socket.display()), why).hint(self.start.clone()))
    }

    fn gone(&self, why: std::io::Error) -> Failure {
        if matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) {
            let why = "it is there, but says nothing in time: it may be stopped, or the machine overloaded; nothing was lost";
            return Failure::new("the supervisor does not answer", why).hint("orchestrate status   (outside: orchestrate doctor)");
        }
        Failure::new("the supervisor did not answer to the end", why).hint(format!("{}   (starts it again; nothing is lost)", self.start))
    }

    fn odd(&self, failure: Failure) -> Failure {
        failure.hint(format!("orchestrate down, then {}   (is another version running?)", self.start))
    }
}

fn repository(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().doing("cannot tell the current folder")?;
    let start = given.map_or_else(|| here.clone(), |given| here.join(given));
    door::find_repository(&start).ok_or_else(|| {
        let hint = match door::known().as_slice() {
            [] => "orchestrate bootstrap <repo>".to_owned(),
            [known, ..] => format!("orchestrate -C {} status", quoted(known)),
        };
        Failure::new(format!("no git repository at {}", start.display()), "there is none there nor in a folder above").hint(hint)
    })
}

/// A path as one would type it into a shell.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn through_folder(socket: &Path) -> std::io::Result<UnixStream> {
    let none = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let (folder, name) = (socket.parent().ok_or_else(none)?, socket.file_name().ok_or_else(none)?);
    let folder = File::open(folder)?;
    UnixStream::connect(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

/// Requests that wait for something say how long; all others are answered when they are done. `ORCHESTRATE_PATIENCE` (seconds) is for
/// people who know how their machine is.
fn patience(request: &Request) -> Duration {
    let told = std::env::var("ORCHESTRATE_PATIENCE").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let quick = told.unwrap_or(PATIENCE);
    match request {
        Request::GateWait { seconds, .. } | Request::MailWait { seconds } => quick + Duration::from_secs(u64::from(*seconds)),
        Request::LockAcquire { wait: Some(seconds), .. } => quick + Duration::from_secs(u64::from(*seconds)),
        Request::Ledger { wait, .. } | Request::Dashboard { wait, .. } => quick + Duration::from_secs(u64::from(*wait)),
        Request::Deliver | Request::LedgerVerify | Request::Bundle { .. } | Request::Resume | Request::Recharter { .. } | Request::Down => {
            PATIENCE_FOR_WORK
        }
        _ => quick,
    }
}

fn read_answer(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let odd = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
    let length = read_head(reader)?;
    if length.is_some_and(|length| length > MOST_BODY) {
        return Err(odd("the answer is too long"));
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            reader.take(length).read_to_end(&mut body)?;
            if body.len() as u64 == length { Ok(body) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
        }
        None => Err(odd("the answer does not say how long it is")),
    }
}

/// Reads the status line and the headers; gives the body's length.
fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<u64>> {
    let odd = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned());
    let mut head = reader.take(MOST_HEAD);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    if !line.starts_with("HTTP/1.1 ") {
        return Err(odd("the answer is not HTTP/1.1"));
    }
    let mut length = None;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            None if line.trim_end().is_empty() => return Ok(length),
            None => return Err(odd("a header of the answer has no colon")),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = Some(value.trim().parse().map_err(|_| odd("the answer's length is no number"))?);
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn answers(text: &'static str) -> Result<Response, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("a-folder-with-a-long-name-that-does-not-fit-into-a-socket-address-".repeat(3)).join("s.sock");
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let listener = UnixListener::bind(folder.path().join("s.sock")).unwrap();
        std::fs::rename(folder.path().join("s.sock"), &socket).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let mut body = [0; 8];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            (head, body)
        });
        let answer = Client::at(&socket).call(&Request::Whoami);
        let (head, body) = server.join().unwrap();
        assert!(head.starts_with("POST /v1/call HTTP/1.1\r\nHost: orchestrate\r\n") && head.contains("Content-Length: 8\r\n"), "{head}");
        assert_eq!(&body, b"\"whoami\"");
        answer
    }

    #[test]
    fn an_answer_is_read_by_its_length() {
        let done = answers("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"done\":1}ignored").unwrap();
        assert!(matches!(done, Response::Done(value) if value == 1));
        let refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 48\r\n\r\n{\"refused\":{\"code\":\"x\",\"why\":\"y\",\"hint\":\"zzzz\"}}";
        assert!(matches!(answers(refused).unwrap(), Response::Refused(refusal) if refusal.code == "x"));
    }

    #[test]
    fn half_an_answer_is_a_failure() {
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"done\":1}",
            "HTTP/1.1 200 OK\r\n\r\n{}",
            "SMTP\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        ] {
            assert!(answers(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nobody_there_names_the_command_that_starts_it() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = Client { socket: folder.path().join("none.sock"), start: "orchestrate bootstrap /x".to_owned() };
        let failure = nobody.call(&Request::Status).unwrap_err();
        assert_eq!(failure.hint, "orchestrate bootstrap /x");
    }

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted(Path::new("/a/b-c")), "/a/b-c");
        assert_eq!(quoted(Path::new("/a b/$(x)'y")), r"'/a b/$(x)'\''y'");
    }
}
