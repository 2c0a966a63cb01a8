//! The security report over a million entries: from nothing, and read on from where the last one stood.

use super::shop::Shop;
use super::table::{Goal, Row, median};
use orchestrate::domain::day::{Span, Zone, date};
use orchestrate::domain::failure::Failure;
use orchestrate::ledger::Ledger as _;
use orchestrate::ledger::chain::{Frontier, leaf_hash};
use orchestrate::ledger::sqlite::{SqliteLedger, walk};
use orchestrate::supervisor::report::Kept;
use orchestrate::view::report::{Subject, Tally, html, text};
use std::path::Path;
use std::time::Instant;

const ENTRIES: u64 = 1_000_000;
/// What comes between two reports.
const MORE: u64 = 1000;
/// 2026-11-20 00:00 UTC; all entries fall into that one day.
const MIDNIGHT: u64 = 1_795_132_800_000;
const SEATS: [&str; 6] = ["dev-a", "dev-b", "qa-a", "qa-b", "librarian", "orchestrator"];

pub fn rows(shop: &Shop) -> Vec<Row> {
    let path = shop.join("report.db");
    let mut ledger = SqliteLedger::create(&path).expect("a new ledger");
    grow(&mut ledger, ENTRIES);
    let span = Zone::named("UTC").and_then(|zone| zone.day(date("2026-11-20")?)).expect("a day");
    let plain: Vec<f64> = (0..3).map(|_| timed(|| read(&path))).collect();
    parts(&path, &span);
    let mut kept = Kept::new(Subject::Day, span.clone());
    let cold: Vec<f64> = (0..3)
        .map(|_| {
            kept = Kept::new(Subject::Day, span.clone());
            timed(|| made(&mut kept, &path, ENTRIES))
        })
        .collect();
    assert_eq!(kept.head(), (ENTRIES, ledger.root()));
    let mut size = ENTRIES;
    let warm: Vec<f64> = (0..5)
        .map(|_| {
            size += MORE;
            grow(&mut ledger, size);
            timed(|| made(&mut kept, &path, size))
        })
        .collect();
    let beside = "reading every entry and doing nothing";
    let row = |what: &str, ours, theirs, goal| Row { what: what.to_owned(), unit: "ms", ours, beside, theirs, goal };
    vec![
        row(
            "report over 1,000,000 entries of one day, hashed and written, from nothing",
            median(&cold),
            median(&plain),
            Goal::Most(1000.0),
        ),
        row("the same, 1,000 entries later", median(&warm), median(&plain), Goal::Most(50.0)),
    ]
}

/// What the pass is made of, each part alone.
fn parts(path: &Path, span: &Span) {
    let mut tally = Tally::new(Subject::Day, span.clone());
    let fold = timed(|| {
        walk(path, 0, ENTRIES, |_, body| tally.take(body).map(drop).map_err(|why| Failure::new(why, ""))).expect("a whole ledger")
    });
    let mut tree = Frontier::default();
    let hash = || {
        let take = |_, body: &[u8]| {
            tree.append(leaf_hash(body));
            Ok(())
        };
        walk(path, 0, ENTRIES, take).expect("a whole ledger");
    };
    eprintln!("figures: report: read and fold {fold:.0} ms, read and hash {:.0} ms", timed(hash));
}

pub fn timed(work: impl FnOnce()) -> f64 {
    let since = Instant::now();
    work();
    since.elapsed().as_secs_f64() * 1000.0
}

fn read(path: &Path) {
    let mut bytes = 0;
    walk(path, 0, ENTRIES, |_, body| {
        bytes += body.len();
        Ok(())
    })
    .expect("a whole ledger");
    assert!(bytes > 0);
}

fn made(kept: &mut Kept, path: &Path, size: u64) {
    kept.read(path, size).expect("a whole ledger");
    let report = kept.report("note".to_owned(), 0);
    assert!(text(&report).len() + html(&report).len() > 1000);
}

/// Messages most of all, as in a real workshop; commits, pushes, refusals, and a change now and then.
pub fn grow(ledger: &mut SqliteLedger, size: u64) {
    while ledger.len() < size {
        let from = ledger.len();
        let batch: Vec<Vec<u8>> = (from..size.min(from + 4096)).map(entry).collect();
        ledger.append(from, &batch).expect("a ledger that grows");
    }
}

fn entry(seq: u64) -> Vec<u8> {
    let (seat, time) = (SEATS[(seq / 7) as usize % SEATS.len()], MIDNIGHT + seq * 80);
    let hash = format!("{seq:064x}");
    let (by, event) = match seq % 100 {
        0..40 => (seat, format!("{{\"message\":{{\"sent\":{{\"id\":\"{hash}\",\"statement\":{{\"payloadType\":\"m\",\"payload\":\"{}\",\"signatures\":[{{\"keyid\":\"{}\",\"sig\":\"{}\"}}]}}}}}}}}", "eyJ3".repeat(110), &hash[..40], "aaaa".repeat(40))),
        40..65 => (seat, format!("{{\"message\":{{\"delivered\":{{\"ids\":[\"{hash}\"],\"to\":\"{seat}\"}}}}}}")),
        65..85 => (seat, format!("{{\"message\":{{\"acknowledged\":{{\"id\":\"{hash}\",\"by\":\"{seat}\"}}}}}}")),
        85..92 => (seat, format!("{{\"key\":{{\"signed\":{{\"digest\":\"{hash}\"}}}}}}")),
        92..97 => ("edge", format!("{{\"push\":{{\"landed\":{{\"push\":\"{}\"}}}}}}", &hash[..32])),
        97 | 98 => (seat, "{\"refused\":{\"verb\":\"push\",\"on\":\"refs/heads/main\",\"refusal\":{\"code\":\"protected-branch\",\"why\":\"it is protected\",\"hint\":\"orchestrate\"}}}".to_owned()),
        _ => ("edge", format!("{{\"fleet\":{{\"relayed\":{{\"seat\":\"{seat}\",\"requests\":100,\"refused\":0}}}}}}")),
    };
    format!("{{\"v\":1,\"seq\":{seq},\"time\":{time},\"by\":\"{by}\",\"event\":{event}}}").into_bytes()
}
