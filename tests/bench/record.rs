//! The record judged: entries hashed by `ledger verify`, and the signatures of statements.

use super::report::{grow, timed};
use super::shop::Shop;
use super::table::{Goal, Row, median};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orchestrate::domain::actor::Party;
use orchestrate::domain::dsse::{Envelope, IN_TOTO, pae};
use orchestrate::domain::name::SeatName;
use orchestrate::edge::keys::{Certs, open_at, seal};
use orchestrate::ledger::Ledger as _;
use orchestrate::ledger::chain::leaf_hash;
use orchestrate::ledger::sqlite::{SqliteLedger, walk};
use orchestrate::supervisor::hands::Keys;
use orchestrate::supervisor::place::Place;
use std::time::SystemTime;

const ENTRIES: u64 = 1_000_000;
const STATEMENTS: usize = 20_000;
const CORES: usize = 2;
const REPEATS: usize = 3;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let path = shop.join("record.db");
    let mut ledger = SqliteLedger::create(&path).expect("a new ledger");
    grow(&mut ledger, ENTRIES);
    let fresh = SqliteLedger::open_read_only(&path).expect("a ledger");
    let (before, mut ours) = (spent(), Vec::new());
    for _ in 0..REPEATS {
        ours.push(timed(|| assert_eq!(fresh.check().map(|found| (found.len, found.root)), Ok((ENTRIES, ledger.root())))));
    }
    let work = (spent() - before) * 1e6 / (REPEATS as u64 * ENTRIES) as f64;
    let plain: Vec<f64> = (0..REPEATS).map(|_| timed(|| hashed(&path))).collect();
    let rate = |taken: &[f64]| ENTRIES as f64 / (median(taken) / 1000.0);
    let row = |what: &str, unit, ours, beside, theirs, goal| Row { what: what.to_owned(), unit, ours, beside, theirs, goal };
    let mut all = vec![
        row("ledger verify, entries hashed and compared", "/s", rate(&ours), "read and hashed, one thread", rate(&plain), Goal::Least(1_000_000.0)),
        row("the same, time on cores for an entry", "us", work, "at 1,000,000/s, two cores", 2.0, Goal::Most(2.0)),
    ];
    all.extend(signatures(shop));
    all
}

/// Seconds that this process has had on cores: true on a busy machine too.
fn spent() -> f64 {
    super::idle::ticks(std::path::Path::new("/proc/self/stat")).expect("this process") as f64 / 100.0
}

fn hashed(path: &std::path::Path) {
    let mut bits = 0;
    walk(path, 0, ENTRIES, |_, body| {
        bits ^= leaf_hash(body)[0];
        Ok(())
    })
    .expect("a whole ledger");
    std::hint::black_box(bits);
}

/// Statements of one seat, opened as `verify` opens them; beside it the curve alone.
fn signatures(shop: &Shop) -> Vec<Row> {
    let place = Place::at(&shop.join("record"));
    place.prepare(&shop.repo()).expect("a place");
    let seat = SeatName::new("dev-a").expect("a name");
    let keys = Keys::open(&place, "record-0000", std::slice::from_ref(&seat), None).expect("keys").0;
    let key = keys.of(&Party::Seat(seat)).expect("a key");
    let mut certs = Certs::default();
    certs.add(&key.certificate_armored()).expect("a certificate");
    let payload = |number: usize| format!("{{\"number\":{number},\"words\":\"{}\"}}", "word ".repeat(80));
    let sealed: Vec<Envelope> = (0..STATEMENTS).map(|number| seal(IN_TOTO, payload(number).as_bytes(), &key).expect("a statement")).collect();
    let now = SystemTime::now();
    let before = spent();
    let ours = rate_of(&sealed, |one| open_at(one, &certs, now).expect("a good signature").1.len() == 1);
    let work = (spent() - before) * 1e6 / (REPEATS * STATEMENTS) as f64;
    let pen = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let words: Vec<Vec<u8>> = sealed.iter().map(|one| pae(IN_TOTO, &STANDARD.decode(&one.payload).expect("base64"))).collect();
    let signed: Vec<_> = words.iter().map(|words| (words, ed25519_dalek::Signer::sign(&pen, words))).collect();
    let bare = rate_of(&signed, |(words, signature)| pen.verifying_key().verify_strict(words, signature).is_ok());
    let row = |what: &str, unit, ours, beside, theirs, goal| Row { what: what.to_owned(), unit, ours, beside, theirs, goal };
    vec![
        row("signatures of statements judged, two threads", "/s", ours, "bare Ed25519, strict", bare, Goal::Least(30_000.0)),
        row("the same, time on cores for a statement", "us", work, "at 30,000/s, two cores", 66.7, Goal::Most(66.7)),
    ]
}

fn rate_of<T: Sync>(items: &[T], good: impl Fn(&T) -> bool + Sync) -> f64 {
    let work = || {
        std::thread::scope(|scope| {
            for part in items.chunks(items.len().div_ceil(CORES)) {
                scope.spawn(|| assert!(part.iter().all(&good)));
            }
        });
    };
    let taken: Vec<f64> = (0..REPEATS).map(|_| timed(work)).collect();
    items.len() as f64 / (median(&taken) / 1000.0)
}
