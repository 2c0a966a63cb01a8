//! A seat's fetch or push, answered by git on the gate with settings that no file can change.

use super::intake::intake;
use super::sift::sift;
use super::{Gate, configure, pkt};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::RefName;
use crate::domain::planted;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// Which half of a conversation git speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Answers a fetch.
    Upload,
    /// Answers a push.
    Receive,
}

/// What one conversation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a push may send.
    pub input: u64,
    /// Bytes of memory that each process may hold of its own.
    pub memory: u64,
    pub cpu_seconds: u64,
    /// Seconds that a fetch may say nothing.
    pub silence: u32,
    /// Seconds that the whole conversation may take.
    pub wall_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { input: 256 << 20, memory: 2 << 30, cpu_seconds: 300, silence: 120, wall_seconds: 900 }
    }
}

/// What every push is held to. Deciding is left to the hooks; a missing `proc-receive` refuses all.
const RECEIVE: &[&str] = &[
    "receive.procReceiveRefs=refs/",
    "receive.fsckObjects=true",
    "transfer.fsckObjects=true",
    "receive.fsck.badFilemode=error",
    "receive.denyDeletes=true",
    "receive.denyNonFastForwards=false",
    "receive.denyCurrentBranch=refuse",
    "receive.advertisePushOptions=false",
    "receive.advertiseAtomic=true",
    "receive.shallowUpdate=false",
    "receive.unpackLimit=100",
    "receive.autogc=false",
    "receive.updateServerInfo=false",
    // Loose objects are made durable by `Quarantine::keep`, all at once and beside the judgement.
    "core.fsync=reference",
    // A quarantine borrows from the gate itself: its references are known already, and asking again costs a run of git.
    "core.alternateRefsCommand=/bin/true",
];

/// What every fetch is held to: what is not advertised cannot be asked for.
const UPLOAD: &[&str] = &[
    "uploadpack.allowTipSHA1InWant=false",
    "uploadpack.allowReachableSHA1InWant=false",
    "uploadpack.allowAnySHA1InWant=false",
    "uploadpack.allowRefInWant=false",
    "uploadpack.allowFilter=false",
    "uploadpack.hideRefs=refs",
    "pack.threads=1",
];

/// What one conversation is about.
#[derive(Debug)]
pub struct Conversation<'a> {
    pub service: Service,
    /// What the client asked for in `GIT_PROTOCOL`.
    pub protocol: Option<&'a str>,
    /// The folder with `pre-receive` and `proc-receive`.
    pub hooks: &'a Path,
    /// References, or folders of references, that the seat may see beside the protected branch.
    pub visible: &'a [RefName],
    /// Given to the hooks; each name begins with `ORCHESTRATE_`.
    pub env: &'a [(String, String)],
    pub limits: Limits,
}

/// A conversation under way.
#[derive(Debug)]
pub struct Served {
    git: Child,
    /// Pass on what git and a push say to each other; git speaks to a fetch by itself.
    talk: Option<Talk>,
    wall_seconds: u32,
}

/// The two directions of a conversation.
type Talk = [JoinHandle<()>; 2];

impl Served {
    /// Waits for the end of the conversation, and brings it about when its time is over: a client that hangs holds nothing for good.
    pub fn wait(&mut self) -> Result<(), Failure> {
        const WHAT: &str = "cannot wait for git";
        let pid = Pid::from_child(&self.git);
        let watched = pidfd_open(pid, PidfdFlags::empty()).doing(WHAT)?;
        let limit = Timespec { tv_sec: self.wall_seconds.into(), tv_nsec: 0 };
        let ready = rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&limit))).doing(WHAT)?;
        if ready == 0 {
            kill_process_group(pid, Signal::KILL).doing(WHAT)?;
        }
        self.git.wait().doing(WHAT)?;
        self.talk
            .take()
            .into_iter()
            .flatten()
            .try_for_each(|way| way.join().map_err(|_| Failure::new("BUG: what passes on the words of a push panicked", "")))
    }

    /// The process group that answers.
    pub fn id(&self) -> u32 {
        self.git.id()
    }
}

/// Hands a connected socket to git. What a push sends and gets passes through this process: it sees the references that are its own to
/// see and no others, and git never sees a certificate.
///
/// The child leads a process group of its own, so that all of it can be ended at once.
pub fn serve(gate: &Gate, about: &Conversation<'_>, socket: OwnedFd) -> Result<Served, Failure> {
    const WHAT: &str = "cannot answer a fetch or a push";
    if let Some((name, _)) = about.env.iter().find(|(name, _)| !name.starts_with("ORCHESTRATE_")) {
        return Err(Failure::new(WHAT, format!("{name:?} is not ours to set")));
    }
    let mut command = program(gate, about)?;
    command.envs(about.env.iter().map(|(name, value)| (name, value))).process_group(0);
    blocking(&socket).doing(WHAT)?;
    command.stderr(Stdio::null());
    limit(&mut command, about);
    let wall_seconds = about.limits.wall_seconds;
    if about.service == Service::Upload {
        let git = command.stdin(Stdio::from(socket.try_clone().doing(WHAT)?)).stdout(Stdio::from(socket)).spawn().doing(WHAT)?;
        return Ok(Served { git, talk: None, wall_seconds });
    }
    let mut git = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().doing(WHAT)?;
    let talk =
        talk(&mut git, gate, about, socket).inspect_err(|_| kill_process_group(Pid::from_child(&git), Signal::KILL).unwrap_or_default());
    Ok(Served { talk: Some(talk?), git, wall_seconds })
}

fn talk(git: &mut Child, gate: &Gate, about: &Conversation<'_>, socket: OwnedFd) -> Result<Talk, Failure> {
    const WHAT: &str = "cannot talk with git";
    let (Some(mut said), Some(mut hears)) = (git.stdout.take(), git.stdin.take()) else {
        return Err(Failure::new("BUG: git has no pipes", ""));
    };
    let shown: Vec<RefName> = about.visible.iter().chain([gate.branch()]).cloned().collect();
    let (mut ear, mut mouth) = (File::from(socket.try_clone().doing(WHAT)?), File::from(socket));
    let said = named("push-out", move || {
        let plain = planted::out("own-branches-shown");
        let passed = if plain { pkt::carry(&mut said, &mut mouth) } else { sift(&mut said, &mut mouth, &shown) };
        // Git says no more: the client hears that it is over, and nobody hears the client.
        let ended = shutdown(&mouth, Shutdown::Both);
        passed.and(ended.or_else(|errno| if errno == Errno::NOTCONN { Ok(()) } else { Err(errno) }).doing(WHAT))
    })?;
    let heard = named("push-in", move || {
        let plain = planted::out("push-certificates");
        if plain { pkt::carry(&mut ear, &mut hears) } else { intake(&mut ear, &mut hears) }
    })?;
    Ok([said, heard])
}

/// A side that has left hears nothing more; git, and with it the conversation, then ends by itself.
fn named(name: &str, work: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let told = move || work().unwrap_or_else(|failure| eprintln!("orchestrate: a push: {failure}"));
    std::thread::Builder::new().name(name.to_owned()).spawn(told).doing("cannot talk with git")
}

fn program(gate: &Gate, about: &Conversation<'_>) -> Result<Command, Failure> {
    let hooks = about.hooks.to_str().filter(|path| path.starts_with('/'));
    let hooks = hooks.ok_or_else(|| Failure::new("cannot find the hooks", format!("{} is no absolute path", about.hooks.display())))?;
    let mut command = gate.command();
    match about.service {
        Service::Receive => {
            configure(&mut command, RECEIVE.iter().copied());
            configure(
                &mut command,
                [format!("core.hooksPath={hooks}").as_str(), format!("receive.maxInputSize={}", about.limits.input).as_str()],
            );
            configure(&mut command, planted::out("shallow-pushes").then_some("receive.shallowUpdate=true"));
            configure(&mut command, planted::out("push-options").then_some("receive.advertisePushOptions=true"));
            command.arg("receive-pack");
        }
        Service::Upload => {
            configure(&mut command, UPLOAD.iter().copied());
            configure(&mut command, planted::out("fetch-advertised-only").then_some("uploadpack.allowAnySHA1InWant=true"));
            let shown = about.visible.iter().chain([gate.branch()]);
            shown.for_each(|name| configure(&mut command, [format!("uploadpack.hideRefs=!{name}").as_str()]));
            command.args(["upload-pack", "--strict", &format!("--timeout={}", about.limits.silence)]);
        }
    }
    if let Some(version) = protocol(about) {
        command.env("GIT_PROTOCOL", version);
    }
    command.arg(gate.dir());
    Ok(command)
}

/// The protocol version to answer with. Version 2 lets a client ask for any object by its id, also one that no visible
/// reference reaches, so it is never spoken: the client falls back by itself.
fn protocol(about: &Conversation<'_>) -> Option<&'static str> {
    about.protocol.filter(|asked| asked.split(':').any(|word| word == "version=1")).map(|_| "version=1")
}

/// Undoes what an event loop did to the socket: git and its children are made for calls that wait.
fn blocking(socket: &OwnedFd) -> rustix::io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(socket)?;
    rustix::fs::fcntl_setfl(socket, flags - rustix::fs::OFlags::NONBLOCK)
}

fn limit(command: &mut Command, about: &Conversation<'_>) {
    let Limits { input, memory, cpu_seconds, .. } = about.limits;
    let mut limits = vec![(Resource::Data, memory), (Resource::Cpu, cpu_seconds), (Resource::Core, 0)];
    if about.service == Service::Receive {
        limits.push((Resource::Fsize, input.saturating_mul(2)));
    }
    // SAFETY: between fork and exec the closure only makes setrlimit system calls: no memory is taken, no lock is held.
    unsafe {
        command.pre_exec(move || {
            limits.iter().try_for_each(|(kind, most)| Ok(setrlimit(*kind, Rlimit { current: Some(*most), maximum: Some(*most) })?))
        });
    }
}
