//! Ports on the private loopback that lead to unix sockets: for programs that speak only TCP.

use super::Forward;
use crate::domain::failure::{Doing, Failure};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Connections open at once; more are closed at once, so that one program cannot use up the tree's processes here.
const MOST: usize = 64;
const STACK: usize = 128 * 1024;

pub(super) type Listeners = Vec<(TcpListener, PathBuf)>;

/// Opens the ports before the program starts, so that it never finds them closed.
pub(super) fn listen(forwards: &[Forward]) -> Result<Listeners, Failure> {
    let open = |forward: &Forward| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, forward.port));
        listener.map(|listener| (listener, forward.socket.clone())).doing(format!("cannot open port {} inside", forward.port))
    };
    forwards.iter().map(open).collect()
}

/// Serves the ports in a process of its own that is nobody's child and hears no terminal.
pub(super) fn start(listeners: Listeners) -> Result<(), Failure> {
    if listeners.is_empty() {
        return Ok(());
    }
    let what = "cannot start the forwarder";
    match fork().doing(what)? {
        Some(child) => wait(child).doing(what),
        None => detach(listeners),
    }
}

fn detach(listeners: Listeners) -> ! {
    let end = rustix::process::setsid().map_err(io::Error::from).and_then(|_| fork());
    match end {
        Ok(None) => serve(listeners),
        // SAFETY: leaves without running what belongs to the parent.
        Ok(Some(_)) => unsafe { libc::_exit(0) },
        Err(_) => unsafe { libc::_exit(1) },
    }
}

fn serve(listeners: Listeners) -> ! {
    let_go();
    thread::scope(|scope| {
        for (listener, socket) in &listeners {
            scope.spawn(move || accept(listener, socket));
        }
    });
    // SAFETY: as above.
    unsafe { libc::_exit(0) }
}

/// Gives back the pages of program and libraries that only the start needed. Those still needed come again from the page cache.
fn let_go() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, len) in maps.lines().filter_map(program_text) {
        // SAFETY: a private mapping of a file that nobody can write to: a page that went comes back as it was.
        unsafe { libc::madvise(start as *mut libc::c_void, len, libc::MADV_DONTNEED) };
    }
}

/// Reads a line of `/proc/self/maps`: where a file's code is mapped, if it is that.
fn program_text(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    // Not `r--p`: what the loader wrote and then closed is among those, and would be lost.
    let fixed = words.next()? == "r-xp";
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    words.nth(3).filter(|path| fixed && path.starts_with('/'))?;
    Some((start, end.checked_sub(start)?))
}

fn accept(listener: &TcpListener, socket: &Path) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::SeqCst) >= MOST || !spawn(stream, socket.to_owned(), open.clone()) {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn spawn(stream: TcpStream, socket: PathBuf, open: Arc<AtomicUsize>) -> bool {
    let work = move || {
        carry(&stream, &socket);
        open.fetch_sub(1, Ordering::SeqCst);
    };
    thread::Builder::new().stack_size(STACK).spawn(work).is_ok()
}

/// Carries bytes both ways; each direction closes by itself.
fn carry(near: &TcpStream, socket: &Path) {
    let Ok(far) = UnixStream::connect(socket) else { return };
    let back = || {
        if pour(&far, near).and_then(|()| near.shutdown(Shutdown::Write)).is_err() {
            hang_up(near, &far);
        }
    };
    thread::scope(|scope| {
        let other = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, back);
        if other.is_err() || pour(near, &far).and_then(|()| far.shutdown(Shutdown::Write)).is_err() {
            hang_up(near, &far);
        }
    });
}

fn pour(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = [0; 32 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
}

/// Closes both ends; one of them may be gone already, which is what is wanted.
fn hang_up(near: &TcpStream, far: &UnixStream) {
    drop((near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both)));
}

fn fork() -> io::Result<Option<libc::pid_t>> {
    // SAFETY: this process has one thread only, so the child may do anything.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        child => Ok(Some(child)),
    }
}

fn wait(child: libc::pid_t) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: writes one integer of ours.
    match unsafe { libc::waitpid(child, &raw mut status, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ if status == 0 => Ok(()),
        _ => Err(io::Error::other("its process could not be made")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_let_go() {
        let line = "55b4ac76e000-55b4ac770000 r-xp 00002000 fe:00 1234                       /usr/bin/x y";
        assert_eq!(program_text(line), Some((0x55b4_ac76_e000, 0x2000)));
        for other in [
            "55b4ac76e000-55b4ac770000 r--p 00002000 fe:00 1234   /usr/bin/x",
            "55b4ac76e000-55b4ac770000 rw-p 00002000 fe:00 1234   /usr/bin/x",
            "7ffc9bf04000-7ffc9bf06000 r-xp 00000000 00:00 0      [vdso]",
            "7ffc9bf04000-7ffc9bf06000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(program_text(other), None, "{other}");
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.lines().filter_map(program_text).count() > 1);
    }
}
