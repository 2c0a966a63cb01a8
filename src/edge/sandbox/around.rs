//! The step outside the wall: what must be done before `bwrap` starts.

use super::stage::Other;
use super::{Plan, become_program, devices, etc, ids, limit, told, words};
use crate::domain::failure::{Doing, Failure};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The first descriptor on which `bwrap` is handed a written file.
const FIRST: i32 = 10;

/// What the step outside is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Around {
    name: String,
    /// Our own binary on the host.
    pub(super) launcher: PathBuf,
    /// Files of `/etc` that exist nowhere on the host: relative path and content.
    files: Vec<(String, String)>,
    processes: u64,
    memory: Option<u64>,
    /// Who the sandbox's processes are, where they are not the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<Other>,
}

impl Around {
    pub(super) fn of(plan: &Plan, launcher: &Path, other: Option<Other>) -> Self {
        let (user, group) = ids();
        let home = plan.env.get("HOME").map_or("/tmp", String::as_str);
        let mut files = etc::written(&plan.name, user, group, home);
        files.retain(|(path, _)| !plan.etc.iter().any(|(own, _)| own == path));
        let (name, launcher) = (plan.name.clone(), launcher.to_owned());
        Self { name, launcher, files, processes: plan.limits.processes, memory: plan.limits.memory, other }
    }

    /// Where `bwrap` finds what it is to show.
    pub(super) fn source(&mut self, source: &Path) -> PathBuf {
        self.other.as_mut().map_or_else(|| source.to_owned(), |other| other.lay(source))
    }

    /// The bwrap words that take the written files from their descriptors.
    pub(super) fn mounts(&self) -> Vec<OsString> {
        let numbered = self.files.iter().zip(FIRST..);
        let mount = |((path, _), fd): (&(String, String), i32)| {
            words(["--perms", "0444", "--ro-bind-data", &fd.to_string(), &format!("/etc/{path}")])
        };
        numbered.flat_map(mount).collect()
    }
}

pub(super) fn enter(args: &[OsString]) -> Result<Infallible, Failure> {
    let (around, program) = told::<Around>(args)?;
    limit::close_inherited()?;
    for ((_, text), fd) in around.files.iter().zip(FIRST..) {
        hand(text, fd)?;
    }
    devices::protect()?;
    limit::go_first()?;
    limit::bound_group(&around.name, around.processes, around.memory);
    around.other.as_ref().map_or(Ok(()), Other::enter)?;
    // Ctrl-C belongs to the program inside: bwrap would die of it and take the program along.
    limit::on_interrupt(libc::SIG_IGN)?;
    Err(become_program(program).hint("run `orchestrate doctor`"))
}

/// Puts a text on a descriptor that outlives exec.
fn hand(text: &str, fd: i32) -> Result<(), Failure> {
    let what = "cannot hand a file to the sandbox";
    let memory = rustix::fs::memfd_create("etc", rustix::fs::MemfdFlags::empty()).doing(what)?;
    let mut file = std::fs::File::from(memory);
    file.write_all(text.as_bytes()).doing(what)?;
    std::io::Seek::rewind(&mut file).doing(what)?;
    // SAFETY: dup2 takes plain numbers; the target is in our own range and nothing else owns it.
    if unsafe { libc::dup2(file.as_raw_fd(), fd) } < 0 {
        return Err(Failure::new(what, std::io::Error::last_os_error()));
    }
    if file.as_raw_fd() == fd {
        std::mem::forget(file);
    }
    Ok(())
}
