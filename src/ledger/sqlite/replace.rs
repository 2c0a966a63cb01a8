//! Bytes that take the place of others under the same leaf: husks, and the entries that come back.

use super::forge::unguarded;
use super::{SqliteLedger, WITH_HUSKS};
use crate::domain::failure::Failure;
use crate::ledger::husk::leaf_of;
use crate::ledger::misplaced;
use rusqlite::{Connection, OptionalExtension as _, params};

impl SqliteLedger {
    pub(super) fn replace(&mut self, bodies: &[(u64, Vec<u8>)]) -> Result<(), Failure> {
        const WHAT: &str = "cannot put other bytes in an entry's place";
        self.must_write(WHAT)?;
        for (seq, body) in bodies {
            let one = |db: &Connection| db.query_row("SELECT leaf FROM entry WHERE seq = ?1", [*seq as i64], |row| row.get(0)).optional();
            let leaf: Option<Vec<u8>> = one(&self.db).map_err(|error| self.failure(WHAT, &error))?;
            if leaf.as_deref() != Some(&leaf_of(body)) {
                return Err(misplaced(*seq));
            }
        }
        if let Err(error) = swap(&self.db, bodies) {
            return Err(self.not_written(WHAT, &error));
        }
        Ok(())
    }
}

/// What is overwritten is overwritten with zeros, in the file and then in its log: a body that was put away is nowhere in it.
fn swap(db: &Connection, bodies: &[(u64, Vec<u8>)]) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    unguarded(db, |db| {
        let mut statement = db.prepare_cached("UPDATE entry SET body = ?2 WHERE seq = ?1")?;
        bodies.iter().try_for_each(|(seq, body)| statement.execute(params![*seq as i64, body]).map(drop))?;
        db.pragma_update(None, "user_version", WITH_HUSKS)
    })?;
    db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))
}
