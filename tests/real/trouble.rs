//! What goes wrong: the API, the client's own version, and neighbours who write too much.

use super::{SEAT, send, turn, waiting};
use crate::attacks::fleet::shows;
use crate::world::model::{Manner, Model};

#[test]
fn an_api_that_fails_is_shown_as_such_and_work_goes_on_when_it_answers_again() {
    let Some(world) = waiting(Model::start()) else { return };
    let mut numbers = 1..;
    for (manner, shown) in [
        (Manner::Status(429), "rate-limited"),
        (Manner::Status(529), "rate-limited"),
        (Manner::Status(500), "stuck: the model's API fails (500)"),
        (Manner::Gone, "stuck: the model's API cannot be reached"),
        (Manner::Status(401), "stuck: the model's API refuses the credential (401)"),
    ] {
        let before = world.brain().heard().len();
        world.brain().behave(manner);
        let number = numbers.next().unwrap();
        send(&world, "hello", &format!("in trouble {number}!"));
        shows(&world, SEAT, shown);
        let asked = world.brain().heard().len() - before;
        eprintln!("figure: {asked} requests until the page said {shown:?}");
        world.brain().behave(Manner::Well);
        // The client tries again by itself, or with its next mail.
        let number = numbers.next().unwrap();
        send(&world, "hello", &format!("after trouble {number}!"));
        world.brain().wait_heard(|text| turn(text) && text.contains(&format!("| after trouble {number}!")));
        shows(&world, SEAT, "idle");
    }
    assert!(world.fold().fleet.values().all(|seat| seat.instances == 1), "nobody was started again");
}

#[test]
fn an_api_that_hangs_is_shown_as_such_after_a_while() {
    let Some(world) = waiting(Model::start()) else { return };
    let before = world.brain().heard().len();
    world.brain().behave(Manner::Silent);
    send(&world, "hello", "go on");
    world.brain().wait_count(before + 1);
    shows(&world, SEAT, "working");
    world.ahead(301);
    world.seat("dev-a").run("orchestrate mail send qa-a --subject x --body x").ok();
    shows(&world, SEAT, "stuck: the model's API does not answer");
    world.brain().behave(Manner::Well);
    shows(&world, SEAT, "idle");
    assert!(world.fold().fleet.values().all(|seat| seat.instances == 1), "nobody was started again");
}

#[test]
fn a_message_of_200_kb_and_a_neighbour_that_floods_disturb_nobody() {
    let Some(world) = waiting(Model::start()) else { return };
    let long = world.seat("dev-a").run(&format!("head -c 200000 /dev/zero | tr '\\0' x > long; orchestrate mail send {SEAT} --subject long --body-file long"));
    long.ok();
    let heard = world.brain().wait_heard(|text| turn(text) && text.contains("200000 bytes"));
    eprintln!("figure: of a body of 200000 bytes the model hears {}", heard.matches('x').count());
    shows(&world, SEAT, "idle");
    let flood = format!("for i in $(seq 300); do echo $i; done | xargs -P 8 -I_ orchestrate mail send {SEAT} --subject flood --body 'flood _!' >/dev/null");
    world.seat("dev-a").run(&flood).ok();
    world.brain().wait_heard(|text| turn(text) && (1..=300).all(|number| text.matches(&format!("| flood {number}!")).count() == 1));
    shows(&world, SEAT, "idle");
    eprintln!("figure: 300 messages from one seat came in {} turns", world.brain().heard().iter().filter(|text| turn(text)).count() - 1);
}
