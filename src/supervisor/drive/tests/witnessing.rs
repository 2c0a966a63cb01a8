//! The witness on another machine: when it is asked, and that merges wait for it where the owner says so.

use super::*;
use crate::domain::charter::Charter;
use crate::domain::witness;

const MINUTE: Millis = 60_000;

fn charter(trouble: &str) -> Charter {
    let mut value = serde_json::to_value(built_in().unwrap()).unwrap();
    value["policy"]["witness"] = serde_json::json!({
        "url": "https://cellar.example.org", "key": "k", "token_file": "/t", "minutes": 60, "timeout_seconds": 10, "trouble": trouble,
    });
    serde_json::from_value(value).unwrap()
}

fn with(trouble: &str) -> Workshop {
    let mut workshop = Workshop::new();
    workshop.ask(Actor::Owner, Act::Recharter { charter: charter(trouble).canonical(), alone: true }).unwrap();
    workshop
}

fn missed(workshop: &mut Workshop) {
    workshop.ask(Actor::Edge, Act::Unwitnessed { why: "gone".to_owned(), refused: false }).unwrap();
}

fn seen(workshop: &mut Workshop) {
    let size = workshop.drive.state.len;
    workshop.ask(Actor::Edge, Act::Witnessed { note: format!("lab\n{size}\nroot\n") }).unwrap();
}

#[test]
fn nobody_is_asked_where_nobody_is_named_and_else_by_the_clock_with_longer_and_longer_waits() {
    assert_eq!(witness::due(&Workshop::new().drive.state), None);
    let mut workshop = with("warn");
    assert_eq!(witness::due(&workshop.drive.state), Some(0), "at once");
    seen(&mut workshop);
    let now = workshop.drive.state.now;
    assert_eq!(witness::due(&workshop.drive.state), Some(now + 60 * MINUTE));
    let waits: Vec<Millis> = (0..10)
        .map(|_| {
            missed(&mut workshop);
            witness::due(&workshop.drive.state).unwrap() - workshop.drive.state.now
        })
        .collect();
    assert_eq!(waits[..3], [30_000, 60_000, 120_000]);
    assert_eq!(waits[9], 60 * MINUTE);
    seen(&mut workshop);
    assert_eq!(workshop.drive.state.witness.tries, 0);
}

#[test]
fn merges_wait_for_the_witness_where_the_owner_says_so_and_nowhere_else() {
    for (trouble, waits) in [("warn", false), ("hold", true)] {
        let mut workshop = with(trouble);
        assert!(witness::holds(&workshop.drive.state).is_ok(), "{trouble}: it was not asked yet");
        missed(&mut workshop);
        let held = witness::holds(&workshop.drive.state);
        assert_eq!(held.map_err(|refusal| refusal.code), if waits { Err("unwitnessed".to_owned()) } else { Ok(()) });
        seen(&mut workshop);
        assert!(witness::holds(&workshop.drive.state).is_ok());
    }
}

#[test]
fn a_seat_brings_no_word_of_a_witness() {
    let mut workshop = with("hold");
    assert_eq!(workshop.seat("dev-a", Act::Witnessed { note: "lab\n1\nx\n".to_owned() }).unwrap_err(), "owner-only");
    assert_eq!(workshop.seat("dev-a", Act::Unwitnessed { why: String::new(), refused: true }).unwrap_err(), "supervisor-only");
    // The owner's own way, by files, changes nothing about whom the supervisor asks.
    missed(&mut workshop);
    workshop.ask(Actor::Owner, Act::Witnessed { note: "lab\n1\nx\n".to_owned() }).unwrap();
    assert_eq!(workshop.drive.state.witness.tries, 1);
}

/// The hold comes at every step of a merge: nothing moves, nothing is lost, a restart remembers it, and then it goes on without anybody's word.
#[test]
fn a_hold_that_comes_while_a_merge_is_under_way_moves_nothing_and_loses_nothing() {
    let build = Effect::BuildMerge { task: task(), attempt: 1 };
    let built = || Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) };
    for step in ["tests run", "one word is missing", "the merge is built"] {
        let mut workshop = with("hold");
        workshop.at_deploy();
        let moved = workshop.drive.hands.moved.borrow().len();
        if step == "tests run" {
            missed(&mut workshop);
        }
        workshop.approve("orchestrator").unwrap();
        if step == "one word is missing" {
            missed(&mut workshop);
        }
        workshop.approve("librarian").unwrap();
        if step == "the merge is built" {
            missed(&mut workshop);
        }
        for _ in 0..2 {
            assert_eq!(workshop.ask(Actor::Edge, built()).unwrap_err(), "unwitnessed", "{step}");
            missed(&mut workshop);
        }
        assert_eq!((workshop.stage(), workshop.drive.state.tip()), (Stage::Merging, Some(&oid(1))), "{step}");
        assert_eq!(workshop.drive.hands.moved.borrow().len(), moved, "{step}: a reference moved");
        assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
        assert!(workshop.drive.outstanding().contains(&build), "{step}: a restart remembers it");
        seen(&mut workshop);
        assert_eq!(workshop.effects, vec![build.clone()], "{step}: it goes on by itself, once");
        workshop.edge(built());
        assert_eq!((workshop.stage(), workshop.drive.state.tip()), (Stage::Merged, Some(&oid(9))), "{step}");
        assert_eq!(workshop.drive.hands.moved.borrow().len(), moved + 1, "{step}: merged once");
    }
}
