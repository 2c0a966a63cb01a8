//! Where what came back starts again, by the size of its fix; and that nothing which was measured on the earlier candidate counts for the new one.

use super::*;

impl Workshop {
    /// A candidate that a reviewer's no sent back from a gate, with the librarian's signature.
    pub(super) fn came_back_from(gate: GateName) -> Self {
        let mut workshop = Self::new();
        workshop.at_peer();
        if gate == GateName::Qa {
            for name in workshop.drawn(GateName::Peer) {
                workshop.approve(&name).unwrap();
            }
            workshop.merged_runs(oid(12));
        }
        let name = workshop.drawn(gate)[0].clone();
        workshop.review(&name, false).unwrap();
        workshop.seat("librarian", Act::Cosign { task: task(), note: "the reviewer is right".to_owned() }).unwrap();
        assert!(matches!(workshop.stage(), Stage::Back { gate: at, .. } if at == gate));
        workshop
    }

    fn merged_runs(&mut self, tree: Oid) {
        self.tested(RunKind::Merge, tree.clone(), &[("old", Seen::Passed), ("new", Seen::Passed)], Some(oid(1)));
        self.tested(RunKind::Sample, tree.clone(), &[("src/greet.rs @@ -1,1 +1,2 @@", Seen::Passed)], None);
        self.tested(RunKind::Cover, tree, &[], Some(oid(1)));
    }

    /// Hands a second candidate in: so many lines on top of `since`.
    pub(super) fn again(&mut self, lines: u64, since: Oid) {
        let first = self.commit("dev-a", "dev-a");
        let second = CommitFacts { id: oid(3), tree: oid(14), parents: vec![oid(2)], ..first.clone() };
        self.push("dev-a", "refs/heads/dev-a/t1-2", second.clone()).unwrap();
        self.seat("dev-a", Act::Land { push: "p1".to_owned() }).unwrap();
        self.seat("dev-a", Act::Submit { task: task(), commit: Some(oid(3)) }).unwrap();
        let blob = |n| Some(Blob { oid: oid(n), mode: 0o100_644, size: 10 });
        let file = |path: &str, old, new, added| FileChange { path: path.to_owned(), old, new: blob(new), added, deleted: 0, binary: false, marks: Vec::new() };
        let touched = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let change = Change {
            base: oid(1),
            base_tree: oid(11),
            commit: oid(3),
            tree: oid(14),
            commits: vec![first, second.clone()],
            files: vec![file("src/greet.rs", None, 23, 30 + lines), file("tests/greet.rs", None, 22, 30)],
            churn: 60 + lines,
            touched: touched(&["src/greet.rs", "tests/greet.rs"]),
        };
        let fix = Change {
            base: since,
            base_tree: oid(12),
            commits: vec![second],
            files: vec![file("src/greet.rs", blob(21), 23, lines)],
            churn: lines,
            touched: touched(&["src/greet.rs"]),
            ..change.clone()
        };
        let kept = RefName::new("refs/gate/tasks/t1/2").unwrap();
        self.edge(Act::Measured { task: task(), attempt: 2, change: Box::new(change), since: Some(Box::new(fix)), kept });
    }

    fn asked(&self) -> Vec<RunKind> {
        self.effects.iter().filter_map(|effect| if let Effect::Test { kind, .. } = effect { Some(*kind) } else { None }).collect()
    }
}

#[test]
fn up_to_fifty_lines_after_qa_go_to_peer_and_more_or_after_peer_to_green() {
    let rows = [
        (GateName::Qa, 50, GateName::Peer),
        (GateName::Qa, 51, GateName::Green),
        (GateName::Peer, 1, GateName::Green),
        (GateName::Peer, 51, GateName::Green),
    ];
    for (from, lines, at) in rows {
        let mut workshop = Workshop::came_back_from(from);
        workshop.again(lines, oid(2));
        assert_eq!(workshop.stage(), Stage::At(at), "{lines} lines after {from}");
        let attempt = workshop.drive.state.tasks[&task()].attempt.as_ref().unwrap();
        assert!(attempt.approvals.is_empty() && attempt.passed.is_empty() && attempt.runs.is_empty(), "nothing of the earlier candidate counts");
        assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
    }
}

#[test]
fn all_else_starts_at_its_first_gate() {
    let mut written_anew = Workshop::came_back_from(GateName::Qa);
    written_anew.again(1, oid(1));
    assert_eq!(written_anew.stage(), Stage::At(GateName::Red), "history that does not stand on the candidate");
    let mut measured = Workshop::new();
    measured.at_red();
    measured.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
    measured.tested(RunKind::Red, oid(13), &[("old", Seen::Passed)], None);
    measured.again(1, oid(2));
    assert_eq!(measured.stage(), Stage::At(GateName::Red), "what RED sent back");
    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    raw.shared.push_str(" Be kind.");
    let other: crate::domain::charter::Charter = raw.try_into().unwrap();
    let mut ruled = Workshop::came_back_from(GateName::Qa);
    ruled.ask(Actor::Owner, Act::Recharter { charter: other.canonical(), alone: true }).unwrap();
    ruled.again(1, oid(2));
    assert_eq!(ruled.stage(), Stage::At(GateName::Red), "what came back under other rules");
}

#[test]
fn what_a_small_fix_leaves_out_is_judged_with_qa_on_its_own_runs() {
    for (red, green) in [(Seen::Failed, Seen::Passed), (Seen::Passed, Seen::Passed), (Seen::Failed, Seen::Failed)] {
        let mut workshop = Workshop::came_back_from(GateName::Qa);
        workshop.again(3, oid(2));
        for name in workshop.drawn(GateName::Peer) {
            workshop.approve(&name).unwrap();
        }
        assert_eq!(workshop.stage(), Stage::At(GateName::Qa));
        let asked = workshop.asked();
        assert!([RunKind::Base, RunKind::Red, RunKind::Green, RunKind::Merge].iter().all(|kind| asked.contains(kind)), "{asked:?}");
        assert!(!asked.contains(&RunKind::Sample), "hunks are compared with a run that is not there yet");
        workshop.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
        workshop.tested(RunKind::Red, oid(13), &[("old", Seen::Passed), ("new", red)], None);
        workshop.tested(RunKind::Green, oid(14), &[("old", Seen::Passed), ("new", green)], None);
        assert!(workshop.asked().contains(&RunKind::Sample));
        workshop.merged_runs(oid(14));
        let name = workshop.drawn(GateName::Qa)[0].clone();
        let said = workshop.approve(&name);
        let from = match (red, green) {
            (Seen::Passed, _) => GateName::Red,
            (_, Seen::Failed) => GateName::Green,
            _ => {
                said.unwrap();
                assert_eq!(workshop.stage(), Stage::At(GateName::Deploy));
                let attempt = workshop.drive.state.tasks[&task()].attempt.as_ref().unwrap();
                assert_eq!(attempt.passed.keys().copied().collect::<Vec<_>>(), GateName::ALL[..4]);
                continue;
            }
        };
        assert!(matches!(workshop.stage(), Stage::Back { gate, .. } if gate == from), "{:?}", workshop.stage());
    }
}

#[test]
fn what_a_larger_fix_leaves_out_is_judged_with_green() {
    let mut workshop = Workshop::came_back_from(GateName::Peer);
    workshop.again(3, oid(2));
    workshop.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
    workshop.tested(RunKind::Red, oid(13), &[("old", Seen::Passed), ("new", Seen::Passed)], None);
    workshop.tested(RunKind::Green, oid(14), &[("old", Seen::Passed), ("new", Seen::Passed)], None);
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Red, .. }), "its test does not fail without it");
}
