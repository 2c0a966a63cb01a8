//! Programs that are run to their end outside of every sandbox: what they say, how they end, and never for longer than they may.

use crate::domain::failure::{Doing as _, Failure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// More of what a program says is not read.
const MOST: u64 = 1 << 20;

/// What a program said, on both of its outputs, and its exit code; none where it was ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub output: String,
}

/// Runs a program with this environment and no other, in this folder, with nothing to read.
pub fn run(argv: &[&str], env: &[(String, String)], folder: &Path, seconds: u32) -> Result<Said, Failure> {
    let what = format!("cannot run {}", argv.first().unwrap_or(&"nothing"));
    let mut paper = unnamed(&what)?;
    let (out, err) = (paper.try_clone().doing(&what)?, paper.try_clone().doing(&what)?);
    let mut child = command(argv, env, folder).stdin(Stdio::null()).stdout(out).stderr(err).spawn().doing(&what)?;
    if !ends(&child, seconds).doing(&what)? {
        end_group(&child).doing(&what)?;
    }
    let code = child.wait().doing(&what)?.code();
    let mut bytes = Vec::new();
    paper.rewind().and_then(|()| paper.take(MOST).read_to_end(&mut bytes)).doing(&what)?;
    Ok(Said { code, output: String::from_utf8_lossy(&bytes).into_owned() })
}

fn command(argv: &[&str], env: &[(String, String)], folder: &Path) -> Command {
    let (program, args) = argv.split_first().unwrap_or((&"", &[]));
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(env.iter().map(|(name, value)| (name, value))).current_dir(folder).process_group(0);
    command
}

/// A file in memory: unlike a pipe it keeps nobody waiting whom the program left behind.
fn unnamed(what: &str) -> Result<File, Failure> {
    rustix::fs::memfd_create("said", rustix::fs::MemfdFlags::CLOEXEC).map(File::from).doing(what)
}

fn ends(child: &Child, seconds: u32) -> rustix::io::Result<bool> {
    let Some(pid) = number(child) else { return Ok(true) };
    let watched = pidfd_open(pid, PidfdFlags::empty())?;
    let limit = Timespec { tv_sec: i64::from(seconds), tv_nsec: 0 };
    rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&limit))).map(|ready| ready > 0)
}

fn end_group(child: &Child) -> rustix::io::Result<()> {
    number(child).map_or(Ok(()), |pid| match kill_process_group(pid, Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => other,
    })
}

fn number(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// A process that does nothing until it is let go, or until this one is gone.
#[derive(Debug)]
pub struct Bystander {
    child: Child,
    /// It reads here; the end of it is its own end.
    leash: Option<ChildStdin>,
}

impl Bystander {
    /// Starts it with this environment and with a file open as descriptor 9.
    pub fn start(env: &[(String, String)], file: &Path) -> Result<Self, Failure> {
        const WHAT: &str = "cannot start a process to be attacked";
        let path = file.to_str().ok_or_else(|| Failure::new(WHAT, "a path is not UTF-8"))?;
        let argv = ["/bin/sh", "-c", "exec 9<\"$0\"; echo; read -r nothing", path];
        let mut command = command(&argv, env, Path::new("/"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().doing(WHAT)?;
        // One byte when it stands as it should.
        child.stdout.as_mut().map_or(Ok(()), |out| out.read_exact(&mut [0])).doing(WHAT)?;
        let leash = child.stdin.take();
        Ok(Self { child, leash })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        drop(self.leash.take());
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(why) = ended {
            eprintln!("orchestrate: cannot end process {}: {why}", self.child.id());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, seconds: u32) -> Said {
        run(&["/bin/sh", "-c", script], &[("WORD".into(), "a word".into())], Path::new("/"), seconds).unwrap()
    }

    #[test]
    fn both_outputs_and_the_code_come_back() {
        assert_eq!(sh("echo \"$WORD\"; echo bad >&2; pwd; exit 3", 60), Said { code: Some(3), output: "a word\nbad\n/\n".into() });
        assert_eq!(sh("echo ${HOME-none}", 60).output, "none\n");
    }

    #[test]
    fn what_does_not_end_is_ended_and_what_is_left_behind_is_not_waited_for() {
        assert_eq!(sh("echo begun; while :; do :; done", 1), Said { code: None, output: "begun\n".into() });
        assert_eq!(sh("sleep 600 & echo $!", 60).code, Some(0));
    }

    #[test]
    fn a_bystander_lives_until_it_is_let_go() {
        let bystander = Bystander::start(&[("TOKEN".into(), "secret".into())], Path::new("/dev/null")).unwrap();
        let folder = format!("/proc/{}", bystander.pid());
        assert!(std::fs::read_to_string(format!("{folder}/environ")).unwrap().contains("TOKEN=secret"));
        drop(bystander);
        assert!(!Path::new(&folder).exists());
    }
}
