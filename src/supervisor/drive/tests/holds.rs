//! Whose a task is: taken, reserved, given back, taken away; and that nothing is got round by it.

use super::*;
use std::collections::BTreeSet;

fn number(n: u32) -> TaskId {
    TaskId::new(format!("T{n}")).unwrap()
}

impl Workshop {
    fn opened(&mut self, by: Actor, assign: Option<&str>) -> Result<TaskId, String> {
        self.drive.state.spent.clear();
        self.ask(by, Act::OpenTask { title: "greet".to_owned(), body: String::new(), assign: assign.map(seat) })?;
        Ok(number(self.drive.state.opened))
    }

    fn take(&mut self, by: &str, task: &TaskId) -> Result<(), String> {
        self.seat(by, Act::TakeTask { task: task.clone() }).map(drop)
    }

    fn release(&mut self, by: Actor, task: &TaskId, reason: &str, assign: Option<&str>) -> Result<(), String> {
        self.drive.state.spent.clear();
        self.ask(by, Act::ReleaseTask { task: task.clone(), reason: reason.to_owned(), assign: assign.map(seat) }).map(drop)
    }

    /// A candidate of another seat for T1, of its own commit alone, up to PEER.
    fn handed_in_by(&mut self, by: &str) {
        self.drive.state.refs.insert(RefName::new(format!("refs/heads/{by}/t1")).unwrap(), oid(2));
        self.seat(by, Act::Submit { task: task(), commit: None }).unwrap();
        let blob = |n| Some(Blob { oid: oid(n), mode: 0o100_644, size: 10 });
        let file = |path: &str, n| FileChange { path: path.to_owned(), old: None, new: blob(n), added: 30, deleted: 0, binary: false, marks: Vec::new() };
        let touched = ["src/greet.rs", "tests/greet.rs"].map(str::to_owned).to_vec();
        let (commits, files) = (vec![self.commit(by, by)], vec![file("src/greet.rs", 21), file("tests/greet.rs", 22)]);
        let change = Change { base: oid(1), base_tree: oid(11), commit: oid(2), tree: oid(12), commits, files, churn: 60, touched };
        let attempt = self.attempt().number;
        let kept = RefName::new(format!("refs/gate/tasks/t1/{attempt}")).unwrap();
        self.edge(Act::Measured { task: task(), attempt, change: Box::new(change), since: None, kept });
        self.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
        self.tested(RunKind::Red, oid(13), &[("old", Seen::Passed), ("new", Seen::Failed)], None);
        self.tested(RunKind::Green, oid(12), &[("old", Seen::Passed), ("new", Seen::Passed)], None);
    }

    fn attempt(&self) -> &crate::domain::task::Attempt {
        self.drive.state.tasks[&task()].attempt.as_ref().unwrap()
    }
}

fn dev(name: &str) -> Actor {
    Actor::Seat(seat(name))
}

#[test]
fn what_is_given_back_ends_and_another_takes_it_with_all_that_is_known_of_it() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    let first: BTreeSet<String> = workshop.drawn(GateName::Peer).into_iter().collect();
    workshop.approve(first.first().unwrap()).unwrap();
    workshop.release(dev("dev-a"), &task(), "", None).unwrap();
    assert!(workshop.effects.iter().all(|effect| matches!(effect, Effect::Ring { .. })), "{:?}", workshop.effects);
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Peer, .. }));
    assert_eq!(workshop.release(dev("dev-a"), &task(), "", None).unwrap_err(), "not-your-task");
    let late = workshop.ask(Actor::Edge, Act::Judge { task: task(), attempt: 1, gate: GateName::Peer });
    assert_eq!(late.unwrap_err(), "superseded");
    assert_eq!(workshop.approve(first.last().unwrap()).unwrap_err(), "not-at-a-gate");
    assert_eq!(workshop.seat("dev-a", Act::Submit { task: task(), commit: None }).unwrap_err(), "not-the-author");

    let author = ["dev-b", "qa-a"].into_iter().find(|name| !first.contains(*name)).unwrap();
    workshop.take(author, &task()).unwrap();
    assert_eq!(workshop.take("docs", &task()).unwrap_err(), "taken");
    workshop.handed_in_by(author);
    let attempt = workshop.attempt();
    assert_eq!((attempt.number, attempt.approvals.len()), (2, 0), "numbers go on, words are void");
    assert!(attempt.contributors.contains(&seat("dev-a")) && attempt.contributors.contains(&seat(author)), "{:?}", attempt.contributors);
    let second: BTreeSet<String> = workshop.drawn(GateName::Peer).into_iter().collect();
    assert!(first.is_subset(&second), "whoever saw it sees it again: {first:?}, {second:?}");
    assert!(!second.contains("dev-a") && !second.contains(author), "{second:?}");
    assert_eq!(workshop.approve("dev-a").unwrap_err(), "own-work");
    assert_eq!(workshop.replayed().tasks, workshop.drive.state.tasks);
}

#[test]
fn a_veto_a_no_and_a_merge_stay_what_they_are() {
    let mut vetoed = Workshop::new();
    vetoed.at_peer();
    vetoed.seat("librarian", Act::Veto { task: task(), reason: "no".to_owned() }).unwrap();
    assert_eq!(vetoed.release(dev("dev-a"), &task(), "", None).unwrap_err(), "vetoed");
    assert_eq!(vetoed.release(Actor::Owner, &task(), "why", None).unwrap_err(), "vetoed");

    // What a gate sent back is no base for a fix any more, and for no bypass.
    let mut back = Workshop::came_back_from(GateName::Qa);
    back.release(dev("dev-a"), &task(), "", None).unwrap();
    back.take("dev-a", &task()).unwrap();
    assert!(back.attempt().failed.is_none() && matches!(back.stage(), Stage::Back { gate: GateName::Qa, .. }));
    back.again(1, oid(2));
    assert_eq!((back.stage(), back.attempt().number), (Stage::At(GateName::Red), 2), "all of it is judged anew");

    let mut merged = Workshop::new();
    merged.at_deploy();
    merged.drive.state.tasks.get_mut(&task()).unwrap().merged = Some(oid(9));
    assert_eq!(merged.release(dev("dev-a"), &task(), "", None).unwrap_err(), "merged-already");
    let moving = merged.drive.state.tasks.get_mut(&task()).unwrap();
    moving.merged = None;
    moving.attempt.as_mut().unwrap().stage = Stage::Moving { commit: oid(9), old: oid(1) };
    assert_eq!(merged.release(Actor::Owner, &task(), "why", None).unwrap_err(), "merging");
}

#[test]
fn a_task_is_taken_away_by_the_owner_and_by_who_plans_or_may_veto() {
    for (by, said) in [
        (Actor::Owner, Ok(())),
        (dev("planner-b"), Ok(())),
        (dev("orchestrator"), Ok(())),
        (dev("librarian"), Ok(())),
        (dev("dev-b"), Err("not-your-task".to_owned())),
        (dev("architect-a"), Err("not-your-task".to_owned())),
        (dev("qa-a"), Err("not-your-task".to_owned())),
    ] {
        let mut workshop = Workshop::new();
        workshop.at_peer();
        assert_eq!(workshop.release(by.clone(), &task(), "it takes too long", Some("qa-b")), said, "{by}");
        let known = &workshop.drive.state.tasks[&task()];
        assert_eq!(known.author.is_none(), said.is_ok());
        assert_eq!(known.assigned, said.ok().map(|()| seat("qa-b")));
    }
    let mut workshop = Workshop::new();
    workshop.at_peer();
    assert_eq!(workshop.release(Actor::Owner, &task(), "", None).unwrap_err(), "one-line", "a reason is wanted");
    assert_eq!(workshop.release(Actor::Owner, &task(), "why", Some("librarian")).unwrap_err(), "no-such-seat", "it takes no tasks");
    workshop.ask(Actor::Owner, Act::Freeze { reason: "stop".to_owned() }).unwrap();
    assert_eq!(workshop.release(dev("dev-a"), &task(), "", None).unwrap_err(), "frozen");
}

#[test]
fn what_is_reserved_is_nobody_elses_until_it_is_released() {
    let mut workshop = Workshop::new();
    assert_eq!(workshop.opened(Actor::Owner, Some("librarian")).unwrap_err(), "no-such-seat");
    let task = workshop.opened(dev("architect-a"), Some("dev-a")).unwrap();
    assert_eq!(workshop.take("dev-b", &task).unwrap_err(), "reserved");
    assert_eq!(workshop.release(dev("dev-b"), &task, "mine", None).unwrap_err(), "not-your-task");
    assert_eq!(workshop.release(dev("dev-a"), &task, "for my friend", Some("dev-b")).unwrap_err(), "not-your-task");
    workshop.release(dev("architect-a"), &task, "dev-a has enough", Some("dev-b")).unwrap();
    assert_eq!(workshop.take("dev-a", &task).unwrap_err(), "reserved");
    workshop.take("dev-b", &task).unwrap();
    assert_eq!(workshop.release(dev("architect-a"), &task, "no", None).unwrap_err(), "not-your-task", "somebody works on it");
    workshop.release(dev("dev-b"), &task, "", None).unwrap();
    workshop.take("dev-a", &task).unwrap();

    let other = workshop.opened(Actor::Owner, Some("dev-a")).unwrap();
    workshop.release(dev("dev-a"), &other, "", None).unwrap();
    assert_eq!(workshop.release(Actor::Owner, &other, "why", None).unwrap_err(), "not-taken", "nobody has it");
    workshop.take("dev-b", &other).unwrap();
    let former = |task: &TaskId| workshop.drive.state.tasks[task].former.iter().map(SeatName::to_string).collect::<Vec<_>>();
    assert_eq!((former(&task), former(&other)), (vec!["dev-b".to_owned()], vec![]), "who never had it had no hand in it");
    assert_eq!(workshop.replayed().tasks, workshop.drive.state.tasks);
}

#[test]
fn a_seat_has_so_many_unfinished_tasks_and_no_more() {
    let mut workshop = Workshop::new();
    let most = workshop.drive.state.charter().policy.tasks.held;
    for n in 1..=most {
        let task = workshop.opened(Actor::Owner, None).unwrap();
        workshop.take("dev-a", &task).unwrap_or_else(|why| panic!("task {n} of {most}: {why}"));
    }
    let one_more = workshop.opened(Actor::Owner, None).unwrap();
    let none_more = |workshop: &mut Workshop| assert_eq!(workshop.take("dev-a", &one_more).unwrap_err(), "too-many-tasks");
    none_more(&mut workshop);
    workshop.take("dev-b", &one_more).unwrap();
    workshop.release(dev("dev-b"), &one_more, "", None).unwrap();
    none_more(&mut workshop);
    workshop.release(dev("dev-a"), &number(1), "", None).unwrap();
    workshop.take("dev-a", &one_more).unwrap();
    // What is vetoed or merged is done with.
    let more = workshop.opened(Actor::Owner, None).unwrap();
    assert_eq!(workshop.take("dev-a", &more).unwrap_err(), "too-many-tasks");
    workshop.seat("librarian", Act::Veto { task: number(2), reason: "no".to_owned() }).unwrap();
    workshop.take("dev-a", &more).unwrap();
    workshop.drive.state.tasks.get_mut(&number(3)).unwrap().merged = Some(oid(9));
    let last = workshop.opened(Actor::Owner, None).unwrap();
    workshop.take("dev-a", &last).unwrap();

    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    let mut policy: crate::domain::policy::RawPolicy = raw.policy.into();
    policy.tasks = crate::domain::task::Terms::default();
    raw.policy = policy.try_into().unwrap();
    let mut old = Workshop::under(&raw.try_into().unwrap());
    for _ in 0..=most {
        let task = old.opened(Actor::Owner, None).unwrap();
        old.take("dev-a", &task).unwrap();
    }
}

#[test]
fn what_changed_hands_counts_for_all_who_had_one_in_it() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    workshop.release(dev("dev-a"), &task(), "", None).unwrap();
    workshop.take("dev-b", &task()).unwrap();
    workshop.handed_in_by("dev-b");
    // 60 lines are under way; dev-a's next ones come on top of them, though the task is dev-b's.
    let state = &workshop.drive.state;
    let others = crate::domain::window::others(state, &number(2), state.now);
    assert!(others.len() == 1 && others[0].seats.contains(&seat("dev-a")) && others[0].seats.contains(&seat("dev-b")));
}
