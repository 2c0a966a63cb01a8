//! Copies of a ledger, and forgeries of them: what somebody with the file and with time could make, to see that it shows.

use super::{SqliteLedger, failure};
use crate::domain::failure::Failure;
use crate::ledger::chain::leaf_hash;
use rusqlite::{Connection, OpenFlags, params};
use std::path::Path;

impl SqliteLedger {
    /// Writes the whole ledger into a new file, beside its writer.
    pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
        let copied = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|db| db.execute("VACUUM INTO ?1", [to.to_string_lossy()]));
        copied.map(drop).map_err(|error| failure("cannot copy the ledger", from, &error))
    }
}

/// Changes a copy as the SQL says, with SQLite's own guards taken off meanwhile; `rehash` makes every leaf fit its changed entry again.
pub fn forge(copy: &Path, sql: &str, rehash: bool) -> Result<(), Failure> {
    let forged = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|db| unguarded(&db, |db| rewrite(db, sql, rehash)));
    forged.map_err(|error| failure("cannot forge the copy", copy, &error))
}

fn rewrite(db: &Connection, sql: &str, rehash: bool) -> rusqlite::Result<()> {
    db.execute_batch(sql)?;
    if rehash { fit_leaves(db) } else { Ok(()) }
}

/// Works in one transaction without SQLite's own guards, which are back when it ends, and whole where it does not.
pub(super) fn unguarded(db: &Connection, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let batch = db.unchecked_transaction()?;
    let guards: Vec<(String, String)> = {
        let mut statement = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
    };
    guards.iter().try_for_each(|(name, _)| db.execute_batch(&format!("DROP TRIGGER {name}")))?;
    work(db)?;
    guards.iter().try_for_each(|(_, guard)| db.execute_batch(guard))?;
    batch.commit()
}

fn fit_leaves(db: &Connection) -> rusqlite::Result<()> {
    let bodies: Vec<(i64, Vec<u8>)> = {
        let mut statement = db.prepare("SELECT seq, body FROM entry")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
    };
    bodies
        .iter()
        .try_for_each(|(seq, body)| db.execute("UPDATE entry SET leaf = ?2 WHERE seq = ?1", params![seq, leaf_hash(body)]).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger as _;

    #[test]
    fn a_copy_holds_and_its_forgery_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("ledger.db"), folder.path().join("copy.db"));
        let mut ledger = SqliteLedger::create(&path).unwrap();
        ledger.append(0, &[b"one".to_vec(), b"two".to_vec()]).unwrap();
        SqliteLedger::copy(&path, &copy).unwrap();
        let seen = SqliteLedger::open_read_only(&copy).unwrap().check().unwrap();
        assert_eq!((seen.len, seen.root), (2, ledger.root()));
        forge(&copy, "UPDATE entry SET body = CAST('six' AS BLOB) WHERE seq = 0", false).unwrap();
        assert!(SqliteLedger::open_read_only(&copy).unwrap().check().is_err());
        forge(&copy, "", true).unwrap();
        let forged = SqliteLedger::open_read_only(&copy).unwrap().check().unwrap();
        assert_ne!(forged.root, seen.root, "the leaves fit, the root does not");
        assert!(forge(&copy, "UPDATE nothing", false).is_err());
    }
}
