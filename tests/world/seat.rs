//! A seat from the inside: what is run here runs in the seat's real sandbox, by its fake agent, or by the real client because its model says so.

use super::model::{self, Model};
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
pub struct UnderWay<'w> {
    number: u32,
    home: PathBuf,
    answers: Answers<'w>,
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

/// What tells that a command ended.
enum Answers<'w> {
    /// The fake agent's pipe.
    Pipe(File),
    /// The real client, which tells its model.
    Model(&'w Model),
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
    pub fn start(&self, lines: &str) -> UnderWay<'w> {
        let (number, home) = (self.world.next(), self.home());
        std::fs::write(home.join(format!("{number}.sh")), lines).unwrap();
        let line = format!("[{}] {lines}", self.name);
        if let Some(model) = self.world.brain.as_ref().filter(|_| !home.join("ask").exists()) {
            self.world.owner(&["mail", "send", &self.name, "--subject", "work", "--body", &model::order(number)]).ok();
            return UnderWay { number, home, answers: Answers::Model(model), line };
        }
        let pipe = |name: &str| {
            let path = home.join(name);
            File::options().read(true).write(true).open(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
        };
        let answers = pipe("answer");
        writeln!(pipe("ask"), "{number}").unwrap();
        UnderWay { number, home, answers: Answers::Pipe(answers), line }
    }

    /// One request over the seat's socket, as any program in the seat could make it.
    pub fn ask(&self, request: &Value) -> Answer {
        wire::ask(&self.socket(), request)
    }
}

impl UnderWay<'_> {
    #[track_caller]
    pub fn end(self) -> Said {
        let code = match &self.answers {
            Answers::Pipe(answers) => self.told(answers),
            Answers::Model(model) => {
                let done = model::done(self.number);
                model.wait_heard(|text| text.contains(&done));
                self.read("code").trim().parse().unwrap()
            }
        };
        Said { code, out: self.read("out"), err: self.read("err"), line: self.line }
    }

    fn read(&self, ending: &str) -> String {
        let bytes = std::fs::read(self.home.join(format!("{}.{ending}", self.number))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[track_caller]
    fn told(&self, answers: &File) -> i32 {
        loop {
            let line = self.line_of(answers);
            let (number, code) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            if number == self.number.to_string() {
                return code.trim().parse().unwrap();
            }
        }
    }

    #[track_caller]
    fn line_of(&self, mut answers: &File) -> String {
        let (begun, mut line) = (Instant::now(), Vec::new());
        while line.last() != Some(&b'\n') {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            let left = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap(), tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(answers, PollFlags::IN)], Some(&left)).unwrap();
            assert!(ready > 0, "no end of {}", self.line);
            let mut byte = [0];
            answers.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }
}
