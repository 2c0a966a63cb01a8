//! A hundred clients at once, who lock, write and read, and a supervisor that is killed again and again: what was acknowledged is there, once,
//! in an order that fits what everybody saw. Of the histories that the clients wrote down, not of the record's own word.
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
/// The first clients, one of each seat, fight over paths: a seat waits for one lock at a time. The next read, the rest write.
const READERS: usize = 40;
/// Readers of one seat share its mail: each message is one reader's by its id.
const EACH: usize = READERS / SEATS.len();
const PATHS: usize = 3;

/// What the clients share: a clock that only counts, whether the supervisor is there, and whether it is enough.
struct Field {
    clock: AtomicU64,
    lives: Mutex<u64>,
    born: Condvar,
    enough: AtomicBool,
    /// How many still write.
    writing: AtomicU64,
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

#[derive(Debug, Clone, Default)]
struct Histories {
    /// The ids of acknowledged messages.
    sent: Vec<Seen<String>>,
    /// What was asked to be sent, acknowledged or not.
    tried: BTreeSet<String>,
    /// Path and token: answered when it was granted, and asked to be given back.
    held: Vec<Seen<(usize, u64)>>,
    readers: BTreeMap<usize, Reader>,
}

/// What one reader saw of the messages that are its own.
#[derive(Debug, Clone, Default)]
struct Reader {
    lists: Vec<Seen<Vec<String>>>,
    /// Those of them that were cut off: a whole page of the seat's mail, with perhaps more behind it.
    pages: BTreeSet<usize>,
    /// Acknowledged: from then on they are shown no more.
    done: Vec<Seen<String>>,
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

/// A writer at work; it ends with this value, also by a panic.
struct Writing<'a>(&'a Field);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.fetch_sub(1, Ordering::SeqCst);
    }
}

fn writes(field: &Field, socket: &Path, client: usize, histories: &Mutex<Histories>) {
    let _writing = Writing(field);
    for number in 0.. {
        let subject = format!("{client} {number}");
        histories.lock().unwrap().tried.insert(subject.clone());
        let to = SEATS[(client + number) % SEATS.len()];
        let letter = json!({"mail-send": {"to": [to], "subject": subject, "body": "x", "priority": "normal", "task": null}});
        if let Some(seen) = once(field, socket, &letter) {
            let what = seen.what["done"]["id"].as_str().unwrap_or_else(|| panic!("{:?}", seen.what)).to_owned();
            histories.lock().unwrap().sent.push(Seen { asked: seen.asked, answered: seen.answered, what });
        }
        if !field.goes_on() {
            return;
        }
    }
}

/// Whose of a seat's readers a message is.
fn shard(id: &str) -> usize {
    usize::from_str_radix(&id[..4], 16).unwrap() % EACH
}

/// Reads and acknowledges what is its own, until nobody writes and nothing is left.
fn reads(field: &Field, socket: &Path, reader: usize) -> Reader {
    let mut read = Reader::default();
    loop {
        let last = field.writing.load(Ordering::SeqCst) == 0;
        let Some(seen) = once(field, socket, &json!({"inbox": {"all": false}})) else { continue };
        let lines = seen.what["done"].as_array().unwrap_or_else(|| panic!("{:?}", seen.what));
        let cut = lines.len() >= message::PAGE;
        read.pages.extend(cut.then_some(read.lists.len()));
        let ids: Vec<String> = lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).filter(|id| shard(id) == reader / SEATS.len()).collect();
        read.lists.push(Seen { asked: seen.asked, answered: seen.answered, what: ids.clone() });
        for id in &ids {
            // Whether or not the first answer was heard: it is said until one is.
            let done = std::iter::repeat_with(|| once(field, socket, &json!({"mail-ack": {"id": id}}))).flatten().next().unwrap();
            read.done.push(Seen { asked: done.asked, answered: done.answered, what: id.clone() });
        }
        match ids.is_empty() {
            true if last && !cut => return read,
            true => drop(once(field, socket, &json!({"mail-wait": {"seconds": 1}}))),
            false => {}
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
    let histories = lived(&world);
    world.owner(&["ledger", "verify"]).ok();
    let record = recorded(&world);
    let (sent, held) = (histories.sent.len(), histories.held.len());
    let read: usize = histories.readers.values().map(|reader| reader.done.len()).sum();
    println!("{} crashes: {sent} messages acknowledged, {read} read, {held} locks held", crashes());
    assert!(sent > CLIENTS / 2 && read > READERS / 2 && held > 0);
    judge(&record, &histories).unwrap();
    weakened(&record, &histories);
}

/// All clients at once, and the supervisor killed in between, again and again.
fn lived(world: &World) -> Histories {
    let writers = (CLIENTS - SEATS.len() - READERS) as u64;
    let field = Field {
        clock: AtomicU64::new(0),
        lives: Mutex::new(1),
        born: Condvar::new(),
        enough: AtomicBool::new(false),
        writing: AtomicU64::new(writers),
    };
    let histories = Mutex::new(Histories::default());
    let sockets: Vec<PathBuf> = SEATS.iter().map(|name| world.seat(name).socket()).collect();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (field, histories, socket) = (&field, &histories, &sockets[client % SEATS.len()]);
            scope.spawn(move || match client.checked_sub(SEATS.len()) {
                None => locks(field, socket, client, histories),
                Some(reader) if reader < READERS => {
                    let read = reads(field, socket, reader);
                    histories.lock().unwrap().readers.insert(reader, read);
                }
                Some(_) => writes(field, socket, client, histories),
            });
        }
        for number in 0..crashes() {
            pass(moment(number, 300));
            crash(world);
            world.start().ok();
            field.live();
        }
        world.wait_from(world.mark(), "the load going on", |entry| {
            matches!(entry.event, Event::Message(message::Event::Sent { .. })).then_some(())
        });
        field.enough.store(true, Ordering::SeqCst);
    });
    histories.into_inner().unwrap()
}

/// The messages on record: id, place, subject, and the seat that each is for.
type Record = Vec<(String, u64, String, String)>;

fn recorded(world: &World) -> Record {
    let entries = world.entries();
    let letters = entries.iter().filter_map(|entry| match &entry.event {
        Event::Message(message::Event::Sent { id, statement }) => Some((id, entry.seq, message::letter(statement).unwrap())),
        _ => None,
    });
    let written = letters.filter(|(_, _, letter)| matches!(letter.from, Party::Seat(_)));
    written.map(|(id, seq, letter)| (id.to_string(), seq, letter.subject, letter.to[0].to_string())).collect()
}

fn judge(record: &Record, seen: &Histories) -> Result<(), String> {
    let (mut places, mut subjects) = (BTreeMap::new(), BTreeSet::new());
    for (id, seq, subject, _) in record {
        if !seen.tried.contains(subject) {
            return Err(format!("nobody sent {subject:?}"));
        }
        if !subjects.insert(subject) || places.insert(id.clone(), *seq).is_some() {
            return Err(format!("{subject:?} is there twice"));
        }
    }
    let place = |id: &String| places.get(id).copied().ok_or_else(|| format!("lost: {id}"));
    let placed = seen.sent.iter().map(|sent| Ok((sent.asked, sent.answered, place(&sent.what)?))).collect::<Result<_, String>>()?;
    in_order(placed, "messages")?;
    for path in 0..PATHS {
        let held: Vec<_> = seen.held.iter().filter(|held| held.what.0 == path).collect();
        // From the answer that granted it to the asking to give it back it was one client's alone.
        in_order(held.iter().map(|held| (held.asked, held.answered, held.what.1)).collect(), "locks")?;
        let mut spans: Vec<(u64, u64)> = held.iter().map(|held| (held.asked, held.answered)).collect();
        spans.sort_unstable();
        if let Some(pair) = spans.windows(2).find(|pair| pair[0].1 >= pair[1].0) {
            return Err(format!("two held path {path} at once: {pair:?}"));
        }
    }
    let answered: BTreeMap<&str, u64> = seen.sent.iter().map(|sent| (sent.what.as_str(), sent.answered)).collect();
    seen.readers.iter().try_for_each(|(reader, read)| {
        let own: Vec<&str> = record
            .iter()
            .filter(|(id, _, _, to)| to == SEATS[reader % SEATS.len()] && shard(id) == reader / SEATS.len())
            .map(|(id, ..)| id.as_str())
            .collect();
        read.lists.iter().try_for_each(|list| listed(list, &own))?;
        own.iter().try_for_each(|id| shown(read, id, answered.get(id).copied()))
    })
}

/// A list shows the reader's own messages and no others, in the order of the record.
fn listed(list: &Seen<Vec<String>>, own: &[&str]) -> Result<(), String> {
    let mut left = own.iter();
    match list.what.iter().find(|id| !left.any(|one| one == id)) {
        None => Ok(()),
        Some(id) => Err(format!("{id} is shown to whom it is not for, twice, or in another order")),
    }
}

/// A message is in the first whole list that was asked for after its sender was answered, or in one before; once it is acknowledged, in none.
fn shown(read: &Reader, id: &str, sent: Option<u64>) -> Result<(), String> {
    let first = read.lists.iter().position(|list| list.what.iter().any(|one| one == id));
    let mut whole = read.lists.iter().enumerate().filter(|(at, _)| !read.pages.contains(at));
    let due = sent.and_then(|sent| whole.find(|(_, list)| list.asked > sent)).map(|(at, _)| at);
    if due.is_some_and(|due| first.is_none_or(|first| first > due)) || first.is_none() {
        let (count, cut) = (read.lists.len(), read.pages.len());
        return Err(format!("{id} was not shown when it was there: due in list {due:?} of {count}, {cut} of them cut off, shown in {first:?}"));
    }
    let done = read.done.iter().find(|done| done.what == id).ok_or_else(|| format!("{id} was never acknowledged"))?.answered;
    let again = read.lists.iter().any(|list| list.asked > done && list.what.iter().any(|one| one == id));
    if again { Err(format!("{id} was shown after it was acknowledged")) } else { Ok(()) }
}

/// What was answered before something else was asked for stands before it.
fn in_order(mut seen: Vec<(u64, u64, u64)>, what: &str) -> Result<(), String> {
    seen.sort_unstable();
    let mut answers: Vec<(u64, u64)> = seen.iter().map(|(_, answered, place)| (*answered, *place)).collect();
    answers.sort_unstable();
    let (mut at, mut highest) = (0, None);
    for (asked, _, place) in seen {
        while at < answers.len() && answers[at].0 < asked {
            highest = highest.max(Some(answers[at].1));
            at += 1;
        }
        if highest.is_some_and(|highest| highest >= place) {
            return Err(format!("{what}: {place} was asked for after {highest:?} was answered"));
        }
    }
    Ok(())
}

/// The judge on trial: the same history with one weakness in it, of each kind, is no good.
fn weakened(record: &Record, seen: &Histories) {
    let red = |what: &str, change: &dyn Fn(&mut Record, &mut Histories)| {
        let (mut record, mut seen) = (record.clone(), seen.clone());
        change(&mut record, &mut seen);
        assert!(judge(&record, &seen).is_err(), "{what} is not seen");
    };
    let last = |seen: &Histories| seen.sent.iter().max_by_key(|sent| sent.answered).unwrap().what.clone();
    red("a lost message", &|record, seen| record.retain(|(id, ..)| *id != last(seen)));
    red("a message that is there twice", &|record, _| {
        let (id, seq, subject, to) = record[0].clone();
        record.push((id.chars().rev().collect(), seq, subject, to));
    });
    red("a message from nobody", &|_, seen| drop(seen.tried.pop_first()));
    red("an order that is not the senders'", &|record, _| {
        let places: Vec<u64> = record.iter().map(|(_, seq, ..)| *seq).rev().collect();
        record.iter_mut().zip(places).for_each(|(letter, seq)| letter.1 = seq);
    });
    red("a lock that two have", &|_, seen| {
        let (path, token) = seen.held[0].what;
        let again = Seen { what: (path, token + 1), ..seen.held[0].clone() };
        seen.held.push(again);
    });
    red("a token that does not rise", &|_, seen| seen.held.iter_mut().for_each(|held| held.what.1 = 1));
    let busy = *seen.readers.iter().max_by_key(|(_, read)| read.done.len()).unwrap().0;
    red("a message that is shown again", &|_, seen| {
        let read = seen.readers.get_mut(&busy).unwrap();
        let id = read.done[0].what.clone();
        read.lists.last_mut().unwrap().what = vec![id];
    });
    red("a message that nobody is shown", &|_, seen| {
        let read = seen.readers.get_mut(&busy).unwrap();
        let id = read.done[0].what.clone();
        read.lists.iter_mut().for_each(|list| list.what.retain(|one| *one != id));
    });
    red("mail for another seat", &|record, _| record.iter_mut().for_each(|letter| letter.3 = SEATS[0].to_owned()));
}
