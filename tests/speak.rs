//! The program as a shell sees it: exit codes, streams, closed pipes, and no waiting where nobody answers.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test runs the real program")]

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program in an empty folder, with an empty home and nothing on standard input.
fn orchestrate(folder: &Path, words: &[&str]) -> Output {
    command(folder, words).output().unwrap()
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrate"));
    command.args(words).current_dir(folder).env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    folder
}

#[test]
fn the_version_is_one_line_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let version = orchestrate(folder.path(), &["--version"]);
    assert_eq!((version.status.code(), out(&version)), (Some(0), format!("orchestrate {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn without_a_supervisor_every_reader_fails_with_the_command_that_starts_one() {
    let folder = repository();
    let words: [&[&str]; 5] = [&["whoami"], &["status"], &["task", "list"], &["mail", "wait"], &["gate", "show", "T1", "--wait", "9"]];
    for words in words {
        let said = orchestrate(folder.path(), words);
        assert_eq!(said.status.code(), Some(10), "{words:?}");
        assert!(out(&said).is_empty() && err(&said).starts_with("failed: no supervisor answers at "), "{words:?}: {}", err(&said));
        assert!(err(&said).contains(&format!("hint: orchestrate bootstrap {}", folder.path().canonicalize().unwrap().display())), "{}", err(&said));
    }
}

#[test]
fn json_answers_stand_on_standard_output_also_when_they_are_failures() {
    let folder = repository();
    for words in [["whoami", "--json"], ["status", "--json"], ["--json", "whoami"]] {
        let said = orchestrate(folder.path(), &words);
        let answer: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        assert!(answer["failed"]["hint"].as_str().unwrap().starts_with("orchestrate bootstrap "), "{answer}");
        assert_eq!(said.status.code(), Some(10));
    }
}

#[test]
fn bootstrap_never_waits_where_nobody_can_answer() {
    let folder = tempfile::tempdir().unwrap();
    let said = orchestrate(folder.path(), &["bootstrap"]);
    assert_eq!(said.status.code(), Some(2));
    assert!(err(&said).contains("hint: orchestrate bootstrap <repo>"), "{}", err(&said));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["explain"][..], &["--help"], &["completions", "bash"], &["explain", "--json"]] {
        let mut child = command(folder.path(), words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_code_is_never_taken_from_an_argument() {
    let folder = repository();
    for words in [&["thaw", "123456"][..], &["task", "confirm", "T1", "123456"], &["thaw", "--code", "123456"]] {
        assert_eq!(orchestrate(folder.path(), words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn man_pages_are_written_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(orchestrate(folder.path(), &["man", "pages"]).status.code(), Some(0));
    for page in ["orchestrate.1", "orchestrate-task-submit.1", "orchestrate-ledger-prove.1"] {
        assert!(folder.path().join("pages").join(page).is_file(), "{page}");
    }
}
