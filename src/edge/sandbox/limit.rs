//! What a process tree keeps from its parent and what it may use up.

use super::Limits;
use crate::domain::failure::{Doing, Failure};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::fs;
use std::path::{Path, PathBuf};

/// Processes of a sandbox that are not the program's: bwrap twice, and room for the forwarder.
const OURS: u64 = 4;

/// Closes every descriptor but the three standard ones.
pub(super) fn close_inherited() -> Result<(), Failure> {
    // SAFETY: nothing in this process holds a descriptor yet: it is the first thing that the process does.
    match unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) } {
        0 => Ok(()),
        _ => Err(Failure::new("cannot close inherited descriptors", std::io::Error::last_os_error()).hint("needs Linux 5.9 or newer")),
    }
}

/// Sets what the terminal's interrupt and quit keys do to this process and to what it becomes.
pub(super) fn on_interrupt(action: libc::sighandler_t) -> Result<(), Failure> {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: the action is SIG_IGN or SIG_DFL, never a function.
        if unsafe { libc::signal(signal, action) } == libc::SIG_ERR {
            return Err(Failure::new("cannot set a signal's action", std::io::Error::last_os_error()));
        }
    }
    Ok(())
}

/// Sets the resource limits; both soft and hard, so that nothing inside can raise them.
///
/// Processes are counted per user namespace; without one of our own, the user's other programs would count too.
pub(super) fn apply(limits: &Limits, own_namespace: bool) -> Result<(), Failure> {
    if own_namespace {
        cap(Resource::Nproc, limits.processes)?;
    }
    cap(Resource::Nofile, limits.open_files)?;
    cap(Resource::Fsize, limits.file_size)?;
    // One byte, not none: a core of limit one is not piped to the host's crash collector either.
    cap(Resource::Core, 1)?;
    limits.memory.map_or(Ok(()), |bytes| cap(Resource::Data, bytes))
}

pub(super) fn apply_cpu(limits: &Limits) -> Result<(), Failure> {
    limits.cpu_seconds.map_or(Ok(()), |seconds| cap(Resource::Cpu, seconds))
}

fn cap(resource: Resource, most: u64) -> Result<(), Failure> {
    let hard = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let most = most.min(hard);
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).doing(format!("cannot limit {resource:?} to {most}"))
}

/// How much rather the kernel ends these processes than others when memory runs out; the supervisor's own stands at 0.
const VICTIM: &str = "500";

/// Makes this process and what it becomes the first to go when the machine's memory runs out.
pub(super) fn go_first() -> Result<(), Failure> {
    fs::write("/proc/self/oom_score_adj", VICTIM).doing("cannot say who goes first when memory runs out")
}

/// Bounds processes and memory of the whole tree with a control group, where the caller may make one: root, or a user to whom systemd
/// delegated a part of the hierarchy.
///
/// The kernel does not count processes of root against a resource limit; for an ordinary caller the resource limits hold in any case. Where
/// root has no control groups to write (a container), nothing is bounded: the start-up probe sees that and says so.
pub(super) fn bound_group(name: &str, processes: u64, memory: Option<u64>) {
    for (base, limits) in controllers(processes, memory) {
        sweep(&base);
        let group = base.join(format!("orchestrate-{name}-{}", std::process::id()));
        let set = |(file, value): &(&str, u64)| fs::write(group.join(file), value.to_string());
        let joined =
            fs::create_dir(&group).and_then(|()| limits.iter().try_for_each(set)).and_then(|()| fs::write(group.join("cgroup.procs"), "0"));
        if joined.is_err() && group.is_dir() {
            sweep_one(&group);
        }
    }
}

type Bound = (PathBuf, Vec<(&'static str, u64)>);

fn controllers(processes: u64, memory: Option<u64>) -> Vec<Bound> {
    let root = Path::new("/sys/fs/cgroup");
    let processes = processes + OURS;
    if root.join("cgroup.controllers").exists() {
        let mut limits = vec![("pids.max", processes)];
        limits.extend(memory.map(|bytes| ("memory.max", bytes)));
        return delegated(root).map(|base| (base, limits)).into_iter().collect();
    }
    if !rustix::process::geteuid().is_root() {
        return Vec::new();
    }
    let mut all = vec![(root.join("pids").join(own_group("pids")), vec![("pids.max", processes)])];
    all.extend(memory.map(|bytes| (root.join("memory").join(own_group("memory")), vec![("memory.limit_in_bytes", bytes)])));
    all
}

/// The nearest group above this process that gives its members' groups both controllers, and that the caller may write.
fn delegated(root: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let gives = |base: &&Path| {
        let given = fs::read_to_string(base.join("cgroup.subtree_control")).unwrap_or_default();
        let both = ["pids", "memory"].iter().all(|name| given.split_whitespace().any(|word| word == *name));
        both && rustix::fs::access(base.join("cgroup.procs"), rustix::fs::Access::WRITE_OK).is_ok()
    };
    let ours = |base: &Path| base.file_name().is_some_and(|name| name.to_string_lossy().starts_with("orchestrate-"));
    let above = root.join(own);
    above.ancestors().take_while(|base| base.starts_with(root)).filter(|base| !ours(base)).find(gives).map(Path::to_path_buf)
}

/// The group of this process in a version 1 hierarchy, relative to its root.
fn own_group(controller: &str) -> PathBuf {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = text.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        names.split(',').any(|name| name == controller).then(|| path.trim_start_matches('/'))
    });
    // A group of ours below one of ours would inherit that one's bound: stay beside it.
    let parts = Path::new(path.unwrap_or_default()).iter().take_while(|part| !part.to_string_lossy().starts_with("orchestrate-"));
    parts.collect()
}

/// Removes the groups of sandboxes that have ended; the kernel refuses to remove one in use.
fn sweep(base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| is_ended(path)) {
        sweep_one(&path);
    }
}

fn is_ended(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let pid = name.strip_prefix("orchestrate-").and_then(|rest| rest.rsplit_once('-')).map(|(_, pid)| pid);
    pid.is_some_and(|pid| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists())
}

fn sweep_one(group: &Path) {
    if let Err(why) = fs::remove_dir(group)
        && why.kind() != std::io::ErrorKind::NotFound
        && why.raw_os_error() != Some(libc::EBUSY)
    {
        eprintln!("orchestrate: cannot remove the ended control group {}: {why}", group.display());
    }
}
