//! Round the gates: two halves, small, in time, once; and two others look at it afterwards, or its author waits.

use super::*;
use crate::domain::bypass::{Event as Round, Word};
use crate::domain::change::Mark;
use crate::domain::confirm::Shown;
use crate::domain::name::Oid;
use crate::domain::task as tasks;

const MINUTE: Millis = 60_000;
const DAY: Millis = 86_400_000;
const NOTE: &str = "looked at every line of it";

impl Workshop {
    /// A candidate of T1 with so many lines and files, at RED.
    fn burning(lines: u64, files: u8, marks: Vec<Mark>) -> Self {
        let mut workshop = Self::new();
        workshop.candidate(1, 1, lines, files, marks);
        workshop
    }

    pub(super) fn candidate(&mut self, number: u8, attempt: u32, lines: u64, files: u8, marks: Vec<Mark>) {
        let id = TaskId::new(format!("T{number}")).unwrap();
        let base = self.drive.state.tip().cloned().unwrap();
        if attempt == 1 {
            self.ask(Actor::Owner, Act::OpenTask { title: "it burns".to_owned(), body: String::new(), assign: None }).unwrap();
            self.seat("dev-a", Act::TakeTask { task: id.clone() }).unwrap();
        }
        let commit = CommitFacts { id: oid(100 + number), parents: vec![base.clone()], ..self.commit("dev-a", "dev-a") };
        self.push("dev-a", &format!("refs/heads/dev-a/t{number}-{attempt}"), commit.clone()).unwrap();
        self.seat("dev-a", Act::Land { push: "p1".to_owned() }).unwrap();
        self.seat("dev-a", Act::Submit { task: id.clone(), commit: Some(commit.id.clone()) }).unwrap();
        let blob = Some(Blob { oid: oid(21), mode: 0o100_644, size: 10 });
        let file = |n: u8| {
            let (added, marks) = if n == 0 { (lines - u64::from(files - 1), marks.clone()) } else { (1, Vec::new()) };
            FileChange { path: format!("src/f{n}.rs"), old: None, new: blob.clone(), added, deleted: 0, binary: false, marks }
        };
        let changed: Vec<FileChange> = (0..files).map(file).collect();
        let touched = changed.iter().map(|file| file.path.clone()).collect();
        let (tree, base_tree) = (oid(50 + number), oid(11));
        let change = Change { base, base_tree, commit: commit.id.clone(), tree, commits: vec![commit], files: changed, churn: lines, touched };
        let kept = RefName::new(format!("refs/gate/tasks/t{number}/{attempt}")).unwrap();
        self.edge(Act::Measured { task: id, attempt, change: Box::new(change), since: None, kept });
    }

    fn digest(&self, id: &TaskId) -> Digest {
        let attempt = self.drive.state.tasks[id].attempt.as_ref().unwrap();
        Shown::of(&tasks::bound(&self.drive.state, id, attempt, attempt.submitted).unwrap()).0
    }

    pub(super) fn opens(&mut self, id: &TaskId, code: u64) -> Result<Vec<Entry>, String> {
        let word = Word::Open { shown: self.digest(id), reason: "the site is down".to_owned(), code: Some(code) };
        self.ask(Actor::Owner, Act::Bypass { task: id.clone(), word })
    }

    pub(super) fn signs(&mut self, by: &str, id: &TaskId) -> Result<Vec<Entry>, String> {
        self.seat(by, Act::Bypass { task: id.clone(), word: Word::Sign { note: NOTE.to_owned() } })
    }

    /// The supervisor's part, once both halves are there: the merge result, untested, and the merge.
    pub(super) fn goes(&mut self, number: u8, attempt: u32, tree: Oid) -> Result<Vec<Entry>, String> {
        self.laid(number, attempt, tree.clone());
        let (task, old) = (TaskId::new(format!("T{number}")).unwrap(), self.drive.state.tip().cloned().unwrap());
        self.ask(Actor::Edge, Act::MergeBuilt { task, attempt, commit: oid(150 + number), old, tree })
    }

    pub(super) fn laid(&mut self, number: u8, attempt: u32, tree: Oid) {
        let (task, tip) = (TaskId::new(format!("T{number}")).unwrap(), self.drive.state.tip().cloned());
        let run = Run {
            tree,
            harness: "none".to_owned(),
            command: Vec::new(),
            completion: Completion::Finished,
            results: BTreeMap::new(),
            missing: Vec::new(),
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 0,
            coverage: None,
        };
        self.edge(Act::Tested { task, attempt, kind: RunKind::Merge, tip, declared: Vec::new(), run: Box::new(run) });
    }

    fn clock(&mut self, moment: Millis) {
        // The clock goes on by a second with each look.
        self.drive.hands.now.set(moment - 1000);
    }

    fn merged_as(&self, id: &TaskId) -> Option<Oid> {
        self.drive.state.tasks[id].merged.clone()
    }

    fn look(&mut self, by: &str, accept: bool) -> Result<Vec<Entry>, String> {
        self.seat(by, Act::Bypass { task: task(), word: Word::Review { accept, note: NOTE.to_owned() } })
    }

    fn answers(&mut self) -> Result<Vec<Entry>, String> {
        self.ask(Actor::Owner, Act::Bypass { task: task(), word: Word::Answer { note: "they are right, T3 takes it back".to_owned() } })
    }

    fn lookers(&self) -> Vec<String> {
        self.drive.state.bypasses[&task()].drawn.iter().flat_map(|(seats, _)| seats).map(ToString::to_string).collect()
    }

    fn round() -> Self {
        let mut workshop = Self::burning(100, 10, Vec::new());
        workshop.opens(&task(), 7).unwrap();
        workshop.signs("librarian", &task()).unwrap();
        workshop.goes(1, 1, oid(51)).unwrap();
        assert_eq!(workshop.merged_as(&task()), Some(oid(151)));
        workshop
    }
}

#[test]
fn both_halves_let_a_small_candidate_in_and_it_is_small_up_to_here() {
    let mut workshop = Workshop::round();
    assert_eq!(workshop.drive.state.tip(), Some(&oid(151)));
    assert_eq!(workshop.opens(&task(), 8).unwrap_err(), "merged-already", "once");
    assert_eq!(workshop.signs("librarian", &task()).unwrap_err(), "merged-already");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
    for (lines, files, code) in [(101, 10, "too-large"), (100, 11, "too-large")] {
        assert_eq!(Workshop::burning(lines, files, Vec::new()).opens(&task(), 7).unwrap_err(), code, "{lines} lines, {files} files");
    }
}

#[test]
fn each_half_is_its_own_ones_and_binds_what_was_shown() {
    let mut workshop = Workshop::burning(9, 1, Vec::new());
    assert_eq!(workshop.signs("librarian", &task()).unwrap_err(), "bypass-over", "the owner has said nothing");
    let word = |shown, code| Act::Bypass { task: task(), word: Word::Open { shown, reason: "it burns".to_owned(), code } };
    let shown = workshop.digest(&task());
    assert_eq!(workshop.seat("librarian", word(shown.clone(), Some(7))).unwrap_err(), "owner-only");
    assert_eq!(workshop.ask(Actor::Owner, word(Digest::of(b"other"), Some(7))).unwrap_err(), "other-digest");
    workshop.ask(Actor::Owner, word(shown.clone(), None)).unwrap();
    assert!(workshop.drive.state.bypasses.is_empty(), "a wrong code opens nothing");
    workshop.ask(Actor::Owner, word(shown, Some(7))).unwrap();
    assert_eq!(workshop.opens(&task(), 8).unwrap_err(), "said-already");
    for seat in ["dev-a", "orchestrator", "qa-a"] {
        assert_eq!(workshop.signs(seat, &task()).unwrap_err(), "not-your-role", "{seat}");
    }
    assert_eq!(workshop.goes(1, 1, oid(51)).unwrap_err(), "gates-open", "one half is none");
    workshop.candidate(1, 2, 9, 1, Vec::new());
    assert_eq!(workshop.signs("librarian", &task()).unwrap_err(), "bypass-over", "another candidate than the one that was shown");
}

#[test]
fn it_counts_for_an_hour_by_the_ledgers_time() {
    for (after, fits) in [(60 * MINUTE, true), (60 * MINUTE + 1, false)] {
        let mut workshop = Workshop::burning(9, 1, Vec::new());
        workshop.opens(&task(), 7).unwrap();
        let opened = workshop.drive.state.bypasses[&task()].opened;
        workshop.clock(opened + after);
        assert_eq!(workshop.signs("librarian", &task()).is_ok(), fits);
        let mut workshop = Workshop::burning(9, 1, Vec::new());
        workshop.opens(&task(), 7).unwrap();
        workshop.signs("librarian", &task()).unwrap();
        let opened = workshop.drive.state.bypasses[&task()].opened;
        workshop.laid(1, 1, oid(51));
        workshop.clock(opened + after);
        workshop.edge(Act::MergeBuilt { task: task(), attempt: 1, commit: oid(151), old: oid(1), tree: oid(51) });
        assert_eq!(workshop.merged_as(&task()).is_some(), fits, "used after {after} ms");
    }
}

#[test]
fn a_freeze_a_veto_a_secret_and_a_moved_branch_win() {
    let mut workshop = Workshop::burning(9, 1, Vec::new());
    workshop.opens(&task(), 7).unwrap();
    workshop.seat("librarian", Act::Freeze { reason: "stop".to_owned() }).unwrap();
    assert_eq!(workshop.signs("librarian", &task()).unwrap_err(), "frozen");
    workshop.ask(Actor::Owner, Act::Thaw { step: Some(9), alone: true }).unwrap();
    workshop.signs("librarian", &task()).unwrap();
    workshop.seat("librarian", Act::Veto { task: task(), reason: "no".to_owned() }).unwrap();
    assert_eq!(workshop.goes(1, 1, oid(51)).unwrap_err(), "vetoed");

    let mut workshop = Workshop::burning(9, 1, Vec::new());
    workshop.opens(&task(), 7).unwrap();
    workshop.signs("librarian", &task()).unwrap();
    workshop.goes(1, 1, oid(77)).unwrap();
    assert_eq!(workshop.merged_as(&task()), None, "another tree than the one that was shown");
    assert!(matches!(workshop.stage(), Stage::Back { .. }));

    let marked = Workshop::burning(9, 1, vec![Mark::Secret { kind: "a private key".to_owned(), line: 1 }]);
    assert!(matches!(marked.stage(), Stage::Back { .. }), "the policy lets no secret in");
}

#[test]
fn two_others_look_at_it_and_its_author_waits_for_them_after_a_day() {
    let mut workshop = Workshop::round();
    let lookers = workshop.lookers();
    assert!(lookers.len() == 2 && !lookers.contains(&"dev-a".to_owned()) && !lookers.contains(&"librarian".to_owned()));
    assert_eq!(workshop.look("dev-a", true).unwrap_err(), "not-drawn");
    let merged = workshop.drive.state.bypasses[&task()].merged.unwrap();
    let second = TaskId::new("T2").unwrap();
    let by_bypass = |workshop: &mut Workshop, code: u64| {
        workshop.candidate(2, 1, 9, 1, Vec::new());
        workshop.opens(&second, code).unwrap();
        workshop.signs("librarian", &second).unwrap();
    };
    workshop.clock(merged + DAY - MINUTE);
    by_bypass(&mut workshop, 20);
    workshop.laid(2, 1, oid(52));
    workshop.clock(merged + DAY);
    workshop.edge(Act::MergeBuilt { task: second.clone(), attempt: 1, commit: oid(152), old: oid(151), tree: oid(52) });
    assert_eq!(workshop.merged_as(&second), Some(oid(152)), "still in time");

    let mut workshop = Workshop::round();
    let merged = workshop.drive.state.bypasses[&task()].merged.unwrap();
    workshop.clock(merged + DAY + 1);
    workshop.edge(Act::Tick);
    let bypass = &workshop.drive.state.bypasses[&task()];
    assert!(!bypass.lapsed && bypass.again.round == 1, "others look at it in their place");
    by_bypass(&mut workshop, 20);
    assert_eq!(workshop.goes(2, 1, oid(52)).unwrap_err(), "follow-up-due");
    let tip = workshop.drive.state.tip().cloned().unwrap();
    let built = || Act::MergeBuilt { task: second.clone(), attempt: 1, commit: oid(152), old: tip.clone(), tree: oid(52) };
    assert_eq!(workshop.ask(Actor::Edge, built()).unwrap_err(), "follow-up-due");
    let lookers = workshop.lookers();
    workshop.look(&lookers[0], true).unwrap();
    assert_eq!(workshop.look(&lookers[0], true).unwrap_err(), "said-already");
    assert_eq!(workshop.ask(Actor::Edge, built()).unwrap_err(), "follow-up-due", "one of two");
    workshop.effects.clear();
    workshop.look(&lookers[1], false).unwrap();
    assert!(workshop.effects.contains(&Effect::BuildMerge { task: second.clone(), attempt: 1 }), "whoever waited goes on");
    assert_eq!(workshop.ask(Actor::Edge, built()).unwrap_err(), "bypass-disputed", "but no bypass over a no");
    workshop.effects.clear();
    workshop.answers().unwrap();
    assert!(workshop.effects.contains(&Effect::BuildMerge { task: second.clone(), attempt: 1 }), "whoever waited goes on");
    workshop.edge(built());
    assert_eq!(workshop.merged_as(&second), Some(oid(152)));
    let round = |entry: &Entry| matches!(entry.event, Event::Bypass(Round::Lapsed { .. }));
    assert_eq!(entries(&workshop).iter().filter(|entry| round(entry)).count(), 1);
}

#[test]
fn who_does_not_look_is_replaced_by_chance_until_nobody_is_left_and_the_owner_is_told() {
    let mut workshop = Workshop::round();
    let first = workshop.lookers();
    workshop.look(&first[0], true).unwrap();
    let merged = workshop.drive.state.bypasses[&task()].merged.unwrap();
    workshop.clock(merged + DAY + 1);
    workshop.edge(Act::Tick);
    let rounds = |workshop: &Workshop| -> Vec<Round> {
        let all = entries(workshop).into_iter().filter_map(|entry| if let Event::Bypass(event) = entry.event { Some(event) } else { None });
        all.filter(|event| matches!(event, Round::Lapsed { .. } | Round::Redrawn { .. })).collect()
    };
    let told = rounds(&workshop);
    let [Round::Lapsed { .. }, Round::Redrawn { round: 1, out, pool, seats, draw, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*draw, Digest::of(b"T1 follow-up 1"));
    assert_eq!((out.clone(), seats.clone()), (vec![seat(&first[1])], crate::domain::draw::draw(pool, 1, draw)), "only the silent one");
    assert!(pool.iter().all(|seat| !first.contains(&seat.to_string()) && seat.as_str() != "dev-a"), "{pool:?}");
    assert_eq!(workshop.look(&first[1], true).unwrap_err(), "not-drawn", "too late");
    let state = &workshop.drive.state;
    let hers = [seat("dev-a")].into();
    assert!(crate::domain::bypass::looked_at(state, &hers, state.now).is_err(), "her merges wait all the same");
    let second = seats[0].to_string();
    workshop.look(&second, true).unwrap();
    assert!(crate::domain::bypass::looked_at(&workshop.drive.state, &hers, workshop.drive.state.now).is_ok());
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());

    let mut workshop = Workshop::round();
    let mut seen: Vec<String> = workshop.lookers();
    let day = |workshop: &mut Workshop| {
        workshop.clock(workshop.drive.state.now + DAY + MINUTE);
        workshop.edge(Act::Tick);
    };
    day(&mut workshop);
    assert!(workshop.lookers().iter().all(|name| !seen.contains(name)), "never one who was drawn before");
    seen.extend(workshop.lookers());
    day(&mut workshop);
    assert_eq!(rounds(&workshop).len(), 3, "nobody is left: it waits for them");
    let status = crate::view::status(&workshop.drive.state, 0);
    let line = status.waiting.iter().find(|line| line.what.contains("overdue")).unwrap();
    assert!(line.command.starts_with(&format!("orchestrate mail send {}", seen[2])), "{}", line.command);
    day(&mut workshop);
    assert!(workshop.drive.outstanding().is_empty() && rounds(&workshop).len() == 3, "told once");
    workshop.look(&seen[2], true).unwrap();
    workshop.look(&seen[3], true).unwrap();
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn a_no_stands_open_and_stops_further_bypasses_until_the_owner_answers() {
    let mut workshop = Workshop::round();
    let lookers = workshop.lookers();
    assert_eq!(workshop.answers().unwrap_err(), "not-disputed");
    workshop.look(&lookers[0], true).unwrap();
    workshop.look(&lookers[1], false).unwrap();
    let status = crate::view::status(&workshop.drive.state, 0);
    assert!(status.bypasses[0].stands.contains("said NO") && status.waiting.iter().any(|line| line.command.starts_with("orchestrate bypass answer T1")));
    workshop.candidate(2, 1, 9, 1, Vec::new());
    let second = TaskId::new("T2").unwrap();
    assert_eq!(workshop.opens(&second, 20).unwrap_err(), "bypass-disputed");
    let word = || Word::Answer { note: "I answer that myself".to_owned() };
    assert_eq!(workshop.seat("dev-a", Act::Bypass { task: task(), word: word() }).unwrap_err(), "owner-only");
    workshop.answers().unwrap();
    assert!(crate::view::status(&workshop.drive.state, 0).bypasses.is_empty());
    assert_eq!(workshop.answers().unwrap_err(), "not-disputed", "once");
    workshop.opens(&second, 21).unwrap();
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn what_a_gate_sent_back_can_go_round_and_what_anything_else_sent_back_cannot() {
    let failed = || {
        let mut workshop = Workshop::burning(9, 1, Vec::new());
        workshop.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
        workshop.tested(RunKind::Red, oid(13), &[("old", Seen::Passed)], None);
        assert!(matches!(workshop.stage(), Stage::Back { .. }), "it has no test");
        workshop
    };
    let mut workshop = failed();
    workshop.opens(&task(), 7).unwrap();
    workshop.signs("librarian", &task()).unwrap();
    workshop.goes(1, 1, oid(51)).unwrap();
    assert_eq!(workshop.merged_as(&task()), Some(oid(151)));
    let mut workshop = failed();
    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    raw.shared.push_str(" Be kind.");
    let other: crate::domain::charter::Charter = raw.try_into().unwrap();
    workshop.ask(Actor::Owner, Act::Recharter { charter: other.canonical(), alone: true }).unwrap();
    assert_eq!(workshop.opens(&task(), 7).unwrap_err(), "not-at-a-gate", "under another charter");
    let mut workshop = failed();
    let (certificate, reason) = ("cert".to_owned(), "lost".to_owned());
    workshop.ask(Actor::Owner, Act::RevokeKey { seat: seat("dev-a"), certificate, reason }).unwrap();
    assert_eq!(workshop.opens(&task(), 7).unwrap_err(), "key-revoked");
}

#[test]
fn a_policy_without_numbers_has_no_bypass() {
    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    let mut policy: crate::domain::policy::RawPolicy = raw.policy.clone().into();
    policy.bypass.lines = 0;
    raw.policy = policy.try_into().unwrap();
    let mut workshop = Workshop::under(&raw.try_into().unwrap());
    workshop.candidate(1, 1, 9, 1, Vec::new());
    assert_eq!(workshop.opens(&task(), 7).unwrap_err(), "no-bypass");
}

fn entries(workshop: &Workshop) -> Vec<Entry> {
    workshop.drive.ledger().read(0, 10_000).unwrap().iter().map(|record| Entry::parse(&record.bytes).unwrap()).collect()
}
