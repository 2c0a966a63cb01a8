//! Attacks on the wall that no shell can try, one at a time, by name. Each prints `OPEN` with what it got, or `held` with the reason.

use super::probe::read_namespace;
use crate::domain::failure::{Doing, Failure};
use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

/// What an attack got, in a few words.
type Got = io::Result<String>;

/// An attack by its name, and how many words it wants.
type Named = (&'static str, usize, fn(&[&str]) -> Got);

/// How long somebody who listens may take to say something.
const PATIENCE: Duration = Duration::from_secs(1);

const ATTACKS: &[Named] = &[
    ("memory", 1, |words| target(words[0]).and_then(memory)),
    ("vm-read", 1, |words| target(words[0]).and_then(vm_read)),
    ("ptrace", 1, |words| target(words[0]).and_then(ptrace)),
    ("stop", 1, |words| target(words[0]).and_then(stop)),
    ("reach", 1, |words| target(words[0]).and_then(reach)),
    ("limit-read", 1, |words| target(words[0]).and_then(|pid| limit(pid, None))),
    ("limit-set", 1, |words| target(words[0]).and_then(|pid| limit(pid, Some(3)))),
    ("affinity", 1, |words| target(words[0]).and_then(affinity)),
    ("renice", 1, |words| target(words[0]).and_then(renice)),
    ("descriptor", 2, |words| target(words[0]).and_then(|pid| descriptor(pid, words[1]))),
    ("signal-by-descriptor", 1, |words| target(words[0]).and_then(signal_by_descriptor)),
    ("abstract", 1, |words| answered(SocketAddr::from_abstract_name(words[0]).and_then(|name| UnixStream::connect_addr(&name))?)),
    ("unix", 1, |words| answered(UnixStream::connect(words[0])?)),
    ("tcp", 1, |words| loopback(words[0])),
    ("tunnel", 2, |words| tunnel(words[0], words[1])),
    ("bind", 1, |words| bind(words[0])),
    ("type", 0, |_| type_into_terminal()),
    ("namespace", 0, |_| call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0]).map(|_| "a user namespace".to_owned())),
    ("cover", 1, |words| mount(words[0], false)),
    ("remount", 1, |words| mount(words[0], true)),
    ("key", 2, |words| key(words[0], words[1])),
    ("memory-segment", 1, |words| segment(words[0])),
    ("queue", 1, |words| queue(words[0])),
    ("rings", 0, |_| rings()),
    ("kernel-surface", 0, |_| kernel_surface()),
    ("watch", 1, |words| watch(words[0])),
    ("privileges", 0, |_| privileges()),
];

/// Says any bytes to a socket that speaks HTTP, as one request, and prints what is answered.
pub(super) fn ask(args: &[OsString]) -> Result<Infallible, Failure> {
    let [socket, body] = args else { return Err(Failure::new("cannot ask", "it wants a socket and a body")) };
    let body = body.as_encoded_bytes();
    let head = format!("POST /v1/call HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut stream = UnixStream::connect(socket).doing("cannot reach the socket")?;
    let mut answer = Vec::new();
    // Who is refused early need not listen to the end.
    let sent = stream.write_all(&[head.as_bytes(), body].concat());
    stream.read_to_end(&mut answer).or(sent.map(|()| 0)).doing("cannot hear the answer")?;
    let text = String::from_utf8_lossy(&answer);
    println!("{}", text.split_once("\r\n\r\n").map_or(&*text, |(_, body)| body));
    std::process::exit(0)
}

pub(super) fn enter(args: &[OsString]) -> Result<Infallible, Failure> {
    let words: Vec<&str> = args.iter().map_while(|word| word.to_str()).collect();
    let attack = words.split_first().and_then(|(name, rest)| Some((ATTACKS.iter().find(|attack| attack.0 == *name)?, rest)));
    let Some((attack, rest)) = attack.filter(|(attack, rest)| attack.1 == rest.len()) else {
        let names: Vec<&str> = ATTACKS.iter().map(|attack| attack.0).collect();
        return Err(Failure::new("cannot try an attack", format!("{words:?} is none of {}", names.join(", "))));
    };
    match (attack.2)(rest) {
        Ok(got) => println!("OPEN {}: {got}", attack.0),
        Err(why) => println!("held: {why}"),
    }
    std::process::exit(0)
}

/// Asks the relay behind a socket for a way out to a host; anything but a plain no is one.
fn tunnel(socket: &str, target: &str) -> Got {
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "CONNECT {target} HTTP/1.1\r\n\r\n")?;
    let mut said = [0; 1024];
    let length = stream.read(&mut said)?;
    let said = String::from_utf8_lossy(&said[..length]).replace(['\r', '\n'], " ");
    if said.starts_with("HTTP/1.1 403 ") { Err(io::Error::new(io::ErrorKind::PermissionDenied, said)) } else { Ok(said) }
}

fn number<T: std::str::FromStr>(word: &str) -> io::Result<T> {
    word.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{word:?} is no number")))
}

/// A process by `number:start`. Another process that bears the number in a namespace of its own is not the one that is meant.
fn target(word: &str) -> io::Result<i32> {
    let (pid, start) = word.split_once(':').unwrap_or((word, "0"));
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let seen = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19));
    match seen {
        Some(seen) if seen != start => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        _ => number(pid),
    }
}

fn call(number: libc::c_long, args: [i64; 4]) -> io::Result<i64> {
    // SAFETY: every caller hands over plain numbers, or pointers to memory of its own that outlives the call.
    match unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], 0_i64) } {
        -1 => Err(io::Error::last_os_error()),
        end => Ok(end),
    }
}

fn checked(end: libc::c_int) -> io::Result<libc::c_int> {
    if end < 0 { Err(io::Error::last_os_error()) } else { Ok(end) }
}

/// The first place in a process's memory that can be written.
fn writable_place(pid: i32) -> io::Result<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let line = maps.lines().find(|line| line.contains(" rw-p "));
    let place = line.and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
    place.ok_or_else(|| io::Error::other("its memory shows no place"))
}

fn memory(pid: i32) -> Got {
    let file = File::open(format!("/proc/{pid}/mem"))?;
    let mut bytes = [0; 16];
    file.read_exact_at(&mut bytes, writable_place(pid)?).map(|()| "16 bytes of its memory".to_owned())
}

fn vm_read(pid: i32) -> Got {
    let mut bytes = [0_u8; 16];
    let place = writable_place(pid).unwrap_or(4096);
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: place as *mut libc::c_void, iov_len: bytes.len() };
    // SAFETY: the kernel writes at most 16 bytes to our own 16; the other address is not ours.
    match unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) } {
        0.. => Ok("16 bytes of its memory".to_owned()),
        _ => match io::Error::last_os_error() {
            // Only somebody who may read is told that the place is a wrong one.
            why if why.raw_os_error() == Some(libc::EFAULT) => Ok("its memory, at a wrong place".to_owned()),
            why => Err(why),
        },
    }
}

fn ptrace(pid: i32) -> Got {
    const SEIZE: i64 = 0x4206;
    const DETACH: i64 = 17;
    const INTERRUPT: i64 = 0x4207;
    call(libc::SYS_ptrace, [SEIZE, pid.into(), 0, 0])?;
    // It can only be let go while it stands still; when this process ends, it is let go anyway.
    let released = call(libc::SYS_ptrace, [INTERRUPT, pid.into(), 0, 0]).and_then(|_| call(libc::SYS_ptrace, [DETACH, pid.into(), 0, 0]));
    Ok(format!("it is traced{}", if released.is_ok() { ", and let go" } else { "" }))
}

fn stop(pid: i32) -> Got {
    // SAFETY: signals are sent by number.
    unsafe {
        checked(libc::kill(pid, libc::SIGSTOP))?;
        checked(libc::kill(pid, libc::SIGCONT))?;
    }
    Ok("it stood still for a moment".to_owned())
}

fn reach(pid: i32) -> Got {
    // SAFETY: signal 0 does nothing but to ask.
    checked(unsafe { libc::kill(pid, 0) }).map(|_| "a signal would reach it".to_owned())
}

fn limit(pid: i32, set: Option<u64>) -> Got {
    // SAFETY: the limits are two numbers of ours.
    unsafe {
        let mut seen: libc::rlimit = std::mem::zeroed();
        checked(libc::prlimit(pid, libc::RLIMIT_NOFILE, std::ptr::null(), &raw mut seen))?;
        let Some(most) = set else { return Ok(format!("it may open {} files", seen.rlim_cur)) };
        seen.rlim_cur = most;
        checked(libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const seen, std::ptr::null_mut()))?;
        Ok(format!("it may open {most} files from now on"))
    }
}

fn affinity(pid: i32) -> Got {
    // SAFETY: the set is ours, and as long as is said.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        checked(libc::sched_getaffinity(pid, size_of_val(&set), &raw mut set))?;
        checked(libc::sched_setaffinity(pid, size_of_val(&set), &raw const set))?;
    }
    Ok("its processors were chosen".to_owned())
}

fn renice(pid: i32) -> Got {
    let who = libc::id_t::try_from(pid).unwrap_or(0);
    // SAFETY: plain numbers.
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, who);
        checked(libc::setpriority(libc::PRIO_PROCESS, who, now)).map(|_| "its priority was set".to_owned())
    }
}

fn by_descriptor(pid: i32) -> io::Result<OwnedFd> {
    let fd = call(libc::SYS_pidfd_open, [pid.into(), 0, 0, 0])?;
    // SAFETY: the descriptor was opened just now and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

fn descriptor(pid: i32, word: &str) -> Got {
    use std::os::fd::AsRawFd;
    let process = by_descriptor(pid)?;
    let fd = call(libc::SYS_pidfd_getfd, [process.as_raw_fd().into(), number(word)?, 0, 0])?;
    // SAFETY: as above.
    let stolen = unsafe { File::from_raw_fd(fd as i32) };
    let mut bytes = [0; 64];
    let count = stolen.read_at(&mut bytes, 0)?;
    Ok(format!("its file says {}", String::from_utf8_lossy(&bytes[..count])))
}

fn signal_by_descriptor(pid: i32) -> Got {
    use std::os::fd::AsRawFd;
    let process = by_descriptor(pid)?;
    call(libc::SYS_pidfd_send_signal, [process.as_raw_fd().into(), 0, 0, 0]).map(|_| "a signal would reach it".to_owned())
}

fn answered(stream: UnixStream) -> Got {
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(heard(stream))
}

fn loopback(port: &str) -> Got {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, number(port)?))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(heard(stream))
}

/// Who listens may wait for the caller's word: to be let in is enough.
fn heard(mut stream: impl Read) -> String {
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        Ok(_) => format!("somebody answered {text:?}"),
        Err(_) => format!("somebody listens, and said {text:?} so far"),
    }
}

/// Takes a port; on a loopback of one's own that disturbs nobody.
fn bind(network: &str) -> Got {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = read_namespace("net");
    match own == network {
        true => Ok(format!("port {} that all share", listener.local_addr()?.port())),
        false => Err(io::Error::other("a port of its own network only")),
    }
}

fn type_into_terminal() -> Got {
    use std::os::fd::AsRawFd;
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    call(libc::SYS_ioctl, [terminal.as_raw_fd().into(), libc::TIOCSTI as i64, c"x".as_ptr() as i64, 0])
        .map(|_| "a letter was typed".to_owned())
}

/// Mounts over a folder, or mounts it anew, with the powers of a user namespace of its own.
fn mount(path: &str, anew: bool) -> Got {
    let path = CString::new(path).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    call(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into(), 0, 0, 0])?;
    let flags = if anew { libc::MS_REMOUNT | libc::MS_BIND } else { 0 };
    // SAFETY: the texts end in NUL and outlive the call; there are no options.
    checked(unsafe { libc::mount(c"none".as_ptr(), path.as_ptr(), c"tmpfs".as_ptr(), flags, std::ptr::null()) })?;
    Ok(if anew { "it can be written" } else { "another folder stands in its place" }.to_owned())
}

/// Looks for a key by its name in the keyring of the user or of the session, and reads it.
fn key(ring: &str, name: &str) -> Got {
    const SEARCH: i64 = 10;
    const READ: i64 = 11;
    let ring = if ring == "user" { -4 } else { -3 };
    let name = CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let found = call(libc::SYS_keyctl, [SEARCH, ring, c"user".as_ptr() as i64, name.as_ptr() as i64])?;
    let mut bytes = [0_u8; 64];
    // Somebody who may search may not always read.
    let count = call(libc::SYS_keyctl, [READ, found, bytes.as_mut_ptr() as i64, bytes.len() as i64]).unwrap_or(0);
    let count = usize::try_from(count).unwrap_or(0).min(bytes.len());
    Ok(format!("it was found, and says {:?}", String::from_utf8_lossy(&bytes[..count])))
}

fn segment(word: &str) -> Got {
    let key: libc::key_t = number(word)?;
    // SAFETY: the segment is one page and only its first bytes are read; a failed attachment is not.
    unsafe {
        let segment = checked(libc::shmget(key, 0, 0))?;
        let page = libc::shmat(segment, std::ptr::null(), libc::SHM_RDONLY);
        if page as isize == -1 {
            return Err(io::Error::last_os_error());
        }
        let bytes = std::slice::from_raw_parts(page.cast::<u8>(), 32);
        Ok(format!("the memory says {}", String::from_utf8_lossy(bytes).trim_end_matches('\0')))
    }
}

fn queue(name: &str) -> Got {
    let name = CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: the name ends in NUL and outlives the call.
    checked(unsafe { libc::mq_open(name.as_ptr(), libc::O_RDONLY | libc::O_NONBLOCK) }).map(|_| "the queue can be read".to_owned())
}

fn rings() -> Got {
    let parameters = [0_u8; 256];
    call(libc::SYS_io_uring_setup, [4, parameters.as_ptr() as i64, 0, 0]).map(|_| "a ring".to_owned())
}

fn kernel_surface() -> Got {
    let zeros = [0_u8; 256];
    let map = [2_u32, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let tries = [
        ("a BPF map", call(libc::SYS_bpf, [0, map.as_ptr() as i64, size_of_val(&map) as i64, 0])),
        ("a performance counter", call(libc::SYS_perf_event_open, [zeros.as_ptr() as i64, 0, -1, -1])),
        ("a fault descriptor", call(libc::SYS_userfaultfd, [0, 0, 0, 0])),
    ];
    let mut why = io::Error::other("nothing was tried");
    for (what, end) in tries {
        match end {
            Ok(_) => return Ok(what.to_owned()),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn watch(path: &str) -> Got {
    let path = CString::new(path).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: the path ends in NUL and outlives the call.
    unsafe {
        let watcher = checked(libc::inotify_init1(libc::IN_CLOEXEC))?;
        checked(libc::inotify_add_watch(watcher, path.as_ptr(), libc::IN_ALL_EVENTS))?;
    }
    Ok("whatever happens there is seen".to_owned())
}

fn privileges() -> Got {
    match rustix::thread::no_new_privs()? {
        true => Err(io::Error::other("no new privileges")),
        false => Ok("a program may give privileges".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_number_is_not_the_target() {
        let own = std::process::id();
        let stat = fs::read_to_string(format!("/proc/{own}/stat")).unwrap();
        let start = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned();
        assert_eq!(target(&format!("{own}:{start}")).unwrap(), own as i32);
        assert_eq!(target(&format!("{own}:1")).unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert!(target("x:1").is_err());
    }

    #[test]
    fn outside_of_every_wall_the_attacks_get_through() {
        let victim = std::process::Command::new("/bin/sleep").arg("600").spawn();
        let mut victim = victim.unwrap();
        let pid = victim.id() as i32;
        let ends = [reach(pid), stop(pid), limit(pid, None), affinity(pid), renice(pid), vm_read(pid), signal_by_descriptor(pid)];
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        assert!(bind(&read_namespace("net")).is_ok() && bind("another").is_err());
        assert!(watch("/").is_ok() && watch("/no/such/folder").is_err());
    }
}
