//! What twelve agents feel of the supervisor: the guard before each tool, and how soon one that ended is noticed.

use super::line::Line;
use super::shop::{SILENT, Shop, Workshop};
use super::table::{Goal, Row, median, quantile};
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const REPEATS: usize = 200;
/// How often each busy seat uses a tool.
const PACE: Duration = Duration::from_millis(100);

pub fn rows(shop: &Shop) -> Vec<Row> {
    let workshop = shop.open("fleet", SILENT);
    let asked = shop.join("asked");
    let question = json!({"tool_name": "Edit", "cwd": "/work/repo", "tool_input": {"file_path": "/work/repo/src/part0/file0.txt"}});
    fs::write(&asked, question.to_string()).expect("a question");
    let seats = seats(&workshop);
    let guard = |seat: &str| guard(shop, &workshop, seat);
    let bare: Vec<f64> = (0..REPEATS).map(|_| super::start::timed(&mut shop.command("/bin/true"))).collect();
    let alone: Vec<f64> = (0..REPEATS).map(|_| guard(&seats[0])).collect();
    let busy = busy(&seats, guard);
    let noticed: Vec<f64> = seats.iter().map(|seat| ended(&workshop, seat, || kill(seat))).collect();
    let closed: Vec<f64> = seats.iter().map(|seat| ended(&workshop, seat, || close(shop, &workshop, seat))).collect();
    let row = |what: &str, unit, ours, beside, theirs, goal| Row { what: what.to_owned(), unit, ours, beside, theirs, goal };
    vec![
        row("guard before a tool, process start included, p50", "ms", median(&alone), "/bin/true", median(&bare), Goal::Most(2.0)),
        row("the same, twelve seats at ten tools a second each", "ms", median(&busy), "alone", median(&alone), Goal::Most(8.0)),
        row("the same, p99", "ms", quantile(&busy, 0.99), "alone", quantile(&alone, 0.99), Goal::Most(50.0)),
        row("a killed client is on record after, p50 of twelve", "ms", median(&noticed), "", 0.0, Goal::Most(100.0)),
        row("the slowest of them", "ms", quantile(&noticed, 1.0), "", 0.0, Goal::Most(100.0)),
        row("a closed pane is on record after, p50 of twelve", "ms", median(&closed), "", 0.0, Goal::Most(100.0)),
        row("the slowest of them", "ms", quantile(&closed, 1.0), "", 0.0, Goal::Most(100.0)),
        row("the supervisor's memory with twelve (resident)", "MiB", super::idle::resident(&workshop), "", 0.0, Goal::Most(30.0)),
    ]
}

fn seats(workshop: &Workshop) -> Vec<String> {
    let status = Line::open(&workshop.state.join("run/owner.sock")).ask(&json!("status"));
    status["seats"].as_array().expect("seats").iter().map(|line| line["seat"].as_str().expect("a name").to_owned()).collect()
}

/// One question of a seat's client, in milliseconds from the start of the guard to its end.
fn guard(shop: &Shop, workshop: &Workshop, seat: &str) -> f64 {
    let mut command = shop.command(Shop::binary());
    command.args(["hook", "guard"]).env("ORCHESTRATE_RUN", workshop.state.join("run").join(seat)).env("ORCHESTRATE_CLONE", "/work/repo");
    command.stdin(fs::File::open(shop.join("asked")).expect("the question")).stdout(Stdio::piped());
    let since = Instant::now();
    let output = command.output().expect("the binary");
    let took = since.elapsed().as_secs_f64() * 1000.0;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("no-task"), "the supervisor was asked: {said}");
    took
}

/// The same while every seat asks, each at its own pace.
fn busy(seats: &[String], guard: impl Fn(&str) -> f64 + Sync) -> Vec<f64> {
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seat in &seats[1..] {
            let (enough, guard) = (&enough, &guard);
            scope.spawn(move || {
                let (_keep, never) = channel::<()>();
                while !enough.load(Ordering::Relaxed) {
                    guard(seat);
                    assert!(never.recv_timeout(PACE).is_err(), "nothing comes");
                }
            });
        }
        let took = (0..REPEATS).map(|_| guard(&seats[0])).collect();
        enough.store(true, Ordering::Relaxed);
        took
    })
}

/// Kills a seat's agent.
fn kill(seat: &str) {
    assert!(Command::new("kill").args(["-9", &agent(seat).to_string()]).status().is_ok_and(|end| end.success()));
}

/// Closes a seat's pane, as a person does by mistake. The seat has come back after its client was killed.
fn close(shop: &Shop, workshop: &Workshop, seat: &str) {
    let tmux = |words: &[&str]| {
        let output = shop.command("tmux").arg("-S").arg(workshop.state.join("run/tmux.sock")).args(words).output().expect("tmux");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let panes = tmux(&["list-panes", "-a", "-F", "#{@seat} #{pane_id}"]);
    let pane = panes.lines().find_map(|line| line.strip_prefix(&format!("{seat} "))).expect("its pane");
    tmux(&["kill-pane", "-t", pane]);
}

/// Ends a seat that answers; milliseconds from there to the time of the entry that says so.
fn ended(workshop: &Workshop, seat: &str, end: impl FnOnce()) -> f64 {
    ready(workshop, seat);
    let mut owner = Line::open(&workshop.state.join("run/owner.sock"));
    let mut from = owner.ask(&json!({"ledger": {"from": u64::MAX, "most": 1, "wait": 0}}))["len"].as_u64().expect("a length");
    let killed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs_f64() * 1000.0;
    end();
    loop {
        let page = owner.ask(&json!({"ledger": {"from": from, "most": 100, "wait": 60}}));
        let entries = page["entries"].as_array().expect("entries");
        from += entries.len() as u64;
        for text in entries {
            let entry: Value = serde_json::from_str(text.as_str().expect("an entry")).expect("JSON");
            if entry.to_string().contains("\"left\"") && entry.to_string().contains(&format!("\"{seat}\"")) {
                return entry["time"].as_f64().expect("a time") - killed;
            }
        }
    }
}

/// Waits until somebody sits in the seat and has answered; the ledger's growth wakes us.
fn ready(workshop: &Workshop, seat: &str) {
    let mut owner = Line::open(&workshop.state.join("run/owner.sock"));
    loop {
        let status = owner.ask(&json!("status"));
        let line = status["seats"].as_array().expect("seats").iter().find(|line| line["seat"] == *seat).expect("the seat");
        if line["state"] == "ready" {
            return;
        }
        owner.ask(&json!({"ledger": {"from": status["entries"], "most": 1, "wait": 60}}));
    }
}

/// The process that runs in the seat, below its sandbox.
fn agent(seat: &str) -> u32 {
    let named = format!("ORCHESTRATE_SEAT={seat}");
    let is = |pid: &u32| {
        let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        read("environ").split(|byte| *byte == 0).any(|word| word == named.as_bytes()) && read("cmdline") == b"cat\0"
    };
    let numbers = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(is).max().expect("the seat's agent")
}
