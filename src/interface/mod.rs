//! Speaks: the command line, and what git and the agents call.

pub mod cli;
pub mod client;
pub mod exit;
pub mod hook;
mod look;
mod rows;
pub mod tui;
pub mod web;

#[cfg(debug_assertions)]
use crate::domain::planted;
use crate::supervisor::door;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Runs what the command line asks for. The names that git calls and the words that must start fast come before the parser.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    report_bugs();
    #[cfg(debug_assertions)]
    leave_out();
    let args: Vec<OsString> = args.collect();
    let (name, rest) = args.split_first().map_or((OsString::new(), &[][..]), |(name, rest)| (name.clone(), rest));
    let called = Path::new(&name).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let end = std::panic::catch_unwind(|| hook::by_name(&called, rest).unwrap_or_else(|| dispatch(rest)));
    ExitCode::from(end.unwrap_or(exit::Exit::Bug.code()))
}

/// A test build leaves out the guard that its environment names; a name that is no guard's is a bug of the test.
#[cfg(debug_assertions)]
fn leave_out() {
    if let Ok(guard) = std::env::var(planted::VARIABLE) {
        assert!(planted::plant(&guard), "BUG: {guard} is no guard that can be left out");
    }
}

fn dispatch(args: &[OsString]) -> u8 {
    let words: Vec<&str> = args.iter().map_while(|word| word.to_str()).take(3).collect();
    match (words.as_slice(), args.len()) {
        (["--version" | "-V"], 1) => cli::version().code(),
        (["whoami"], 1) => cli::whoami(false).code(),
        (["whoami", "--json"] | ["--json", "whoami"], 2) => cli::whoami(true).code(),
        (["hook", ..], 2..) if words.get(1).is_some_and(|name| !name.starts_with('-')) => hook::run(&args[1..]),
        (["inner", ..], _) => failed(&door::inner(&args[1..])),
        (["supervise", ..], _) => {
            let args: Vec<String> = args[1..].iter().map(|word| word.to_string_lossy().into_owned()).collect();
            failed(&door::supervise(&args))
        }
        _ => cli::parse(args).code(),
    }
}

fn failed(failure: &crate::domain::failure::Failure) -> u8 {
    let trouble = exit::Trouble::from(failure.clone());
    cli::complain(&trouble.lines());
    trouble.exit().code()
}

/// A panic is a bug: it says so, with its place; `run` turns it into the exit code for bugs.
fn report_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload().downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.payload().downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned());
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
        cli::complain(&format!("BUG: {}{place}", said.trim_start_matches("BUG: ")));
    }));
}
