//! The processes of a world: who they are, and that none is left.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Seconds that the end of a process may take once it was asked for.
const PROMPT: i64 = 60;

/// A process as /proc shows it.
#[derive(Debug, Clone)]
struct Process {
    pid: i32,
    parent: i32,
    line: String,
}

/// Every process that names a folder, and everything that descends from one that does.
pub struct Family(Vec<Process>);

impl Family {
    pub fn of(folder: &Path) -> Self {
        let all = processes();
        let named = |process: &&Process| process.line.contains(&*folder.as_os_str().to_string_lossy());
        let mut members: BTreeMap<i32, Process> = all.iter().filter(named).map(|process| (process.pid, process.clone())).collect();
        loop {
            let young: Vec<&Process> =
                all.iter().filter(|process| members.contains_key(&process.parent) && !members.contains_key(&process.pid)).collect();
            if young.is_empty() {
                break;
            }
            members.extend(young.into_iter().map(|process| (process.pid, process.clone())));
        }
        let own = i32::try_from(std::process::id()).unwrap();
        Self(members.into_values().filter(|process| process.pid != own).collect())
    }

    pub fn shown(&self) -> Vec<String> {
        self.0.iter().map(|process| format!("{} {}", process.pid, process.line)).collect()
    }

    /// The numbers of all of them.
    pub fn all(&self) -> impl Iterator<Item = i32> {
        self.0.iter().map(|process| process.pid)
    }

    /// The supervisor's number. A child that it is only about to start still bears its line.
    pub fn supervisor(&self) -> i32 {
        let named = |process: &&Process| process.line.contains(" supervise ");
        let children: Vec<i32> = self.0.iter().filter(named).map(|process| process.pid).collect();
        let found: Vec<i32> =
            self.0.iter().filter(named).filter(|process| !children.contains(&process.parent)).map(|process| process.pid).collect();
        assert_eq!(found.len(), 1, "{:?}", self.shown());
        found[0]
    }

    /// Waits until all are gone.
    #[track_caller]
    pub fn wait_gone(&self) {
        for process in &self.0 {
            assert!(gone(process.pid), "still there: {} {}", process.pid, process.line);
        }
    }

    /// The power goes: every process of the folder stands still at the same moment, and then none is left. Nobody sees another one die.
    #[track_caller]
    pub fn power_off(folder: &Path) {
        let (mut all, mut known) = (Self::of(folder), 0);
        while all.0.len() > known {
            known = all.0.len();
            all.all().for_each(|pid| signal(pid, Signal::STOP));
            all = Self::of(folder);
        }
        all.kill();
        all.wait_gone();
    }

    /// Ends what a failed test left, by number.
    pub fn kill(&self) {
        self.0.iter().for_each(|process| kill(process.pid));
    }
}

/// `kill -9`.
pub fn kill(pid: i32) {
    signal(pid, Signal::KILL);
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        kill_process(pid, signal).unwrap_or_default();
    }
}

/// Waits for the end of a process; one that is not there has ended.
pub fn gone(pid: i32) -> bool {
    let Some(pid) = Pid::from_raw(pid) else { return true };
    let Ok(watched) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    let limit = Timespec { tv_sec: PROMPT, tv_nsec: 0 };
    poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&limit)).unwrap() > 0
}

fn processes() -> Vec<Process> {
    let numbers = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(read).collect()
}

/// A process that ended meanwhile, or is only a name in the table, is none.
fn read(pid: i32) -> Option<Process> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| std::ffi::OsStr::from_bytes(word).to_string_lossy().into_owned()).collect();
    (!matches!(state, "Z" | "X")).then(|| Process { pid, parent, line: words.join(" ").trim().to_owned() })
}
