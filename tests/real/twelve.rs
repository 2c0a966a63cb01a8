//! Twelve real clients at once: ready, under load, and at rest.

use super::{program, turn};
use crate::world::World;
use crate::world::model::Model;
use orchestrate::domain::message::Delivery;
use crate::world::processes::Family;
use std::time::Instant;

/// Messages that are sent while everybody works.
const MESSAGES: usize = 200;

/// How many of these bodies the model was told of exactly once in the last turn of each conversation.
fn once(model: &Model, bodies: &[String]) -> usize {
    let mut last = std::collections::BTreeMap::new();
    for text in model.heard().into_iter().filter(|text| turn(text)) {
        last.insert(super::session(&text), text);
    }
    let count = |body: &String| last.values().map(|text| text.matches(body.as_str()).count()).sum::<usize>();
    bodies.iter().filter(|body| count(body) == 1).count()
}

/// Waits until every seat's line says the same, by the page alone.
#[track_caller]
fn all_are(world: &World, wanted: &str) {
    // Whoever is still asked has its time.
    let (mut begun, mut asked) = (Instant::now(), 0);
    let mut last = String::new();
    while begun.elapsed() < crate::world::DEADLINE {
        let now = world.brain().count();
        if now > asked {
            (begun, asked) = (Instant::now(), now);
        }
        let status = world.owner(&["status", "--json"]).ok().done();
        let said: Vec<&str> = status["seats"].as_array().unwrap().iter().map(|line| line["doing"].as_str().unwrap()).collect();
        if said.iter().all(|word| *word == wanted) {
            return;
        }
        last = said.join(" ");
    }
    panic!("not all are {wanted}: {last}");
}

fn waiters(world: &World) -> usize {
    let waits = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().split(|b| *b == 0).any(|word| word == b"mail-waiter");
    Family::of(&world.path("")).all().filter(waits).count()
}

#[test]
fn twelve_clients_start_at_once_take_every_message_under_load_and_ask_nothing_at_rest() {
    let Some(client) = program() else { return };
    let world = World::python().every_seat().with_client(&client);
    let begun = Instant::now();
    world.start().ok().says("12 of 12 seats answered");
    let answered = begun.elapsed();
    all_are(&world, "idle");
    eprintln!("figure: twelve clients: answered after {answered:?}, each through its first turn and idle after {:?}", begun.elapsed());
    // Everybody works: each seat is to write to the others, from inside, through its own client.
    let seats: Vec<String> = world.fold().fleet_order.iter().map(ToString::to_string).collect();
    let mut bodies = Vec::new();
    let mut orders: Vec<String> = vec![String::new(); seats.len()];
    for number in 0..MESSAGES {
        let (from, to) = (number % seats.len(), (number * 5 + number / seats.len() + 1) % seats.len());
        let to = if to == from { (to + 1) % seats.len() } else { to };
        orders[from] += &format!("orchestrate mail send {} --subject load --body 'load {number}!' >/dev/null || exit 1\n", seats[to]);
        bodies.push(format!("| load {number}!"));
    }
    let begun = Instant::now();
    let hands: Vec<_> = seats.iter().map(|seat| world.seat(seat)).collect();
    let under_way: Vec<_> = hands.iter().zip(&orders).map(|(seat, lines)| seat.start(lines)).collect();
    for work in under_way {
        work.end().ok();
    }
    let sent = begun.elapsed();
    let mut arrived = 0;
    let mut shown = false;
    while arrived < MESSAGES && !shown {
        // Who is idle while nothing waits to be shown has been told of all there is.
        shown = world.fold().post.mail.values().all(|mail| mail.to.values().all(|delivery| *delivery != Delivery::Queued));
        all_are(&world, "idle");
        arrived = once(world.brain(), &bodies);
    }
    eprintln!("figure: {arrived} of {MESSAGES} messages exactly once under load; all sent after {sent:?}, all known after {:?}", begun.elapsed());
    assert_eq!(arrived, MESSAGES);
    assert_eq!(world.refusals(0), [], "no request was turned away for being one too many");
    all_are(&world, "idle");
    let status = world.owner(&["status", "--json"]).ok().done();
    let counted = |line: &serde_json::Value| line["told"].is_null() && line["used"]["output"].as_u64().is_some_and(|tokens| tokens > 0);
    assert!(status["seats"].as_array().unwrap().iter().all(counted), "the relay counted each message, and no transcript a second time: {status}");
    assert_eq!(waiters(&world), 12, "one waits for each seat");
    at_rest(&world);
}

/// Ten minutes pass by the supervisor's clock, which is pushed on; the clients' own clocks are the machine's.
fn at_rest(world: &World) {
    let (before, since) = (world.brain().heard().len(), Instant::now());
    for minute in 1..=10 {
        world.ahead(minute * 60);
        all_are(world, "idle");
        world.owner(&["metrics"]).ok();
    }
    let asked = world.brain().heard().len() - before;
    eprintln!("figure: {asked} requests in ten minutes of the supervisor's clock, {:?} of the clients'", since.elapsed());
    assert_eq!(asked, 0);
}
