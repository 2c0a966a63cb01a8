//! A terminal must still be a terminal: real tmux, private socket.

use super::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use std::io::{BufRead, BufReader};

/// A tmux server with one pane that runs a plan; `heard` is a pipe that the program inside writes to as `/work/said`.
struct Pane {
    folder: TempDir,
    heard: BufReader<std::fs::File>,
}

impl Pane {
    fn start(program: Plan) -> Self {
        let folder = TempDir::new().expect("folder");
        let pipe = folder.path().join("said");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        // Open for writing too, so that the pipe never ends between two writers.
        let heard = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("pipe");
        let line = program.with(Bind::writable(folder.path(), "/work")).command(Isolation::Sandbox, &launcher()).expect("a plan");
        let pane = Self { folder, heard: BufReader::new(heard) };
        let mut start = pane.tmux(["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24"]);
        assert!(start.args(line).status().expect("tmux").success());
        pane
    }

    fn tmux<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = Command::new("tmux");
        command
            .arg("-S")
            .arg(self.folder.path().join("tmux.sock"))
            .args(args)
            .env_clear()
            .env("TERM", "xterm")
            .env("PATH", "/usr/bin:/bin");
        command
    }

    fn keys(&self, keys: &[&str]) {
        assert!(self.tmux(["send-keys"]).args(keys).status().expect("tmux").success());
    }

    fn line(&self, text: &str) {
        self.keys(&[text, "Enter"]);
    }

    /// The process that one of tmux's words names.
    fn number(&self, word: &str) -> Pid {
        let said = self.tmux(["display-message", "-p", word]).output().expect("tmux").stdout;
        String::from_utf8_lossy(&said).trim().parse().ok().and_then(Pid::from_raw).expect("a process")
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.heard.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let end = self.tmux(["kill-server"]).status();
        assert!(end.is_ok_and(|end| end.success()) || std::thread::panicking(), "the tmux server ends");
    }
}

#[test]
fn a_shell_has_job_control() {
    let mut pane = Pane::start(plan(["bash", "--norc", "-i"]));
    pane.line("stty size >/work/said; echo $- >/work/said");
    assert_eq!(pane.hears(), "24 80");
    assert!(pane.hears().contains('m'), "monitor mode");
    pane.line("(echo go >/work/said; exec sleep 1000)");
    assert_eq!(pane.hears(), "go");
    pane.keys(&["C-c"]);
    pane.line("echo $? >/work/said");
    assert_eq!(pane.hears(), "130");
    pane.line("(echo go >/work/said; exec sleep 1000)");
    assert_eq!(pane.hears(), "go");
    pane.keys(&["C-z"]);
    pane.line("jobs -s | wc -l >/work/said; kill %1; echo seen >/dev/tty; echo told >/dev/stderr; echo $? >/work/said");
    assert_eq!((pane.hears(), pane.hears()), ("1".into(), "0".into()));
    let shown = pane.tmux(["capture-pane", "-p"]).output().expect("tmux").stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.lines().any(|line| line == "seen") && shown.lines().any(|line| line == "told"), "{shown}");
}

#[test]
fn a_program_without_a_shell_hears_resizing_and_interrupts() {
    let script = "import os,signal\nsay=lambda t: print(t,file=open('/work/said','w'),flush=True)\n\
                  signal.signal(signal.SIGWINCH,lambda *_: say('%d %d'%os.get_terminal_size()[::-1]))\nsignal.signal(signal.SIGINT,lambda *_: say('int'))\n\
                  say('up')\nwhile 1: signal.pause()";
    let mut pane = Pane::start(python(script));
    assert_eq!(pane.hears(), "up");
    assert!(pane.tmux(["resize-window", "-x", "100", "-y", "40"]).status().expect("tmux").success());
    assert_eq!(pane.hears(), "40 100");
    for _ in 0..2 {
        pane.keys(&["C-c"]);
        assert_eq!(pane.hears(), "int", "the sandbox outlives Ctrl-C when its program does");
    }
}

#[test]
fn a_pane_waits_for_its_sandbox_and_sees_its_end() {
    let mut pane = Pane::start(shell("echo up >/work/said; read -r _; exit 3"));
    assert_eq!(pane.hears(), "up");
    assert!(pane.tmux(["set-option", "-g", "remain-on-exit", "on"]).status().expect("tmux").success());
    assert!(pane.tmux(["set-hook", "-g", "pane-died", "wait-for -S died"]).status().expect("tmux").success());
    let (server, program) = (pane.number("#{pid}"), pane.number("#{pane_pid}"));
    let program = pidfd_open(program, PidfdFlags::empty()).expect("it waits");
    pane.keys(&["Enter"]);
    poll(&mut [PollFd::new(&program, PollFlags::IN)], None).expect("its end");
    // A tmux with utempter can miss the signal of this very end (`edge/tmux/watch.rs`): it is told until it has taken its child.
    while pidfd_send_signal(&program, Signal::CONT) != Err(Errno::SRCH) {
        kill_process(server, Signal::CHILD).expect("tmux is there");
        std::thread::yield_now();
    }
    assert!(pane.tmux(["wait-for", "died"]).status().expect("tmux").success());
    let status = pane.tmux(["display-message", "-p", "#{pane_dead_status}"]).output().expect("tmux").stdout;
    assert_eq!(String::from_utf8_lossy(&status).trim(), "3");
}
