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

#[cfg(test)]
mod tests {
    use super::super::sample::{self, seat};
    use super::*;
    use serde_json::json;

    /// A seat that has done something so often, once a second from the first second on.
    fn busy(act: Act, budget: &serde_json::Value, times: u64) -> State {
        let mut value = sample::value();
        value["policy"]["budgets"][serde_json::to_value(act).unwrap().as_str().unwrap()] = budget.clone();
        let charter: super::super::charter::Charter = serde_json::from_value(value).unwrap();
        let mut state = State::default();
        state.adopt(&charter.canonical());
        (1..=times).for_each(|n| spend(&mut state, &seat("dev-a"), act, n * 1000));
        state
    }

    #[test]
    fn every_budget_holds_at_both_edges_of_every_span() {
        for act in Act::ALL {
            for (span, millis) in [("per_minute", 60_000), ("per_hour", 3_600_000), ("per_day", 86_400_000)] {
                let refused = |times: u64, now: u64| within(&busy(act, &json!({ span: 3 }), times), &seat("dev-a"), act, now).err();
                assert_eq!(refused(2, 3000), None, "{act:?} {span}: the third");
                let no = refused(3, 4000).expect("the fourth");
                let left = (millis + 1000 - 4000) / 1000;
                assert!(no.code == "over-budget" && no.why.ends_with(&format!("retry after {left} s")), "{act:?} {span}: {}", no.why);
                assert!(refused(3, millis + 999).is_some_and(|no| no.why.ends_with("retry after 1 s")), "{act:?} {span}");
                assert_eq!(refused(3, millis + 1000), None, "{act:?} {span}: the first has gone out of sight");
                assert!(refused(4, millis + 1000).is_some() && refused(4, millis + 2000).is_none(), "{act:?} {span}");
            }
        }
    }

    #[test]
    fn nought_is_never_and_nothing_is_no_limit() {
        for act in Act::ALL {
            let ask = |budget: serde_json::Value, times| within(&busy(act, &budget, times), &seat("dev-a"), act, times * 1000);
            assert!(ask(json!({ "per_hour": 0 }), 0).is_err());
            assert!(ask(json!({}), 9999).is_ok());
        }
    }

    #[test]
    fn seats_and_acts_are_counted_apart_and_no_longer_than_a_day() {
        let mut state = busy(Act::Locks, &json!({ "per_day": 1 }), 1);
        let ask = |state: &State, name: &str, act| within(state, &seat(name), act, 2000).is_ok();
        assert!(!ask(&state, "dev-a", Act::Locks) && ask(&state, "dev-b", Act::Locks) && ask(&state, "dev-a", Act::Messages));
        spend(&mut state, &seat("dev-a"), Act::Locks, DAY + 1000);
        assert_eq!(state.spent[&seat("dev-a")][&Act::Locks].len(), 1);
        (0..2 * MOST_SPENT as u64).for_each(|n| spend(&mut state, &seat("dev-a"), Act::Locks, DAY + 1000 + n));
        assert_eq!(state.spent[&seat("dev-a")][&Act::Locks].len(), MOST_SPENT);
    }
}
