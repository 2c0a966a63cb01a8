//! Durable locks: how many are taken and given back a second by a hundred clients, and how long one waits for its answer.

use super::line::Line;
use super::mail::{SEATS, spent, threads};
use super::shop::{SILENT, Shop, Workshop};
use super::table::{Goal, Row, median, quantile};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

const CONNECTIONS: usize = 100;
const EACH: usize = 200;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let workshop = shop.open("lock", SILENT);
    let (before, since) = (threads(&workshop), Instant::now());
    let waits = taken(&workshop);
    let pairs = (CONNECTIONS * EACH) as f64;
    let (rate, work) = (pairs / since.elapsed().as_secs_f64(), spent(&workshop, "lock", &before, pairs));
    let row = |what: &str, unit, ours, beside, theirs, goal| Row { what: what.to_owned(), unit, ours, beside, theirs, goal };
    let middle = median(&waits);
    vec![
        row("locks taken and given back a second, durable, 100 clients", "/s", rate, "", f64::NAN, Goal::Least(4000.0)),
        row("one acquire or release, asked to durable, p99", "ms", quantile(&waits, 0.99), "the median", middle, Goal::Most(16.0)),
        row("the supervisor's work for a pair, all threads", "us", work, "at 4,000/s, one core", 250.0, Goal::Most(250.0)),
    ]
}

/// Each client takes a path of its own and gives it back, again and again; each request in milliseconds.
fn taken(workshop: &Workshop) -> Vec<f64> {
    let waits = Mutex::new(Vec::new());
    let client = |at: usize| {
        let mine = works(&workshop.socket(SEATS[at % SEATS.len()]), at);
        waits.lock().expect("the waits").extend(mine);
    };
    std::thread::scope(|scope| (0..CONNECTIONS).for_each(|at| drop(scope.spawn(move || client(at)))));
    waits.into_inner().expect("the waits")
}

fn works(socket: &Path, at: usize) -> Vec<f64> {
    let mut line = Line::open(socket);
    let paths = [format!("src/client{at}/")];
    let (take, give) = (json!({"lock-acquire": {"paths": paths, "priority": "normal", "wait": null}}), json!({"lock-release": {"paths": paths}}));
    let mut timed = |request: &Value| {
        let since = Instant::now();
        let done = line.ask(request);
        assert!(done["granted"] != false, "{done}");
        since.elapsed().as_secs_f64() * 1000.0
    };
    (0..EACH).flat_map(|_| [timed(&take), timed(&give)]).collect()
}
