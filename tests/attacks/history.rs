//! A hundred clients at once, and a supervisor that is killed again and again: what was acknowledged is there, once, in an order that fits
//! what everybody saw. Of the histories that the clients wrote down, not of the record's own word.
//!
//! `CRASHES=200 cargo test --test all attacks::history` for the long run.

use super::crash::{crash, crashes, moment, pass};
use crate::world::{SEATS, World};
use orchestrate::domain::actor::Party;
use orchestrate::domain::event::Event;
use orchestrate::domain::message;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

const CLIENTS: usize = 100;
/// Paths that are fought over by the first client of each seat: a seat waits for one lock at a time.
const PATHS: usize = 3;

/// What the clients share: a clock that only counts, whether the supervisor is there, and whether it is enough.
struct Field {
    clock: AtomicU64,
    lives: Mutex<u64>,
    born: Condvar,
    enough: AtomicBool,
}

impl Field {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// The life that is lived now.
    fn life(&self) -> u64 {
        *self.lives.lock().unwrap()
    }

    /// Waits until the supervisor has come back from the life in which an answer was missed.
    fn after(&self, life: u64) {
        drop(self.born.wait_while(self.lives.lock().unwrap(), |lives| *lives <= life).unwrap());
    }

    fn live(&self) {
        *self.lives.lock().unwrap() += 1;
        self.born.notify_all();
    }

    fn goes_on(&self) -> bool {
        !self.enough.load(Ordering::SeqCst)
    }
}

/// Something a client saw: when it asked, when it was answered, and what of.
#[derive(Debug, Clone)]
struct Seen<T> {
    asked: u64,
    answered: u64,
    what: T,
}

#[derive(Debug, Default)]
struct Histories {
    /// The ids of acknowledged messages.
    sent: Vec<Seen<String>>,
    /// What was asked to be sent, acknowledged or not.
    tried: BTreeSet<String>,
    /// Path and token: answered when it was granted, and asked to be given back.
    held: Vec<Seen<(usize, u64)>>,
}

/// One request, done or refused; nothing where no whole answer came.
fn ask(socket: &Path, request: &Value) -> Option<Value> {
    let body = request.to_string();
    let mut stream = UnixStream::connect(socket).ok()?;
    let head = format!("POST /v1/call HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    serde_json::from_str(said.split_once("\r\n\r\n")?.1).ok()
}

/// Asks, and waits for the next life where no answer came.
fn once(field: &Field, socket: &Path, request: &Value) -> Option<Seen<Value>> {
    let (life, asked) = (field.life(), field.tick());
    let answer = ask(socket, request);
    if answer.is_none() {
        field.after(life);
    }
    answer.map(|what| Seen { asked, answered: field.tick(), what })
}

fn writes(field: &Field, socket: &Path, client: usize, histories: &Mutex<Histories>) {
    for number in 0.. {
        let subject = format!("{client} {number}");
        histories.lock().unwrap().tried.insert(subject.clone());
        let letter = json!({"mail-send": {"to": ["librarian"], "subject": subject, "body": "x", "priority": "normal", "task": null}});
        if let Some(seen) = once(field, socket, &letter) {
            let what = seen.what["done"]["id"].as_str().unwrap_or_else(|| panic!("{:?}", seen.what)).to_owned();
            histories.lock().unwrap().sent.push(Seen { asked: seen.asked, answered: seen.answered, what });
        }
        if !field.goes_on() {
            return;
        }
    }
}

fn locks(field: &Field, socket: &Path, client: usize, histories: &Mutex<Histories>) {
    for number in 0.. {
        let path = (client + number) % PATHS;
        let (paths, release) = ([format!("fought-{path}/")], json!({"lock-release": {"paths": [format!("fought-{path}/")]}}));
        let granted = once(field, socket, &json!({"lock-acquire": {"paths": paths, "priority": "normal", "wait": 2}}));
        let token = granted
            .as_ref()
            .map(|seen| &seen.what["done"])
            .filter(|done| done["granted"] == true)
            .and_then(|done| done["locks"][0]["token"].as_u64());
        let asked = field.tick();
        if let (Some(seen), Some(token)) = (&granted, token) {
            histories.lock().unwrap().held.push(Seen { asked: seen.answered, answered: asked, what: (path, token) });
        }
        // Whether or not the grant was heard of: it is given back before anything else.
        while token.is_some() || granted.is_none() {
            if once(field, socket, &release).is_some() {
                break;
            }
        }
        if !field.goes_on() {
            return;
        }
    }
}

#[test]
fn a_hundred_clients_and_a_dying_supervisor_leave_one_history_that_fits_what_all_of_them_saw() {
    let world = World::python().outsiders();
    world.instead("messages = { per_hour = 10000 }", "messages = { per_hour = 1000000 }\nlocks = { per_hour = 1000000 }");
    let world = world.bootstrap();
    let field = Field { clock: AtomicU64::new(0), lives: Mutex::new(1), born: Condvar::new(), enough: AtomicBool::new(false) };
    let histories = Mutex::new(Histories::default());
    let sockets: Vec<PathBuf> = SEATS.iter().map(|name| world.seat(name).socket()).collect();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (field, histories, socket) = (&field, &histories, &sockets[client % SEATS.len()]);
            scope.spawn(move || {
                if client < SEATS.len() { locks(field, socket, client, histories) } else { writes(field, socket, client, histories) }
            });
        }
        for number in 0..crashes() {
            pass(moment(number, 300));
            crash(&world);
            world.start().ok();
            field.live();
        }
        let before = histories.lock().unwrap().sent.len();
        world.wait_from(world.mark(), "the load going on", |entry| {
            matches!(entry.event, Event::Message(message::Event::Sent { .. })).then_some(())
        });
        field.enough.store(true, Ordering::SeqCst);
        assert!(before > 0, "nothing was acknowledged");
    });
    judge(&world, &histories.into_inner().unwrap());
}

fn judge(world: &World, seen: &Histories) {
    world.owner(&["ledger", "verify"]).ok();
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let mut subjects = BTreeSet::new();
    for entry in world.entries() {
        let Event::Message(message::Event::Sent { id, statement }) = &entry.event else { continue };
        let letter = message::letter(statement).unwrap();
        if matches!(letter.from, Party::Seat(_)) {
            assert!(seen.tried.contains(&letter.subject), "nobody sent {:?}", letter.subject);
            assert!(subjects.insert(letter.subject.clone()), "{:?} is there twice", letter.subject);
        }
        assert!(places.insert(id.to_string(), entry.seq).is_none());
    }
    assert!(seen.sent.len() > CLIENTS / 2 && !seen.held.is_empty(), "{} sent, {} held", seen.sent.len(), seen.held.len());
    let placed =
        |sent: &Seen<String>| (sent.asked, sent.answered, *places.get(&sent.what).unwrap_or_else(|| panic!("lost: {}", sent.what)));
    in_order(seen.sent.iter().map(placed).collect(), "messages");
    for path in 0..PATHS {
        let held: Vec<_> = seen.held.iter().filter(|held| held.what.0 == path).collect();
        // From the answer that granted it to the asking to give it back it was one client's alone.
        in_order(held.iter().map(|held| (held.asked, held.answered, held.what.1)).collect(), "locks");
        let mut spans: Vec<(u64, u64)> = held.iter().map(|held| (held.asked, held.answered)).collect();
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "two held path {path} at once");
    }
}

/// What was answered before something else was asked for stands before it.
fn in_order(mut seen: Vec<(u64, u64, u64)>, what: &str) {
    seen.sort_unstable();
    let mut answers: Vec<(u64, u64)> = seen.iter().map(|(_, answered, place)| (*answered, *place)).collect();
    answers.sort_unstable();
    let (mut at, mut highest) = (0, None);
    for (asked, _, place) in seen {
        while at < answers.len() && answers[at].0 < asked {
            highest = highest.max(Some(answers[at].1));
            at += 1;
        }
        assert!(highest.is_none_or(|highest| highest < place), "{what}: {place} was asked for after {highest:?} was answered");
    }
}
