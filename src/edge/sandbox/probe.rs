//! Attacks on the wall from inside, tried at start: a wall counts only when it was seen to hold.

use super::observe::Wall;
use super::told;
use crate::domain::failure::{Doing, Failure};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};

/// What the observer opened outside for the probe to reach for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Bait {
    pub(super) secret: PathBuf,
    /// Name of an abstract socket that listens outside.
    pub(super) socket: String,
    /// A loopback port that listens outside.
    pub(super) port: u16,
    /// The namespaces outside, as `/proc/self/ns` names them.
    pub(super) namespaces: Vec<(String, String)>,
    pub(super) processes: u64,
}

pub(super) const NAMESPACES: [&str; 6] = ["user", "pid", "ipc", "uts", "net", "mnt"];

pub(super) fn enter(args: &[OsString]) -> Result<Infallible, Failure> {
    let (bait, _) = told::<Bait>(args)?;
    let text = serde_json::to_string(&walls(&bait)).doing("cannot write the probe's report")?;
    println!("{text}");
    std::process::exit(0)
}

fn walls(bait: &Bait) -> Vec<Wall> {
    let mut all = vec![
        refused("files of the host", fs::read(&bait.secret)),
        refused("abstract sockets", SocketAddr::from_abstract_name(&bait.socket).and_then(|name| UnixStream::connect_addr(&name))),
        refused("loopback network", TcpStream::connect((Ipv4Addr::LOCALHOST, bait.port))),
        refused("system folders", OpenOptions::new().write(true).create(true).truncate(false).open("/usr/orchestrate-probe")),
        refused("kernel settings", OpenOptions::new().append(true).open("/proc/sys/kernel/core_pattern")),
        refused("devices", fs::set_permissions("/dev/null", Permissions::from_mode(0o666))),
        only_eperm("terminal input", call(libc::SYS_ioctl, [0, libc::TIOCSTI as i64, c"x".as_ptr() as i64])),
        only_eperm("keyrings", call(libc::SYS_keyctl, [0, -3, 0])),
        only_eperm("io_uring", call(libc::SYS_io_uring_setup, [1, 0, 0])),
        refused("user namespaces", call(libc::SYS_unshare, [libc::CLONE_NEWUSER as i64, 0, 0])),
        Wall::new("new privileges", rustix::thread::no_new_privs().unwrap_or(false), "no_new_privs"),
        descriptors(),
        process_limit(bait.processes),
    ];
    all.extend(bait.namespaces.iter().map(namespace));
    all
}

fn refused<T>(name: &str, end: io::Result<T>) -> Wall {
    match end {
        Ok(_) => Wall::new(name, false, "was let through"),
        Err(why) => Wall::new(name, true, why),
    }
}

/// For calls that fail by themselves too: only the filter's own answer counts.
fn only_eperm(name: &str, end: io::Result<()>) -> Wall {
    match end {
        Ok(()) => Wall::new(name, false, "was let through"),
        Err(why) => Wall::new(name, why.raw_os_error() == Some(libc::EPERM), why),
    }
}

fn call(number: libc::c_long, args: [i64; 3]) -> io::Result<()> {
    // SAFETY: none of the calls tried here writes to memory of ours.
    match unsafe { libc::syscall(number, args[0], args[1], args[2]) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn namespace((name, outside): &(String, String)) -> Wall {
    let inside = read_namespace(name);
    Wall::new(&format!("{name} namespace"), !inside.is_empty() && inside != *outside, inside)
}

pub(super) fn read_namespace(name: &str) -> String {
    fs::read_link(Path::new("/proc/self/ns").join(name)).map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

fn descriptors() -> Wall {
    let open: Vec<String> =
        fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    // The fourth is the folder being read.
    Wall::new("inherited descriptors", open.len() == 4, format!("open: {}", open.join(" ")))
}

/// Forks until it is refused; all children die with the sandbox.
fn process_limit(most: u64) -> Wall {
    let name = "process limit";
    for made in 0..most + 16 {
        // SAFETY: this process has one thread, and the child only waits.
        match unsafe { libc::fork() } {
            -1 => return Wall::new(name, true, format!("{made} of {most}: {}", io::Error::last_os_error())).minor(),
            0 => loop {
                // SAFETY: waits for a signal, touches nothing.
                unsafe { libc::pause() };
            },
            _ => {}
        }
    }
    Wall::new(name, false, format!("more than {most} processes were let through")).minor()
}
