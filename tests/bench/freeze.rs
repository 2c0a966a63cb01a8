//! How soon a freeze is in force while a hundred connections send as fast as they are answered.

use super::line::Line;
use super::shop::{SILENT, Shop, Workshop};
use super::table::{Goal, Row, median, quantile};
use orchestrate::edge::totp::Totp;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const ROUNDS: u64 = 30;
const CONNECTIONS: usize = 100;
const SEATS: [&str; 4] = ["dev-a", "dev-b", "qa-a", "qa-b"];
/// A code counts once, and there is a new one each half minute: the clock is pushed on.
const STEP: u64 = 30;

pub fn rows(shop: &Shop) -> Vec<Row> {
    std::fs::write(shop.join("clock"), "0").expect("a clock");
    let workshop = shop.open("freeze", SILENT);
    let calm = rounds(shop, &workshop, 0);
    let busy = under_load(&workshop, || rounds(shop, &workshop, ROUNDS));
    drop(workshop);
    std::fs::remove_file(shop.join("clock")).expect("the clock's end");
    let beside = "the same, nobody sending";
    let row = |what: &str, ours, theirs, goal| Row { what: what.to_owned(), unit: "ms", ours, beside, theirs, goal };
    vec![
        row("freeze asked to refused elsewhere, 100 sending, p50", median(&busy), median(&calm), Goal::Most(100.0)),
        row("the same, p99", quantile(&busy, 0.99), quantile(&calm, 0.99), Goal::Most(200.0)),
    ]
}

fn under_load<T>(workshop: &Workshop, work: impl FnOnce() -> T) -> T {
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for at in 0..CONNECTIONS {
            let enough = &enough;
            scope.spawn(move || {
                let mut line = Line::open(&workshop.socket(SEATS[at % SEATS.len()]));
                while !enough.load(Ordering::Relaxed) {
                    line.ask(
                        &json!({"mail-send": {"to": ["librarian"], "subject": "load", "body": "x", "priority": "normal", "task": null}}),
                    );
                }
            });
        }
        let done = work();
        enough.store(true, Ordering::Relaxed);
        done
    })
}

/// Freezes, asks through another socket for what is then refused, and thaws; each time in milliseconds.
fn rounds(shop: &Shop, workshop: &Workshop, first: u64) -> Vec<f64> {
    let mut owner = Line::open(&workshop.state.join("run/owner.sock"));
    let mut seat = Line::open(&workshop.socket("architect-a"));
    let shown = workshop.orchestrate().args(["totp", "show", "--json"]).output().expect("the binary").stdout;
    // It is shown until its first use; after that it is known.
    let kept = shop.join("totp");
    if first == 0 {
        std::fs::write(&kept, shown).expect("the secret");
    }
    let shown: serde_json::Value = serde_json::from_slice(&std::fs::read(&kept).expect("the secret")).expect("JSON");
    let totp = Totp::new(&Totp::secret_of(shown["done"]["uri"].as_str().expect("an address")).expect("a secret"));
    let one = |number: u64| {
        let since = Instant::now();
        owner.ask(&json!({"freeze": {"reason": "a drill"}}));
        let said = seat.hear(&json!({"lock-acquire": {"paths": ["src"], "priority": "normal", "wait": null}}));
        let took = since.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(said["refused"]["code"], "frozen", "{said}");
        let ahead = (first + number + 1) * STEP * 1000;
        std::fs::write(shop.join("clock"), ahead.to_string()).expect("a clock");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis() as u64 + ahead;
        let thawed = owner.ask(&json!({"thaw": {"alone": true, "code": totp.code(Totp::step(now))}}));
        assert_eq!(thawed["accepted"], true, "{thawed}");
        took
    };
    (0..ROUNDS).map(one).collect()
}
