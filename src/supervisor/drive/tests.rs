//! A whole life of one change through the loop, without the outside: who may do what, and what the record says of it.

use super::*;
use crate::domain::change::{Blob, Change, CommitFacts, FileChange, Person, Signature};
use crate::domain::gate::GateName;
use crate::domain::name::{Fingerprint, Oid, RefName, SeatName, TaskId};
use crate::domain::push::Update;
use crate::domain::run::{Completion, Outcome as Seen, Run};
use crate::domain::sample;
use crate::domain::task::{RunKind, Stage};
use crate::domain::workshop::Genesis;
use crate::ledger::memory::MemoryLedger;
use crate::supervisor::charter::built_in;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Hands that sign with a word and remember the references.
#[derive(Default)]
struct Dry {
    now: Cell<Millis>,
    moved: RefCell<Vec<Move>>,
}

impl Hands for Dry {
    fn now(&self) -> Millis {
        self.now.set(self.now.get() + 1000);
        self.now.get()
    }

    fn seal(&self, party: &Party, envelope: &mut Envelope) -> Result<(), Failure> {
        let keyid = party.to_string();
        envelope.signatures.push(crate::domain::dsse::EnvelopeSignature { keyid, sig: "c2ln".to_owned() });
        Ok(())
    }

    fn draw(&self, _: u32, words: &str) -> Digest {
        Digest::of(words.as_bytes())
    }

    fn move_refs(&self, moves: &[Move]) -> Result<(), Failure> {
        self.moved.borrow_mut().extend_from_slice(moves);
        Ok(())
    }
}

struct Workshop {
    drive: Drive<Dry>,
    effects: Vec<Effect>,
}

fn oid(n: u8) -> Oid {
    Oid::new(hex::encode([n; 20])).unwrap()
}

fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

fn task() -> TaskId {
    TaskId::new("T1").unwrap()
}

fn fingerprint(party: &Party) -> Fingerprint {
    Fingerprint::new(Digest::of(party.to_string().as_bytes()).as_str()[..40].to_uppercase()).unwrap()
}

impl Workshop {
    fn new() -> Self {
        Self::under(&built_in().unwrap())
    }

    fn under(charter: &crate::domain::charter::Charter) -> Self {
        let drive = Drive::open(Box::new(MemoryLedger::default()), Dry::default()).unwrap();
        let mut workshop = Self { drive, effects: Vec::new() };
        let seats: Vec<_> = charter.seats().map(|seat| (seat.clone(), charter.role_of(seat).unwrap().name.clone())).collect();
        let genesis = Genesis {
            workshop: "w-1".to_owned(),
            branch: RefName::new("refs/heads/main").unwrap(),
            base: oid(1),
            seats: seats.clone(),
            draw: Digest::of(b"secret"),
            note_key: "key".to_owned(),
            charter: charter.canonical(),
        };
        workshop.edge(Act::Found { genesis: Box::new(genesis) });
        let parties = seats.into_iter().map(|(seat, _)| Party::Seat(seat)).chain([Party::Owner, Party::Gatekeeper]);
        for holder in parties.collect::<Vec<_>>() {
            let fingerprint = fingerprint(&holder);
            workshop.edge(Act::RegisterKey { holder, fingerprint, certificate: "cert".to_owned() });
        }
        workshop.edge(Act::Swear);
        workshop
    }

    fn ask(&mut self, actor: Actor, act: Act) -> Result<Vec<Entry>, String> {
        let (outcome, effects) = self.drive.ask(&actor, act);
        self.effects = effects;
        outcome.map_err(|denied| match denied {
            Denied::Refused(refusal) => refusal.code,
            Denied::Failed(failure) => failure.to_string(),
        })
    }

    fn edge(&mut self, act: Act) -> Vec<Entry> {
        self.ask(Actor::Edge, act).unwrap()
    }

    fn seat(&mut self, name: &str, act: Act) -> Result<Vec<Entry>, String> {
        self.ask(Actor::Seat(seat(name)), act)
    }

    fn stage(&self) -> Stage {
        self.drive.state.tasks[&task()].attempt.as_ref().unwrap().stage.clone()
    }

    fn drawn(&self, gate: GateName) -> Vec<String> {
        let attempt = self.drive.state.tasks[&task()].attempt.as_ref().unwrap();
        attempt.draws[&gate].seats.iter().map(SeatName::to_string).collect()
    }

    fn commit(&self, name: &str, signer: &str) -> CommitFacts {
        let person = Person { name: name.to_owned(), email: self.drive.state.email(&seat(name)) };
        let signature = Signature::Good(fingerprint(&Party::Seat(seat(signer))));
        CommitFacts {
            id: oid(2),
            tree: oid(12),
            parents: vec![oid(1)],
            author: person.clone(),
            committer: person,
            subject: "work".to_owned(),
            signature,
            malformed: None,
        }
    }

    fn push(&mut self, by: &str, name: &str, commit: CommitFacts) -> Result<Vec<Entry>, String> {
        let old = Oid::new("0".repeat(40)).unwrap();
        let (name, kind) = (name.to_owned(), "commit".to_owned());
        let update = Update { name, old, new: commit.id.clone(), kind, commits: vec![commit], related: true, faults: vec![], touched: vec![] };
        self.seat(by, Act::Push { push: "p1".to_owned(), updates: vec![update] })
    }

    fn tested(&mut self, kind: RunKind, tree: Oid, results: &[(&str, Seen)], tip: Option<Oid>) {
        let results: BTreeMap<String, Seen> = results.iter().map(|(id, seen)| ((*id).to_owned(), *seen)).collect();
        let run = Run {
            tree,
            harness: "cargo".to_owned(),
            command: vec![],
            completion: Completion::Finished,
            results,
            missing: vec![],
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 1,
            coverage: None,
        };
        let attempt = self.drive.state.tasks[&task()].attempt.as_ref().unwrap().number;
        self.edge(Act::Tested { task: task(), attempt, kind, tip, declared: vec![], run: Box::new(run) });
    }

    fn approve(&mut self, name: &str) -> Result<Vec<Entry>, String> {
        self.review(name, true)
    }

    fn review(&mut self, name: &str, accept: bool) -> Result<Vec<Entry>, String> {
        let change = self.drive.state.tasks.get(&task()).and_then(|known| known.attempt.as_ref()?.change.clone());
        let (said, bundle) = change.map(|change| sample::reading(&change, accept)).unwrap_or_default();
        let note = "looked at every line".to_owned();
        self.seat(name, Act::Review { task: task(), accept, note, commit: None, said, bundle })
    }

    /// A task of dev-a's whose candidate is measured and stands at RED.
    fn at_red(&mut self) {
        self.ask(Actor::Owner, Act::OpenTask { title: "greet".to_owned(), body: String::new(), assign: None }).unwrap();
        self.seat("dev-a", Act::TakeTask { task: task() }).unwrap();
        let commit = self.commit("dev-a", "dev-a");
        self.push("dev-a", "refs/heads/dev-a/t1", commit.clone()).unwrap();
        self.seat("dev-a", Act::Land { push: "p1".to_owned() }).unwrap();
        self.seat("dev-a", Act::Submit { task: task(), commit: None }).unwrap();
        let blob = |n| Some(Blob { oid: oid(n), mode: 0o100_644, size: 10 });
        let file = |path: &str, n| FileChange { path: path.to_owned(), old: None, new: blob(n), added: 30, deleted: 0, binary: false, marks: Vec::new() };
        let change = Change {
            base: oid(1),
            base_tree: oid(11),
            commit: oid(2),
            tree: oid(12),
            commits: vec![commit],
            files: vec![file("src/greet.rs", 21), file("tests/greet.rs", 22)],
            churn: 60,
            touched: vec!["src/greet.rs".to_owned(), "tests/greet.rs".to_owned()],
        };
        let kept = RefName::new("refs/gate/tasks/t1/1").unwrap();
        self.edge(Act::Measured { task: task(), attempt: 1, change: Box::new(change), since: None, kept });
    }

    fn at_peer(&mut self) {
        self.at_red();
        self.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
        self.tested(RunKind::Red, oid(13), &[("old", Seen::Passed), ("new", Seen::Failed)], None);
        self.tested(RunKind::Green, oid(12), &[("old", Seen::Passed), ("new", Seen::Passed)], None);
    }

    fn at_deploy(&mut self) {
        self.at_peer();
        for name in self.drawn(GateName::Peer) {
            self.approve(&name).unwrap();
        }
        self.tested(RunKind::Merge, oid(12), &[("old", Seen::Passed), ("new", Seen::Passed)], Some(oid(1)));
        self.tested(RunKind::Sample, oid(12), &[("src/greet.rs @@ -1,1 +1,2 @@", Seen::Passed)], None);
        self.tested(RunKind::Cover, oid(12), &[], Some(oid(1)));
        let name = self.drawn(GateName::Qa)[0].clone();
        self.approve(&name).unwrap();
    }

    fn replayed(&self) -> State {
        fold(self.drive.ledger()).unwrap()
    }
}

#[test]
fn a_change_goes_through_all_five_gates_and_the_record_says_the_same() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    assert_eq!(workshop.stage(), Stage::At(GateName::Deploy));
    workshop.approve("orchestrator").unwrap();
    workshop.approve("librarian").unwrap();
    assert_eq!(workshop.stage(), Stage::Merging);
    assert!(workshop.effects.contains(&Effect::BuildMerge { task: task(), attempt: 1 }));
    workshop.edge(Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old: oid(1), tree: oid(12) });
    assert_eq!(workshop.stage(), Stage::Merged);
    assert_eq!(workshop.drive.state.tip(), Some(&oid(9)));
    let main = RefName::new("refs/heads/main").unwrap();
    assert_eq!(workshop.drive.hands.moved.borrow().last(), Some(&Move { name: main, old: Some(oid(1)), new: oid(9) }));
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn a_seat_pushes_to_its_own_namespace_only_and_signs_its_own_work() {
    let mut workshop = Workshop::new();
    let own = workshop.commit("dev-a", "dev-a");
    let cases = [
        ("refs/heads/main", own.clone(), "protected-branch"),
        ("refs/heads/dev-b/t1", own.clone(), "ref-not-yours"),
        ("refs/replace/x", own.clone(), "ref-not-yours"),
        ("refs/heads/dev-a/T1", own.clone(), "ref-name"),
        ("refs/heads/dev-a/t1", workshop.commit("dev-a", "dev-b"), "signed-by-other"),
        ("refs/heads/dev-a/t1", CommitFacts { signature: Signature::Missing, ..own.clone() }, "unsigned"),
        ("refs/heads/dev-a/t1", CommitFacts { parents: vec![], ..own.clone() }, "unrelated-history"),
        ("refs/heads/dev-a/t1", CommitFacts { parents: vec![oid(1), oid(3)], ..own }, "merge-commit"),
    ];
    for (name, commit, code) in cases {
        assert_eq!(workshop.push("dev-a", name, commit).unwrap_err(), code, "{name}");
    }
    assert_eq!(workshop.drive.state.refused, 8);
    assert!(workshop.drive.hands.moved.borrow().is_empty());
}

#[test]
fn nobody_judges_own_work_or_speaks_undrawn_or_twice() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer));
    assert_eq!(workshop.approve("dev-a").unwrap_err(), "own-work");
    assert_eq!(workshop.approve("qa-a").unwrap_err(), "not-drawn");
    let drawn = workshop.drawn(GateName::Peer);
    assert_eq!(drawn.len(), 2, "60 lines want two");
    workshop.approve(&drawn[0]).unwrap();
    assert_eq!(workshop.approve(&drawn[0]).unwrap_err(), "said-already");
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer));
}

#[test]
fn a_rejection_sends_back_and_tells_the_author() {
    let mut workshop = Workshop::new();
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    workshop.review(&drawn[0], false).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer), "it holds the gate");
    assert!(workshop.drive.state.post.boxes.contains_key(&Party::Seat(seat("librarian"))), "she hears of it");
    workshop.review(&drawn[1], true).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer), "a yes beside it changes nothing");
    let cosign = || Act::Cosign { task: task(), note: "the reviewer is right".to_owned() };
    assert_eq!(workshop.seat("dev-b", cosign()).unwrap_err(), "not-your-role");
    assert_eq!(workshop.ask(Actor::Owner, cosign()).unwrap_err(), "not-your-role");
    workshop.seat("librarian", cosign()).unwrap();
    assert_eq!(workshop.seat("librarian", cosign()).unwrap_err(), "not-rejected", "it is back already");
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Peer, .. }));
    let dev = Party::Seat(seat("dev-a"));
    assert!(workshop.drive.state.post.boxes[&dev].len() >= 2);
}

#[test]
fn what_was_measured_sends_back_without_anybodys_signature_and_a_no_alone_does_under_an_older_charter() {
    let mut workshop = Workshop::new();
    workshop.at_red();
    workshop.tested(RunKind::Base, oid(11), &[("old", Seen::Passed)], None);
    workshop.tested(RunKind::Red, oid(13), &[("old", Seen::Passed), ("new", Seen::Passed)], None);
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Red, .. }));
    let mut raw: crate::domain::charter::RawCharter = built_in().unwrap().into();
    let mut policy: crate::domain::policy::RawPolicy = raw.policy.clone().into();
    policy.review.cosigned_back = false;
    raw.policy = policy.try_into().unwrap();
    let mut workshop = Workshop::under(&raw.try_into().unwrap());
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    workshop.review(&drawn[0], false).unwrap();
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Peer, .. }));
}

#[test]
fn a_new_submission_voids_what_was_said() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    workshop.seat("dev-a", Act::Submit { task: task(), commit: None }).unwrap();
    assert_eq!(workshop.stage(), Stage::Measuring);
    assert_eq!(workshop.approve("librarian").unwrap_err(), "not-at-a-gate");
}

#[test]
fn a_freeze_stops_everything_but_mail() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    assert_eq!(workshop.seat("dev-a", Act::Freeze { reason: "x".to_owned() }).unwrap_err(), "not-your-role");
    workshop.seat("librarian", Act::Freeze { reason: "odd approvals".to_owned() }).unwrap();
    assert_eq!(workshop.approve("librarian").unwrap_err(), "frozen");
    let commit = workshop.commit("dev-b", "dev-b");
    assert_eq!(workshop.push("dev-b", "refs/heads/dev-b/x", commit).unwrap_err(), "frozen");
    assert_eq!(workshop.seat("dev-a", Act::Submit { task: task(), commit: None }).unwrap_err(), "frozen");
    assert_eq!(workshop.seat("librarian", Act::Thaw { step: Some(9), alone: true }).unwrap_err(), "owner-only");
    workshop.ask(Actor::Owner, Act::Thaw { step: Some(9), alone: true }).unwrap();
    workshop.approve("orchestrator").unwrap();
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn a_freeze_between_judgement_and_move_wins() {
    let mut workshop = Workshop::new();
    let commit = workshop.commit("dev-a", "dev-a");
    workshop.push("dev-a", "refs/heads/dev-a/t1", commit).unwrap();
    workshop.seat("librarian", Act::Freeze { reason: "stop".to_owned() }).unwrap();
    assert_eq!(workshop.seat("dev-a", Act::Land { push: "p1".to_owned() }).unwrap_err(), "frozen");
    assert!(workshop.drive.hands.moved.borrow().is_empty());
}

#[test]
fn a_merge_on_another_tip_or_tree_is_not_intended() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    let built = |old, tree| Act::MergeBuilt { task: task(), attempt: 1, commit: oid(9), old, tree };
    assert_eq!(workshop.ask(Actor::Edge, built(oid(1), oid(12))).unwrap_err(), "gates-open");
    workshop.approve("orchestrator").unwrap();
    workshop.approve("librarian").unwrap();
    workshop.edge(built(oid(1), oid(77)));
    assert_eq!(workshop.stage(), Stage::At(GateName::Qa), "another tree is tested again");
    assert_eq!(workshop.drive.state.tip(), Some(&oid(1)));
}

#[test]
fn a_vetoed_task_stays_vetoed_across_submissions() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    workshop.approve("orchestrator").unwrap();
    workshop.seat("librarian", Act::Veto { task: task(), reason: "licence".to_owned() }).unwrap();
    assert_eq!(workshop.approve("librarian").unwrap_err(), "vetoed");
    assert_eq!(workshop.seat("dev-a", Act::Submit { task: task(), commit: None }).unwrap_err(), "vetoed");
}

#[test]
fn only_the_edge_says_what_was_measured() {
    let mut workshop = Workshop::new();
    workshop.at_red();
    for act in [
        Act::MainMoved { task: task(), attempt: 1, trouble: None },
        Act::Judge { task: task(), attempt: 1, gate: GateName::Red },
        Act::Draw { task: task(), attempt: 1, gate: GateName::Peer, draw: Digest::of(b"mine"), lot: None },
        Act::Stalled { task: task(), attempt: 1, why: "x".to_owned() },
    ] {
        assert_eq!(workshop.seat("dev-a", act).unwrap_err(), "supervisor-only");
    }
}

/// A ledger on a disk that has room for so many appends, and is full then.
struct Full(MemoryLedger, std::sync::Arc<std::sync::atomic::AtomicU32>);

impl Ledger for Full {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn root(&self) -> [u8; 32] {
        self.0.root()
    }

    fn append(&mut self, at: u64, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        let order = std::sync::atomic::Ordering::SeqCst;
        match self.1.fetch_update(order, order, |room| room.checked_sub(1)) {
            Ok(_) => self.0.append(at, entries),
            Err(_) => Err(AppendError::Failure(Failure::new("cannot append", "no space left on device"))),
        }
    }

    fn read(&self, from: u64, max: usize) -> Result<Vec<crate::ledger::Record>, Failure> {
        self.0.read(from, max)
    }

    fn leaf_hashes(&self, upto: u64) -> Result<Vec<[u8; 32]>, Failure> {
        self.0.leaf_hashes(upto)
    }

    fn replace(&mut self, bodies: &[(u64, Vec<u8>)]) -> Result<(), Failure> {
        self.0.replace(bodies)
    }

    fn check(&self) -> Result<crate::ledger::Verified, crate::ledger::Damage> {
        self.0.check()
    }
}

#[test]
fn a_ledger_that_cannot_append_leaves_the_state_as_it_was() {
    let workshop = Workshop::new();
    let mut copy = MemoryLedger::default();
    let bytes: Vec<Vec<u8>> = workshop.drive.ledger().read(0, 1000).unwrap().into_iter().map(|record| record.bytes).collect();
    copy.append(0, &bytes).unwrap();
    let mut drive = Drive::open(Box::new(Full(copy, std::sync::Arc::default())), Dry::default()).unwrap();
    let before = drive.state.digest();
    let (outcome, effects) = drive.ask(&Actor::Owner, Act::OpenTask { title: "x".to_owned(), body: String::new(), assign: None });
    assert!(matches!(outcome, Err(Denied::Failed(failure)) if failure.why.contains("no space")));
    assert_eq!((drive.state.digest(), effects), (before, vec![]));
}

#[test]
fn another_charter_sends_everything_back_that_is_under_way() {
    let mut workshop = Workshop::new();
    workshop.at_deploy();
    let charter = built_in().unwrap().canonical().replace("\"single_review_lines\":50", "\"single_review_lines\":40");
    assert_eq!(workshop.seat("orchestrator", Act::Recharter { charter: charter.clone(), alone: true }).unwrap_err(), "owner-only");
    workshop.ask(Actor::Owner, Act::Recharter { charter, alone: true }).unwrap();
    assert!(matches!(workshop.stage(), Stage::Back { gate: GateName::Deploy, .. }));
    assert_eq!(workshop.approve("librarian").unwrap_err(), "not-at-a-gate");
    assert_eq!(workshop.replayed().digest(), workshop.drive.state.digest());
}

#[test]
fn submitting_again_does_not_draw_again() {
    let mut workshop = Workshop::new();
    let draw = |workshop: &Workshop, attempt, gate| match workshop.drive.at_once(&Effect::Draw { task: task(), attempt, gate }) {
        Some(Act::Draw { draw, .. }) => draw,
        other => panic!("{other:?}"),
    };
    let first = draw(&workshop, 1, GateName::Peer);
    workshop.at_peer();
    assert_eq!(draw(&workshop, 2, GateName::Peer), first);
    assert_ne!(draw(&workshop, 1, GateName::Qa), first);
}

mod adoption;
mod budgets;
mod bypass;
mod deploy;
mod fixes;
mod fleet;
mod freezes;
mod holds;
mod motions;
mod panels;
mod spending;
mod sums;
mod turns;
mod witnessing;
/// Twelve quick, short words of consent by one reviewer on dev-a's changes, as the entries would have left them.
fn stamped(workshop: &mut Workshop, reviewer: &str) {
    let state = &mut workshop.drive.state;
    for number in 0..12_u8 {
        let note = Digest::of(&[number]);
        let (author, reviewer, time) = (seat("dev-a"), seat(reviewer), state.now);
        state.record.words.push_back(crate::domain::collusion::Word { author, reviewer, accept: true, latency: 4000, length: 12, note, time });
    }
}

#[test]
fn a_pair_that_stands_out_wants_a_reviewer_from_outside_and_says_why() {
    let mut before = Workshop::new();
    before.at_peer();
    let usual = before.drawn(GateName::Peer);
    let mut workshop = Workshop::new();
    stamped(&mut workshop, &usual[0]);
    workshop.at_peer();
    let drawn = workshop.drawn(GateName::Peer);
    assert_eq!((&drawn[..2], drawn.len()), (&usual[..], 3), "the draw itself stays what it was");
    for name in &usual {
        workshop.approve(name).unwrap();
    }
    assert_eq!(workshop.stage(), Stage::At(GateName::Peer), "their two words would have been enough");
    let page = crate::view::gate(&workshop.drive.state, &task()).unwrap();
    assert!(serde_json::to_string(&page).unwrap().contains("2 of 3 approvals"), "{page:?}");
    let status = crate::view::status(&workshop.drive.state, 0);
    assert!(status.watched[0].why.contains("accepted 13 of 13 changes of dev-a"), "{:?}", status.watched);
    let owners = &workshop.drive.state.post.boxes[&Party::Owner];
    let told = owners.values().any(|id| workshop.drive.state.post.mail[id].subject.contains("wants a reviewer from outside"));
    assert!(told, "the owner is told");
    workshop.approve(&drawn[2]).unwrap();
    assert_eq!(workshop.stage(), Stage::At(GateName::Qa));
}

#[test]
fn where_nobody_is_left_outside_the_task_waits_and_says_so() {
    let mut workshop = Workshop::new();
    let all: Vec<String> = workshop.drive.state.fleet_order.iter().map(ToString::to_string).filter(|name| name != "dev-a").collect();
    all.iter().for_each(|name| stamped(&mut workshop, name));
    workshop.at_peer();
    let stalled = workshop.drive.state.tasks[&task()].attempt.as_ref().unwrap().stalled.clone().unwrap();
    assert!(stalled.contains("a reviewer from outside is wanted and none is left"), "{stalled}");
}
