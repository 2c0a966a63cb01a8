//! What an agent's client says of itself: the session registry in its home, and the kernel's word that it changed.
//!
//! The seat writes these files as it likes. They are shown to people; nothing is decided by them.

use super::home::{Home, PlainFile};
use crate::domain::failure::{Doing as _, Failure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::retry_on_intr;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::Path;

/// The longest file that is read, the files that are looked at, and the characters of what is waited for.
const MOST_BYTES: u64 = 16 * 1024;
const MOST_FILES: usize = 64;
const MOST_WORDS: usize = 40;

/// What the client of a session is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Idle,
    Busy,
    /// A person has to answer something.
    Waiting,
}

/// The newest session of a seat, as its client wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub at: At,
    pub waits_for: String,
}

#[derive(Deserialize)]
struct Written {
    status: String,
    #[serde(rename = "waitingFor", default)]
    waits_for: Option<String>,
    #[serde(default)]
    pid: Option<u32>,
    #[serde(rename = "procStart", default)]
    started: Option<String>,
}

/// Reads the newest session of a seat's client; nothing where there is none, or none that can be read. Where there are several, those that a
/// process left behind when it was killed do not count: `living` says which of these processes there are.
pub fn session(home: &Path, living: impl FnOnce(&[(u32, u64)]) -> Vec<bool>) -> Option<Session> {
    let folder = folder(home)?;
    let mut files: Vec<_> = folder.files(MOST_FILES).into_iter().filter(|file| file.name.ends_with(".json")).collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.changed));
    let read = |file: &PlainFile| serde_json::from_slice::<Written>(&folder.read_most(&file.name, MOST_BYTES).ok()??).ok();
    if files.len() < 2 {
        return shown(&read(files.first()?)?);
    }
    let written: Vec<Written> = files.iter().filter_map(read).collect();
    let process = |written: &Written| Some((written.pid?, written.started.as_ref()?.parse().ok()?));
    let (named, unnamed): (Vec<_>, Vec<_>) = written.into_iter().map(|written| (process(&written), written)).partition(|(process, _)| process.is_some());
    let lives = living(&named.iter().filter_map(|(process, _)| *process).collect::<Vec<_>>());
    let living = named.iter().zip(lives).filter(|(_, lives)| *lives).map(|((_, written), _)| written);
    living.chain(unnamed.iter().map(|(_, written)| written)).find_map(shown)
}

fn shown(written: &Written) -> Option<Session> {
    let at = match written.status.as_str() {
        "idle" => At::Idle,
        "busy" | "shell" => At::Busy,
        "waiting" => At::Waiting,
        _ => return None,
    };
    let plain = |c: &char| c.is_alphanumeric() || " -_.,:'".contains(*c);
    let waits_for = written.waits_for.as_deref().unwrap_or_default();
    Some(Session { at, waits_for: waits_for.chars().filter(plain).take(MOST_WORDS).collect() })
}

/// Removes what the clients of earlier instances left; nobody sits in the seat.
pub fn forget(home: &Path) {
    let Some(folder) = folder(home) else { return };
    for file in folder.files(MOST_FILES).iter().filter(|file| file.name.ends_with(".json")) {
        folder.remove(&file.name);
    }
}

fn folder(home: &Path) -> Option<Home> {
    Home::open(home).ok()?.existing(".claude")?.existing("sessions")
}

/// Tells in which seats' registries something changed.
pub struct Notices {
    queue: OwnedFd,
}

impl Notices {
    pub fn new() -> Result<Self, Failure> {
        let queue = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).doing("cannot watch the seats' sessions")?;
        Ok(Self { queue })
    }

    /// Watches a seat's registry; answers the number under which it is told, where there is one to watch.
    pub fn watch(&self, home: &Path) -> Option<i32> {
        let folder = folder(home)?;
        // The folder that was opened, whatever stands at its path by now.
        let held = format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd());
        let flags = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::ONLYDIR;
        add_watch(&self.queue, held, flags).ok()
    }

    /// Waits until there is something to take; false where that is not to be had any more.
    pub fn wait(&self) -> bool {
        retry_on_intr(|| poll(&mut [PollFd::new(&self.queue, PollFlags::IN)], None)).is_ok()
    }

    /// Takes everything that was told so far.
    pub fn drain(&self) -> BTreeSet<i32> {
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut told = BTreeSet::new();
        while let Ok(event) = reader.next() {
            told.insert(event.wd());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn none(clients: &[(u32, u64)]) -> Vec<bool> {
        vec![false; clients.len()]
    }

    #[test]
    fn what_a_killed_client_left_behind_does_not_count_beside_one_that_lives() {
        let (home, folder) = home();
        let write = |pid: u32, status: &str, second: u64| {
            let path = folder.join(format!("{pid}.json"));
            fs::write(&path, format!(r#"{{"pid":{pid},"procStart":"{}","status":"{status}"}}"#, pid * 10)).unwrap();
            let when = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            fs::File::options().write(true).open(path).unwrap().set_modified(when).unwrap();
        };
        write(7, "idle", 10);
        assert_eq!(session(home.path(), none).map(|seen| seen.at), Some(At::Idle), "the only one is not asked about");
        write(8, "busy", 20);
        let lives = |number: u32| move |clients: &[(u32, u64)]| clients.iter().map(|client| *client == (number, u64::from(number) * 10)).collect();
        assert_eq!(session(home.path(), lives(7)).map(|seen| seen.at), Some(At::Idle));
        assert_eq!(session(home.path(), lives(8)).map(|seen| seen.at), Some(At::Busy));
        assert_eq!(session(home.path(), none), None);
        write(9, "nonsense", 30);
        fs::write(folder.join("10.json"), r#"{"status":"bu"#).unwrap();
        assert_eq!(session(home.path(), lives(8)).map(|seen| seen.at), Some(At::Busy));
    }

    fn home() -> (tempfile::TempDir, std::path::PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".claude/sessions");
        fs::create_dir_all(&folder).unwrap();
        (home, folder)
    }

    #[test]
    fn the_clients_word_is_read_and_cut() {
        let (home, folder) = home();
        assert_eq!(session(home.path(), none), None);
        for (text, expected) in [
            (r#"{"pid":7,"status":"idle","extra":[1]}"#.to_owned(), Some((At::Idle, String::new()))),
            (r#"{"status":"busy"}"#.to_owned(), Some((At::Busy, String::new()))),
            (r#"{"status":"waiting","waitingFor":"permission prompt"}"#.to_owned(), Some((At::Waiting, "permission prompt".to_owned()))),
            (
                format!(r##"{{"status":"waiting","waitingFor":"#[fg=red]\u001b[2J{}"}}"##, "x".repeat(9000)),
                Some((At::Waiting, format!("fgred2J{}", "x".repeat(33)))),
            ),
            (r#"{"status":"dead"}"#.to_owned(), None),
            (r#"{"status":["#.to_owned(), None),
            (format!(r#"{{"status":"idle","x":"{}"}}"#, "x".repeat(20_000)), None),
        ] {
            fs::write(folder.join("7.json"), text).unwrap();
            assert_eq!(session(home.path(), none).map(|seen| (seen.at, seen.waits_for)), expected);
        }
        fs::remove_file(folder.join("7.json")).unwrap();
        fs::write(home.path().join("elsewhere"), r#"{"status":"idle"}"#).unwrap();
        symlink(home.path().join("elsewhere"), folder.join("8.json")).unwrap();
        assert_eq!(session(home.path(), none), None, "a link is not followed");
    }

    #[test]
    fn a_change_is_told_and_leftovers_are_removed() {
        let (home, folder) = home();
        let notices = Notices::new().unwrap();
        let number = notices.watch(home.path()).unwrap();
        assert!(notices.drain().is_empty());
        fs::write(folder.join("7.json"), r#"{"status":"idle"}"#).unwrap();
        assert_eq!(notices.drain().into_iter().collect::<Vec<_>>(), [number]);
        fs::write(folder.join("keep.txt"), "x").unwrap();
        forget(home.path());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::rename(home.path().join(".claude"), home.path().join("other")).unwrap();
        symlink(home.path().join("other"), home.path().join(".claude")).unwrap();
        assert_eq!(notices.watch(home.path()), None);
    }
}
