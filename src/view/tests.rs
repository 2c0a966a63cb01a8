//! Pages of one workshop on its way from an open task to a confirmation.

use super::*;
use crate::domain::actor::{Actor, Party};
use crate::domain::change::{Blob, Change, FileChange};
use crate::domain::command::{Act, Command};
use crate::domain::decide::{decide, refused};
use crate::domain::entry::{Entry, VERSION};
use crate::domain::event::Event;
use crate::domain::gate::GateName;
use crate::domain::message::{Draft, Priority};
use crate::domain::name::{Digest, Oid, RefName, SeatName, TaskId};
use crate::domain::reading::Said;
use crate::domain::run::{Completion, Outcome, Run};
use crate::domain::state::State;
use crate::domain::task::{self, RunKind, Stage};
use crate::domain::workshop::Genesis;
use crate::supervisor::charter::{self, Overlay};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A workshop under the built-in charter, and every entry of it so far.
pub(crate) struct Journey {
    pub state: State,
    pub entries: Vec<Entry>,
}

pub(crate) fn oid(digit: char) -> Oid {
    Oid::new(digit.to_string().repeat(40)).unwrap()
}

fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

fn change(paths: &[&str], lines: u64) -> Change {
    let blob = Blob { oid: oid('f'), mode: 0o100_755, size: 100 };
    let file =
        |path: &&str| FileChange { path: (*path).to_owned(), old: None, new: Some(blob.clone()), added: lines, deleted: 0, binary: false, marks: Vec::new() };
    let touched = paths.iter().map(|path| (*path).to_owned()).collect();
    let files = paths.iter().map(file).collect();
    Change { base: oid('1'), base_tree: oid('2'), commit: oid('3'), tree: oid('4'), commits: Vec::new(), files, churn: lines, touched }
}

pub(crate) fn t1() -> TaskId {
    TaskId::new("T1").unwrap()
}

pub(crate) fn dev() -> Actor {
    Actor::Seat(seat("dev-a"))
}

impl Journey {
    pub(crate) fn begin() -> Self {
        let (charter, _) = charter::load(&Overlay::default()).unwrap();
        let seats = charter.seats().map(|seat| (seat.clone(), charter.role_of(seat).unwrap().name.clone())).collect();
        let genesis = Genesis {
            workshop: "project-1a2b3c4d".to_owned(),
            branch: RefName::new("refs/heads/main").unwrap(),
            base: oid('1'),
            seats,
            draw: Digest::of(b"secret"),
            note_key: "key".to_owned(),
            charter: charter.canonical(),
        };
        let mut journey = Self { state: State::default(), entries: Vec::new() };
        journey.run(&Actor::Edge, Act::Found { genesis: Box::new(genesis) });
        journey.run(&Actor::Edge, Act::Start { version: "1".into(), level: "sandbox".into(), note: String::new() });
        journey
    }

    pub(crate) fn run(&mut self, by: &Actor, act: Act) {
        let command = Command::new(1_000_000 + self.state.len * 1000, act);
        let events = decide(&self.state, by, &command).unwrap_or_else(|refusal| vec![refused(&command, &refusal)]);
        events.into_iter().for_each(|event| self.add(by, event));
    }

    fn add(&mut self, by: &Actor, event: Event) {
        let entry = Entry { v: VERSION, seq: self.state.len, time: 1_000_000 + self.state.len * 1000, by: by.clone(), event };
        self.state.apply(&entry);
        self.entries.push(entry);
    }

    /// A task whose title tries to act on the reader's terminal, taken, pushed, submitted and measured.
    pub(crate) fn submitted() -> Self {
        let mut journey = Self::begin();
        let title = "limit the log\u{202e}in\u{200b} attempts of each account and tell everybody who asks why it was refused".to_owned();
        journey.run(&Actor::Owner, Act::OpenTask { title, body: "five a minute\n\u{1b}[2Jno more".into(), assign: Some(seat("dev-a")) });
        journey.run(&dev(), Act::TakeTask { task: t1() });
        journey.state.refs.insert(RefName::new("refs/heads/dev-a/t1").unwrap(), oid('3'));
        journey.run(&dev(), Act::Submit { task: t1(), commit: None });
        journey
    }

    pub(crate) fn measured() -> Self {
        let mut journey = Self::submitted();
        let change = Box::new(change(&["src/auth/login.rs", "tests/login.rs"], 60));
        let kept = RefName::new("refs/orchestrate/kept/t1-1").unwrap();
        journey.run(&Actor::Edge, Act::Measured { task: t1(), attempt: 1, change, since: None, kept });
        journey
    }

    /// One run with tests of every outcome.
    pub(crate) fn tested(&mut self, kind: RunKind, tree: Oid) {
        let outcomes = [Outcome::Passed, Outcome::Failed, Outcome::Broken, Outcome::Skipped];
        let results = outcomes.into_iter().enumerate().map(|(at, outcome)| (format!("test {at}"), outcome)).collect();
        let run = Run {
            tree,
            harness: "cargo".into(),
            command: vec!["cargo".into(), "test".into()],
            completion: Completion::Finished,
            results,
            missing: Vec::new(),
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 1234,
            coverage: None,
        };
        let tip = self.state.tip().cloned();
        self.run(&Actor::Edge, Act::Tested { task: t1(), attempt: 1, kind, tip, declared: Vec::new(), run: Box::new(run) });
    }

    /// The verdict of a gate as the record has it, without the evidence.
    fn judged(&mut self, gate: GateName) {
        let attempt = self.state.tasks[&t1()].attempt.clone().unwrap();
        let id = t1();
        let bound = task::bound(&self.state, &id, &attempt, 0).unwrap();
        let statement = crate::domain::statement::verdict(&bound, gate, &[], true);
        let checks = vec![("reviewed".to_owned(), crate::domain::check::Verdict::Pass("2 of 2".into()))];
        self.add(&Actor::Edge, Event::Task(task::Event::Judged { task: t1(), attempt: 1, gate, pass: true, checks, statement }));
    }

    pub(crate) fn at_deploy() -> Self {
        let mut journey = Self::measured();
        journey.tested(RunKind::Merge, oid('9'));
        [GateName::Red, GateName::Green, GateName::Peer, GateName::Qa].into_iter().for_each(|gate| journey.judged(gate));
        journey.run(&Actor::Edge, Act::Draw { task: t1(), attempt: 1, gate: GateName::Deploy, draw: Digest::of(b"draw"), lot: None });
        journey
    }

    pub(crate) fn mail(&mut self) -> Digest {
        let draft = Draft {
            claimed: None,
            to: vec![Party::Owner],
            subject: "may\u{202e} I?".into(),
            body: "line one\nline two".into(),
            priority: Priority::High,
            task: None,
        };
        self.run(&dev(), Act::Send { draft });
        self.state.post.chains[&Party::Seat(seat("dev-a"))].1.clone()
    }
}

/// Whatever the supervisor writes, an interface reads back as the same page.
fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(page: &T) {
    assert_eq!(serde_json::from_value::<T>(serde_json::to_value(page).unwrap()).unwrap(), *page);
}

fn states(page: &GatePage) -> Vec<(GateName, GateState)> {
    page.gates.iter().map(|line| (line.gate, line.state)).collect()
}

#[test]
fn nothing_is_green_by_omission() {
    let mut journey = Journey::begin();
    journey.run(&Actor::Owner, Act::OpenTask { title: "a".into(), body: String::new(), assign: None });
    let fresh = gate(&journey.state, &t1()).unwrap();
    assert_eq!(fresh.unjudged, "not judged: nothing was submitted");
    assert_eq!(states(&fresh), GateName::ALL.map(|gate| (gate, GateState::NotJudged)));
    let submitted = gate(&Journey::submitted().state, &t1()).unwrap();
    assert_eq!(submitted.unjudged, "not judged yet: the candidate is not measured");
    let measured = gate(&Journey::measured().state, &t1()).unwrap();
    assert_eq!(measured.unjudged, "not judged yet: red, green, peer, qa, deploy");
    assert_eq!(measured.gates[0].state, GateState::At);
    assert!(!measured.gates[0].checks.is_empty());
    assert!(measured.gates[0].checks.iter().all(|check| check.verdict != "pass"), "{:?}", measured.gates[0].checks);
    assert!(gate(&journey.state, &TaskId::new("T9").unwrap()).is_none());
}

#[test]
fn a_change_that_came_back_names_the_gate_and_why() {
    let mut journey = Journey::measured();
    journey.add(
        &Actor::Edge,
        Event::Task(task::Event::SentBack { task: t1(), attempt: 1, gate: GateName::Red, why: "no test failed".into() }),
    );
    let page = gate(&journey.state, &t1()).unwrap();
    assert_eq!((page.gates[0].state, page.gates[0].why.as_str()), (GateState::Failed, "no test failed"));
    assert_eq!(page.turn.whose, turn::Whose::Seats(vec![seat("dev-a")]));
    assert!(page.turn.next.contains("refs/heads/dev-a/t1"));
    assert!(page.unjudged.starts_with("not judged yet: green"));
}

#[test]
fn runs_are_counted_by_outcome() {
    let mut journey = Journey::measured();
    journey.tested(RunKind::Base, oid('2'));
    let page = gate(&journey.state, &t1()).unwrap();
    let run = &page.runs[0];
    assert_eq!((run.passed, run.failed, run.broken, run.skipped), (1, 1, 1, 1));
    assert_eq!(page.turn.whose, turn::Whose::Supervisor);
    assert_eq!(page.turn.what, "the test run `red`");
}

#[test]
fn the_confirmation_shown_is_the_one_the_rules_accept() {
    let mut journey = Journey::at_deploy();
    let page = task(&journey.state, &t1()).unwrap();
    let confirm = page.confirm.unwrap();
    assert!(confirm.needed && !confirm.confirmed);
    assert_eq!(confirm.tree, oid('9'), "it is the merge result that is confirmed");
    assert_eq!(reviews(&journey.state, &Actor::Owner)[0].next, "orchestrate task confirm T1");
    assert!(status(&journey.state, 0).waiting.iter().any(|item| item.command == "orchestrate task confirm T1"));
    assert_eq!(review(&journey.state, &t1(), "").unwrap().digest, confirm.digest);
    journey.run(&Actor::Owner, Act::Confirm { task: t1(), shown: confirm.digest, step: Some(7) });
    assert!(journey.state.tasks[&t1()].attempt.as_ref().unwrap().confirmed);
    assert!(reviews(&journey.state, &Actor::Owner).is_empty());
    assert!(!status(&journey.state, 0).waiting.iter().any(|item| item.command.contains("confirm")));
    assert!(task(&Journey::measured().state, &t1()).unwrap().confirm.is_none());
}

#[test]
fn reviews_wait_for_drawn_seats_until_they_spoke() {
    let mut journey = Journey::at_deploy();
    let librarian = Actor::Seat(seat("librarian"));
    assert_eq!(reviews(&journey.state, &librarian).len(), 1);
    assert!(reviews(&journey.state, &dev()).is_empty());
    journey.run(&librarian, Act::Review { task: t1(), accept: true, note: "looked at all of it".into(), commit: None, said: Said::default(), bundle: None });
    assert!(reviews(&journey.state, &librarian).is_empty());
    let deploy = gate(&journey.state, &t1()).unwrap().gates.pop().unwrap();
    let said: Vec<(&str, Word)> = deploy.judges.iter().map(|judge| (judge.seat.as_str(), judge.word)).collect();
    assert!(said.contains(&("librarian", Word::Accepts)) && said.contains(&("orchestrator", Word::Awaited)), "{said:?}");
    assert!(reviews(&journey.state, &Actor::Seat(seat("orchestrator"))).len() == 1);
}

#[test]
fn a_freeze_waits_for_the_owner_first() {
    let mut journey = Journey::at_deploy();
    journey.run(&Actor::Seat(seat("librarian")), Act::Freeze { reason: "odd".into() });
    let page = status(&journey.state, journey.state.now);
    assert_eq!(page.frozen.as_ref().unwrap().reason, "odd");
    assert_eq!(page.waiting[0].command, "orchestrate thaw");
    assert!(whoami(&journey.state, &dev()).frozen);
    assert_eq!(gate(&journey.state, &t1()).unwrap().turn.next, "orchestrate thaw");
}

#[test]
fn refusals_and_mail_are_counted() {
    let mut journey = Journey::submitted();
    journey.run(&dev(), Act::Freeze { reason: "mine".into() });
    let id = journey.mail();
    let page = status(&journey.state, journey.state.now);
    assert_eq!((page.refused, page.refusals[0].code.as_str()), (1, "not-your-role"));
    assert_eq!((page.mail.queued, page.mail.unacknowledged, page.mail.total), (2, 0, 2));
    assert_eq!(inbox(&journey.state, &Actor::Owner, false)[0].id, id);
    journey.run(&Actor::Owner, Act::Deliver { ids: vec![id.clone()] });
    assert_eq!(status(&journey.state, 0).mail.unacknowledged, 1);
    journey.run(&Actor::Owner, Act::Acknowledge { id: id.clone() });
    assert!(inbox(&journey.state, &Actor::Owner, false).is_empty());
    assert_eq!(inbox(&journey.state, &Actor::Owner, true).len(), 1);
}

#[test]
fn whoami_says_what_a_seat_may_do() {
    let me = whoami(&Journey::submitted().state, &dev());
    assert_eq!((me.role.unwrap().as_str(), me.namespace.unwrap().as_str()), ("dev", "refs/heads/dev-a/*"));
    assert!(me.capabilities.contains(&"submit".to_owned()) && me.mail == 1);
    assert_eq!(me.tasks, [t1()]);
    let owner = whoami(&Journey::submitted().state, &Actor::Owner);
    assert_eq!((owner.role, owner.namespace), (None, None));
}

#[test]
fn every_entry_is_one_harmless_line() {
    let mut journey = Journey::at_deploy();
    journey.mail();
    journey.run(&dev(), Act::Freeze { reason: "mine".into() });
    for entry in &journey.entries {
        let line = line(entry);
        assert!(!line.chars().any(text::is_treacherous), "{line:?}");
        assert!(line.starts_with(&format!("{:>6}  1970-01-01", entry.seq)), "{line}");
    }
    assert!(journey.entries.iter().any(|entry| line(entry).contains("REFUSED freeze")));
}

#[test]
fn pages_survive_the_way_over_the_socket() {
    let mut journey = Journey::at_deploy();
    let id = journey.mail();
    let state = &journey.state;
    survives(&status(state, 5));
    survives(&dashboard(state, 5));
    survives(&whoami(state, &dev()));
    survives(&tasks(state));
    survives(&task(state, &t1()).unwrap());
    survives(&gate(state, &t1()).unwrap());
    survives(&reviews(state, &Actor::Owner));
    survives(&review(state, &t1(), "diff").unwrap());
    survives(&inbox(state, &Actor::Owner, true));
    survives(&certificates(state));
    survives(&mail(&letter(&journey), &id, state));
}

pub(crate) fn letter(journey: &Journey) -> crate::domain::message::Letter {
    let mut statements = journey.entries.iter().filter_map(|entry| match &entry.event {
        Event::Message(crate::domain::message::Event::Sent { statement, .. }) => crate::domain::message::letter(statement),
        _ => None,
    });
    statements.rfind(|letter| letter.from == Party::Seat(SeatName::new("dev-a").unwrap())).unwrap()
}

#[test]
fn standings_follow_the_stage() {
    let journey = Journey::at_deploy();
    let known = &journey.state.tasks[&t1()];
    assert_eq!(Standing::of(known), Standing::Deploy);
    assert_eq!(known.attempt.as_ref().unwrap().stage, Stage::At(GateName::Deploy));
    assert_eq!(tasks(&journey.state)[0].standing, Standing::Deploy);
}
