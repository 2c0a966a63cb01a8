//! A seat from the inside: what is run here runs in the seat's real sandbox, by its fake agent.

use super::wire::{self, Answer};
use super::{DEADLINE, Said, World};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Instant;

pub struct Seat<'w> {
    world: &'w World,
    pub name: String,
}

/// A command under way in a seat.
pub struct UnderWay {
    number: u32,
    home: PathBuf,
    answers: File,
    line: String,
}

/// A yes to a task as a reviewer gives it: the command that `review show` ends with, with the longest line that changed for a quote.
pub fn yes(task: &str) -> String {
    let note = "--note 'read it, and it is as it should be'";
    let longest = "awk 'length > most { most = length; line = $0 } END { print line }'";
    format!(
        "{{ show=\"$(orchestrate review show {task})\"; word=\"$(printf '%s\\n' \"$show\" | sed -n 's/^next: //p')\"; \
         quote=\"$(printf '%s\\n' \"$show\" | grep '^[+-]' | grep -v '^--- ' | {longest})\"; \
         case $word in *--quote*) eval \"${{word%% --quote*}}\" '--quote \"$quote\"' \"{note}\" ;; *) orchestrate review approve {task} {note} ;; esac; }}"
    )
}

impl<'w> Seat<'w> {
    pub fn new(world: &'w World, name: &str) -> Self {
        Self { world, name: name.to_owned() }
    }

    /// The seat's home as the host sees it.
    pub fn home(&self) -> PathBuf {
        self.world.state().join("homes").join(&self.name)
    }

    /// The seat's clone as the host sees it.
    pub fn clone_folder(&self) -> PathBuf {
        self.world.state().join("clones").join(&self.name)
    }

    pub fn socket(&self) -> PathBuf {
        self.world.state().join("run").join(&self.name).join("seat.sock")
    }

    /// Runs shell lines in the seat's clone and waits for their end.
    #[track_caller]
    pub fn run(&self, lines: &str) -> Said {
        self.start(lines).end()
    }

    /// Starts shell lines in the seat.
    #[track_caller]
    pub fn start(&self, lines: &str) -> UnderWay {
        let (number, home) = (self.world.next(), self.home());
        std::fs::write(home.join(format!("{number}.sh")), lines).unwrap();
        let pipe = |name: &str| {
            let path = home.join(name);
            File::options().read(true).write(true).open(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
        };
        let answers = pipe("answer");
        writeln!(pipe("ask"), "{number}").unwrap();
        UnderWay { number, home, answers, line: format!("[{}] {lines}", self.name) }
    }

    /// One request over the seat's socket, as any program in the seat could make it.
    pub fn ask(&self, request: &Value) -> Answer {
        wire::ask(&self.socket(), request)
    }
}

impl UnderWay {
    #[track_caller]
    pub fn end(mut self) -> Said {
        let code = loop {
            let line = self.line_of_answer();
            let (number, code) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            if number == self.number.to_string() {
                break code.trim().parse().unwrap();
            }
        };
        let read = |ending: &str| {
            let bytes = std::fs::read(self.home.join(format!("{}.{ending}", self.number))).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Said { code, out: read("out"), err: read("err"), line: self.line.clone() }
    }

    #[track_caller]
    fn line_of_answer(&mut self) -> String {
        let (begun, mut line) = (Instant::now(), Vec::new());
        while line.last() != Some(&b'\n') {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            let left = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap(), tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&left)).unwrap();
            assert!(ready > 0, "no end of {}", self.line);
            let mut byte = [0];
            self.answers.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }
}
