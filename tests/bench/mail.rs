//! Durable messages: how soon the recipient can read them, and how many a second.

use super::idle::ticks;
use super::line::Line;
use super::shop::{SILENT, Shop, Workshop};
use super::table::{Goal, Row, median, quantile};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Instant;

pub const SEATS: [&str; 12] = [
    "orchestrator",
    "librarian",
    "planner-a",
    "planner-b",
    "architect-a",
    "architect-b",
    "architect-c",
    "dev-a",
    "dev-b",
    "qa-a",
    "qa-b",
    "docs",
];
/// Messages that each seat reads and passes on.
const TURNS: usize = 250;
const CONNECTIONS: usize = 100;
const EACH: usize = 300;
const BODY: usize = 512;

pub fn rows(shop: &Shop) -> Vec<Row> {
    let workshop = shop.open("mail", SILENT);
    let flush = flush(shop);
    let delays = talk(&workshop);
    let (before, sent) = (threads(&workshop), (CONNECTIONS * EACH) as f64);
    let rate = flood(&workshop);
    let work = spent(&workshop, "mail", &before, sent);
    let row = |what: &str, unit, ours, beside, theirs, goal| Row { what: what.to_owned(), unit, ours, beside, theirs, goal };
    let (p50, p99) = (median(&delays), quantile(&delays, 0.99));
    let beside = "append of 1 KiB + fdatasync";
    vec![
        row("message, durable, send to readable, 12 talking, p50", "ms", p50, beside, median(&flush), Goal::Most(2.0)),
        row("the same, p99", "ms", p99, beside, quantile(&flush, 0.99), Goal::Most(10.0)),
        row("messages a second, 100 connections, none lost", "/s", rate, "one flush each", 1000.0 / median(&flush), Goal::Least(10_000.0)),
        row("the supervisor's work for a message, all threads", "us", work, "at 10,000/s, two cores", 200.0, Goal::Most(200.0)),
    ]
}

/// The time on a core that each of the supervisor's threads has had, in hundredths of a second: true on a busy machine too.
pub fn threads(workshop: &Workshop) -> BTreeMap<String, u64> {
    let folder = format!("/proc/{}/task", workshop.pid());
    let tasks = std::fs::read_dir(folder).expect("a living supervisor").flatten();
    tasks.filter_map(|task| Some((task.file_name().into_string().ok()?, ticks(&task.path().join("stat"))?))).collect()
}

/// Microseconds of work for each of so many things since then.
pub fn spent(workshop: &Workshop, row: &str, before: &BTreeMap<String, u64>, things: f64) -> f64 {
    let micros = |ticks: u64| ticks as f64 * 10_000.0 / things;
    let since = |(thread, now): (&String, &u64)| micros(now - before.get(thread).unwrap_or(&0));
    let each: Vec<f64> = threads(workshop).iter().map(since).collect();
    eprintln!("figures: {row}: us for each, by thread: {each:.1?}");
    each.iter().sum()
}

/// The disk's own word: what one flush of a growing file costs here and now.
fn flush(shop: &Shop) -> Vec<f64> {
    let mut file = File::create(shop.join("flush")).expect("a file");
    let one = |_| {
        let since = Instant::now();
        file.write_all(&[b'x'; 1024]).and_then(|()| file.sync_data()).expect("a flush");
        since.elapsed().as_secs_f64() * 1000.0
    };
    (0..300).map(one).collect()
}

/// Twelve messages under way all the time: whoever reads one acknowledges it and writes to the next seat.
fn talk(workshop: &Workshop) -> Vec<f64> {
    let begun = Instant::now();
    let micros = || begun.elapsed().as_micros();
    let delays = Mutex::new(Vec::new());
    let seat = |at: usize| {
        let mut line = Line::open(&workshop.socket(SEATS[at]));
        let next = SEATS[(at + 1) % SEATS.len()];
        line.ask(&letter(next, &micros().to_string()));
        let mut read = 0;
        while read < TURNS {
            let mail = line.ask(&json!({"mail-wait": {"seconds": 20}}));
            let now = micros();
            let lines = mail.as_array().filter(|lines| !lines.is_empty()).expect("mail within 20 seconds");
            for message in lines {
                let Ok(sent) = message["subject"].as_str().unwrap_or_default().parse::<u128>() else { continue };
                delays.lock().expect("the delays").push((now - sent) as f64 / 1000.0);
                line.ask(&json!({"mail-ack": {"id": message["id"]}}));
                read += 1;
                if read < TURNS {
                    line.ask(&letter(next, &micros().to_string()));
                }
            }
        }
    };
    std::thread::scope(|scope| (0..SEATS.len()).for_each(|at| drop(scope.spawn(move || seat(at)))));
    delays.into_inner().expect("the delays")
}

fn letter(to: &str, subject: &str) -> Value {
    json!({"mail-send": {"to": [to], "subject": subject, "body": "x".repeat(BODY), "priority": "normal", "task": null}})
}

/// Many connections send as fast as they are answered; every message must then be in the ledger.
fn flood(workshop: &Workshop) -> f64 {
    let mut owner = Line::open(&workshop.state.join("run/owner.sock"));
    let before = entries(&mut owner);
    let send = |at: usize| {
        let mut line = Line::open(&workshop.socket(SEATS[at % SEATS.len()]));
        for number in 0..EACH {
            line.ask(&letter(SEATS[(at + 1) % SEATS.len()], &format!("flood {at} {number}")));
        }
    };
    let since = Instant::now();
    std::thread::scope(|scope| (0..CONNECTIONS).for_each(|at| drop(scope.spawn(move || send(at)))));
    let took = since.elapsed().as_secs_f64();
    let found = registered(&mut owner, before);
    assert_eq!(found, CONNECTIONS * EACH, "messages were lost");
    found as f64 / took
}

fn entries(owner: &mut Line) -> u64 {
    owner.ask(&json!("status"))["entries"].as_u64().expect("a length")
}

/// The messages of the flood that the ledger holds, each once.
fn registered(owner: &mut Line, mut from: u64) -> usize {
    let end = entries(owner);
    let mut seen = BTreeSet::new();
    while from < end {
        let page = owner.ask(&json!({"ledger": {"from": from, "most": 1000, "wait": 0}}));
        let page = page["entries"].as_array().expect("entries");
        from += page.len() as u64;
        seen.extend(page.iter().filter_map(id));
    }
    seen.len()
}

fn id(entry: &Value) -> Option<String> {
    let entry: Value = serde_json::from_str(entry.as_str()?).ok()?;
    Some(entry["event"]["message"]["sent"]["id"].as_str()?.to_owned())
}
