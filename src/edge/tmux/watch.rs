//! Makes sure that tmux hears of every end.
//!
//! A tmux built with utempter (Debian's, Ubuntu's) sets SIGCHLD aside while it records the logout of a pane that has just closed, which is
//! the very moment in which the pane's program is reported as ended. One end in three was lost so, and the pane stayed dead without an exit
//! code. Here the programs are watched by their own descriptors, and tmux is told again until it has taken its child.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use std::io::{PipeReader, Read as _};
use std::os::fd::OwnedFd;

/// Time for tmux to take its child, before it is told again.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// How often tmux is told of one end.
const TIMES: u32 = 500;

struct Watched {
    process: OwnedFd,
    told: u32,
}

/// Watches the processes whose numbers come through the pipe, until the pipe is closed.
pub fn watch(server: Pid, mut news: PipeReader) {
    let mut all: Vec<Watched> = Vec::new();
    loop {
        let Ok((fresh, ended)) = wait(&news, &all) else { return };
        if fresh {
            let mut number = [0; 4];
            if news.read_exact(&mut number).is_err() {
                return;
            }
            all.extend(open(u32::from_ne_bytes(number)));
        }
        for at in ended {
            all[at].told += 1;
        }
        all.retain(|each| each.told == 0 || (each.told < TIMES && !is_taken(&each.process)));
        if all.iter().any(|each| each.told > 0) && kill_process(server, Signal::CHILD).is_err() {
            return;
        }
    }
}

/// Waits for news, for an end, or for the time to tell tmux again.
fn wait(news: &PipeReader, all: &[Watched]) -> rustix::io::Result<(bool, Vec<usize>)> {
    let mut fds = vec![PollFd::new(news, PollFlags::IN)];
    let pending = all.iter().any(|each| each.told > 0);
    fds.extend(all.iter().map(|each| PollFd::new(&each.process, if each.told > 0 { PollFlags::empty() } else { PollFlags::IN })));
    retry_on_intr(|| poll(&mut fds, pending.then_some(&AGAIN)))?;
    let ended = fds[1..].iter().zip(all).enumerate();
    let ended = ended.filter(|(_, (fd, each))| each.told > 0 || !fd.revents().is_empty()).map(|(at, _)| at).collect();
    Ok((!fds[0].revents().is_empty(), ended))
}

fn open(number: u32) -> Option<Watched> {
    let pid = Pid::from_raw(i32::try_from(number).ok()?)?;
    Some(Watched { process: pidfd_open(pid, PidfdFlags::empty()).ok()?, told: 0 })
}

/// Tells whether the parent has taken the ended process.
fn is_taken(process: &OwnedFd) -> bool {
    // SIGCONT means nothing to a process that has ended; what counts is whether it is still there to receive it.
    pidfd_send_signal(process, Signal::CONT) == Err(Errno::SRCH)
}
