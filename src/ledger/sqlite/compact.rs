//! The file made as small as what is in it, after bodies were put away.

use super::SqliteLedger;
use crate::domain::failure::Failure;
use rusqlite::Connection;

/// Less than so many free pages of 4 KiB, or than one in so many of all, are not worth the work.
const LEAST: u64 = 1024;
const PART: u64 = 4;

impl SqliteLedger {
    /// Gives the disk back what bodies took that are gone; tells how many bytes that were.
    ///
    /// It writes the whole file anew, and nobody can append meanwhile: a start does it, before anybody waits. SQLite does it all or not at all, also
    /// when it is killed or the disk is full; where `free` bytes are not twice what it needs, it is left for another start.
    pub fn compact(&mut self, free: u64) -> Result<u64, Failure> {
        const WHAT: &str = "cannot make the ledger's file smaller";
        self.must_write(WHAT)?;
        let (page, pages, unused) = sizes(&self.db).map_err(|error| self.failure(WHAT, &error))?;
        let needed = (pages - unused) * page;
        if unused < LEAST || unused * PART < pages || free < 2 * needed {
            return Ok(0);
        }
        let done = self.db.execute_batch("VACUUM").and_then(|()| self.db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())));
        done.map_err(|error| self.not_written(WHAT, &error))?;
        Ok(unused * page)
    }
}

fn sizes(db: &Connection) -> rusqlite::Result<(u64, u64, u64)> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(|number| number.unsigned_abs());
    Ok((pragma("page_size")?, pragma("page_count")?, pragma("freelist_count")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger as _;
    use crate::ledger::sqlite::forge::unguarded;

    #[test]
    fn a_file_with_room_in_it_becomes_smaller_and_stays_the_same_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut ledger = SqliteLedger::create(&path).unwrap();
        ledger.append(0, &(0..1200_u32).map(|number| [number.to_be_bytes().as_slice(), &[7; 9000]].concat()).collect::<Vec<_>>()).unwrap();
        assert_eq!(ledger.compact(u64::MAX).unwrap(), 0, "it is full");
        // As husks take the places of bodies: the same rows, shorter.
        unguarded(&ledger.db, |db| db.execute_batch("UPDATE entry SET body = x'00' WHERE seq < 1100")).unwrap();
        unguarded(&ledger.db, |db| db.execute_batch("UPDATE entry SET body = CAST(body AS BLOB)")).unwrap();
        let rows = |ledger: &SqliteLedger| -> Vec<(i64, Vec<u8>)> {
            let mut all = ledger.db.prepare("SELECT seq, body FROM entry ORDER BY seq").unwrap();
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
        };
        ledger.db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).unwrap();
        let (before, kept, root) = (std::fs::metadata(&path).unwrap().len(), rows(&ledger), ledger.root());
        assert_eq!(ledger.compact(1 << 20).unwrap(), 0, "too little disk: another time");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
        assert!(ledger.compact(u64::MAX).unwrap() > 4 << 20);
        assert!(std::fs::metadata(&path).unwrap().len() < before / 4);
        assert_eq!((rows(&ledger), ledger.root()), (kept, root));
        ledger.append(1200, &[b"and on".to_vec()]).unwrap();
        drop(ledger);
        // Its guards, its number and its name for SQLite are as they were.
        let mut ledger = SqliteLedger::open(&path).unwrap();
        assert_eq!(ledger.len(), 1201);
        assert!(ledger.db.execute("DELETE FROM entry", []).is_err());
        assert_eq!(ledger.compact(u64::MAX).unwrap(), 0);
    }
}
