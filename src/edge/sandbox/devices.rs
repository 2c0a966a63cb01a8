//! The host's device nodes, which every sandbox shares.

use crate::domain::failure::{Doing, Failure};
use std::ffi::CStr;
use std::io;

const SHARED: [&CStr; 6] = [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty"];

/// Makes the nodes' owner, mode and times unchangeable for what this process starts, when the caller is root.
///
/// Root's sandbox owns root's nodes: `chmod 0 /dev/null` inside would break the host. `bwrap` keeps a read-only source read-only,
/// and a device on a read-only mount can still be written. Where root may not mount, the start-up probe sees the gap.
pub(super) fn protect() -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    // SAFETY: this process has one thread, and only its view of mounts changes.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Ok(());
    }
    let what = "cannot protect the host's devices";
    mount(c"/", c"/", libc::MS_SLAVE | libc::MS_REC).doing(what)?;
    for path in SHARED {
        mount(path, path, libc::MS_BIND).doing(what)?;
        mount(path, path, libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NOEXEC).doing(what)?;
    }
    Ok(())
}

fn mount(source: &CStr, target: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the paths end in NUL and outlive the call; no file system type or option is given.
    match unsafe { libc::mount(source.as_ptr(), target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
