//! The ledger in one SQLite file: one writer, many readers, durable when `append` returns.

mod audit;
mod compact;
mod forge;
mod replace;
mod walk;

pub use forge::forge;
pub use walk::walk;

use super::chain::{Frontier, Hash, leaf_hash};
use super::checkpoint::unverified_checkpoint;
use super::husk::leaf_of;
use super::{AppendError, Damage, Ledger, Record, Verified, expect_leaves, expect_place};
use crate::domain::failure::{Doing as _, Failure};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, TransactionBehavior, params};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// "orch", so that a foreign SQLite file is told from a ledger.
const APPLICATION_ID: i64 = 0x6f72_6368;
const VERSION: i64 = 1;
/// From the first husk on: who knows none takes it for damage.
const WITH_HUSKS: i64 = 2;
/// How long a reader's checkpoint of the WAL may hold up the writer, and the other way round.
const PATIENCE: Duration = Duration::from_secs(5);

/// Entries may only follow one another; SQLite itself refuses every change and every gap.
const SCHEMA: &str = "
CREATE TABLE entry(seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL CHECK(length(leaf) = 32), body BLOB NOT NULL) STRICT;
CREATE TRIGGER entry_follows BEFORE INSERT ON entry WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), -1) + 1 FROM entry)
BEGIN SELECT RAISE(ABORT, 'an entry does not follow the last one'); END;
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_remains BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE note(size INTEGER PRIMARY KEY CHECK(size >= 0), text TEXT NOT NULL) STRICT;
CREATE TRIGGER note_is_new BEFORE INSERT ON note WHEN EXISTS (SELECT 1 FROM note WHERE size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'a checkpoint of this size is kept already'); END;
CREATE TRIGGER note_stays BEFORE UPDATE ON note BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER note_remains BEFORE DELETE ON note BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
";

/// A ledger file, open for the one writer or for a reader.
#[derive(Debug)]
pub struct SqliteLedger {
    db: Connection,
    path: PathBuf,
    frontier: Frontier,
    /// Held for as long as the writer lives; readers have none.
    lock: Option<File>,
    /// A commit failed in a way that leaves open what is on the disk.
    in_doubt: bool,
}

impl SqliteLedger {
    /// Makes a new, empty ledger where there is none, and opens it for writing.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let lock = take_lock(path)?;
        if path.symlink_metadata().is_ok() {
            let why = format!("{} is there already", path.display());
            return Err(Failure::new("cannot make the ledger", why).hint("open the one that is there, or choose another state folder"));
        }
        build(path)?;
        Self::open_as(path, Some(lock))
    }

    /// Opens an existing ledger as its one writer.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        must_be_file(path)?;
        Self::open_as(path, Some(take_lock(path)?))
    }

    /// Opens an existing ledger beside its writer, to read and to verify.
    pub fn open_read_only(path: &Path) -> Result<Self, Failure> {
        Self::open_as(path, None)
    }

    fn open_as(path: &Path, lock: Option<File>) -> Result<Self, Failure> {
        must_be_file(path)?;
        let db = connect(path, lock.is_some()).map_err(|error| failure("cannot open the ledger", path, &error))?;
        must_be_ledger(&db, path)?;
        if lock.is_some() {
            durable(&db).map_err(|error| failure("cannot open the ledger", path, &error))?;
        }
        let mut ledger = Self { db, path: path.to_owned(), frontier: Frontier::default(), lock, in_doubt: false };
        ledger.refresh()?;
        ledger.must_reach_notes()?;
        Ok(ledger)
    }

    /// Takes in what the writer appended since; gives the new length. A reader stops before a gap, the writer fails at one.
    pub fn refresh(&mut self) -> Result<u64, Failure> {
        let mut frontier = self.frontier.clone();
        let gap = load(&self.db, &mut frontier).map_err(|error| self.failure("cannot read the ledger", &error))?;
        if let (Some(found), true) = (gap, self.lock.is_some()) {
            let why = format!("entry {} is missing; number {found} stands in its place", frontier.len());
            return Err(Failure::new("the ledger is damaged", why).hint("orchestrate ledger verify"));
        }
        self.frontier = frontier;
        Ok(self.frontier.len())
    }

    /// A ledger shorter than its own last checkpoint lost its end.
    fn must_reach_notes(&self) -> Result<(), Failure> {
        match self.latest_note()? {
            Some((size, _)) if size > self.len() && self.lock.is_some() => {
                let why = format!("a checkpoint over {size} entries is kept, but only {} entries", self.len());
                Err(Failure::new("the ledger lost its end", why).hint("orchestrate ledger verify"))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a signed checkpoint over the first `size` entries; the same one again is no error.
    pub fn keep_note(&mut self, size: u64, text: &str) -> Result<(), Failure> {
        const WHAT: &str = "cannot keep the checkpoint";
        self.must_write(WHAT)?;
        let checkpoint = unverified_checkpoint(text).doing(WHAT)?;
        if checkpoint.size != size || size > self.len() {
            return Err(Failure::new(WHAT, format!("it is over {} entries; given as {size}, of {}", checkpoint.size, self.len())));
        }
        if size == self.len() && checkpoint.root != self.root() {
            return Err(Failure::new(WHAT, "its root is not that of the ledger"));
        }
        let kept = self.note(size)?;
        if kept.as_deref() == Some(text) {
            return Ok(());
        }
        let done = self.db.execute("INSERT INTO note(size, text) VALUES (?1, ?2)", params![size as i64, text]);
        done.map(drop).map_err(|error| self.not_written(WHAT, &error))
    }

    /// The checkpoint kept over exactly `size` entries.
    pub fn note(&self, size: u64) -> Result<Option<String>, Failure> {
        let one = |db: &Connection| db.query_row("SELECT text FROM note WHERE size = ?1", [size as i64], |row| row.get(0)).optional();
        one(&self.db).map_err(|error| self.failure("cannot read the checkpoints", &error))
    }

    /// The checkpoint over the most entries, with their number.
    pub fn latest_note(&self) -> Result<Option<(u64, String)>, Failure> {
        let last = |db: &Connection| {
            let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
            db.query_row("SELECT size, text FROM note ORDER BY size DESC LIMIT 1", [], row).optional()
        };
        last(&self.db).map_err(|error| self.failure("cannot read the checkpoints", &error))
    }

    fn must_write(&self, what: &str) -> Result<(), Failure> {
        if self.lock.is_none() {
            return Err(Failure::new(what, "the ledger was opened for reading"));
        }
        if self.in_doubt {
            let why = "an earlier write failed, and what of it is on the disk is not known";
            return Err(Failure::new(what, why).hint("end the supervisor and start it again: orchestrate bootstrap"));
        }
        Ok(())
    }

    fn insert(&mut self, entries: &[Vec<u8>]) -> rusqlite::Result<Frontier> {
        let mut frontier = self.frontier.clone();
        let batch = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut statement = batch.prepare_cached("INSERT INTO entry(seq, leaf, body) VALUES (?1, ?2, ?3)")?;
        for body in entries {
            let leaf = leaf_hash(body);
            statement.execute(params![frontier.len() as i64, leaf, body])?;
            frontier.append(leaf);
        }
        drop(statement);
        batch.commit()?;
        Ok(frontier)
    }

    /// A full disk leaves nothing behind; after any other trouble with it, nobody knows, so that no more is written.
    fn not_written(&mut self, what: &str, error: &rusqlite::Error) -> Failure {
        self.in_doubt = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        self.failure(what, error)
    }

    fn failure(&self, what: &str, error: &rusqlite::Error) -> Failure {
        failure(what, &self.path, error)
    }
}

impl Ledger for SqliteLedger {
    fn len(&self) -> u64 {
        self.frontier.len()
    }

    fn root(&self) -> Hash {
        self.frontier.root()
    }

    fn append(&mut self, at: u64, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        const WHAT: &str = "cannot append to the ledger";
        self.must_write(WHAT)?;
        expect_place(at, self.len())?;
        if entries.is_empty() {
            return Ok(());
        }
        match self.insert(entries) {
            Ok(frontier) => self.frontier = frontier,
            Err(error) => return Err(self.not_written(WHAT, &error).into()),
        }
        Ok(())
    }

    fn read(&self, from: u64, max: usize) -> Result<Vec<Record>, Failure> {
        const WHAT: &str = "cannot read the ledger";
        let until = from.saturating_add(max as u64).min(self.len());
        let rows = read_rows(&self.db, from, until).map_err(|error| self.failure(WHAT, &error))?;
        let mut records = Vec::with_capacity(rows.len());
        for (seq, (found, leaf, bytes)) in (from..until).zip(rows) {
            if found != seq as i64 || leaf != leaf_of(&bytes) {
                return Err(Failure::new(WHAT, format!("entry {seq} is damaged")).hint("orchestrate ledger verify"));
            }
            records.push(Record { seq, bytes });
        }
        if records.len() as u64 != until.saturating_sub(from) {
            let why = format!("entry {} is missing", from + records.len() as u64);
            return Err(Failure::new(WHAT, why).hint("orchestrate ledger verify"));
        }
        Ok(records)
    }

    fn leaf_hashes(&self, upto: u64) -> Result<Vec<Hash>, Failure> {
        expect_leaves(upto, self.len())?;
        let read = || -> rusqlite::Result<Vec<Hash>> {
            let mut statement = self.db.prepare_cached("SELECT leaf FROM entry WHERE seq < ?1 ORDER BY seq")?;
            statement.query_map([upto as i64], |row| row.get(0))?.collect()
        };
        let leaves = read().map_err(|error| self.failure("cannot read the leaf hashes", &error))?;
        if leaves.len() as u64 == upto {
            return Ok(leaves);
        }
        Err(Failure::new("cannot read the leaf hashes", "entries are missing").hint("orchestrate ledger verify"))
    }

    fn keep_note(&mut self, size: u64, text: &str) -> Result<(), Failure> {
        Self::keep_note(self, size, text)
    }

    fn replace(&mut self, bodies: &[(u64, Vec<u8>)]) -> Result<(), Failure> {
        Self::replace(self, bodies)
    }

    fn check(&self) -> Result<Verified, Damage> {
        let unread = |error| Damage { seq: 0, what: format!("it cannot be read: {error}") };
        let snapshot = self.db.unchecked_transaction().map_err(unread)?;
        audit::audit(&snapshot, &self.frontier, self.lock.is_some())
    }
}

type StoredEntry = (i64, Vec<u8>, Vec<u8>);

fn read_rows(db: &Connection, from: u64, until: u64) -> rusqlite::Result<Vec<StoredEntry>> {
    let mut statement = db.prepare_cached("SELECT seq, leaf, body FROM entry WHERE seq >= ?1 AND seq < ?2 ORDER BY seq")?;
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    statement.query_map([from, until as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn whole_row<'a>(row: &'a Row<'_>) -> rusqlite::Result<(i64, &'a [u8], &'a [u8])> {
    Ok((row.get(0)?, row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?))
}

/// Extends a frontier by the stored leaf hashes that follow it; gives the first number that does not.
fn load(db: &Connection, frontier: &mut Frontier) -> rusqlite::Result<Option<i64>> {
    let mut statement = db.prepare_cached("SELECT seq, leaf FROM entry WHERE seq >= ?1 OR seq < 0 ORDER BY seq")?;
    let mut rows = statement.query([frontier.len() as i64])?;
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        if seq != frontier.len() as i64 {
            return Ok(Some(seq));
        }
        frontier.append(row.get(1)?);
    }
    Ok(None)
}

/// The root that each kept checkpoint states, by its size.
fn note_roots(db: &Connection) -> Result<BTreeMap<u64, Hash>, Damage> {
    let read = || -> rusqlite::Result<Vec<(i64, String)>> {
        db.prepare_cached("SELECT size, text FROM note ORDER BY size")?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let notes = read().map_err(|error| Damage { seq: 0, what: format!("the checkpoints cannot be read: {error}") })?;
    let root = |(size, text): (i64, String)| match unverified_checkpoint(&text) {
        Ok(checkpoint) if checkpoint.size == size as u64 => Ok((checkpoint.size, checkpoint.root)),
        _ => Err(Damage { seq: size as u64, what: "the checkpoint kept before it is not one of its size".to_owned() }),
    };
    notes.into_iter().map(root).collect()
}

fn must_fit_notes(fresh: &Frontier, roots: &BTreeMap<u64, Hash>) -> Result<(), Damage> {
    let len = fresh.len();
    match roots.get(&len) {
        Some(root) if *root != fresh.root() => {
            let (first, last) = (roots.range(..len).next_back().map_or(0, |(size, _)| *size), len.saturating_sub(1));
            Err(Damage { seq: first, what: format!("an entry from {first} to {last} is not the one its kept checkpoint covers") })
        }
        _ => Ok(()),
    }
}

fn must_be_file(path: &Path) -> Result<(), Failure> {
    const WHAT: &str = "cannot open the ledger";
    let found = path
        .symlink_metadata()
        .map_err(|why| Failure::new(WHAT, format!("{}: {why}", path.display())).hint("orchestrate bootstrap makes one where none is"))?;
    let why = match found {
        found if !found.is_file() => "it is not a plain file",
        found if found.len() == 0 => "it is empty: not even a new ledger is",
        _ => return Ok(()),
    };
    Err(Failure::new(WHAT, format!("{}: {why}", path.display())).hint("restore it from a copy"))
}

fn connect(path: &Path, write: bool) -> rusqlite::Result<Connection> {
    let mode = if write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let db = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

/// Tells a ledger of this version from any other file, before anything is written to it.
fn must_be_ledger(db: &Connection, path: &Path) -> Result<(), Failure> {
    const WHAT: &str = "cannot open the ledger";
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let asked = pragma("application_id").and_then(|id| Ok((id, pragma("user_version")?, objects(db)?)));
    let (id, version, found) = asked.map_err(|error| failure(WHAT, path, &error))?;
    let refuse = |why: &str, hint: &str| Err(Failure::new(WHAT, format!("{}: {why}", path.display())).hint(hint));
    if id != APPLICATION_ID {
        return refuse("it is a database of another program", "name the state folder that holds the ledger, or restore it from a copy");
    }
    if ![VERSION, WITH_HUSKS].contains(&version) {
        return refuse(&format!("it has format {version}; this program reads {VERSION} and {WITH_HUSKS}"), "use the orchestrate that wrote it");
    }
    let expected = Connection::open_in_memory().and_then(|db| db.execute_batch(SCHEMA).and_then(|()| objects(&db)));
    if expected.map_err(|error| failure(WHAT, path, &error))? != found {
        return refuse("its tables or triggers were altered", "restore it from a copy");
    }
    Ok(())
}

fn durable(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")
}

fn objects(db: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut statement = db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

/// Builds the file under another name first, so that a half-made ledger never bears the ledger's name.
fn build(path: &Path) -> Result<(), Failure> {
    const WHAT: &str = "cannot make the ledger";
    let draft = path.with_extension("new");
    if draft.symlink_metadata().is_ok() {
        fs::remove_file(&draft).doing(WHAT)?;
    }
    drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).doing(WHAT)?);
    lay_out(&draft).map_err(|error| failure(WHAT, &draft, &error))?;
    fs::rename(&draft, path).doing(WHAT)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).doing(WHAT)
}

fn lay_out(draft: &Path) -> rusqlite::Result<()> {
    let db = Connection::open_with_flags(draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    db.execute_batch(&format!("BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {SCHEMA} COMMIT;"))?;
    db.close().map_err(|(_, error)| error)
}

/// Takes the writer's lock; a second writer is told who holds it.
fn take_lock(path: &Path) -> Result<File, Failure> {
    const WHAT: &str = "cannot lock the ledger";
    let side = path.with_extension("lock");
    let open =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&side);
    let mut file =
        open.map_err(|why| Failure::new(WHAT, format!("{}: {why}", side.display())).hint("run bootstrap on a writable state folder"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => match held_by(&mut file, &side) {
            // A child that a killed writer was starting holds it until it runs: moments.
            None => flock(&file, FlockOperation::LockExclusive).doing(WHAT)?,
            Some(held) => return Err(held),
        },
        Err(why) => return Err(Failure::new(WHAT, format!("{}: {why}", side.display()))),
    }
    let name = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    file.set_len(0).doing(WHAT)?;
    file.write_all(format!("{} {}\n", std::process::id(), name.trim_end()).as_bytes()).doing(WHAT)?;
    Ok(file)
}

/// Who holds the lock; nobody where the writer that took it is dead.
fn held_by(file: &mut File, side: &Path) -> Option<Failure> {
    let mut holder = String::new();
    let read = file.take(64).read_to_string(&mut holder);
    let (pid, name) = holder.trim_end().split_once(' ').unwrap_or(("", ""));
    let known = read.is_ok() && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
    let (who, hint) = match known {
        true if is_gone(pid) => return None,
        true => (format!("process {pid} ({name}) writes it"), format!("orchestrate down, or look at it: ps -p {pid}")),
        false => ("another process writes it".to_owned(), format!("fuser {}", side.display())),
    };
    Some(Failure::new("cannot lock the ledger", who).hint(hint))
}

fn is_gone(pid: &str) -> bool {
    let pid = pid.parse().ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

fn failure(what: &str, path: &Path, error: &rusqlite::Error) -> Failure {
    let folder = path.parent().unwrap_or(path).display();
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => format!("look for space and disk errors: df -h {folder}"),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "restore it from a copy; what is readable: orchestrate ledger verify".to_owned()
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!("look at owner and mode: ls -la {folder}")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!("see who holds it: fuser {}", path.display()),
        _ => "orchestrate ledger verify".to_owned(),
    };
    Failure::new(what, format!("{}: {error}", path.display())).hint(hint)
}

#[cfg(test)]
mod tests;
