//! What changes add up to, through the loop: which of the others count, and until when.

use super::*;

const HOUR: Millis = 3_600_000;

fn number(n: u32) -> TaskId {
    TaskId::new(format!("T{n}")).unwrap()
}

impl Workshop {
    /// Opens a task of its own kind, has it measured as so many lines of one file, and gives what is asked of it.
    fn slice(&mut self, by: &str, path: &str, lines: u64) -> u32 {
        let n = self.drive.state.opened + 1;
        let title = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"][n as usize % 7].repeat(n as usize);
        self.ask(Actor::Owner, Act::OpenTask { title, body: String::new(), assign: None }).unwrap();
        self.seat(by, Act::TakeTask { task: number(n) }).unwrap();
        self.measure(by, n, path, lines)
    }

    fn measure(&mut self, by: &str, n: u32, path: &str, lines: u64) -> u32 {
        let task = number(n);
        let name = RefName::new(format!("refs/heads/{by}/t{n}")).unwrap();
        self.drive.state.refs.insert(name, oid(2));
        self.seat(by, Act::Submit { task: task.clone(), commit: None }).unwrap();
        let new = Some(Blob { oid: oid(3), mode: 0o100_644, size: 10 });
        let file = FileChange { path: path.to_owned(), old: None, new, added: lines, deleted: 0, binary: false, marks: Vec::new() };
        let (commit, touched) = (self.commit(by, by), vec![path.to_owned()]);
        let ids = (oid(1), oid(11), oid(2), oid(12));
        let change = Change {
            base: ids.0,
            base_tree: ids.1,
            commit: ids.2,
            tree: ids.3,
            commits: vec![commit],
            files: vec![file],
            churn: lines,
            touched,
        };
        let attempt = self.drive.state.tasks[&task].attempt.as_ref().unwrap().number;
        let kept = RefName::new(format!("refs/gate/tasks/t{n}/{attempt}")).unwrap();
        self.edge(Act::Measured { task: task.clone(), attempt, change: Box::new(change), since: None, kept });
        self.drive.state.tasks[&task].attempt.as_ref().unwrap().needs.as_ref().unwrap().approvals
    }

    /// Ten slices of fifty lines, each by itself for one reviewer.
    fn ten(&mut self) {
        for n in 1..=10 {
            assert_eq!(self.slice("dev-a", &format!("d{n}/a.rs"), 50), 1, "slice {n}");
            self.drive.state.spent.clear();
        }
    }

    fn merged(&mut self, n: u32) {
        let now = self.drive.hands.now.get();
        let known = self.drive.state.tasks.get_mut(&number(n)).unwrap();
        (known.merged, known.merged_at) = (Some(oid(9)), Some(now));
        known.attempt.as_mut().unwrap().stage = Stage::Merged;
    }

    fn later(&mut self, time: Millis) {
        let now = &self.drive.hands.now;
        now.set(now.get() + time);
    }
}

#[test]
fn the_slice_that_goes_over_wants_two_and_says_why() {
    let mut workshop = Workshop::new();
    workshop.ten();
    assert_eq!(workshop.slice("dev-b", "z/a.rs", 1), 1, "another seat, another folder, another task");
    assert_eq!(workshop.slice("dev-a", "y/a.rs", 1), 2);
    let needs = workshop.drive.state.tasks[&number(12)].attempt.as_ref().unwrap().needs.clone().unwrap();
    assert_eq!(needs.reasons, ["dev-a has 501 lines, more than 500, under way or merged within 24 h"]);
    assert_eq!(workshop.drive.state.tasks[&number(1)].attempt.as_ref().unwrap().needs.as_ref().unwrap().approvals, 1);
    assert_eq!(workshop.slice("dev-b", "D1/b.rs", 450), 2, "by itself too large for one");
    let reasons = &workshop.drive.state.tasks[&number(13)].attempt.as_ref().unwrap().needs.as_ref().unwrap().reasons;
    assert!(reasons.iter().all(|reason| !reason.contains("d1/")), "500 lines in d1/ are not more than 500: {reasons:?}");
}

#[test]
fn a_merge_counts_for_a_day_and_what_is_under_way_for_as_long_as_it_is() {
    for (wait, approvals) in [(24 * HOUR - 10_000, 2), (24 * HOUR, 1)] {
        let mut workshop = Workshop::new();
        workshop.ten();
        (1..=10).for_each(|n| workshop.merged(n));
        workshop.later(wait);
        assert_eq!(workshop.slice("dev-a", "y/a.rs", 1), approvals, "{wait}");
    }
    let mut workshop = Workshop::new();
    workshop.ten();
    workshop.later(100 * HOUR);
    assert_eq!(workshop.slice("dev-a", "y/a.rs", 1), 2, "all of it could be merged at once");
}

#[test]
fn what_came_back_or_was_vetoed_counts_no_more_until_it_comes_again() {
    let mut workshop = Workshop::new();
    workshop.ten();
    workshop.edge(Act::Conflicted { task: number(1), attempt: 1, why: "no".to_owned() });
    assert_eq!(workshop.slice("dev-a", "y/a.rs", 50), 1);
    assert_eq!(workshop.measure("dev-a", 1, "d1/a.rs", 50), 2, "submitted again it counts the others");
    workshop.seat("librarian", Act::Veto { task: number(2), reason: "no".to_owned() }).unwrap();
    workshop.seat("librarian", Act::Veto { task: number(3), reason: "no".to_owned() }).unwrap();
    assert_eq!(workshop.slice("dev-a", "x/a.rs", 50), 1);
}

#[test]
fn a_new_attempt_takes_the_place_of_the_one_before() {
    let mut workshop = Workshop::new();
    assert_eq!(workshop.slice("dev-a", "a/a.rs", 50), 1);
    for _ in 0..8 {
        workshop.drive.state.spent.clear();
        assert_eq!(workshop.measure("dev-a", 1, "a/a.rs", 50), 1, "one task, whatever it is tried");
    }
}
