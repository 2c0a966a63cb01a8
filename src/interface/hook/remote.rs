//! `git-remote-orchestrate`: git's remote helper. Joins git to the gate through the seat's socket; git itself speaks at both ends.

use super::{say, wire};
use crate::domain::failure::{Doing as _, Failure};
use crate::supervisor::protocol;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest command of git to its helper.
const MOST_COMMAND: usize = 4096;
/// What is carried at once.
const BUFFER: usize = 64 * 1024;
/// How long the gate may take until its first word, and between two later ones: a push is judged in between.
const FIRST_WORD: Duration = Duration::from_secs(60);
const NEXT_WORD: Duration = Duration::from_secs(900);

pub(super) fn run(_: &[OsString]) -> u8 {
    match talk(&wire::run_folder().join(protocol::GIT_SOCKET)) {
        Ok(()) => 0,
        Err(failure) => {
            say::tell(&failure.into());
            1
        }
    }
}

/// Answers git's commands until one of them connects, or git has no more.
fn talk(socket: &Path) -> Result<(), Failure> {
    let duplicate = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
    let mut from = duplicate(io::stdin().as_fd()).doing("cannot hear git")?;
    let mut to = duplicate(io::stdout().as_fd()).doing("cannot answer git")?;
    while let Some(command) = command(&mut from).doing("cannot hear git")? {
        match command.split_once(' ') {
            None if command == "capabilities" => to.write_all(b"connect\n\n").doing("cannot answer git")?,
            None if command.is_empty() => return Ok(()),
            Some(("connect", service)) => return connect(socket, service, from, to),
            Some(_) | None => return Err(Failure::new("git asked for something unknown", format!("{command:?}"))),
        }
    }
    Ok(())
}

/// Reads one line byte by byte, since what follows the last command belongs to the conversation.
fn command(from: &mut impl Read) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MOST_COMMAND {
        match from.read(&mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) if byte[0] == b'\n' => return String::from_utf8(line).map(Some).map_err(io::Error::other),
            Ok(_) => line.push(byte[0]),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Err(io::Error::other("a command too long"))
}

fn connect(socket: &Path, service: &str, from: File, mut to: File) -> Result<(), Failure> {
    let greeting = greeting(service)?;
    let mut stream = UnixStream::connect(socket).map_err(|why| wire::unreachable(socket, &why))?;
    stream.write_all(greeting.as_bytes()).doing("cannot ask the gate")?;
    to.write_all(b"\n").doing("cannot answer git")?;
    let patience = std::env::var("ORCHESTRATE_PATIENCE").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let heard = pump(stream, from, to, patience.unwrap_or(FIRST_WORD)).map_err(broken)?;
    if heard == 0 {
        let hint = "orchestrate status   (is the workshop frozen, or has the supervisor just restarted?)";
        return Err(Failure::new("the gate said nothing", "the connection closed before a word").hint(hint));
    }
    Ok(())
}

fn broken(why: io::Error) -> Failure {
    if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        let why = "the supervisor is there, but says nothing in time; no reference has moved unless git said so above";
        return Failure::new("the gate does not answer", why).hint("orchestrate status");
    }
    Failure::new("the connection to the gate broke", why)
}

/// Names the service. Git tells its helper no version, but understands every one that the gate answers in.
fn greeting(service: &str) -> Result<String, Failure> {
    match service {
        "git-receive-pack" => Ok("git-receive-pack\n".to_owned()),
        "git-upload-pack" => Ok(format!("git-upload-pack {}\n", version(std::env::var("GIT_PROTOCOL").ok().as_deref()))),
        _ => Err(Failure::new("the gate does not offer this", format!("{service:?}")).hint("git fetch or git push")),
    }
}

fn version(wanted: Option<&str>) -> &'static str {
    match wanted {
        Some("version=0") => "version=0",
        Some("version=1") => "version=1",
        Some(_) | None => "version=2",
    }
}

/// Carries bytes both ways until the gate has said its last; tells how many it said.
///
/// The way out may end early, by git's end of input or because the gate stopped listening: its words still have to be heard.
fn pump(mut stream: UnixStream, mut from: File, mut to: File, patience: Duration) -> io::Result<u64> {
    let mut out = stream.try_clone()?;
    stream.set_read_timeout(Some(patience))?;
    std::thread::spawn(move || {
        let told = carry(&mut from, &mut out);
        let closed = out.shutdown(Shutdown::Write);
        told.and(closed)
    });
    let mut first = [0; 4];
    let heard = stream.read(&mut first)?;
    stream.set_read_timeout(Some(NEXT_WORD))?;
    match to.write_all(&first[..heard]).and_then(|()| carry(&mut &stream, &mut to)).map(|more| more + heard as u64) {
        // Git ends once it has its report, and the gate's last words find nobody: how it went, git itself has said.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(1),
        heard => heard,
    }
}

/// Carries bytes one way, to the end. By hand, since `io::copy` would splice: the kernel then holds the lock of git's pipe while it
/// waits for the socket, git cannot read what it was sent, and both wait for ever.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    let (mut buffer, mut carried) = (vec![0; BUFFER], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(carried),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                carried += count as u64;
            }
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_to_their_newline_and_no_further() {
        let mut wire = &b"capabilities\nconnect git-upload-pack\n0014"[..];
        assert_eq!(command(&mut wire).unwrap().unwrap(), "capabilities");
        assert_eq!(command(&mut wire).unwrap().unwrap(), "connect git-upload-pack");
        assert_eq!(wire, b"0014");
        assert_eq!(command(&mut &b""[..]).unwrap(), None);
        assert!(command(&mut &b"cut"[..]).is_err());
        assert!(command(&mut io::repeat(b'x')).is_err());
    }

    #[test]
    fn a_git_that_has_heard_enough_is_no_trouble() {
        let (gate, stream) = UnixStream::pair().unwrap();
        let (closed, to) = io::pipe().unwrap();
        drop(closed);
        (&gate).write_all(b"0000").unwrap();
        drop(gate);
        let to = File::from(std::os::fd::OwnedFd::from(to));
        assert_eq!(pump(stream, File::open("/dev/null").unwrap(), to, FIRST_WORD).unwrap(), 1);
    }

    /// Twenty times: git reads the gate's word while the gate is silent, and only then answers.
    fn converse() {
        let (mut gate, stream) = UnixStream::pair().unwrap();
        let (mut hears, to) = io::pipe().unwrap();
        let (from, mut says) = io::pipe().unwrap();
        let [from, to] = [std::os::fd::OwnedFd::from(from), to.into()].map(File::from);
        let helper = std::thread::spawn(move || pump(stream, from, to, FIRST_WORD).unwrap());
        let mut word = [0; 4];
        for _ in 0..20 {
            gate.write_all(b"refs").unwrap();
            hears.read_exact(&mut word).unwrap();
            says.write_all(b"want").unwrap();
            gate.read_exact(&mut word).unwrap();
        }
        drop((gate, says));
        assert_eq!(helper.join().unwrap(), 80);
    }

    #[test]
    fn neither_side_waits_for_what_the_other_has_said() {
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            (0..20).for_each(|_| converse());
            done.send(()).unwrap();
        });
        ended.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    }

    #[test]
    fn only_two_services_are_asked_for() {
        assert_eq!(greeting("git-receive-pack").unwrap(), "git-receive-pack\n");
        assert!(greeting("git-upload-archive").is_err());
        assert!(greeting("git-receive-pack\nx").is_err());
        assert_eq!(version(Some("version=1")), "version=1");
        assert_eq!(version(Some("version=2:evil\n")), "version=2");
    }
}
