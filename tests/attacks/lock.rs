//! Locks through real sockets: a holder who was paused, those who wait, and many at once.

use super::refused;
use crate::world::processes::{Family, gone, kill};
use crate::world::{DEADLINE, World};
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::lock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const PUSH: &str = "echo x >> src/late.py && git add -A && git commit -q -m late && git push origin HEAD:dev-a/late";

#[test]
fn a_paused_holder_comes_too_late_and_a_waiting_one_gets_its_turn() {
    let world = World::python().bootstrap();
    let (a, b) = (world.seat("dev-a"), world.seat("dev-b"));
    a.run("orchestrate lock acquire src tests/").ok().says("src/** tests/**");
    b.run("orchestrate lock acquire src/late.py").ends(1).says("lock-held").says("token 1");
    refused(&world, "dev-b", &PUSH.replace("dev-a", "dev-b"), &["lock-held"]).says("dev-a");
    b.run("orchestrate lock why src/late.py").ok().says("would be refused");
    a.run("cd src && orchestrate lock why late.py").ok().says("not be refused");
    waits(&world);
    world.ahead(400);
    world.seat("dev-b").run("orchestrate lock acquire src/late.py && orchestrate lock release").ok();
    refused(&world, "dev-a", PUSH, &["lock-stale"]).says("which was lost").says("look at what changed");
    a.run("orchestrate lock acquire src/late.py && git push -q origin HEAD:dev-a/late && orchestrate lock list").ok().says("dev-a");
    world.owner(&["status"]).ok().says("locks").says("src/late.py");
    world.owner(&["lock", "release", "--seat", "dev-a"]).ok();
    world.down().ok();
    world.start().ok();
    a.run("orchestrate lock acquire src --json").ok().says("\"granted\":true");
    world.seat("librarian").run("orchestrate freeze --reason 'to see the locks go'").ok();
    world.owner(&["lock", "list"]).ok().says("no locks");
    a.run("orchestrate lock acquire src").ends(4);
    world.owner(&["ledger", "verify"]).ok();
}

/// Whoever waits is woken when the holder gives back, without asking again.
fn waits(world: &World) {
    let mark = world.mark();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| world.seat("dev-b").run("orchestrate lock acquire tests --wait --seconds 100"));
        let queued = |entry: &Entry| matches!(entry.event, Event::Lock(lock::Event::Queued { .. })).then_some(());
        world.wait_from(mark, "a place in the line", queued);
        world.seat("dev-a").run("orchestrate lock release tests").ok();
        waiting.join().unwrap().ok().says("tests/**");
    });
    world.seat("dev-b").run("orchestrate lock release").ok();
    world.seat("dev-b").run("orchestrate lock acquire src --wait --seconds 1").ends(3).says("did not come");
}

const SEATS: [&str; 6] = ["dev-a", "dev-b", "qa-a", "qa-b", "planner-a", "architect-a"];
const PATHS: [&str; 3] = ["src/a.py", "src/b.py", "docs/"];
const ROUNDS: u64 = 30;

/// One lock as its client saw it: from the answer that granted it to the moment before it was given back, it was certainly held.
#[derive(Debug)]
struct Had {
    seat: usize,
    paths: Vec<usize>,
    token: u64,
    from: u64,
    to: u64,
}

/// A clock that only counts: what ended before something else began has the lower number.
static MOMENT: AtomicU64 = AtomicU64::new(0);

fn moment() -> u64 {
    MOMENT.fetch_add(1, Ordering::SeqCst)
}

/// What is asked of a supervisor that may die meanwhile; nothing where there is no answer.
fn call(socket: &Path, request: &Value) -> Option<Value> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let body = request.to_string();
    let head = format!("POST /v1/call HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard).ok()?;
    serde_json::from_str(heard.split_once("\r\n\r\n")?.1).ok()
}

/// Takes locks and gives them back, until it has done so often enough or the supervisor is gone.
fn client(socket: &Path, seat: usize, phase: u64) -> Vec<Had> {
    let mut had = Vec::new();
    let release = json!({"lock-release": {"paths": []}});
    for round in 0..ROUNDS {
        let mixed = ((round + 31 * phase + 977 * seat as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize;
        let paths: Vec<usize> = if mixed.is_multiple_of(4) { vec![0, 1, 2] } else { vec![mixed % 3] };
        let texts: Vec<&str> = paths.iter().map(|path| PATHS[*path]).collect();
        let Some(answer) = call(socket, &json!({"lock-acquire": {"paths": texts, "priority": "normal", "wait": 100}})) else { return had };
        let locked = &answer["done"];
        assert_eq!(locked["granted"], true, "{answer}");
        let token = locked["locks"].as_array().unwrap().iter().map(|lock| lock["token"].as_u64().unwrap()).max().unwrap();
        had.push(Had { seat, paths, token, from: moment(), to: 0 });
        let last = had.len() - 1;
        had[last].to = moment();
        if call(socket, &release).is_none() {
            return had;
        }
    }
    had
}

fn all_at_once(world: &World, phase: u64, meanwhile: impl FnOnce()) -> Vec<Had> {
    let sockets: Vec<_> = SEATS.iter().map(|seat| world.seat(seat).socket()).collect();
    sockets.iter().for_each(|socket| drop(call(socket, &json!({"lock-release": {"paths": []}}))));
    std::thread::scope(|scope| {
        let clients: Vec<_> = sockets.iter().enumerate().map(|(seat, socket)| scope.spawn(move || client(socket, seat, phase))).collect();
        meanwhile();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// What two seats held of the same path was held one after the other, and the tokens tell in which order.
fn judge(had: &[Had]) {
    for (at, one) in had.iter().enumerate() {
        for other in had[..at].iter().filter(|other| other.seat != one.seat && other.paths.iter().any(|path| one.paths.contains(path))) {
            let (first, second) = if one.token < other.token { (one, other) } else { (other, one) };
            assert!(first.token != second.token && first.to < second.from, "at the same time, or in another order: {first:?} {second:?}");
        }
    }
}

/// Seats at their sockets, all at once, and the supervisor killed in between: each path has one holder at a time, in the order of the
/// tokens, and what was granted is on record.
#[test]
fn clients_at_once_see_one_order_also_across_a_crash() {
    let world = World::python();
    // The rules of a world end with its budgets.
    world.rule("locks = { per_hour = 10000 }\n");
    let world = world.outsiders().bootstrap();
    let seen = |entry: &Entry| matches!(entry.event, Event::Lock(lock::Event::Granted { token: 60.., .. })).then_some(());
    let supervisor = Family::of(&world.path("")).supervisor();
    let mut had = all_at_once(&world, 0, || {
        world.wait_for("locks", seen);
        kill(supervisor);
    });
    assert!(gone(supervisor));
    world.start().ok();
    had.extend(all_at_once(&world, 1, || ()));
    judge(&had);
    let granted = |entry: Entry| match entry.event {
        Event::Lock(lock::Event::Granted { token, seat, .. }) => Some((token, seat.to_string())),
        _ => None,
    };
    let record: BTreeMap<u64, String> = world.entries().into_iter().filter_map(granted).collect();
    assert!(had.len() > 100 && had.iter().all(|had| record[&had.token] == SEATS[had.seat]), "{} locks", had.len());
    world.owner(&["ledger", "verify"]).ok();
}

#[test]
fn two_holders_at_once_would_be_seen() {
    let had = |seat, token, from, to| Had { seat, paths: vec![seat % 2, 2], token, from, to };
    judge(&[had(0, 1, 0, 1), had(1, 2, 2, 3), had(0, 3, 4, 5)]);
    for bad in [[had(0, 1, 0, 2), had(1, 2, 1, 3)], [had(0, 2, 0, 1), had(1, 1, 2, 3)], [had(0, 1, 0, 1), had(1, 1, 2, 3)]] {
        assert!(std::panic::catch_unwind(|| judge(&bad)).is_err());
    }
}
