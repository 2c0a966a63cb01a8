//! What a merge would replace has to be known: where the last one showed no test, the tip is tested by itself.

use super::world::{Draft, Plan, World, rewrite};
use super::{first, second, verify};
use crate::domain::event::Event;
use crate::domain::task::{self, RunKind};
use serde_json::{Value, json};

type Forge = fn(&mut World, &mut Draft);

/// T1 goes round its gates and shows no test; T2 comes from an older base.
fn problems(forge: Option<Forge>) -> Vec<String> {
    let mut world = World::found(forge, None);
    let plan = first(&world);
    world.goes_round(&plan);
    world.followed(false, false);
    world.run_plan(&second(&world));
    verify(&world, None).problems
}

/// Whether it is the run of the tip; what its statement says is changed.
fn tip(draft: &mut Draft, change: fn(&mut Value)) -> bool {
    forged(draft, RunKind::Tip, change)
}

fn forged(draft: &mut Draft, wanted: RunKind, change: fn(&mut Value)) -> bool {
    match &mut draft.event {
        Event::Task(task::Event::Tested { kind, statement, .. }) if *kind == wanted => {
            rewrite(statement, |said| change(&mut said["predicate"]));
            true
        }
        _ => false,
    }
}

fn passes_b(said: &mut Value) {
    said["run"]["results"]["old::b"] = json!("passed");
}

#[test]
fn what_a_merge_replaces_has_to_be_known() {
    let rows: [(Forge, &str); 6] = [
        (|_, draft| draft.dropped = tip(draft, |_| ()), "the tip run of T2: there is none"),
        (
            |_, draft| {
                tip(draft, passes_b);
            },
            "QA of T2 is not what its runs show: old::b passed before",
        ),
        (
            |_, draft| {
                tip(draft, |said| said["bound"]["task"] = json!("T7"));
            },
            "the tip run of T2: it is bound to task T7",
        ),
        (
            |_, draft| {
                tip(draft, |said| said["run"]["completion"] = json!("limit-reached"));
            },
            "the tip run of T2: its statement says PASSED",
        ),
        (
            |_, draft| {
                if let Event::Task(task::Event::Tested { kind: RunKind::Tip, statement, .. }) = &mut draft.event {
                    rewrite(statement, |said| {
                        said["predicate"]["run"]["tree"] = json!("2".repeat(40));
                        said["subject"][0]["digest"]["gitTree"] = json!("2".repeat(40));
                    });
                }
            },
            "the tip run of T2: it was made on the tree 2222",
        ),
        (
            |world, draft| {
                draft.dropped = tip(draft, |_| ());
                if world.at == "T1" {
                    forged(draft, RunKind::Merge, passes_b);
                }
            },
            "QA of T2 is not what its runs show: old::b passed before",
        ),
    ];
    assert_eq!(problems(None), [""; 0]);
    for (forge, words) in rows {
        let found = problems(Some(forge));
        assert!(found.iter().any(|problem| problem.contains(words)), "wanted {words}, found {found:#?}");
    }
}

#[test]
fn one_run_of_the_tip_serves_every_attempt() {
    let mut world = World::found(None, None);
    let plan = first(&world);
    world.goes_round(&plan);
    world.followed(false, false);
    let asks =
        Plan { task: "T3", title: "another".to_owned(), files: vec![("src/three.rs", "pub fn three() {}\n".to_owned())], ..first(&world) };
    world.open(&asks);
    let submitted = world.submit(&asks, &[]);
    world.tip_run(submitted);
    world.run_plan(&second(&world));
    let tips = world.entries.iter().filter(|entry| String::from_utf8_lossy(entry).contains("\"kind\":\"tip\"")).count();
    assert_eq!((tips, verify(&world, None).problems), (1, Vec::new()));
}
