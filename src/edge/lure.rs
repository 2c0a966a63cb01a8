//! Things laid out for an attacker: what a process of the same user could reach where there is no wall. Each tells the same word.

use crate::domain::failure::{Doing as _, Failure};
use std::ffi::CString;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::thread;

const WHAT: &str = "cannot lay out the bait";
const USER_KEYRING: i64 = -4;
const SESSION_KEYRING: i64 = -3;
const MOST: usize = 64;

/// What is laid out; it is taken away with this value, but for the listeners, which end with this process.
#[derive(Debug)]
pub struct Lure {
    /// The name of an abstract socket, of a key, and (with a slash before it) of a message queue.
    pub name: String,
    /// Loopback ports that listen.
    pub ports: [u16; 2],
    /// The number of a System V memory segment; none where the kernel has none to give.
    pub memory: Option<i32>,
    segment: Option<i32>,
    /// Each with the keyring that it hangs on.
    keys: Vec<(i64, i64)>,
    queue: Option<CString>,
}

impl Lure {
    /// Lays everything out; `socket` is the path of a socket that listens too.
    pub fn lay(name: &str, word: &str, socket: &Path) -> Result<Self, Failure> {
        let ports = [port(word)?, port(word)?];
        let hidden = SocketAddr::from_abstract_name(name).and_then(|name| UnixListener::bind_addr(&name)).doing(WHAT)?;
        let plain = UnixListener::bind(socket).doing(WHAT)?;
        for listener in [hidden, plain] {
            let told = word.to_owned();
            serve(move || listener.accept().and_then(|(mut stream, _)| stream.write_all(told.as_bytes())))?;
        }
        let (memory, segment) = share(word).unzip();
        let keys = [USER_KEYRING, SESSION_KEYRING].into_iter().filter_map(|ring| Some((ring, key(name, word, ring)?))).collect();
        let queue = queue(name, word);
        Ok(Self { name: name.to_owned(), ports, memory, segment, keys, queue })
    }
}

impl Drop for Lure {
    fn drop(&mut self) {
        const UNLINK: i64 = 9;
        for (ring, key) in &self.keys {
            // SAFETY: names a key of ours by number; no memory is handed over.
            unsafe { libc::syscall(libc::SYS_keyctl, UNLINK, *key, *ring) };
        }
        if let Some(segment) = self.segment {
            // SAFETY: removes a segment of ours; the null is not read for this order.
            unsafe { libc::shmctl(segment, libc::IPC_RMID, std::ptr::null_mut()) };
        }
        if let Some(queue) = &self.queue {
            // SAFETY: the name ends in NUL and outlives the call.
            unsafe { libc::mq_unlink(queue.as_ptr()) };
        }
    }
}

fn port(word: &str) -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(WHAT)?;
    let (port, told) = (listener.local_addr().doing(WHAT)?.port(), word.to_owned());
    serve(move || listener.accept().and_then(|(mut stream, _)| stream.write_all(told.as_bytes()))).map(|()| port)
}

/// Answers everyone who comes, until this process ends; a caller that hangs up is no concern of the next one.
fn serve(mut once: impl FnMut() -> io::Result<()> + Send + 'static) -> Result<(), Failure> {
    let forever = move || {
        let mut broken = 0;
        while broken < MOST {
            broken = if once().is_ok() { 0 } else { broken + 1 };
        }
    };
    thread::Builder::new().name("bait".to_owned()).spawn(forever).map(drop).doing(WHAT)
}

/// A memory segment with the word in it: its key, and its own number.
fn share(word: &str) -> Option<(i32, i32)> {
    let mut chance = [0; 4];
    getrandom::fill(&mut chance).ok()?;
    let key = (i32::from_ne_bytes(chance) & 0x7fff_fffe) | 1;
    // SAFETY: asks for a new segment of one page, which nobody else has under this key.
    let segment = unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | libc::IPC_EXCL | 0o600) };
    if segment < 0 {
        return None;
    }
    // SAFETY: the kernel chooses the place; the segment is one page, longer than the word.
    unsafe {
        let page = libc::shmat(segment, std::ptr::null(), 0);
        if page as isize != -1 {
            std::ptr::copy_nonoverlapping(word.as_ptr(), page.cast::<u8>(), word.len().min(MOST));
            libc::shmdt(page);
        }
    }
    Some((key, segment))
}

fn key(name: &str, word: &str, ring: i64) -> Option<i64> {
    let name = CString::new(name).ok()?;
    // SAFETY: both texts end in NUL and outlive the call; the payload's length is its own.
    let key = unsafe { libc::syscall(libc::SYS_add_key, c"user".as_ptr(), name.as_ptr(), word.as_ptr(), word.len(), ring) };
    (key > 0).then_some(key)
}

fn queue(name: &str, word: &str) -> Option<CString> {
    let name = CString::new(format!("/{name}")).ok()?;
    // SAFETY: the attributes are plain numbers, all of which may be zero; the name ends in NUL; the word's length is its own.
    unsafe {
        let mut size: libc::mq_attr = std::mem::zeroed();
        (size.mq_maxmsg, size.mq_msgsize) = (4, 256);
        let queue = libc::mq_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_RDWR, 0o600 as libc::mode_t, &raw mut size);
        if queue < 0 {
            return None;
        }
        libc::mq_send(queue, word.as_ptr().cast(), word.len(), 0);
        libc::mq_close(queue);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;

    #[test]
    fn everything_tells_the_word_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let name = format!("lure-{}", std::process::id());
        let lure = Lure::lay(&name, "the word", &socket).unwrap();
        for _ in 0..2 {
            let mut heard = [String::new(), String::new(), String::new()];
            TcpStream::connect((Ipv4Addr::LOCALHOST, lure.ports[0])).unwrap().read_to_string(&mut heard[0]).unwrap();
            UnixStream::connect(&socket).unwrap().read_to_string(&mut heard[1]).unwrap();
            let hidden = SocketAddr::from_abstract_name(&name).unwrap();
            UnixStream::connect_addr(&hidden).unwrap().read_to_string(&mut heard[2]).unwrap();
            assert_eq!(heard, ["the word", "the word", "the word"]);
        }
    }
}
