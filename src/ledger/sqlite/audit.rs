//! Every stored entry hashed anew and compared: one thread reads the file, another one judges what it read.

use super::{Connection, must_fit_notes, note_roots, whole_row};
use crate::ledger::chain::{Frontier, Hash};
use crate::ledger::{Audit, Damage, Verified};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes that are handed over at once, and how many such loads may wait.
const LOAD: usize = 1 << 20;
const WAITING: usize = 4;

/// Rows, one behind the other: their leaves and bodies, and the place of each with the ends of both.
#[derive(Default)]
struct Load {
    bytes: Vec<u8>,
    rows: Vec<(i64, usize, usize)>,
}

/// The last load may be what could not be read.
type Loaded = Result<Load, Damage>;

/// Judges the entries that a snapshot holds; `alone` where nobody else may have written them.
pub(super) fn audit(snapshot: &Connection, kept: &Frontier, alone: bool) -> Result<Verified, Damage> {
    let roots = note_roots(snapshot)?;
    std::thread::scope(|scope| {
        let (loads, work) = sync_channel(WAITING);
        let judge = scope.spawn(move || judge(kept, &roots, work, alone));
        read(snapshot, loads);
        judge.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Hands over every row, or what stood in the way; ends early where the judge has seen enough.
fn read(snapshot: &Connection, loads: SyncSender<Loaded>) {
    let (mut load, mut count) = (Load::default(), 0);
    let done = rows(snapshot, |seq, leaf, body| {
        load.bytes.extend_from_slice(leaf);
        let middle = load.bytes.len();
        load.bytes.extend_from_slice(body);
        load.rows.push((seq, middle, load.bytes.len()));
        count += 1;
        load.bytes.len() < LOAD || loads.send(Ok(std::mem::take(&mut load))).is_ok()
    });
    let sent = loads.send(Ok(load));
    if let (Ok(()), Err(error)) = (sent, done) {
        drop(loads.send(Err(Damage { seq: count, what: format!("it cannot be read: {error}") })));
    }
}

fn rows(snapshot: &Connection, mut each: impl FnMut(i64, &[u8], &[u8]) -> bool) -> rusqlite::Result<()> {
    let mut statement = snapshot.prepare_cached("SELECT seq, leaf, body FROM entry ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, leaf, body) = whole_row(row)?;
        if !each(seq, leaf, body) {
            break;
        }
    }
    Ok(())
}

fn judge(kept: &Frontier, roots: &BTreeMap<u64, Hash>, work: Receiver<Loaded>, alone: bool) -> Result<Verified, Damage> {
    let mut audit = Audit::new(kept);
    must_fit_notes(&audit.fresh, roots)?;
    for load in work {
        let Load { bytes, rows } = load?;
        let mut begin = 0;
        for (seq, middle, end) in rows {
            audit.entry(seq, &bytes[begin..middle], &bytes[middle..end])?;
            must_fit_notes(&audit.fresh, roots)?;
            begin = end;
        }
    }
    let len = audit.fresh.len();
    match roots.keys().next_back() {
        Some(size) if *size > len => Err(Damage { seq: len, what: format!("it is missing; a checkpoint over {size} entries is kept") }),
        _ => audit.finish(alone),
    }
}
