//! Turns that acts may take beside each other: nothing is lost, and nothing comes back that was refused.

use super::*;
use crate::domain::charter::Charter;
use crate::domain::policy::Act as Counted;

fn stage_of(workshop: &Workshop, id: &str) -> Stage {
    workshop.drive.state.tasks[&TaskId::new(id).unwrap()].attempt.as_ref().unwrap().stage.clone()
}

/// Opens and signs a bypass of task `number`.
fn bypassed(workshop: &mut Workshop, number: u8, code: u64) {
    let id = TaskId::new(format!("T{number}")).unwrap();
    workshop.candidate(number, 1, 9, 1, Vec::new());
    workshop.opens(&id, code).unwrap();
    workshop.signs("librarian", &id).unwrap();
}

#[test]
fn two_merges_that_are_built_at_once_both_enter() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    workshop.approve("orchestrator").unwrap();
    workshop.approve("librarian").unwrap();
    assert_eq!(stage_of(&workshop, "T1"), Stage::Merging);
    bypassed(&mut workshop, 2, 20);
    workshop.laid(2, 1, oid(52));
    assert_eq!(stage_of(&workshop, "T2"), Stage::Merging);
    let built = |n: u8, commit: u8, tree: u8| Act::MergeBuilt {
        task: TaskId::new(format!("T{n}")).unwrap(),
        attempt: 1,
        commit: oid(commit),
        old: oid(1),
        tree: oid(tree),
    };
    let (outcomes, effects) = workshop.drive.group(vec![(Actor::Edge, built(2, 152, 52)), (Actor::Edge, built(1, 9, 12))]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(
        (stage_of(&workshop, "T2"), stage_of(&workshop, "T1")),
        (Stage::Merged, Stage::At(GateName::Qa)),
        "the second is tested on the first"
    );
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Test { task, kind: RunKind::Merge, .. } if *task == super::task())),
        "{effects:?}"
    );
}

#[test]
fn the_tip_is_tested_anew_where_it_is_another() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    for name in workshop.drawn(GateName::Peer) {
        workshop.approve(&name).unwrap();
    }
    workshop.tested(RunKind::Sample, oid(12), &[("src/greet.rs @@ -1,1 +1,2 @@", Seen::Passed)], None);
    let at = |number: u8, workshop: &mut Workshop| {
        bypassed(workshop, number, u64::from(number) * 10);
        workshop.goes(number, 1, oid(50 + number)).unwrap();
        let tip = workshop.drive.state.tip().cloned().unwrap();
        assert_eq!(tip, oid(150 + number));
        assert!(workshop.drive.state.base_run.is_none());
        let tip = Some(tip);
        let results = [("old", Seen::Passed), ("new", Seen::Passed)];
        workshop.tested(RunKind::Merge, oid(70 + number), &results, tip.clone());
        let first = workshop.effects.clone();
        workshop.tested(RunKind::Cover, oid(70 + number), &[], tip.clone());
        let asked = first.iter().chain(&workshop.effects).any(|effect| matches!(effect, Effect::Test { kind: RunKind::Tip, .. }));
        (asked, tip)
    };
    let (asked, tip) = at(2, &mut workshop);
    assert!(asked, "first time");
    workshop.tested(RunKind::Tip, oid(90), &[("old", Seen::Passed)], tip);
    assert!(at(3, &mut workshop).0, "second time");
}

#[test]
fn the_same_work_meets_its_third_reviewer_again() {
    let text = built_in().unwrap().canonical().replace(",\"third_percent\":10", ",\"third_percent\":100");
    let mut workshop = Workshop::under(&Charter::from_canonical(&text).unwrap());
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    let shown = workshop.drive.state.tasks[&task()].shown.clone().unwrap();
    assert!(drawn.iter().all(|name| shown.seats.contains(&seat(name))));
}

#[test]
fn what_qa_sent_back_stays_so_when_its_bypass_ends() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    let peers = workshop.drawn(GateName::Peer);
    for name in &peers {
        workshop.approve(name).unwrap();
    }
    // The suite loses a test on the merge result.
    workshop.tested(RunKind::Merge, oid(12), &[("old", Seen::Failed), ("new", Seen::Passed)], Some(oid(1)));
    workshop.tested(RunKind::Sample, oid(12), &[("src/greet.rs @@ -1,1 +1,2 @@", Seen::Passed)], None);
    workshop.tested(RunKind::Cover, oid(12), &[], Some(oid(1)));
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Qa, .. }), "{:?}", workshop.stage());
    workshop.opens(&task(), 7).unwrap();
    workshop.signs("librarian", &task()).unwrap();
    let reason = "it overflows after all".to_owned();
    workshop.seat(&peers[0], Act::Withdraw { task: task(), reason }).unwrap();
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Qa, .. }), "{:?}", workshop.stage());
    assert_eq!(workshop.approve(&peers[0]).unwrap_err(), "not-at-a-gate");
}

#[test]
fn nothing_comes_between_the_intent_of_a_merge_and_its_move() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    workshop.approve("orchestrator").unwrap();
    workshop.approve("librarian").unwrap();
    let peer = workshop.drawn(GateName::Peer)[0].clone();
    let built = || Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) };
    let taken = Act::Withdraw { task: task(), reason: "it overflows after all".to_owned() };
    let (outcomes, _) = workshop.drive.group(vec![(Actor::Edge, built()), (Actor::Seat(seat(&peer)), taken)]);
    assert!(matches!(&outcomes[1], Err(Denied::Refused(refusal)) if refusal.code == "too-late"), "{outcomes:?}");
    assert_eq!(workshop.stage(), Stage::Merged);
}

/// Lets a candidate of dev-a's go through RED and GREEN.
fn tested_of(
    workshop: &mut Workshop,
    id: &str,
    kind: RunKind,
    tree: Oid,
    results: &[(&str, Seen)],
    tip: Option<Oid>,
    completion: Completion,
) {
    let task = TaskId::new(id).unwrap();
    let results: BTreeMap<String, Seen> = results.iter().map(|(id, seen)| ((*id).to_owned(), *seen)).collect();
    let run = Run {
        tree,
        harness: "cargo".to_owned(),
        command: vec![],
        completion,
        results,
        missing: vec![],
        note: String::new(),
        output: Digest::of(b""),
        duration_ms: 1,
        coverage: None,
    };
    let attempt = workshop.drive.state.tasks[&task].attempt.as_ref().unwrap().number;
    workshop.edge(Act::Tested { task, attempt, kind, tip, declared: vec![], run: Box::new(run) });
}

#[test]
fn tasks_are_opened_out_of_the_budget_for_messages() {
    let mut workshop = Workshop::new();
    let open = |workshop: &mut Workshop| {
        workshop.seat("dev-a", Act::OpenTask { title: "read this".to_owned(), body: String::new(), assign: None })
    };
    let most = workshop.drive.state.charter().budget(&seat("dev-a"), Counted::Messages).per_minute.unwrap();
    (0..most).for_each(|_| drop(open(&mut workshop).unwrap()));
    assert_eq!(open(&mut workshop).unwrap_err(), "over-budget");
}

#[test]
fn the_same_work_meets_again_who_was_drawn_in_anothers_place() {
    let text = built_in().unwrap().canonical().replace(",\"third_percent\":10", "");
    let mut workshop = Workshop::under(&Charter::from_canonical(&text).unwrap());
    workshop.at_peer();
    for _ in 0..2 {
        workshop.drive.hands.now.set(workshop.drive.hands.now.get() + 43_200_000);
        workshop.edge(Act::Tick);
    }
    let drawn = workshop.drawn(GateName::Peer);
    let shown = workshop.drive.state.tasks[&task()].shown.clone().unwrap();
    assert!(drawn.iter().all(|name| shown.seats.contains(&seat(name))));
}

#[test]
fn a_run_of_the_tip_that_hit_a_limit_is_its_attempts_alone() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    for name in workshop.drawn(GateName::Peer) {
        workshop.approve(&name).unwrap();
    }
    workshop.tested(RunKind::Sample, oid(12), &[("src/greet.rs @@ -1,1 +1,2 @@", Seen::Passed)], None);
    bypassed(&mut workshop, 2, 20);
    workshop.goes(2, 1, oid(52)).unwrap();
    let tip = Some(oid(152));
    workshop.tested(RunKind::Merge, oid(72), &[("old", Seen::Passed), ("new", Seen::Passed)], tip.clone());
    workshop.tested(RunKind::Cover, oid(72), &[], tip.clone());
    tested_of(&mut workshop, "T1", RunKind::Tip, oid(90), &[], tip, Completion::LimitReached);
    let kept = workshop.drive.state.base_run.as_ref().map(|run| run.completion);
    assert!(workshop.replayed().base_run.is_none());
    assert!(kept.is_none(), "what failed by itself is what all others are compared with");
}

#[test]
fn a_judgement_that_could_not_be_appended_is_made_later() {
    let mut first = Workshop::new();
    first.at_deploy();
    first.approve("orchestrator").unwrap();
    let left = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(u32::MAX));
    let mut copy = MemoryLedger::default();
    let bytes: Vec<Vec<u8>> = first.drive.ledger().read(0, 10_000).unwrap().into_iter().map(|record| record.bytes).collect();
    copy.append(0, &bytes).unwrap();
    let drive = Drive::open(Box::new(Full(copy, std::sync::Arc::clone(&left))), Dry::default()).unwrap();
    let mut workshop = Workshop { drive, effects: Vec::new() };
    workshop.drive.hands.now.set(first.drive.hands.now.get());
    // The word is appended, the judgement that follows finds the disk full for a moment.
    left.store(1, std::sync::atomic::Ordering::SeqCst);
    workshop.approve("librarian").unwrap();
    assert_eq!(left.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(workshop.stage(), Stage::At(GateName::Deploy));
    left.store(u32::MAX, std::sync::atomic::Ordering::SeqCst);
    workshop.edge(Act::Tick);
    assert_eq!(workshop.stage(), Stage::Merging);
}

#[test]
fn what_is_merged_is_still_to_be_brought_home_until_it_is_there() {
    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    let mut policy: crate::domain::policy::RawPolicy = raw.policy.into();
    policy.delivery.automatic = true;
    raw.policy = policy.try_into().unwrap();
    for automatic in [true, false] {
        let mut workshop = if automatic { Workshop::under(&raw.clone().try_into().unwrap()) } else { Workshop::new() };
        let wanted = |workshop: &mut Workshop| workshop.drive.outstanding().contains(&Effect::Publish);
        assert!(!wanted(&mut workshop), "nothing was merged");
        workshop.at_deploy();
        workshop.approve("orchestrator").unwrap();
        workshop.approve("librarian").unwrap();
        workshop.edge(Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) });
        assert!(workshop.effects.contains(&Effect::Publish));
        // The supervisor dies before it is done.
        workshop.drive.state = workshop.replayed();
        assert_eq!(wanted(&mut workshop), automatic, "where the owner asked for it");
        let home = |workshop: &mut Workshop, outcome: &str, commit: Option<Oid>| {
            workshop.edge(Act::WentHome { branch: "main".to_owned(), outcome: outcome.to_owned(), commit }).len()
        };
        assert_eq!(home(&mut workshop, "not moved", None), 1);
        assert_eq!(home(&mut workshop, "not moved", None), 0, "the same word again");
        assert_eq!(wanted(&mut workshop), automatic);
        assert_eq!(home(&mut workshop, "moved", Some(oid(1))), 1);
        assert_eq!(wanted(&mut workshop), automatic, "an older one is there");
        assert_eq!(home(&mut workshop, "moved", Some(oid(9))), 1);
        assert!(!wanted(&mut workshop), "it is there");
        assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
    }
}
