//! One whole life of a workshop.

use crate::world::processes::Family;
use crate::world::{DEADLINE, World, project};
use std::time::Instant;

#[test]
fn twelve_instances_answer_and_a_second_start_resumes() {
    let world = World::python().every_seat().bootstrap();
    let status = world.owner(&["status", "--json"]).ok().done();
    assert_eq!(status["seats"].as_array().map(Vec::len), Some(12), "{status}");
    world.seat("dev-a").run("orchestrate whoami").ok().says("dev-a");
    world.start().ok().says("12 of 12");
    world.down().ok();
    world.start().ok();
    world.seat("docs").run("orchestrate whoami").ok().says("docs");
    world.owner(&["ledger", "verify"]).ok();
}

/// Agents that say nothing for a while: a start that waits for them hears that it is to stop.
#[test]
fn a_stop_in_the_middle_of_a_start_is_heard() {
    let world = World::python();
    project::write_program(&world.path("silent"), "#!/bin/sh\nexec sleep 86396\n");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| world.start_with("silent"));
        let seated = || Family::of(&world.path("")).shown().iter().any(|line| line.ends_with(" sleep 86396"));
        while !seated() {
            assert!(begun.elapsed() < DEADLINE && !starting.is_finished(), "no agent sits in a seat: {:#?}", Family::of(&world.path("")).shown());
            std::thread::yield_now();
        }
        world.down().ok();
        starting.join().expect("a start that ended");
    });
    Family::of(&world.path("")).wait_gone();
}
