//! How often a seat may do something, counted from the ledger's own times, so that no restart forgets one.

use super::entry::Millis;
use super::name::SeatName;
use super::policy::Act;
use super::refusal::Refusal;
use super::state::State;
use std::collections::{BTreeMap, VecDeque};

/// A budget looks back a day at most, and at so many acts of a kind of a seat.
const DAY: Millis = 86_400_000;
const MOST_SPENT: usize = 10_000;

/// When each seat did what, during the last day, oldest first.
pub type Spent = BTreeMap<SeatName, BTreeMap<Act, VecDeque<Millis>>>;

/// Says no once a seat has done something as often as its role allows, and when it may again.
pub fn within(state: &State, seat: &SeatName, act: Act, now: Millis) -> Result<(), Refusal> {
    let none = VecDeque::new();
    let before = state.spent.get(seat).and_then(|acts| acts.get(&act)).unwrap_or(&none);
    let left = state.charter().budget(seat, act).wait(before.iter(), now);
    left.map_or(Ok(()), |left| {
        let (what, hint) = words(act);
        let why = format!("{seat} has {what} as its budget allows; retry after {} s", left.div_ceil(1000));
        Err(Refusal::new("over-budget", why, hint))
    })
}

fn words(act: Act) -> (&'static str, &'static str) {
    match act {
        Act::Commits => ("signed as many commits", "git commit --amend   (later; squash what belongs together)"),
        Act::Messages => ("sent as many messages", "orchestrate mail inbox   (later; say it in one message)"),
        Act::Locks => ("taken as many locks", "orchestrate lock list   (later; take what belongs together at once)"),
        Act::Submissions => ("submitted as many candidates", "orchestrate gate show <task>   (later; run the tests yourself first)"),
        Act::Reviews => ("given as many reviews", "orchestrate review list   (later; a review takes its time)"),
        Act::Decisions => ("made as many critical decisions", "orchestrate task list   (later; the owner and the others decide meanwhile)"),
    }
}

/// Counts one act.
pub fn spend(state: &mut State, seat: &SeatName, act: Act, time: Millis) {
    let spent = state.spent.entry(seat.clone()).or_default().entry(act).or_default();
    spent.push_back(time);
    while spent.len() > MOST_SPENT || spent.front().is_some_and(|then| then + DAY <= time) {
        spent.pop_front();
    }
}
