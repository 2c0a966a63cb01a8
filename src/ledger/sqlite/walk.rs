//! All entries in order, read once beside the writer, without keeping any.

use super::{connect, failure, must_be_file, must_be_ledger, whole_row};
use crate::domain::failure::Failure;
use std::path::Path;

/// Hands over the bytes of the entries `from..until` of a ledger file, in order, each with its place. A gap or a short end is a failure.
///
/// What the bytes are worth is for whoever asked to find out, from the leaf hashes and a root that it trusts.
pub fn walk(path: &Path, from: u64, until: u64, mut each: impl FnMut(u64, &[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    const WHAT: &str = "cannot read the ledger";
    must_be_file(path)?;
    let db = connect(path, false).map_err(|error| failure(WHAT, path, &error))?;
    must_be_ledger(&db, path)?;
    let wrong = |error: &rusqlite::Error| failure(WHAT, path, error);
    let damaged = |seq: u64| Failure::new(WHAT, format!("entry {seq} is missing")).hint("orchestrate ledger verify");
    let place = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let mut statement =
        db.prepare("SELECT seq, leaf, body FROM entry WHERE seq >= ?1 AND seq < ?2 ORDER BY seq").map_err(|error| wrong(&error))?;
    let mut rows = statement.query([place(from), place(until)]).map_err(|error| wrong(&error))?;
    let mut next = from;
    while let Some(row) = rows.next().map_err(|error| wrong(&error))? {
        let (seq, _, body) = whole_row(row).map_err(|error| wrong(&error))?;
        if seq != place(next) {
            return Err(damaged(next));
        }
        each(next, body)?;
        next += 1;
    }
    if next < until { Err(damaged(next)) } else { Ok(()) }
}
