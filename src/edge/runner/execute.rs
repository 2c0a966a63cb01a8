//! One process after another in sandboxes of one run, within the run's limits.

use super::place::Place;
use super::{Job, Told};
use crate::domain::failure::Failure;
use crate::domain::name::Digest;
use crate::domain::run::Completion;
use crate::edge::sandbox::{Bind, Isolation, Limits, Plan};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often limits and cancellation are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long output is awaited after the sandbox has ended: everything in it is dying then.
const LINGER: Duration = Duration::from_secs(2);
const NOTE: usize = 4096;
const FILE_SIZE: u64 = 4 << 30;
const TMP_SIZE: u64 = 1 << 30;
const OPEN_FILES: u64 = 4096;
/// Free bytes of the disk below which a run is stopped.
const DISK_FLOOR: u64 = 256 << 20;

/// Why a run could not be made to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    Limit(String),
    Infrastructure(String),
}

impl Trouble {
    pub(super) fn outside(what: &str, why: impl std::fmt::Display) -> Self {
        Trouble::Infrastructure(format!("{what}: {why}"))
    }

    pub(super) fn told(self, tail: &str) -> Told {
        let (completion, note) = match self {
            Trouble::Limit(why) => (Completion::LimitReached, why),
            Trouble::Infrastructure(why) => (Completion::Infrastructure, why),
        };
        let note = if tail.is_empty() { note } else { format!("{note}\n{tail}") };
        Told { command: Vec::new(), completion, results: BTreeMap::new(), missing: Vec::new(), note }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let hint = if failure.hint.is_empty() { String::new() } else { format!("; fix: {}", failure.hint) };
        Trouble::Infrastructure(format!("{failure}{hint}"))
    }
}

/// One program to be run in a sandbox.
#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    pub(super) argv: Vec<OsString>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) binds: Vec<Bind>,
    /// Where it starts; the tree when empty.
    pub(super) chdir: std::path::PathBuf,
}

/// What a program that came to its end said.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Ended {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(super) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A job with its place on disk and what it has used so far.
pub(super) struct Bench<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) place: Place,
    deadline: Instant,
    used: AtomicU64,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    hash: Sha256,
    tail: Vec<u8>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(job: &'a Job<'a>, begin: Instant) -> Result<Self, Trouble> {
        let place = Place::new(job.checkout, job.isolation)?;
        let deadline =
            begin.checked_add(job.limits.wall).ok_or_else(|| Trouble::outside("cannot limit the run", "its wall limit is too long"))?;
        Ok(Self { job, place, deadline, used: AtomicU64::new(0), heard: Mutex::default() })
    }

    /// The digest of all output, and its end.
    pub(super) fn captured(&self) -> (Digest, String) {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = Digest::new(hex::encode(heard.hash.clone().finalize())).expect("BUG: a SHA-256 is 64 hex digits");
        (digest, String::from_utf8_lossy(&heard.tail).into_owned())
    }

    /// Runs a program to its end; a limit on the way is trouble, also where many short programs reach it together.
    pub(super) fn execute(&self, program: &Program) -> Result<Ended, Trouble> {
        self.within()?;
        let mut child = self.start(program)?;
        let mut pipes = Pipes::of(&mut child);
        let mut capture = Capture::default();
        let watched = self.watch(&child, &mut pipes, &mut capture);
        let code = stop(&mut child)?;
        let drained = self.drain(&mut pipes, &mut capture);
        self.hear(&capture);
        watched.and(drained)?;
        Ok(Ended { code, stdout: capture.out, stderr: capture.err })
    }

    fn start(&self, program: &Program) -> Result<Child, Trouble> {
        let line = self.plan(program).command(self.job.isolation, self.job.launcher)?;
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).env_clear().current_dir("/").process_group(0);
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        piped.spawn().map_err(|why| Trouble::outside("cannot start the sandbox", why))
    }

    fn plan(&self, program: &Program) -> Plan {
        let limits = Limits {
            processes: self.job.limits.processes,
            open_files: OPEN_FILES,
            file_size: FILE_SIZE,
            tmp_size: TMP_SIZE,
            cpu_seconds: None,
            memory: self.job.limits.memory,
        };
        let mut env = self.place.environment();
        env.extend(program.env.clone());
        let chdir = if program.chdir.as_os_str().is_empty() { self.place.tree.clone() } else { program.chdir.clone() };
        let own = if self.job.isolation == Isolation::None { Vec::new() } else { self.place.binds() };
        // Of two binds on one target the later counts: the program's over the place's.
        let binds = own.into_iter().chain(self.job.dependencies.iter().cloned()).chain(program.binds.iter().cloned()).collect();
        let (forwards, etc) = (Vec::new(), Vec::new());
        Plan { name: "tests".into(), binds, env, chdir, argv: program.argv.clone(), limits, forwards, etc, nested: false, user: None }
    }

    /// Reads output and looks at limits until the program has ended.
    fn watch(&self, child: &Child, pipes: &mut Pipes, capture: &mut Capture) -> Result<(), Trouble> {
        let trouble = |why: io::Error| Trouble::outside("cannot watch the sandbox", why);
        pipes.unblock().map_err(trouble)?;
        let pidfd = group(child).and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?)).map_err(trouble)?;
        loop {
            let ended = pipes.wait(Some(pidfd.as_fd()), LOOK).map_err(trouble)?;
            self.read(pipes, capture)?;
            if ended {
                return Ok(());
            }
            self.within()?;
        }
    }

    /// Reads what is left after the end. The pipes close when the last process of the sandbox is gone.
    fn drain(&self, pipes: &mut Pipes, capture: &mut Capture) -> Result<(), Trouble> {
        let linger = Instant::now() + LINGER;
        while pipes.open() && Instant::now() < linger {
            pipes.wait(None, LOOK).map_err(|why| Trouble::outside("cannot watch the sandbox", why))?;
            self.read(pipes, capture)?;
        }
        Ok(())
    }

    fn read(&self, pipes: &mut Pipes, capture: &mut Capture) -> Result<(), Trouble> {
        let count = pipes.read(capture, self.job.limits.output).map_err(|why| Trouble::outside("cannot read the tests' output", why))?;
        let used = self.used.fetch_add(count, Ordering::SeqCst) + count;
        match used > self.job.limits.output {
            true => Err(Trouble::Limit(format!("the tests wrote more than {} bytes of output", self.job.limits.output))),
            false => Ok(()),
        }
    }

    fn within(&self) -> Result<(), Trouble> {
        if self.job.cancel.is_some_and(|cancel| cancel.load(Ordering::SeqCst)) {
            return Err(Trouble::Infrastructure("the run was cancelled".into()));
        }
        if Instant::now() >= self.deadline {
            return Err(Trouble::Limit(format!("the tests took longer than {} s", self.job.limits.wall.as_secs_f32())));
        }
        match self.place.free() {
            Ok(free) if free < DISK_FLOOR => Err(Trouble::Infrastructure("the disk is full: less than 256 MiB are free for the tests, or for anything else".into())),
            Ok(_) => Ok(()),
            Err(why) => Err(Trouble::outside("cannot see how full the disk is", why)),
        }
    }

    fn hear(&self, capture: &Capture) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        for part in [&capture.out, &capture.err] {
            heard.hash.update(part);
            let from = part.len().saturating_sub(NOTE);
            heard.tail.extend(&part[from..]);
        }
        let from = heard.tail.len().saturating_sub(NOTE / 2);
        heard.tail.drain(..from);
    }
}

fn group(child: &Child) -> io::Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("it has no process id"))
}

/// Ends whatever of the process group is left; the sandbox's own first process dies with its parent, and all others with it.
fn stop(child: &mut Child) -> Result<Option<i32>, Trouble> {
    let trouble = |why: io::Error| Trouble::outside("cannot end the sandbox", why);
    let group = group(child).map_err(trouble)?;
    match kill_process_group(group, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => child.wait().map(|status| status.code()).map_err(trouble),
        Err(why) => Err(trouble(why.into())),
    }
}

#[derive(Default)]
struct Capture {
    out: Vec<u8>,
    err: Vec<u8>,
}

/// A child's two output pipes, read without blocking.
struct Pipes {
    out: Option<std::process::ChildStdout>,
    err: Option<std::process::ChildStderr>,
}

impl Pipes {
    fn of(child: &mut Child) -> Self {
        Self { out: child.stdout.take(), err: child.stderr.take() }
    }

    fn unblock(&self) -> io::Result<()> {
        self.descriptors().into_iter().try_for_each(|fd| Ok(rustix::io::ioctl_fionbio(fd, true)?))
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.out.iter().map(AsFd::as_fd).chain(self.err.iter().map(AsFd::as_fd)).collect()
    }

    fn open(&self) -> bool {
        self.out.is_some() || self.err.is_some()
    }

    /// Waits for output, for the end of the process, or for a while; tells whether the process has ended.
    fn wait(&self, process: Option<BorrowedFd>, most: Duration) -> io::Result<bool> {
        let descriptors = self.descriptors();
        let all = process.iter().chain(descriptors.iter());
        let mut polled: Vec<PollFd> = all.map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        match poll(&mut polled, Some(&most.try_into().map_err(io::Error::other)?)) {
            Ok(_) => Ok(process.is_some() && !polled[0].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(why) => Err(why.into()),
        }
    }

    /// Takes what is there and gives its length; keeps no more than `most` of it.
    fn read(&mut self, capture: &mut Capture, most: u64) -> io::Result<u64> {
        let out = take(&mut self.out, &mut capture.out, most)?;
        let err = take(&mut self.err, &mut capture.err, most)?;
        Ok(out + err)
    }
}

fn take(pipe: &mut Option<impl Read>, kept: &mut Vec<u8>, most: u64) -> io::Result<u64> {
    let Some(open) = pipe else { return Ok(0) };
    let mut buffer = [0; 64 * 1024];
    match open.read(&mut buffer) {
        Ok(0) => {
            *pipe = None;
            Ok(0)
        }
        Ok(count) => {
            let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(kept.len());
            kept.extend(&buffer[..count.min(room)]);
            Ok(count as u64)
        }
        Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        Err(why) => Err(why),
    }
}

/// Makes an excerpt safe to show: no control bytes, no text that turns its direction, at most 4 KiB.
pub(super) fn clean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || turns(*c)));
    let mut room = NOTE;
    shown.take_while(|c| room.checked_sub(c.len_utf8()).inspect(|left| room = *left).is_some()).collect()
}
