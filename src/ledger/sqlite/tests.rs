#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests start programs and read the clock")]

use super::super::checkpoint::{Checkpoint, note};
use super::*;
use ed25519_dalek::SigningKey;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("ledger.sqlite")
    }

    /// A ledger of entries `e0`, `e1`, …
    fn filled(&self, count: usize) -> SqliteLedger {
        let mut ledger = SqliteLedger::create(&self.path()).unwrap();
        ledger.append(0, &bodies(0..count)).unwrap();
        ledger
    }

    /// Does to the closed file what only its owner could do: no triggers hinder.
    fn tamper(&self, sql: &str) {
        let db = Connection::open(self.path()).unwrap();
        let triggers: Vec<(String, String)> = db
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        triggers.iter().for_each(|(name, _)| db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
        db.execute_batch(sql).unwrap();
        triggers.iter().for_each(|(_, sql)| db.execute_batch(sql).unwrap());
    }
}

fn bodies(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(|n| format!("e{n}").into_bytes()).collect()
}

fn signed(ledger: &SqliteLedger) -> String {
    let checkpoint = Checkpoint { origin: "lab".into(), size: ledger.len(), root: ledger.root() };
    note(&checkpoint.text(), &SigningKey::from_bytes(&[3; 32]), "lab").unwrap()
}

fn hex_leaf(text: &str) -> String {
    hex::encode(leaf_hash(text.as_bytes()))
}

#[test]
fn entries_last_over_a_restart() {
    let place = Place::new();
    let (len, root) = {
        let ledger = place.filled(1000);
        (ledger.len(), ledger.root())
    };
    let mut ledger = SqliteLedger::open(&place.path()).unwrap();
    assert_eq!((ledger.len(), ledger.root()), (len, root));
    ledger.append(1000, &bodies(1000..1001)).unwrap();
    assert_eq!(ledger.check().unwrap().len, 1001);
    assert_eq!(ledger.read(999, 5).unwrap().last().unwrap().bytes, b"e1000");
}

#[test]
fn commits_are_synchronous_and_the_file_is_private() {
    let place = Place::new();
    let ledger = place.filled(1);
    let pragma = |name: &str| ledger.db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("synchronous"), 2i64.into());
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.lock"] {
        let mode = fs::metadata(place.0.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let place = Place::new();
    let _first = place.filled(1);
    let failure = SqliteLedger::open(&place.path()).unwrap_err();
    assert!(failure.why.contains(&format!("process {} (", std::process::id())), "{failure}");
    assert!(failure.hint.contains("ps -p"), "{failure:?}");
    assert!(SqliteLedger::create(&place.path()).unwrap_err().why.contains("writes it"));
}

#[test]
fn a_lock_file_without_words_still_refuses() {
    let place = Place::new();
    drop(place.filled(1));
    let side = File::create(place.0.path().join("ledger.lock")).unwrap();
    flock(&side, FlockOperation::LockExclusive).unwrap();
    assert!(SqliteLedger::open(&place.path()).unwrap_err().why.contains("another process"));
}

#[test]
fn create_takes_nothing_that_is_there() {
    let place = Place::new();
    drop(place.filled(2));
    assert!(SqliteLedger::create(&place.path()).is_err());
    assert_eq!(SqliteLedger::open(&place.path()).unwrap().len(), 2);
}

#[test]
fn a_half_made_draft_does_not_hinder() {
    let place = Place::new();
    fs::write(place.path().with_extension("new"), "half").unwrap();
    assert_eq!(place.filled(1).len(), 1);
    assert!(!place.path().with_extension("new").exists());
}

#[test]
fn a_reader_follows_the_writer_and_writes_nothing() {
    let place = Place::new();
    let mut writer = place.filled(3);
    let mut reader = SqliteLedger::open_read_only(&place.path()).unwrap();
    writer.append(3, &bodies(3..5)).unwrap();
    assert_eq!(reader.len(), 3);
    assert_eq!(reader.check().unwrap(), writer.check().unwrap());
    assert_eq!(reader.refresh().unwrap(), 5);
    assert_eq!(reader.root(), writer.root());
    assert!(matches!(reader.append(5, &bodies(5..6)), Err(AppendError::Failure(_))));
    let text = signed(&writer);
    assert!(reader.keep_note(5, &text).is_err());
    assert!(reader.db.execute("INSERT INTO entry VALUES (5, zeroblob(32), x'00')", []).is_err());
}

#[test]
fn sqlite_itself_refuses_change_and_gap() {
    let place = Place::new();
    let mut ledger = place.filled(3);
    let text = signed(&ledger);
    ledger.keep_note(3, &text).unwrap();
    for sql in [
        "UPDATE entry SET body = x'00' WHERE seq = 1",
        "DELETE FROM entry WHERE seq = 2",
        "DELETE FROM entry",
        "INSERT INTO entry VALUES (4, zeroblob(32), x'00')",
        "INSERT INTO entry VALUES (-1, zeroblob(32), x'00')",
        "INSERT OR REPLACE INTO entry VALUES (1, zeroblob(32), x'00')",
        "INSERT INTO entry VALUES (3, zeroblob(31), x'00')",
        "INSERT INTO entry VALUES (3, zeroblob(32), 'text')",
        "UPDATE note SET text = ''",
        "DELETE FROM note",
        "INSERT OR REPLACE INTO note VALUES (3, 'x')",
    ] {
        assert!(ledger.db.execute(sql, []).is_err(), "{sql}");
    }
    assert_eq!(ledger.check().unwrap().len, 3);
}

#[test]
fn a_damaged_entry_is_named() {
    for (sql, seq, word) in [
        ("UPDATE entry SET body = x'00' WHERE seq = 41", 41, "hash"),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE seq = 0", 0, "hash"),
        ("DELETE FROM entry WHERE seq = 17", 17, "number 18 stands"),
        ("UPDATE entry SET seq = -5 WHERE seq = 0", 0, "number -5 stands"),
        ("DELETE FROM entry WHERE seq >= 60", 60, "checkpoint over 64"),
    ] {
        let place = Place::new();
        let mut ledger = place.filled(64);
        let text = signed(&ledger);
        ledger.keep_note(64, &text).unwrap();
        drop(ledger);
        place.tamper(sql);
        let damage = SqliteLedger::open_read_only(&place.path()).unwrap().check().unwrap_err();
        assert!(damage.seq == seq && damage.what.contains(word), "{sql}: {damage}");
    }
}

#[test]
fn an_entry_replaced_with_its_leaf_shows_against_a_checkpoint() {
    let place = Place::new();
    let mut ledger = place.filled(8);
    ledger.keep_note(8, &signed(&ledger)).unwrap();
    ledger.append(8, &bodies(8..12)).unwrap();
    ledger.keep_note(12, &signed(&ledger)).unwrap();
    drop(ledger);
    place.tamper(&format!("UPDATE entry SET body = CAST('x' AS BLOB), leaf = x'{}' WHERE seq = 9", hex_leaf("x")));
    let damage = SqliteLedger::open(&place.path()).unwrap().check().unwrap_err();
    assert_eq!((damage.seq, damage.what.as_str()), (8, "an entry from 8 to 11 is not the one its kept checkpoint covers"));
}

#[test]
fn a_change_behind_a_running_writer_shows() {
    let place = Place::new();
    let mut ledger = place.filled(4);
    place.tamper(&format!("UPDATE entry SET body = CAST('x' AS BLOB), leaf = x'{}' WHERE seq = 3", hex_leaf("x")));
    assert_eq!(ledger.check().unwrap_err().seq, 0);
    place.tamper("DELETE FROM entry WHERE seq = 3");
    assert_eq!(ledger.check().unwrap_err().seq, 3);
    assert!(matches!(ledger.append(4, &bodies(4..5)), Err(AppendError::Failure(_))));
    assert_eq!(ledger.len(), 4);
}

#[test]
fn reading_a_damaged_entry_fails() {
    let place = Place::new();
    drop(place.filled(9));
    place.tamper("UPDATE entry SET body = x'00' WHERE seq = 4");
    let ledger = SqliteLedger::open(&place.path()).unwrap();
    assert_eq!(ledger.read(0, 4).unwrap().len(), 4);
    assert!(ledger.read(0, 9).unwrap_err().why.contains("entry 4"));
}

#[test]
fn a_writer_does_not_open_a_ledger_with_a_gap_or_without_its_end() {
    let place = Place::new();
    let mut ledger = place.filled(9);
    ledger.keep_note(9, &signed(&ledger)).unwrap();
    drop(ledger);
    place.tamper("DELETE FROM entry WHERE seq = 8");
    assert!(SqliteLedger::open(&place.path()).unwrap_err().what.contains("lost its end"));
    place.tamper("DELETE FROM entry WHERE seq = 4");
    let failure = SqliteLedger::open(&place.path()).unwrap_err();
    assert!(failure.why.contains("entry 4 is missing"), "{failure}");
    assert_eq!(failure.hint, "orchestrate ledger verify");
}

#[test]
fn foreign_and_damaged_files_fail_with_a_hint() {
    let place = Place::new();
    type Make<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Make<'_>); 8] = [
        ("No such file", &|_| {}),
        ("it is empty", &|path| fs::write(path, "").unwrap()),
        ("not a database", &|path| fs::write(path, "not a database, whatever its name says, and long enough to look".repeat(20)).unwrap()),
        ("another program", &|path| Connection::open(path).unwrap().execute_batch("CREATE TABLE x(y)").unwrap()),
        ("format 3", &|path| {
            drop(SqliteLedger::create(path).unwrap());
            Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 3").unwrap();
        }),
        ("altered", &|path| {
            drop(SqliteLedger::create(path).unwrap());
            Connection::open(path).unwrap().execute_batch("DROP TRIGGER entry_stays").unwrap();
        }),
        ("not a plain file", &|path| fs::create_dir(path).unwrap()),
        ("not a plain file", &|path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap()),
    ];
    for (n, (word, make)) in cases.iter().enumerate() {
        let path = place.0.path().join(format!("case{n}.sqlite"));
        make(&path);
        for opened in [SqliteLedger::open(&path), SqliteLedger::open_read_only(&path)] {
            let failure = opened.unwrap_err();
            assert!(failure.why.contains(word) && !failure.hint.is_empty(), "{word}: {failure:?}");
        }
    }
}

#[test]
fn bytes_torn_anywhere_never_panic() {
    let place = Place::new();
    drop(place.filled(300));
    let whole = fs::read(place.path()).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut torn = whole.clone();
        let end = (at + 64).min(torn.len());
        torn[at..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        fs::write(place.path(), &torn).unwrap();
        match SqliteLedger::open_read_only(&place.path()) {
            Ok(ledger) => assert!(ledger.check().is_err() || ledger.len() == 300, "byte {at}"),
            Err(failure) => assert!(!failure.hint.is_empty(), "byte {at}: {failure:?}"),
        }
    }
    fs::write(place.path(), &whole[..whole.len() / 2]).unwrap();
    match SqliteLedger::open_read_only(&place.path()) {
        Ok(ledger) => assert!(ledger.check().is_err()),
        Err(failure) => assert!(!failure.hint.is_empty()),
    }
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let place = Place::new();
    let mut ledger = place.filled(10);
    let root = ledger.root();
    let pages: i64 = ledger.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    ledger.db.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let Err(AppendError::Failure(failure)) = ledger.append(10, &vec![vec![7; 3000]; 20]) else { panic!("it fitted") };
    assert!(failure.why.contains("full") && failure.hint.contains("df -h"), "{failure:?}");
    assert_eq!((ledger.len(), ledger.root()), (10, root));
    assert_eq!(ledger.check().unwrap().len, 10);
    ledger.db.pragma_update_and_check(None, "max_page_count", pages + 900, |_| Ok(())).unwrap();
    ledger.append(10, &vec![vec![7; 3000]; 20]).unwrap();
    assert_eq!(ledger.check().unwrap().len, 30);
}

#[test]
fn checkpoints_are_kept_once_and_must_fit() {
    let place = Place::new();
    let mut ledger = place.filled(3);
    assert_eq!(ledger.latest_note().unwrap(), None);
    let first = signed(&ledger);
    ledger.keep_note(3, &first).unwrap();
    ledger.keep_note(3, &first).unwrap();
    assert!(ledger.keep_note(2, &first).is_err());
    assert!(ledger.keep_note(3, "not a note").is_err());
    let empty = Place::new().filled(2);
    assert!(ledger.keep_note(3, &signed(&empty)).is_err());
    ledger.append(3, &bodies(3..4)).unwrap();
    let wrong_root = first.replace("\n3\n", "\n4\n");
    assert!(ledger.keep_note(4, &wrong_root).unwrap_err().why.contains("root"));
    let second = signed(&ledger);
    ledger.keep_note(4, &second).unwrap();
    assert_eq!(ledger.latest_note().unwrap(), Some((4, second)));
    assert_eq!(ledger.note(3).unwrap(), Some(first));
    assert!(ledger.check().is_ok());
}

/// Runs this test's own program again in front of a file system that is really full.
#[test]
fn a_file_system_without_space_leaves_nothing_half_written() {
    let place = Place::new();
    let status = Command::new("bwrap")
        .args(["--dev-bind", "/", "/", "--size", "700000", "--tmpfs"])
        .arg(place.0.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::sqlite::tests::fills_its_file_system", "--nocapture"])
        .env("LEDGER_UNDER_TEST", place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success() && said.contains("filled and freed"), "{said}{}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn fills_its_file_system() {
    let Ok(path) = std::env::var("LEDGER_UNDER_TEST") else { return };
    let path = Path::new(&path);
    let mut ledger = SqliteLedger::create(path).unwrap();
    let ballast = path.with_extension("ballast");
    fs::write(&ballast, vec![0; 200_000]).unwrap();
    let failure = loop {
        match ledger.append(ledger.len(), &vec![vec![7; 3000]; 5]) {
            Ok(()) => assert!(ledger.len() < 1000),
            Err(AppendError::Failure(failure)) => break failure,
            Err(conflict) => panic!("{conflict}"),
        }
    };
    assert!(failure.hint.contains("df -h"), "{failure:?}");
    let (len, root) = (ledger.len(), ledger.root());
    assert_eq!(ledger.check().unwrap(), Verified { len, root, sealed: 0 });
    fs::remove_file(&ballast).unwrap();
    ledger.append(len, &vec![vec![7; 3000]; 5]).unwrap();
    drop(ledger);
    assert_eq!(SqliteLedger::open(path).unwrap().check().unwrap().len, len + 5);
    println!("filled and freed");
}

/// Runs this test's own program again as a writer and kills it while it appends.
#[test]
fn kill_nine_in_the_middle_loses_no_answered_entry() {
    let place = Place::new();
    drop(place.filled(1));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::sqlite::tests::writes_until_killed", "--nocapture"])
        .env("LEDGER_UNDER_TEST", place.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut out = child.stdout.take().unwrap();
    let mut piece = [0; 4096];
    while !said.contains("durable 60\n") {
        let read = out.read(&mut piece).unwrap();
        assert!(read > 0, "the writer ended early: {said}");
        said.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    out.read_to_string(&mut said).unwrap();
    let whole = &said[..=said.rfind('\n').unwrap()];
    let answered: u64 = whole.lines().rev().find_map(|line| line.strip_prefix("durable ")?.parse().ok()).unwrap();
    let ledger = SqliteLedger::open(&place.path()).unwrap();
    assert!(ledger.len() >= answered && (ledger.len() - 1).is_multiple_of(3), "{} answered {answered}", ledger.len());
    assert_eq!(ledger.check().unwrap().len, ledger.len());
}

#[test]
fn writes_until_killed() {
    let Ok(path) = std::env::var("LEDGER_UNDER_TEST") else { return };
    let mut ledger = SqliteLedger::open(Path::new(&path)).unwrap();
    for _ in 0..100_000 {
        let at = ledger.len() as usize;
        ledger.append(at as u64, &bodies(at..at + 3)).unwrap();
        println!("durable {}", (at + 3) / 3 * 3);
    }
}
