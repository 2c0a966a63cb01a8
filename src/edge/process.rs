//! Processes: finding a program, starting the supervisor in the background, watching and ending what was started.

use crate::domain::failure::{Doing as _, Failure};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long the kernel may take to end a process after SIGKILL, before that is reported.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Variables that hold the owner's credentials: no process of the workshop has them in its environment.
pub const SECRETS: [&str; 3] = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"];

/// How a process group came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was not running any more.
    Before,
    /// It ended when it was asked to.
    Asked,
    /// It had to be killed.
    Killed,
}

/// Where this program's own file lies.
pub fn own() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(|why| Failure::new("cannot find this program's own file", why).hint("mount -t proc proc /proc"))
}

/// Makes this process's memory nobody else's: no debugger of the same user, no core file.
pub fn harden() -> Result<(), Failure> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    const WHAT: &str = "cannot shield the supervisor's memory";
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).doing(WHAT)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).doing(WHAT)
}

/// Finds a program in the absolute folders of PATH, or takes an absolute path as it is.
pub fn find_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = Path::new(name.as_ref());
    if name.is_absolute() {
        return runnable(name).then(|| name.to_owned());
    }
    let plain = name.components().count() == 1 && name.file_name() == Some(name.as_os_str());
    let path = std::env::var_os("PATH").filter(|_| plain)?;
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(|file| runnable(file))
}

/// Becomes another program in this process; returns only when that failed.
pub fn replace(argv: &[String]) -> Failure {
    let Some((program, args)) = argv.split_first() else {
        return Failure::new("cannot run a program", "none was named");
    };
    let why = Command::new(program).args(args).exec();
    Failure::new(format!("cannot run {program}"), why)
}

/// Runs a program in the foreground of this terminal until it ends; how it ends is its own matter and the terminal's.
pub fn show(argv: &[String]) -> Result<(), Failure> {
    let Some((program, args)) = argv.split_first() else {
        return Err(Failure::new("cannot run a program", "none was named"));
    };
    let ended = Command::new(program).args(args).status().doing(format!("cannot run {program}"))?;
    if ended.success() { Ok(()) } else { Err(Failure::new(format!("{program} ended badly"), ended).hint("orchestrate attach")) }
}

fn runnable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Starts a program that outlives this terminal: own session, no input, output appended to a private log, no inherited descriptors. The
/// environment passes but for what would lead git or tmux elsewhere.
pub fn spawn_daemon<A: AsRef<OsStr>>(exe: &Path, args: &[A], log: &Path) -> Result<u32, Failure> {
    let what = || format!("cannot start {} in the background", exe.display());
    let out = open_log(log)?;
    let err = out.try_clone().doing(what())?;
    let mut command = Command::new(exe);
    command.args(args).current_dir("/").stdin(Stdio::null()).stdout(out).stderr(err);
    for name in std::env::vars_os().map(|(name, _)| name).filter(misleads) {
        command.env_remove(name);
    }
    // SAFETY: between fork and exec only two system calls are made; nothing is allocated or locked.
    unsafe { command.pre_exec(leave_terminal) };
    command.spawn().map(|child| child.id()).doing(what()).map_err(|failure| failure.hint(format!("less {}", log.display())))
}

fn open_log(log: &Path) -> Result<File, Failure> {
    let what = || format!("cannot open the log {}", log.display());
    let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).doing(what())?;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_link).open(log).doing(what())?;
    file.set_permissions(Permissions::from_mode(0o600)).doing(what())?;
    Ok(file)
}

fn misleads(name: &OsString) -> bool {
    [&b"GIT_"[..], b"TMUX"].iter().any(|prefix| name.as_bytes().starts_with(prefix)) || SECRETS.iter().any(|secret| name == secret)
}

/// Runs in the child: a session of its own, and every descriptor above the standard three closes with exec.
fn leave_terminal() -> std::io::Result<()> {
    rustix::process::setsid()?;
    // SAFETY: close_range with these flags only marks descriptors; it touches no memory.
    match unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Tells whether the process that was started at this time still runs; another one with the same number does not count.
pub fn alive(pid: u32, started: u64) -> bool {
    fields(pid).is_some_and(|fields| start_of(&fields) == Some(started) && !matches!(fields[0].as_str(), "Z" | "X"))
}

/// Reads when a process was started, in clock ticks since boot; none when there is no such process.
pub fn start_time(pid: u32) -> Option<u64> {
    start_of(&fields(pid)?)
}

fn start_of(fields: &[String]) -> Option<u64> {
    fields.get(19)?.parse().ok()
}

/// Reads the fields of /proc/pid/stat from the third on; the second, a name in brackets, may hold anything.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|&b| b == b')')?;
    let fields: Vec<String> = String::from_utf8_lossy(&stat[end + 1..]).split_ascii_whitespace().map(str::to_owned).collect();
    (!fields.is_empty()).then_some(fields)
}

/// Ends the group that this process leads: asks, waits, then kills what is left. The start time makes sure that it is still the same process.
pub fn stop_group(leader: u32, started: u64, grace: Duration) -> Result<Ended, Failure> {
    let what = || format!("cannot stop process group {leader}");
    let pid = i32::try_from(leader).ok().and_then(Pid::from_raw).ok_or_else(|| Failure::new(what(), "no such number"))?;
    let watched = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(watched) if alive(leader, started) => watched,
        Ok(_) | Err(rustix::io::Errno::SRCH) => return Ok(Ended::Before),
        Err(why) => return Err(Failure::new(what(), why)),
    };
    signal(pid, Signal::TERM).doing(what())?;
    let asked = ends_within(&watched, grace).doing(what())?;
    signal(pid, Signal::KILL).doing(what())?;
    match asked || ends_within(&watched, KILL_LIMIT).doing(what())? {
        true if asked => Ok(Ended::Asked),
        true => Ok(Ended::Killed),
        false => Err(Failure::new(what(), "it did not end even when killed").hint(format!("cat /proc/{leader}/stack"))),
    }
}

fn signal(group: Pid, signal: Signal) -> rustix::io::Result<()> {
    match rustix::process::kill_process_group(group, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other,
    }
}

fn ends_within(process: &OwnedFd, limit: Duration) -> rustix::io::Result<bool> {
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: limit.subsec_nanos().into() };
    let mut watched = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut watched, Some(&limit))).map(|ready| ready > 0)
}

/// Measures how many bytes this user may still write on the file system of a path.
pub fn free_disk(path: &Path) -> Result<u64, Failure> {
    let disk = rustix::fs::statvfs(path).doing(format!("cannot measure the free disk of {}", path.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Reads how many bytes of memory this machine has.
pub fn total_memory() -> Result<u64, Failure> {
    const WHAT: &str = "cannot read how much memory there is";
    let text = std::fs::read_to_string("/proc/meminfo").doing(WHAT)?;
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| Failure::new(WHAT, "/proc/meminfo does not say"))
}

/// Lists the parents of a process, nearest first, up to the first process of all.
pub fn ancestors(pid: u32) -> Vec<u32> {
    let parent = |pid: &u32| fields(*pid)?.get(1)?.parse().ok().filter(|&parent: &u32| parent > 0);
    // A bound, since the tree may change while it is read.
    std::iter::successors(parent(&pid), parent).take(64).collect()
}

/// Reads which process namespace a process is in; none when it is gone or not to be looked at.
pub fn pid_namespace(pid: u32) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(format!("/proc/{pid}/ns/pid")).ok().map(|space| space.ino())
}

/// Tells which of these processes live, each named by its number in the innermost namespace and by when it was started.
pub fn living(wanted: &[(u32, u64)]) -> Vec<bool> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let inner = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let inner = status.lines().find_map(|line| line.strip_prefix("NSpid:")?.split_whitespace().last()?.parse().ok())?;
        Some((inner, start_time(pid)?))
    };
    let there: std::collections::BTreeSet<(u32, u64)> = numbers.filter_map(inner).collect();
    wanted.iter().map(|named| there.contains(named)).collect()
}

/// Lets this process have as many descriptors as the system allows it.
pub fn widen() -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).doing("cannot raise the number of open files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Read as _};

    fn shell(script: &str) -> std::process::Child {
        Command::new("/bin/sh").args(["-c", script]).process_group(0).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a script as a group and waits until it has said its first line.
    fn ready(script: &str) -> (std::process::Child, u64) {
        let mut child = shell(script);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started = start_time(child.id()).unwrap();
        (child, started)
    }

    #[test]
    fn programs_are_found_by_absolute_folders_only() {
        let sh = find_program("sh").unwrap();
        assert!(sh.is_absolute() && sh.ends_with("sh"));
        assert_eq!(find_program("/bin/sh"), Some("/bin/sh".into()));
        for bad in ["", ".", "..", "no-such-program", "/etc/passwd", "/etc", "../bin/sh", "bin/sh"] {
            assert_eq!(find_program(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_group_ends_when_asked() {
        let (mut child, started) = ready("sleep 600 & echo up; wait");
        assert!(alive(child.id(), started));
        assert!(!alive(child.id(), started + 1), "another process with the same number");
        assert_eq!(stop_group(child.id(), started, Duration::from_secs(10)).unwrap(), Ended::Asked);
        assert!(!alive(child.id(), started), "a zombie is not alive");
        child.wait().unwrap();
        assert_eq!(stop_group(child.id(), started, Duration::ZERO).unwrap(), Ended::Before);
    }

    #[test]
    fn a_deaf_group_is_killed_with_its_children() {
        let mut child = shell("trap '' TERM; sleep 600 & echo $!; while :; do wait; done");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let started = start_time(child.id()).unwrap();
        assert_eq!(stop_group(child.id(), started, Duration::from_millis(50)).unwrap(), Ended::Killed);
        child.wait().unwrap();
        // The grandchild held the pipe too: its end shows that nobody of the group is left.
        assert_eq!(output.read_to_string(&mut line).unwrap(), 0);
    }

    #[test]
    fn another_process_with_the_number_is_left_alone() {
        let (mut child, started) = ready("echo up; exec sleep 600");
        assert_eq!(stop_group(child.id(), started + 1, Duration::ZERO).unwrap(), Ended::Before);
        assert!(alive(child.id(), started));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_daemon_has_its_own_session_and_a_private_log() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("a log");
        let leak = File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
        let script = "ls /proc/self/fd | tr '\\n' ' '; cut -d' ' -f6 /proc/$$/stat; echo $$; echo err >&2; echo 'done'";
        let pid = spawn_daemon(Path::new("/bin/sh"), &["-c", script], &log).unwrap();
        let watched = rustix::process::pidfd_open(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), PidfdFlags::empty()).unwrap();
        assert!(ends_within(&watched, Duration::from_secs(20)).unwrap());
        let said = std::fs::read_to_string(&log).unwrap();
        // Descriptor 3 is the folder that ls itself reads.
        assert_eq!(said, format!("0 1 2 3 {pid}\n{pid}\nerr\ndone\n"));
        assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_log_is_never_written_through_a_link() {
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(home.path().join("elsewhere"), home.path().join("log")).unwrap();
        assert!(spawn_daemon(Path::new("/bin/true"), &[""; 0], &home.path().join("log")).is_err());
        assert!(!home.path().join("elsewhere").exists());
    }

    #[test]
    fn what_leads_git_or_tmux_elsewhere_is_dropped() {
        for (name, dropped) in [("GIT_DIR", true), ("TMUX", true), ("TMUX_PANE", true), ("HOME", false), ("XGIT_DIR", false)] {
            assert_eq!(misleads(&name.into()), dropped, "{name}");
        }
    }

    #[test]
    fn parents_and_disk_are_read() {
        let chain = ancestors(std::process::id());
        assert_eq!(chain.first(), Some(&std::os::unix::process::parent_id()));
        assert!(ancestors(u32::MAX).is_empty());
        assert!(free_disk(Path::new("/")).unwrap() > 0);
        assert!(free_disk(Path::new("/no/such/folder")).is_err());
    }
}
