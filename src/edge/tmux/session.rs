//! What is left of the panes' terminal sessions when their server has ended.
//!
//! The kernel hangs up on the first process of each. A sandbox that is only being put up forks before it is bound to its parent's life: its child
//! then waits for ever for a parent that has gone. It is still in the pane's session, by which it is found here.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// How often what is left is looked for, and how long the end of what was killed may take.
const TIMES: u32 = 50;
const SECONDS: i64 = 10;

/// A process as the kernel lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listed {
    pid: i32,
    parent: i32,
    session: i32,
    started: u64,
    over: bool,
}

/// The sessions of a server's panes, each by the number of its first process, and when that was started.
pub struct Sessions(BTreeMap<i32, u64>);

impl Sessions {
    /// Those that the server has begun so far.
    pub fn of(server: Pid) -> Self {
        let server = server.as_raw_nonzero().get();
        let first = |listed: &Listed| listed.parent == server && listed.session == listed.pid;
        Self(listed().filter(first).map(|listed| (listed.pid, listed.started)).collect())
    }

    /// Kills whoever is still in them, and waits for the end.
    pub fn end(&self) {
        for _ in 0..TIMES {
            let left: Vec<OwnedFd> = self.members().filter_map(held).collect();
            if left.is_empty() {
                return;
            }
            left.iter().for_each(|process| pidfd_send_signal(process, Signal::KILL).unwrap_or_default());
            left.iter().for_each(await_end);
        }
    }

    /// Who is in them; a session whose number the kernel has given to another is none of ours.
    fn members(&self) -> impl Iterator<Item = Listed> {
        let all: BTreeMap<i32, Listed> = listed().map(|listed| (listed.pid, listed)).collect();
        let ours =
            |session: i32| self.0.get(&session).is_some_and(|started| all.get(&session).is_none_or(|first| first.started == *started));
        let found: Vec<Listed> = all.values().filter(|listed| !listed.over && ours(listed.session)).copied().collect();
        found.into_iter()
    }
}

/// A hold on exactly this process.
fn held(known: Listed) -> Option<OwnedFd> {
    let process = pidfd_open(Pid::from_raw(known.pid)?, PidfdFlags::empty()).ok()?;
    (listed_as(known.pid)?.started == known.started).then_some(process)
}

fn await_end(process: &OwnedFd) {
    let limit = Timespec { tv_sec: SECONDS, tv_nsec: 0 };
    retry_on_intr(|| poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&limit))).unwrap_or_default();
}

fn listed() -> impl Iterator<Item = Listed> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(listed_as)
}

/// The fields of /proc/pid/stat after the name, which may hold anything.
fn listed_as(pid: i32) -> Option<Listed> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let text = String::from_utf8_lossy(&stat[end + 1..]).into_owned();
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse().ok();
    Some(Listed {
        pid,
        parent: number(1)?,
        session: number(3)?,
        started: fields.get(19)?.parse().ok()?,
        over: matches!(*fields.first()?, "Z" | "X"),
    })
}
