//! Pools, panels, lots and redraws are worked out again: whoever chance did not name is named here.

use super::super::draws;
use super::first;
use super::rules::charter;
use super::world::{World, seat};
use crate::domain::actor::Actor;
use crate::domain::charter::Charter;
use crate::domain::draw;
use crate::domain::event::Event;
use crate::domain::gate::GateName::{self, Peer, Qa};
use crate::domain::name::{Digest, SeatName, TaskId};
use crate::domain::panel::Event::{Lapsed, Lot, Opened, Redrawn};
use crate::domain::review::Event::Drawn;
use crate::domain::workshop;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeSet;

fn chance(words: &str) -> Digest {
    let mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap().chain_update(words).finalize().into_bytes();
    Digest::new(hex::encode(mac)).unwrap()
}

fn t1() -> TaskId {
    TaskId::new("T1").unwrap()
}

/// Rules by which a third reviewer is always wanted, and more than one seat may judge everywhere.
fn rules() -> Charter {
    let mut value: Value = serde_json::from_str(&charter().canonical()).unwrap();
    value["policy"]["review"]["third_percent"] = json!(100);
    for role in value["roles"].as_array_mut().unwrap() {
        let capabilities = role["front"]["capabilities"].as_array_mut().unwrap();
        for more in ["review-peer", "review-third", "verify-qa"].map(Value::from) {
            if !capabilities.contains(&more) {
                capabilities.push(more);
            }
        }
        if role["front"]["name"] == "dev" {
            role["front"]["reviewed_by"] = json!(["dev", "architect", "librarian", "orchestrator"]);
        }
    }
    serde_json::from_value(value).unwrap()
}

fn only(seat: &SeatName) -> BTreeSet<SeatName> {
    [seat.clone()].into()
}

/// A panel, a third, another in the place of the first, and the same at QA: each as chance has it.
fn honest(sealed: u64) -> Vec<Event> {
    let (charter, author, task, attempt) = (rules(), seat("dev-a"), t1(), 1);
    let hands = only(&author);
    let lapsed = |gate: GateName, out: &[SeatName]| Event::Panel(Lapsed { task: t1(), attempt, gate, seats: out.to_vec(), asked: false });
    let draw = chance("T1 peer");
    let pool = draw::pool(&charter, &author, &hands);
    let panel = draw::panel(&charter, &author, &hands, 1, &draw);
    let drawn =
        Event::Review(Drawn { task: task.clone(), attempt, gate: Peer, pool: pool.clone(), seats: panel.clone(), draw, extra: None });
    let draw = chance(&sealed.to_string());
    let thirds = draw::third_pool(&charter, &author, &hands, &panel);
    let third = draw::draw(&thirds, 1, &draw).remove(0);
    let lot = Event::Panel(Lot { task: task.clone(), attempt, sealed, epoch: 0, draw, pool: thirds, seat: Some(third.clone()) });
    let draw = chance("T1 peer 1");
    let left: Vec<SeatName> = pool.into_iter().filter(|seat| !panel.contains(seat) && *seat != third).collect();
    let next = draw::draw(&left, 1, &draw);
    let instead = Event::Panel(Redrawn {
        task: task.clone(),
        attempt,
        gate: Peer,
        round: 1,
        out: panel.clone(),
        pool: left,
        seats: next.clone(),
        draw,
    });
    let draw = chance("T1 qa");
    let pool = draw::qa_pool(&charter, &hands, &next.into_iter().chain([third]).collect());
    let qa = draw::draw(&pool, 1, &draw);
    let at_qa = Event::Review(Drawn { task: task.clone(), attempt, gate: Qa, pool: pool.clone(), seats: qa.clone(), draw, extra: None });
    let draw = chance("T1 qa 1");
    let left: Vec<SeatName> = pool.into_iter().filter(|seat| !qa.contains(seat)).collect();
    let seats = draw::draw(&left, 1, &draw);
    let again = Event::Panel(Redrawn { task, attempt, gate: Qa, round: 1, out: qa.clone(), pool: left, seats, draw });
    vec![drawn, lot, lapsed(Peer, &panel), instead, at_qa, lapsed(Qa, &qa), again]
}

/// What is found where one of them is forged, and whether the secret is opened.
fn found(at: usize, forge: fn(&mut Parts<'_>), opened: bool) -> Vec<String> {
    let mut world = World::found(None, None);
    world.put(Actor::Owner, Event::Workshop(workshop::Event::Rechartered { charter: rules().canonical(), motion: None }));
    let plan = first(&world);
    world.open(&plan);
    let sealed = world.submit(&plan, &[]);
    let mut events = honest(sealed);
    Parts::of(&mut events[at]).iter_mut().for_each(forge);
    events.into_iter().for_each(|event| world.put(Actor::Edge, event));
    if opened {
        world.put(Actor::Edge, Event::Panel(Opened { epoch: 0, secret: hex::encode("secret"), next: Digest::of(b"next") }));
    }
    let mut problems = draws(&world.save(), 0).unwrap().problems;
    problems.retain(|problem| opened || !problem.contains("is not open in this bundle"));
    problems
}

/// What a forger changes of a draw.
struct Parts<'e> {
    pool: &'e mut Vec<SeatName>,
    seats: Vec<&'e mut SeatName>,
    out: Option<&'e mut Vec<SeatName>>,
    round: Option<&'e mut u32>,
    sealed: Option<(&'e mut u64, &'e mut u32)>,
    draw: &'e mut Digest,
}

impl<'e> Parts<'e> {
    fn of(event: &'e mut Event) -> Option<Self> {
        match event {
            Event::Review(Drawn { pool, seats, draw, .. }) => {
                Some(Self { pool, seats: seats.iter_mut().collect(), out: None, round: None, sealed: None, draw })
            }
            Event::Panel(Redrawn { pool, seats, draw, out, round, .. }) => {
                Some(Self { pool, seats: seats.iter_mut().collect(), out: Some(out), round: Some(round), sealed: None, draw })
            }
            Event::Panel(Lot { pool, seat, draw, sealed, epoch, .. }) => {
                Some(Self { pool, seats: seat.iter_mut().collect(), out: None, round: None, sealed: Some((sealed, epoch)), draw })
            }
            _ => None,
        }
    }
}

/// Another of the pool.
fn swap(parts: &mut Parts<'_>) {
    let other = parts.pool.iter().find(|seat| *seat != parts.seats[0]).unwrap().clone();
    *parts.seats[0] = other;
}

fn narrow(parts: &mut Parts<'_>) {
    let seat = (*parts.seats[0]).clone();
    parts.pool.retain(|other| *other == seat);
}

const OTHER_POOL: &str = "was made from another pool than the charter's";

/// The draws of `honest`, by their places.
const PANEL: usize = 0;
const LOT: usize = 1;
const PEER_AGAIN: usize = 3;
const QA: usize = 4;
const QA_AGAIN: usize = 6;
const ALL: [usize; 5] = [PANEL, LOT, PEER_AGAIN, QA, QA_AGAIN];

fn names(at: usize, forge: fn(&mut Parts<'_>), opened: bool, words: &str) {
    let found = found(at, forge, opened);
    assert!(found.iter().any(|problem| problem.contains(words)), "{at}, opened {opened}: wanted {words:?}, found {found:#?}");
}

#[test]
fn what_chance_gave_is_green() {
    for opened in [false, true] {
        assert_eq!(found(PANEL, |_| (), opened), [""; 0]);
    }
}

#[test]
fn a_pool_is_the_charters_whether_or_not_its_secret_is_open() {
    for at in ALL {
        for opened in [false, true] {
            names(at, |parts| parts.pool.push(seat("dev-a")), opened, OTHER_POOL);
        }
        names(at, narrow, false, OTHER_POOL);
    }
}

#[test]
fn the_seats_are_those_that_chance_gives() {
    for at in [PANEL, QA] {
        names(at, swap, true, "chance gives other seats");
    }
    names(LOT, swap, true, "the lot of T1 is not what the secret of epoch 0 gives");
    for at in ALL {
        names(at, |parts| *parts.draw = Digest::of(b"mine"), true, "is not what the secret of epoch 0 gives");
    }
}

#[test]
fn others_come_in_the_place_of_those_who_let_their_time_pass_in_rounds() {
    for at in [PEER_AGAIN, QA_AGAIN] {
        for opened in [false, true] {
            names(at, |parts| **parts.round.as_mut().unwrap() = 2, opened, "it is round 2, and 0 came before");
            names(at, |parts| **parts.round.as_mut().unwrap() = 0, opened, "it is round 0, and 0 came before");
            names(at, |parts| parts.out.as_mut().unwrap()[0] = seat("dev-a"), opened, "are not those who let their time pass");
            names(at, |parts| *parts.seats[0] = seat("dev-a"), opened, "they are not as many out of its pool");
            names(at, |parts| parts.pool.push(parts.out.as_ref().unwrap()[0].clone()), opened, OTHER_POOL);
        }
    }
    names(QA_AGAIN, swap, true, "chance gives other seats");
}

#[test]
fn a_lot_hangs_on_where_and_when_the_change_was_first_sealed() {
    names(LOT, |parts| *parts.sealed.as_mut().unwrap().0 += 1, false, "which is not where it was first sealed");
    names(LOT, |parts| *parts.sealed.as_mut().unwrap().1 = 1, false, "and it was first sealed in epoch 0");
}
