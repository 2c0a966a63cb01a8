//! References moved by one run of git that stays: a transaction costs a question and an answer, not a new process.

use super::store::spelled;
use super::{Gate, Move};
use crate::domain::failure::{Doing as _, Failure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// Git's word on each step of a transaction that came through.
const DONE: [&str; 3] = ["start: ok", "prepare: ok", "commit: ok"];

/// An open `update-ref --stdin`; ended with this value.
#[derive(Debug)]
pub struct Mover {
    child: Child,
    /// Closed at the end: git then gives up what is half done, and leaves no lock.
    asked: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Mover {
    /// Starts git for the gate.
    pub fn open(gate: &Gate) -> Result<Self, Failure> {
        const WHAT: &str = "cannot start git to move references";
        let mut command = gate.command();
        command.args(["update-ref", "--no-deref", "--stdin", "-z"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().doing(WHAT)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(asked), Some(out)) => Ok(Self { child, asked: Some(asked), answers: BufReader::new(out) }),
            (None, _) | (_, None) => Err(Failure::new(WHAT, "it has no pipes")),
        }
    }

    /// Moves all the references or none, and keeps git for the next time; after a refusal git has ended, and so has this.
    pub fn move_refs(mut self, moves: &[Move]) -> Result<Self, Failure> {
        const WHAT: &str = "cannot move references";
        let text = spelled(moves)?;
        self.asked.as_mut().map_or(Ok(()), |pipe| pipe.write_all(text.as_bytes())).doing(WHAT)?;
        for done in DONE {
            let mut line = String::new();
            self.answers.read_line(&mut line).doing(WHAT)?;
            if line.trim_end() != done {
                return Err(Failure::new(WHAT, format!("git said {line:?} where {done:?} was due")));
            }
        }
        Ok(self)
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        drop(self.asked.take());
        drop(self.child.wait());
    }
}
