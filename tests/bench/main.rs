//! The figures, measured: each row stands beside a comparison of the same run. Prints a table and asserts nothing.
//!
//! `tests/bench/run [ROW…]`; rows are `boot mail freeze lock start hint push gate wall report record
//! memory verify fleet idle`. Everything is made in a fresh folder below
//! `$BENCH_FOLDER` (else `/var/tmp`), and removed only at the end: ext4 makes files slowly where many were just deleted.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark starts programs and reads the clock")]

mod boot;
mod fleet;
mod freeze;
mod gate;
mod hint;
mod idle;
mod life;
mod line;
mod lock;
mod mail;
mod memory;
mod push;
mod record;
mod report;
mod shop;
mod start;
mod table;
mod verify;
mod wall;

use shop::Shop;
use table::Row;

type Measure = fn(&Shop) -> Vec<Row>;

const ROWS: [(&str, Measure); 15] = [
    ("boot", boot::rows),
    ("mail", mail::rows),
    ("freeze", freeze::rows),
    ("lock", lock::rows),
    ("start", start::rows),
    ("hint", hint::rows),
    ("push", push::rows),
    ("gate", gate::rows),
    ("wall", wall::rows),
    ("report", report::rows),
    ("record", record::rows),
    ("memory", memory::rows),
    ("verify", verify::rows),
    ("fleet", fleet::rows),
    ("idle", idle::rows),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let shop = Shop::new();
    let mut rows = Vec::new();
    for (name, measure) in ROWS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            eprintln!("figures: {name}");
            rows.extend(measure(&shop));
        }
    }
    table::print(&rows);
}
