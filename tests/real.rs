//! The real client, where `CLAUDE=/path/to/claude` says where it is: it is nobody's to pass on, so that these do nothing without it.
//!
//! `bootstrap/test --real` fetches the pinned one and runs them. The model is this machine's own: no word leaves it.

mod change;
mod conform;
mod film;
mod mail;
mod start;
mod tools;
mod trouble;
mod twelve;

use crate::attacks::fleet::shows;
use crate::world::World;
use crate::world::model::Model;

pub const SEAT: &str = "dev-b";

/// The client's program.
fn program() -> Option<String> {
    std::env::var("CLAUDE").ok()
}

/// A workshop with the real client in one seat, and scripted agents in the others.
fn one(model: Model) -> Option<World> {
    let client = program()?;
    let world = World::python().with_brain(model);
    starts(&world, &client);
    Some(world)
}

fn starts(world: &World, client: &str) {
    world.rule("[fleet]\nfirst_seconds = 0\nlongest_seconds = 0\n");
    starts_again(world, client);
}

fn starts_again(world: &World, client: &str) {
    let (repo, agent) = (world.repo(), world.path("agent"));
    let (seat, others) = (format!("{SEAT}={client}"), agent.to_str().unwrap());
    let said = world.orchestrate(&["bootstrap", repo.to_str().unwrap(), "--agent", others, "--agent", &seat, "--detach", "--yes"]);
    said.ok().says("8 of 8 seats answered");
}

/// The same when its client has heard its first order and waits.
fn waiting(model: Model) -> Option<World> {
    waits(one(model)?)
}

/// The same where the client may ask for this many answers in an hour, so that the relay spaces none of a test's own.
fn waiting_freely(model: Model, per_hour: u32) -> Option<World> {
    let client = program()?;
    let world = World::python().with_brain(model);
    // Goes on in the table that names the model's address.
    world.rule(&format!("requests = {{ per_hour = {per_hour} }}\n"));
    starts(&world, &client);
    waits(world)
}

fn waits(world: World) -> Option<World> {
    world.brain().wait_heard(|text| turn(text) && text.contains("orchestrate whoami"));
    shows(&world, SEAT, "idle");
    Some(world)
}

/// A request of a conversation, not one for its title.
fn turn(text: &str) -> bool {
    text.starts_with("POST /v1/messages?beta=true ") && !text.contains("\"tools\":[]")
}

fn session(text: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix("x-claude-code-session-id: ")).unwrap_or_default().to_owned()
}

/// Writes to the seat.
fn send(world: &World, subject: &str, body: &str) {
    world.seat("dev-a").run(&format!("orchestrate mail send {SEAT} --subject '{subject}' --body '{body}'")).ok();
}

/// Writes to the seat, and gives the request by which its client tells the model.
fn after_mail(world: &World) -> String {
    send(world, "hello", "go on");
    world.brain().wait_heard(|text| turn(text) && text.contains("| go on"))
}
