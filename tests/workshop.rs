//! One whole life of a workshop.

use crate::world::World;

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
