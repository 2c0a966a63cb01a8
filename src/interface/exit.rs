//! Exit codes are an API: a sentence each, and the same for every command.

use crate::domain::failure::Failure;
use crate::domain::refusal::Refusal;
use crate::supervisor::protocol::Response;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked is done.
    Done = 0,
    /// The rules said no, or what was checked does not hold.
    Refused = 1,
    /// The command line was not understood.
    Usage = 2,
    /// Nothing is wrong, but evidence is missing: somebody else has to move first.
    Waiting = 3,
    /// The workshop is frozen.
    Frozen = 4,
    /// Something outside did not work: no supervisor, no file, no tool.
    Failed = 10,
    /// A bug in orchestrate itself.
    Bug = 70,
    /// Interrupted at a prompt.
    Interrupted = 130,
}

/// The codes with their meaning, for help and documentation.
pub const MEANINGS: [(Exit, &str); 7] = [
    (Exit::Done, "done"),
    (Exit::Refused, "refused: the rules say no, or what was checked does not hold"),
    (Exit::Usage, "usage: the command line was not understood"),
    (Exit::Waiting, "waiting for evidence: somebody else has to move first"),
    (Exit::Frozen, "frozen: the workshop stands still until the owner thaws it"),
    (Exit::Failed, "the outside failed: no supervisor, no file, no tool"),
    (Exit::Bug, "a bug in orchestrate"),
];

/// The refusals that only mean "not yet".
const NOT_YET: [&str; 4] = ["not-tested-yet", "not-measured", "not-agreed", "busy"];

impl Exit {
    pub fn of(response: &Response) -> Self {
        match response {
            Response::Done(_) => Self::Done,
            Response::Refused(refusal) => Self::of_refusal(refusal),
            Response::Failed(_) => Self::Failed,
            Response::Bug(_) => Self::Bug,
        }
    }

    fn of_refusal(refusal: &Refusal) -> Self {
        match refusal.code.as_str() {
            "frozen" => Self::Frozen,
            code if NOT_YET.contains(&code) => Self::Waiting,
            _ => Self::Refused,
        }
    }

    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, Clone)]
pub enum Trouble {
    Refused(Refusal),
    Failed(Failure),
    Bug(String),
    Usage { why: String, hint: String },
    Interrupted,
}

impl Trouble {
    pub fn usage(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { why: why.into(), hint: hint.into() }
    }

    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal) => Exit::of_refusal(refusal),
            Self::Failed(_) => Exit::Failed,
            Self::Bug(_) => Exit::Bug,
            Self::Usage { .. } => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// What is printed: one line on what went wrong, one on what to do next.
    pub fn lines(&self) -> String {
        let hinted = |line: String, hint: &str| if hint.is_empty() { line } else { format!("{line}\nhint: {hint}") };
        match self {
            Self::Refused(refusal) => hinted(format!("refused: {} [{}]", refusal.why, refusal.code), &refusal.hint),
            Self::Failed(failure) => hinted(format!("failed: {}: {}", failure.what, failure.why), &failure.hint),
            Self::Bug(why) => format!("BUG: {why}"),
            Self::Usage { why, hint } => hinted(format!("usage: {why}"), hint),
            Self::Interrupted => "interrupted".to_owned(),
        }
    }

    /// The same as the supervisor would have said it, where it is one of the supervisor's three kinds.
    pub fn response(&self) -> Option<Response> {
        match self {
            Self::Refused(refusal) => Some(Response::Refused(refusal.clone())),
            Self::Failed(failure) => Some(Response::Failed(failure.clone())),
            Self::Bug(why) => Some(Response::Bug(why.clone())),
            Self::Usage { .. } | Self::Interrupted => None,
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_code() {
        let refused = |code: &str| Exit::of(&Response::Refused(Refusal::new(code, "why", "hint"))).code();
        assert_eq!([refused("unsigned"), refused("frozen"), refused("not-tested-yet")], [1, 4, 3]);
        assert_eq!(Exit::of(&Response::Failed(Failure::new("a", "b"))).code(), 10);
        assert_eq!(Exit::of(&Response::Bug(String::new())).code(), 70);
        assert_eq!(Exit::of(&Response::Done(serde_json::Value::Null)).code(), 0);
    }

    #[test]
    fn trouble_says_what_and_what_next() {
        let refusal = Trouble::from(Refusal::new("unsigned", "commit a is not signed", "git commit -S"));
        assert_eq!(refusal.lines(), "refused: commit a is not signed [unsigned]\nhint: git commit -S");
        assert_eq!(Trouble::from(Failure::new("cannot read x", "no such file")).lines(), "failed: cannot read x: no such file");
    }
}
