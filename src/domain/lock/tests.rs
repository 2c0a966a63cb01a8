mod history;

use super::*;
use crate::domain::command::{Act as Asked, Command};
use crate::domain::decide::decide;
use crate::domain::entry::Entry;
use crate::domain::freeze;
use crate::domain::name::{Digest, Oid, RefName};
use crate::domain::push;
use crate::domain::sample::{self, seat};
use crate::domain::workshop::Genesis;
use serde_json::json;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;

/// A workshop of nothing but locks, with a clock of its own.
pub struct Shop {
    pub state: State,
    pub now: Millis,
    pushes: u32,
}

impl Shop {
    pub fn new(change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut value = sample::value();
        value["policy"]["budgets"]["locks"] = json!({ "per_hour": 1000 });
        value["policy"]["budgets"]["decisions"] = json!({ "per_hour": 1000 });
        change(&mut value["policy"]);
        let charter: crate::domain::charter::Charter = serde_json::from_value(value).unwrap();
        let seats = charter.seats().map(|seat| (seat.clone(), charter.role_of(seat).unwrap().name.clone())).collect();
        let (branch, base, draw) = (RefName::new("refs/heads/main").unwrap(), Oid::new("1".repeat(40)).unwrap(), Digest::of(b"x"));
        let genesis =
            Genesis { workshop: "w".to_owned(), branch, base, seats, draw, note_key: "k".to_owned(), charter: charter.canonical() };
        let mut shop = Self { state: State::default(), now: 1_000_000, pushes: 0 };
        shop.ask(&Actor::Edge, Asked::Found { genesis: Box::new(genesis) }).unwrap();
        shop
    }

    /// Decides and applies, and then what follows inside the loop.
    pub fn ask(&mut self, actor: &Actor, act: Asked) -> Result<Vec<Any>, String> {
        let events = decide(&self.state, actor, &Command::new(self.now, act)).map_err(|refusal| refusal.code)?;
        self.apply(actor, &events);
        let lend = events.iter().any(|event| matches!(event, Any::Lock(Event::Released { .. } | Event::Withdrawn { .. })));
        if lend {
            self.ask(&Actor::Edge, Asked::Lend).unwrap();
        }
        Ok(events)
    }

    fn apply(&mut self, actor: &Actor, events: &[Any]) {
        for event in events {
            let entry = Entry { v: 1, seq: self.state.len, time: self.now, by: actor.clone(), event: event.clone() };
            self.state.apply(&entry);
        }
    }

    /// The token that was granted, or why none was; 0 for a renewal or a place in the line.
    pub fn lock(&mut self, name: &str, paths: &[&str], priority: Priority, wait: Option<u32>) -> Result<u64, String> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let events = self.ask(&Actor::Seat(seat(name)), Asked::Lock { wish: Wish { paths, priority, wait } })?;
        let token = events.iter().find_map(|event| match event {
            Any::Lock(Event::Granted { token, .. }) => Some(*token),
            _ => None,
        });
        Ok(token.unwrap_or(0))
    }

    pub fn take(&mut self, name: &str, paths: &[&str]) -> Result<u64, String> {
        self.lock(name, paths, Priority::Normal, None)
    }

    pub fn wait(&mut self, name: &str, paths: &[&str]) -> Result<u64, String> {
        self.lock(name, paths, Priority::Normal, Some(3600))
    }

    pub fn give(&mut self, name: &str, paths: &[&str]) -> Result<(), String> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self.ask(&Actor::Seat(seat(name)), Asked::Unlock { seat: None, paths }).map(drop)
    }

    /// Pushes and lands, as the gate would judge it.
    pub fn push(&mut self, name: &str, paths: &[&str]) -> Result<(), String> {
        self.push_first(name, paths)?;
        self.land(name)
    }

    pub fn push_first(&mut self, name: &str, paths: &[&str]) -> Result<(), String> {
        self.pushes += 1;
        let (zero, new) = (Oid::new("0".repeat(40)).unwrap(), Oid::new(format!("{:040x}", self.pushes)).unwrap());
        let touched = paths.iter().map(|path| (*path).to_owned()).collect();
        let update = push::Update {
            name: format!("refs/heads/{name}/{}", self.pushes),
            old: zero,
            new,
            kind: "commit".to_owned(),
            commits: vec![],
            related: true,
            faults: vec![],
            touched,
        };
        self.ask(&Actor::Seat(seat(name)), Asked::Push { push: format!("p{}", self.pushes), updates: vec![update] }).map(drop)
    }

    pub fn land(&mut self, name: &str) -> Result<(), String> {
        let push = format!("p{}", self.pushes);
        self.ask(&Actor::Seat(seat(name)), Asked::Land { push: push.clone() })?;
        self.ask(&Actor::Edge, Asked::Landed { push, trouble: None }).map(drop)
    }

    pub fn freeze_and_thaw(&mut self) {
        self.apply(&Actor::Owner, &[Any::Freeze(freeze::Event::Frozen { reason: "x".to_owned(), cause: None })]);
        self.apply(&Actor::Owner, &[Any::Freeze(freeze::Event::Thawed { alone: true })]);
    }

    /// A commit is signed: the seat is at work.
    pub fn commit(&mut self, name: &str) {
        let signed = Any::Key(crate::domain::key::Event::Signed { digest: Digest::of(b"x") });
        self.apply(&Actor::Seat(seat(name)), &[signed]);
    }

    pub fn after(&mut self, time: Millis) -> &mut Self {
        self.now += time;
        self.ask(&Actor::Edge, Asked::Tick).unwrap();
        self
    }

    /// Time passes, and nobody looks.
    pub fn later(&mut self, time: Millis) -> &mut Self {
        self.now += time;
        self
    }

    pub fn holders(&self) -> Vec<(u64, &str)> {
        self.state
            .locks
            .leases
            .iter()
            .filter(|(_, lease)| lease.live(self.now))
            .map(|(token, lease)| (*token, lease.seat.as_str()))
            .collect()
    }
}

fn shop() -> Shop {
    Shop::new(|_| ())
}

fn refused(code: &str) -> Result<u64, String> {
    Err(code.to_owned())
}

fn no(code: &str) -> Result<(), String> {
    Err(code.to_owned())
}

#[test]
fn a_lock_keeps_others_pushes_away_until_it_is_given_back() {
    let mut shop = shop();
    assert_eq!(shop.take("dev-a", &["src/"]), Ok(1));
    assert_eq!(shop.take("dev-b", &["SRC/a.rs"]), refused("lock-held"));
    for path in ["src/a.rs", "Src/Deep/a", "src", "te\u{17f}t/../src/x"] {
        let wanted = if path.starts_with("te") { Ok(()) } else { no("lock-held") };
        assert_eq!(shop.push("dev-b", &["README.md", path]), wanted, "{path}");
    }
    assert_eq!(shop.push("dev-b", &["docs/a"]), Ok(()));
    assert_eq!(shop.push("dev-a", &["src/a.rs"]), Ok(()));
    assert_eq!(shop.give("dev-b", &[]), no("no-such-lock"));
    assert_eq!(shop.give("dev-a", &[]), Ok(()));
    assert_eq!(shop.push("dev-b", &["src/a.rs"]), Ok(()));
    assert_eq!(shop.take("dev-b", &["src/a.rs", "docs/"]), Ok(2));
    assert_eq!(shop.push("dev-a", &["src/a.rs"]), no("lock-held"));
    assert_eq!(shop.push("dev-a", &["src/b.rs"]), Ok(()));
}

#[test]
fn both_names_of_a_rename_need_the_lock() {
    let mut shop = shop();
    shop.take("dev-a", &["src/a.rs"]).unwrap();
    assert_eq!(shop.push("dev-b", &["src/a.rs", "other/b.rs"]), no("lock-held"));
    assert_eq!(shop.push("dev-b", &["other/b.rs", "src/A.rs"]), no("lock-held"));
}

#[test]
fn all_paths_or_none() {
    let mut shop = shop();
    shop.take("dev-a", &["b"]).unwrap();
    assert_eq!(shop.take("dev-b", &["a", "b", "c"]), refused("lock-held"));
    assert_eq!(shop.take("qa-a", &["a", "c"]), Ok(2));
    assert_eq!(shop.holders(), [(1, "dev-a"), (2, "qa-a")]);
}

#[test]
fn a_push_that_was_judged_before_a_lock_does_not_land_after_it() {
    let mut shop = shop();
    shop.push_first("dev-b", &["src/a.rs"]).unwrap();
    shop.take("dev-a", &["src/"]).unwrap();
    assert_eq!(shop.land("dev-b"), no("lock-held"));
}

#[test]
fn a_paused_holder_who_pushes_late_is_refused_even_when_nobody_holds_it_any_more() {
    let mut shop = shop();
    assert_eq!(shop.take("dev-a", &["src/", "docs/"]), Ok(1));
    shop.later(5 * MINUTE);
    assert_eq!(shop.take("dev-b", &["src/a.rs"]), Ok(2));
    assert_eq!(shop.push("dev-a", &["src/a.rs"]), no("lock-stale"), "while the other holds it");
    shop.give("dev-b", &[]).unwrap();
    assert_eq!(shop.push("dev-a", &["x", "src/a.rs"]), no("lock-stale"), "after the other is done");
    assert_eq!(shop.push("dev-a", &["src/b.rs"]), Ok(()), "nobody else had that");
    assert_eq!(shop.push("dev-a", &["docs/a"]), Ok(()));
    assert_eq!(shop.take("dev-a", &["src/a.rs"]), Ok(3));
    assert_eq!(shop.push("dev-a", &["src/a.rs"]), Ok(()), "with a newer token");
    shop.give("dev-a", &[]).unwrap();
    assert_eq!(shop.push("dev-a", &["src/a.rs"]), Ok(()), "its newest lock was given back, not lost");
}

#[test]
fn a_late_push_that_was_judged_in_time_does_not_land() {
    let mut shop = shop();
    shop.take("dev-a", &["src/"]).unwrap();
    shop.later(2 * MINUTE);
    shop.push_first("dev-a", &["src/a.rs"]).unwrap();
    shop.later(5 * MINUTE);
    shop.take("dev-b", &["src/"]).unwrap();
    shop.give("dev-b", &[]).unwrap();
    assert_eq!(shop.land("dev-a"), no("lock-stale"));
}

#[test]
fn use_keeps_a_lock_and_silence_ends_it() {
    let mut shop = shop();
    shop.take("dev-a", &["src/"]).unwrap();
    for _ in 0..20 {
        shop.later(299 * SECOND).commit("dev-a");
    }
    assert_eq!(shop.take("dev-b", &["src/x"]), refused("lock-held"));
    shop.later(299 * SECOND).push("dev-a", &["src/a"]).unwrap();
    shop.later(299 * SECOND);
    assert_eq!(shop.take("dev-a", &["src/"]), Ok(0), "the same again is a renewal");
    shop.later(299 * SECOND);
    assert_eq!(shop.take("dev-b", &["src/x"]), refused("lock-held"));
    shop.push("dev-a", &["docs/a"]).unwrap();
    shop.later(SECOND);
    assert_eq!(shop.take("dev-b", &["src/x"]), Ok(2), "a push of something else is no use of it");
}

#[test]
fn a_lapsed_lock_is_its_holders_until_somebody_wants_it_or_it_is_stale() {
    let mut shop = shop();
    shop.take("dev-a", &["src/"]).unwrap();
    shop.later(29 * MINUTE);
    assert_eq!(shop.holders(), []);
    assert_eq!(shop.take("dev-a", &["src/"]), Ok(0));
    assert_eq!(shop.holders(), [(1, "dev-a")]);
    shop.later(30 * MINUTE);
    assert_eq!(shop.push("dev-a", &["src/a"]), Ok(()), "nobody else had it");
    assert!(shop.state.locks.leases.is_empty(), "half an hour of silence");
    assert_eq!(shop.take("dev-a", &["src/"]), Ok(2));
    shop.later(30 * MINUTE);
    assert_eq!(shop.take("dev-a", &["src/"]), Ok(3), "what is stale is not renewed, nobody having looked or not");
    assert_eq!(shop.holders(), [(3, "dev-a")]);
}

#[test]
fn the_line_goes_by_urgency_and_then_by_coming() {
    let mut shop = shop();
    shop.take("dev-a", &["a", "b"]).unwrap();
    assert_eq!(shop.wait("dev-b", &["a"]), Ok(0));
    assert_eq!(shop.lock("qa-a", &["a"], Priority::High, Some(3600)), Ok(0));
    assert_eq!(shop.wait("qa-b", &["a"]), Ok(0));
    assert_eq!(shop.wait("docs", &["b"]), Ok(0));
    assert_eq!(shop.take("planner-a", &["a"]), refused("lock-held"));
    shop.give("dev-a", &[]).unwrap();
    assert_eq!(shop.holders(), [(2, "qa-a"), (3, "docs")]);
    shop.give("qa-a", &[]).unwrap();
    assert_eq!(shop.holders(), [(3, "docs"), (4, "dev-b")]);
    assert_eq!(shop.take("planner-a", &["a"]), refused("lock-held"), "nobody passes those who wait");
    shop.after(5 * MINUTE);
    assert_eq!(shop.holders(), [(5, "qa-b")], "time alone lets the next one in");
    shop.give("qa-b", &["a"]).unwrap();
    assert!(shop.state.locks.queue.is_empty());
}

#[test]
fn whoever_waits_for_several_waits_for_all_and_holds_none() {
    let mut shop = shop();
    shop.take("dev-a", &["a"]).unwrap();
    assert_eq!(shop.wait("dev-b", &["a", "b"]), Ok(0));
    assert_eq!(shop.take("qa-a", &["b"]), refused("lock-held"), "else it would never come to both");
    assert_eq!(shop.push("qa-a", &["b"]), Ok(()), "but a wish keeps no push away");
    assert_eq!(shop.lock("qa-a", &["b"], Priority::High, None), Ok(2), "the more urgent passes");
    shop.give("dev-a", &[]).unwrap();
    assert_eq!(shop.holders(), [(2, "qa-a")]);
    shop.give("qa-a", &[]).unwrap();
    assert_eq!(shop.holders(), [(3, "dev-b")]);
}

#[test]
fn a_wish_ends_with_its_time_and_keeps_its_place_when_it_is_said_again() {
    let mut shop = shop();
    shop.take("dev-a", &["a"]).unwrap();
    assert_eq!(shop.lock("dev-b", &["a"], Priority::Normal, Some(60)), Ok(0));
    assert_eq!(shop.wait("qa-a", &["a"]), Ok(0));
    shop.after(30 * SECOND);
    assert_eq!(shop.lock("dev-b", &["a"], Priority::Normal, Some(60)), Ok(0));
    let line: Vec<&str> = shop.state.locks.line().iter().map(|(_, wish)| wish.seat.as_str()).collect();
    assert_eq!(line, ["dev-b", "qa-a"]);
    shop.after(60 * SECOND);
    let line: Vec<&str> = shop.state.locks.line().iter().map(|(_, wish)| wish.seat.as_str()).collect();
    assert_eq!(line, ["qa-a"]);
    shop.give("qa-a", &[]).unwrap();
    assert!(shop.state.locks.queue.is_empty());
}

#[test]
fn two_that_would_wait_for_each_other_are_told() {
    let mut shop = shop();
    shop.take("dev-a", &["a"]).unwrap();
    shop.take("dev-b", &["b"]).unwrap();
    shop.take("qa-a", &["c"]).unwrap();
    assert_eq!(shop.wait("dev-a", &["b"]), Ok(0));
    assert_eq!(shop.wait("dev-b", &["c"]), Ok(0));
    assert_eq!(shop.wait("qa-a", &["a"]), refused("lock-deadlock"));
    assert_eq!(shop.lock("qa-a", &["a"], Priority::Critical, Some(600)), Ok(0), "what yields by itself is no deadlock");
}

#[test]
fn a_more_urgent_need_ends_a_lock_after_its_grace_and_no_sooner() {
    for (held, wanted, grace) in [
        (Priority::Low, Priority::Critical, Some(5)),
        (Priority::High, Priority::Critical, Some(5)),
        (Priority::Low, Priority::High, Some(15)),
        (Priority::Normal, Priority::High, None),
        (Priority::Critical, Priority::Critical, None),
    ] {
        let mut shop = shop();
        shop.lock("dev-a", &["a"], held, None).unwrap();
        let mail = shop.state.post.total;
        assert_eq!(shop.lock("dev-b", &["a"], wanted, Some(3600)), Ok(0));
        assert_eq!(shop.state.post.total - mail, u64::from(grace.is_some()), "the holder is told");
        let minutes = grace.unwrap_or(20);
        for _ in 0..minutes * 4 - 1 {
            shop.commit("dev-a");
            shop.after(15 * SECOND);
        }
        assert_eq!(shop.holders(), [(1, "dev-a")], "{held:?} {wanted:?}");
        assert_eq!(shop.push("dev-a", &["a"]), Ok(()));
        shop.commit("dev-a");
        shop.after(15 * SECOND);
        let after = if grace.is_some() { (2, "dev-b") } else { (1, "dev-a") };
        assert_eq!(shop.holders(), [after], "{held:?} {wanted:?}");
        assert_eq!(shop.push("dev-a", &["a"]), if grace.is_some() { no("lock-stale") } else { Ok(()) });
    }
}

#[test]
fn nobody_holds_for_ever_what_others_wait_for() {
    let mut shop = shop();
    shop.take("dev-a", &["a"]).unwrap();
    for _ in 0..200 {
        shop.commit("dev-a");
        shop.after(MINUTE);
    }
    assert_eq!(shop.wait("dev-b", &["a"]), Ok(0));
    shop.commit("dev-a");
    assert_eq!(shop.take("dev-a", &["a"]), Ok(0));
    shop.after(5 * MINUTE);
    assert_eq!(shop.holders(), [(2, "dev-b")]);
}

#[test]
fn what_is_no_lock_of_ones_own_is_not_given_back() {
    let mut shop = shop();
    shop.take("dev-a", &["a", "b"]).unwrap();
    let of = |name: &str| Asked::Unlock { seat: Some(seat(name)), paths: vec![] };
    assert_eq!(shop.ask(&Actor::Seat(seat("dev-b")), of("dev-a")).unwrap_err(), "not-your-lock");
    assert_eq!(shop.ask(&Actor::Owner, Asked::Unlock { seat: None, paths: vec![] }).unwrap_err(), "no-such-seat");
    assert_eq!(shop.give("dev-a", &["A"]), Ok(()), "a part of it");
    assert_eq!(shop.take("dev-b", &["a"]), Ok(2));
    assert_eq!(shop.take("dev-b", &["b"]), refused("lock-held"));
    shop.ask(&Actor::Owner, of("dev-a")).unwrap();
    assert_eq!(shop.take("dev-b", &["b"]), Ok(3));
    let wish = Wish { paths: vec!["x".to_owned()], priority: Priority::Normal, wait: None };
    assert_eq!(shop.ask(&Actor::Owner, Asked::Lock { wish }).unwrap_err(), "seat-only");
    assert_eq!(shop.ask(&Actor::Seat(seat("dev-a")), Asked::Lend).unwrap_err(), "supervisor-only");
}

#[test]
fn a_freeze_takes_every_lock_and_every_wish_away() {
    let mut shop = shop();
    shop.take("dev-a", &["a"]).unwrap();
    shop.wait("dev-b", &["a"]).unwrap();
    shop.apply(&Actor::Owner, &[Any::Freeze(freeze::Event::Frozen { reason: "x".to_owned(), cause: None })]);
    assert!(shop.state.locks.leases.is_empty() && shop.state.locks.queue.is_empty());
    assert_eq!(shop.take("dev-a", &["a"]), refused("frozen"));
    shop.apply(&Actor::Owner, &[Any::Freeze(freeze::Event::Thawed { alone: true })]);
    assert_eq!(shop.take("qa-a", &["a"]), Ok(2), "tokens go on");
    assert_eq!(shop.push("dev-a", &["a"]), no("lock-stale"));
}

#[test]
fn where_locks_are_required_every_path_needs_a_live_one_of_ones_own() {
    let mut shop = Shop::new(|policy| {
        policy["locks"] = json!({ "required": true, "wide": false, "lease_seconds": 300, "stale_seconds": 1800,
        "hold_seconds": 3600, "grace_critical_seconds": 300, "grace_high_seconds": 900, "most_paths": 3 })
    });
    assert_eq!(shop.push("dev-a", &["src/a"]), no("lock-needed"));
    shop.take("dev-a", &["src/", "x"]).unwrap();
    assert_eq!(shop.push("dev-a", &["src/a", "x"]), Ok(()));
    assert_eq!(shop.push("dev-a", &["src/a", "y"]), no("lock-needed"));
    let many: Vec<String> = (0..=MOST_TOUCHED).map(|n| format!("src/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(shop.push("dev-a", &many), no("lock-needed"), "too many to tell apart");
    assert_eq!(shop.take("dev-a", &["y", "z"]), refused("lock-too-many"));
    shop.push_first("dev-a", &["src/a"]).unwrap();
    shop.later(5 * MINUTE);
    assert_eq!(shop.land("dev-a"), no("lock-needed"), "the lease is over");
}

#[test]
fn a_push_of_more_than_can_be_told_apart_meets_every_lock() {
    let mut shop = shop();
    let many: Vec<String> = (0..=MOST_TOUCHED).map(|n| format!("n/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(shop.push("dev-b", &many), Ok(()));
    shop.take("dev-a", &["a"]).unwrap();
    assert_eq!(shop.push("dev-b", &many), no("lock-held"));
    assert_eq!(shop.push("dev-b", &many[..MOST_TOUCHED]), Ok(()));
    let long: Vec<String> = (0..33).map(|n| format!("n/{n}/{}", "x".repeat(4000))).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    assert_eq!(shop.push("dev-b", &long), no("lock-held"));
    assert_eq!(shop.push("dev-b", &long[..32]), Ok(()));
}

#[test]
fn locks_are_counted_at_both_edges_and_renewals_are_free() {
    let mut shop = Shop::new(|policy| policy["budgets"]["locks"] = json!({ "per_hour": 3 }));
    for path in ["a", "b", "c"] {
        shop.take("dev-a", &[path]).unwrap();
    }
    assert_eq!(shop.take("dev-a", &["d"]), refused("over-budget"));
    assert_eq!(shop.take("dev-a", &["a", "b"]), Ok(0));
    assert_eq!(shop.take("dev-b", &["d"]), Ok(4), "each seat has its own");
    shop.later(60 * MINUTE - 1);
    assert_eq!(shop.take("dev-a", &["e"]), refused("over-budget"));
    shop.later(1);
    assert_eq!(shop.take("dev-a", &["e"]), Ok(5));
}

#[test]
fn critical_locks_are_critical_decisions() {
    let mut shop = Shop::new(|policy| policy["budgets"]["decisions"] = json!({ "per_hour": 2 }));
    for path in ["a", "b"] {
        assert!(shop.lock("dev-a", &[path], Priority::Critical, None).is_ok());
    }
    assert_eq!(shop.lock("dev-a", &["c"], Priority::Critical, None), refused("over-budget"));
    assert_eq!(shop.lock("dev-a", &["c"], Priority::High, None), Ok(3));
}

#[test]
fn locks_come_back_from_what_was_written() {
    let mut shop = shop();
    shop.take("dev-a", &["a"]).unwrap();
    shop.wait("dev-b", &["a", "src/*.rs"]).unwrap();
    shop.after(5 * MINUTE);
    let text = serde_json::to_string(&shop.state.locks).unwrap();
    assert_eq!(serde_json::from_str::<Locks>(&text).unwrap(), shop.state.locks);
}
