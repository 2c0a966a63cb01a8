//! The hooks as real processes under real git, with a supervisor that is a thread at the other end of the socket.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests start what a user would")]

mod agents;
mod client;
mod gate;
mod wall;

use super::{by_name, run};
use crate::domain::failure::Failure;
use crate::domain::refusal::Refusal;
use crate::supervisor::protocol::{Request, Response};
use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// This test binary, called again by a script, plays our program; without the variable it is an empty test.
#[test]
fn as_program() {
    let Ok(name) = std::env::var("ORCHESTRATE_TEST_AS") else { return };
    let mut args: Vec<OsString> = std::env::var("ORCHESTRATE_TEST_ARGS").unwrap().split('\n').map(OsString::from).collect();
    args.pop();
    // The harness has spoilt descriptor 1 by now; the script kept the true one as 3.
    rustix::stdio::dup2_stdout(unsafe { std::os::fd::BorrowedFd::borrow_raw(3) }).unwrap();
    let code = if name == "orchestrate" { run(&args[1..]) } else { by_name(&name, &args).unwrap() };
    std::process::exit(code.into());
}

/// A folder with our programs, a seat's sockets, and a home.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        for folder in ["bin", "run", "home"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        for name in ["orchestrate", "git-remote-orchestrate", "orchestrate-gpg"] {
            world.program("bin", name);
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Puts a script in a folder that runs this test binary under a name of ours.
    fn program(&self, folder: &str, name: &str) {
        let exe = std::env::current_exe().unwrap();
        let script = format!(
            "#!/bin/sh\nORCHESTRATE_TEST_ARGS=$(printf '%s\\n' \"$@\" end)\nORCHESTRATE_TEST_ARGS=${{ORCHESTRATE_TEST_ARGS%end}}\n\
             export ORCHESTRATE_TEST_ARGS ORCHESTRATE_TEST_AS={name}\nexec '{}' --exact interface::hook::tests::as_program --nocapture -q 3>&1 >/dev/null\n",
            exe.display()
        );
        let path = self.path(folder).join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).stdin(Stdio::null());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.env("HOME", self.path("home")).env("ORCHESTRATE_RUN", self.path("run")).env("LC_ALL", "C");
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "dev-a"),
            ("GIT_AUTHOR_EMAIL", "dev-a@w"),
            ("GIT_COMMITTER_NAME", "dev-a"),
            ("GIT_COMMITTER_EMAIL", "dev-a@w"),
        ] {
            command.env(name, value);
        }
        command
    }

    fn git(&self, folder: &Path, args: &[&str]) -> Output {
        self.command("git", folder).args(["-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false"]).args(args).output().unwrap()
    }

    /// Runs git, which has to succeed; gives what it said.
    fn good(&self, folder: &Path, args: &[&str]) -> String {
        let output = self.git(folder, args);
        assert!(output.status.success(), "git {args:?}: {}", text(&output.stderr));
        text(&output.stdout).trim_end().to_owned()
    }

    /// A repository with one commit.
    fn repo(&self, name: &str) -> PathBuf {
        let repo = self.path(name);
        self.good(self.root.path(), &["init", "-q", repo.to_str().unwrap()]);
        self.commit(&repo, "README.md", "hello\n");
        repo
    }

    fn commit(&self, repo: &Path, file: &str, content: &str) {
        put(repo, file, content);
        self.good(repo, &["add", "-A"]);
        self.good(repo, &["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", file]);
    }

    /// Answers at a socket; keeps what was asked.
    fn supervisor(&self, socket: &str, answer: impl Fn(&Request) -> Response + Send + 'static) -> Arc<Mutex<Vec<Request>>> {
        let listener = UnixListener::bind(self.path(socket)).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = heard(&stream);
                kept.lock().unwrap().push(request.clone());
                let body = serde_json::to_string(&answer(&request)).unwrap();
                // A caller that went away is a case of its own.
                drop(write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
            }
        });
        asked
    }
}

fn heard(stream: &UnixStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().unwrap(),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn put(repo: &Path, file: &str, content: &str) {
    let path = repo.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(code: &str) -> Response {
    Response::Refused(Refusal::new(code, format!("because of {code}"), "git push origin HEAD:refs/heads/dev-a/<name>"))
}

fn done() -> Response {
    Response::Done(json!({}))
}

#[test]
fn an_unknown_hook_is_usage_and_an_unknown_name_is_not_ours() {
    assert_eq!(run(&["nothing".into()]), 2);
    assert_eq!(run(&[]), 2);
    assert_eq!(by_name("orchestrate", &[]), None);
}

#[test]
fn all_shims_are_the_same_file_and_can_be_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("git-hooks");
    let first = fs::read(folder.join("pre-commit")).unwrap();
    for name in ["pre-commit", "commit-msg", "post-commit", "pre-push", "pre-receive"] {
        let path = folder.join(name);
        assert_eq!(fs::read(&path).unwrap(), first, "{name}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0o111, "{name}");
    }
}

#[test]
fn a_supervisor_s_failure_is_not_called_a_refusal() {
    let world = World::new();
    world.supervisor("run/seat.sock", |_| Response::Failed(Failure::new("cannot sign", "no key").hint("orchestrate doctor")));
    let output = world.command("sh", world.root.path()).args(["-c", "echo x | orchestrate-gpg --status-fd=2 -bsau K"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "orchestrate: cannot sign: no key\nhint: orchestrate doctor\n");
}
