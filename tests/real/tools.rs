//! The workshop's tools, and the guard before each tool of the client's own.

use super::{SEAT, after_mail, turn, waiting};
use crate::attacks::fleet::shows;
use crate::world::World;
use crate::world::model::{Model, Use};
use serde_json::json;

/// What the model heard of a tool, once its client had used it.
fn used(world: &World) -> String {
    after_mail(world);
    let heard = world.brain().wait_heard(|text| turn(text) && text.contains("tool_result"));
    shows(world, SEAT, "idle");
    heard
}

fn file() -> serde_json::Value {
    json!({"file_path": "/work/demo/new.txt", "content": "x"})
}

#[test]
fn a_tool_of_the_workshop_is_used_and_nobody_is_asked() {
    let script = |body: &str| {
        let known = body.contains("mcp__orchestrate__whoami") && !body.contains("tool_result");
        known.then(|| Use::of("mcp__orchestrate__whoami", json!({})))
    };
    let Some(world) = waiting(Model::scripted(script)) else { return };
    let heard = used(&world);
    assert!(heard.contains("dev-b@") && heard.contains("capabilities"), "{}", &heard[heard.len().saturating_sub(3000)..]);
}

#[test]
fn an_edit_without_a_task_is_not_made_and_the_model_hears_why() {
    let script = |body: &str| (body.contains("| go on") && !body.contains("tool_result")).then(|| Use::of("Write", file()));
    let Some(world) = waiting(Model::scripted(script)) else { return };
    let heard = used(&world);
    assert!(heard.contains("no-task"), "{}", &heard[heard.len().saturating_sub(3000)..]);
    assert!(!world.seat(SEAT).clone_folder().join("new.txt").exists());
}

#[test]
fn a_task_is_taken_by_its_tool_and_then_edits_are_made() {
    let script = |body: &str| match () {
        () if !body.contains("| go on") => None,
        () if !body.contains("toolu_mcp__orchestrate__take") => Some(Use::of("mcp__orchestrate__take", json!({"task": "T1"}))),
        () if !body.contains("toolu_Write") => Some(Use::of("Write", file())),
        () => None,
    };
    let Some(world) = waiting(Model::scripted(script)) else { return };
    world.owner(&["task", "open", "a note"]).ok();
    used(&world);
    world.brain().wait_heard(|text| turn(text) && text.contains("toolu_Write"));
    shows(&world, SEAT, "idle");
    assert_eq!(std::fs::read_to_string(world.seat(SEAT).clone_folder().join("new.txt")).unwrap(), "x");
    assert_eq!(world.fold().tasks.values().next().unwrap().author.as_ref().unwrap().as_str(), SEAT);
}
