//! Attacks from inside a real seat. Of each: no reference moved, a refusal entry names the rule, and nothing was left in the gate.

mod bent;
mod boundary;
mod chance;
mod crash;
mod deploy;
mod drift;
pub mod fleet;
mod freeze;
mod history;
mod hostile;
mod keys;
mod kin;
mod lock;
mod planted;
mod push;
mod receipt;
mod relay;
mod rest;
mod review;
mod salami;
mod starve;
mod together;
mod users;
mod wire;
mod witness;

use crate::world::{Said, World};

/// What an attack on the gate may not change.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    refs: String,
    objects: String,
}

fn standing(world: &World) -> Standing {
    Standing { refs: world.refs(), objects: world.objects() }
}

/// Runs an attack in a seat: it ends badly for the attacker, these rules are on record in its name, and nothing is left behind.
#[track_caller]
pub fn refused(world: &World, seat: &str, lines: &str, rules: &[&str]) -> Said {
    let (before, mark) = (standing(world), world.mark());
    let said = world.seat(seat).run(lines);
    assert_ne!(said.code, 0, "it went through: {said}");
    assert_eq!(standing(world), before, "the gate changed: {said}");
    let found: Vec<String> = world.refusals(mark).into_iter().filter(|(by, _)| by == seat).map(|(_, code)| code).collect();
    assert_eq!(found, rules, "{said}");
    said
}

/// The same, where git itself gives up before the gate is asked: there is nothing to record.
#[track_caller]
fn futile(world: &World, seat: &str, lines: &str) -> Said {
    refused(world, seat, lines, &[])
}
