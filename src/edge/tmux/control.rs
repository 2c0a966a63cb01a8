//! A lasting connection to the server: a control-mode client, in raw bytes.

use super::quote::{command, unescape};
use super::{Tmux, grid, watch};
use crate::domain::failure::{Doing as _, Failure};
use rustix::process::Pid;
use std::io::{BufRead, BufReader, PipeWriter, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long an answer may take before the connection counts as lost.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether the connection also carries what the panes print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// No output, and no say in the size of the window.
    Quiet,
    /// The panes' output too; counts as a terminal once it has told its size.
    Output,
}

/// What the server tells of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The program in this pane has ended.
    PaneDied(String),
    /// A pane printed bytes; a character may be split between two of these.
    Output { pane: String, bytes: Vec<u8> },
    /// The connection is over, with the reason if one was given.
    Exit(String),
    /// Anything else, as it came.
    Other(Vec<u8>),
}

impl Event {
    /// Whether panes came or went, or got another size.
    pub fn reshapes(&self) -> bool {
        matches!(self, Self::Other(line) if line.starts_with(b"%layout-change "))
    }
}

type Answer = (bool, Vec<Vec<u8>>);

/// A control-mode client of one session.
pub struct Control {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Answer>,
    threads: Vec<JoinHandle<()>>,
}

impl Control {
    /// Attaches to the session; the events end with one `Exit`.
    pub fn open(tmux: &Tmux, session: &str, feed: Feed) -> Result<(Self, Receiver<Event>), Failure> {
        const WHAT: &str = "cannot open a control connection to tmux";
        if !grid::is_name(session) {
            return Err(Failure::new(WHAT, format!("{session:?} is not a session name")));
        }
        let mut client = tmux.client(Path::new("/dev/null"));
        client.args(["-C", "attach-session", "-t", &format!("={session}")]);
        if feed == Feed::Quiet {
            client.args(["-f", "no-output,ignore-size"]);
        }
        let mut child = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().doing(WHAT)?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| Failure::new(WHAT, "it has no output"))?;
        let ((answer, answers), (event, events)) = (channel(), channel());
        let (news, mut started) = std::io::pipe().doing(WHAT)?;
        let tell = started.try_clone().doing(WHAT)?;
        let reader = std::thread::spawn(move || read(output, &answer, &event, tell));
        let mut control = Self { child, input, answers, threads: vec![reader] };
        // The first answer is the attaching's own; what is asked before it would be asked without a session.
        control.answer("attach-session")?;
        let server = control.number(&["display-message", "-p", "#{pid}"])?.first().copied().and_then(pid);
        let server = server.ok_or_else(|| Failure::new(WHAT, "the server has no process id"))?;
        control.threads.push(std::thread::spawn(move || watch::watch(server, news)));
        for number in control.number(&["list-panes", "-a", "-F", "#{pane_pid}"])? {
            started.write_all(&number.to_ne_bytes()).doing(WHAT)?;
        }
        Ok((control, events))
    }

    fn number(&mut self, words: &[&str]) -> Result<Vec<u32>, Failure> {
        Ok(self.call(words)?.iter().filter_map(|line| str::from_utf8(line).ok()?.parse().ok()).collect())
    }

    /// Runs one command and answers the lines it printed.
    pub fn call(&mut self, words: &[&str]) -> Result<Vec<Vec<u8>>, Failure> {
        const WHAT: &str = "cannot call tmux";
        if words.is_empty() {
            return Err(Failure::new(WHAT, "an empty command would detach"));
        }
        let input = self.input.as_mut().ok_or_else(|| Failure::new(WHAT, "the connection was lost"))?;
        input.write_all(format!("{}\n", command(words)).as_bytes()).doing(WHAT)?;
        self.answer(words[0])
    }

    fn answer(&mut self, to: &str) -> Result<Vec<Vec<u8>>, Failure> {
        match self.answers.recv_timeout(ANSWER) {
            Ok((true, lines)) => Ok(lines),
            Ok((false, lines)) => Err(Failure::new(format!("tmux refused {to}"), String::from_utf8_lossy(&lines.join(&b' ')))),
            Err(why) => {
                // An answer that comes later would be taken for the next one's.
                self.input = None;
                Err(Failure::new(format!("tmux did not answer {to}"), why))
            }
        }
    }

    /// Shows a state in a pane's border, as `Tmux::caption` does, without a process.
    pub fn caption(&mut self, pane: &str, text: &str, tint: &str) -> Result<(), Failure> {
        for words in super::caption(super::target(pane)?, text, tint) {
            self.call(&words.each_ref().map(String::as_str))?;
        }
        Ok(())
    }
}

impl Drop for Control {
    /// Hangs up: the client ends at the end of its input, or is killed.
    fn drop(&mut self) {
        drop(self.input.take());
        let ended = self.child.kill().and_then(|()| self.child.wait());
        debug_assert!(ended.is_ok(), "BUG: the control client cannot be ended: {ended:?}");
        for thread in self.threads.drain(..) {
            assert!(thread.join().is_ok() || std::thread::panicking(), "BUG: a thread of the tmux connection panicked");
        }
    }
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

/// Reads until the client ends. Nobody may be listening any more; that is no reason to stop reading.
fn read(output: impl Read, answers: &Sender<Answer>, events: &Sender<Event>, mut started: PipeWriter) {
    let mut output = BufReader::new(output);
    let (mut reason, mut attached) = (String::new(), false);
    while let Some(line) = next_line(&mut output) {
        if let Some(id) = line.strip_prefix(b"%begin ") {
            let answer = block(&mut output, id);
            // The last field tells our own commands from what hooks print.
            if !std::mem::replace(&mut attached, true) || id.ends_with(b" 1") {
                answers.send(answer).unwrap_or_default();
            }
        } else if let Some(rest) = line.strip_prefix(b"%exit") {
            reason = String::from_utf8_lossy(rest).trim().to_owned();
        } else if let Some(number) = started_pid(&line) {
            started.write_all(&number.to_ne_bytes()).unwrap_or_default();
        } else {
            events.send(event(&line)).unwrap_or_default();
        }
    }
    events.send(Event::Exit(reason)).unwrap_or_default();
}

/// Reads the process number from the news that a program was started in a pane.
fn started_pid(line: &[u8]) -> Option<u32> {
    let words: Vec<&str> = str::from_utf8(line).ok()?.split(' ').collect();
    match words.as_slice() {
        ["%window-renamed" | "%unlinked-window-renamed", _, "started", _, number] => number.parse().ok(),
        _ => None,
    }
}

fn block(output: &mut impl BufRead, id: &[u8]) -> Answer {
    let mut lines = Vec::new();
    while let Some(line) = next_line(output) {
        if line.strip_prefix(b"%end ") == Some(id) {
            return (true, lines);
        }
        if line.strip_prefix(b"%error ") == Some(id) {
            return (false, lines);
        }
        lines.push(line);
    }
    (false, lines)
}

fn next_line(output: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    output.read_until(b'\n', &mut line).ok().filter(|&count| count > 0)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Some(line)
}

fn event(line: &[u8]) -> Event {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut words = line.splitn(3, |&b| b == b' ');
    match (words.next(), words.next(), words.next()) {
        (Some(b"%output"), Some(pane), Some(bytes)) => Event::Output { pane: text(pane), bytes: unescape(bytes) },
        (Some(b"%window-renamed" | b"%unlinked-window-renamed"), _, Some(name)) => match name.strip_prefix(b"ended ") {
            Some(pane) => Event::PaneDied(text(pane)),
            None => Event::Other(line.to_vec()),
        },
        _ => Event::Other(line.to_vec()),
    }
}
