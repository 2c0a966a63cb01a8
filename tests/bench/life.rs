//! A workshop's life without panes: the real loop, keys, ledger and gate; the seats' hands are these, and what the tests said is scripted.

use super::shop::Shop;
use orchestrate::domain::actor::{Actor, Party};
use orchestrate::domain::charter::Charter;
use orchestrate::domain::change::{Blob, Change};
use orchestrate::domain::command::Act;
use orchestrate::domain::effect::Effect;
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::message::{self, Draft, Priority};
use orchestrate::domain::name::{Digest, Oid, RefName, SeatName, TaskId};
use orchestrate::domain::push::Update;
use orchestrate::domain::reading::{Bundle, Said};
use orchestrate::domain::run::{Completion, Coverage, Outcome, Run};
use orchestrate::domain::task::{RunKind, Stage};
use orchestrate::domain::workshop::Genesis;
use orchestrate::edge::clock::Clock;
use orchestrate::edge::git::{Gate, Git, MergeTree, examine};
use orchestrate::edge::keys::{Certs, sign_commit};
use orchestrate::ledger::bundle;
use orchestrate::ledger::sqlite::SqliteLedger;
use orchestrate::supervisor::drive::Drive;
use orchestrate::supervisor::hands::{Grip, Keys};
use orchestrate::supervisor::place::Place;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub const WORKSHOP: &str = "life-0000";
/// What lies between two changes, in minutes, so that nobody's budget runs out.
const APART: u64 = 20;
/// The first, so that no signature is later than its entry.
const AHEAD: u64 = 60;

pub struct Life {
    pub gate: Gate,
    keys: Arc<Keys>,
    drive: Drive<Grip>,
    certs: Certs,
    clock: PathBuf,
    /// Every test that there is on the protected branch.
    tests: BTreeMap<String, Outcome>,
    changes: u64,
    epochs: u64,
}

fn seat(name: &str) -> SeatName {
    SeatName::new(name).expect("a name")
}

/// Where a change stands: whose, what it is called.
struct Work {
    task: TaskId,
    author: SeatName,
    number: u64,
}

impl Life {
    pub fn found(shop: &Shop, name: &str, charter: &Charter) -> Self {
        let (root, repo) = (shop.join(name), shop.repo());
        let place = Place::at(&root);
        place.prepare(&repo).expect("a place");
        let seats: Vec<SeatName> = charter.seats().cloned().collect();
        let keys = Arc::new(Keys::open(&place, WORKSHOP, &seats, None).expect("keys").0);
        let git = Git::find().expect("git");
        let source = examine(&git, &repo, None).expect("the repository");
        let gate = Gate::create(&git, &place.gate(), &source).expect("a gate");
        let clock = root.join("ahead");
        fs::write(&clock, (AHEAD * 1000).to_string()).expect("a clock");
        let held = Arc::new(OnceLock::new());
        held.set(gate.clone()).expect("a fresh lock");
        let grip = Grip::new(Arc::clone(&keys), held, Clock::new(Some(clock.clone())));
        let drive = Drive::open(Box::new(SqliteLedger::create(&place.ledger()).expect("a ledger")), grip).expect("a loop");
        let mut life = Self { gate, keys, drive, certs: Certs::default(), clock, tests: BTreeMap::new(), changes: 0, epochs: 0 };
        life.tests.insert("old".to_owned(), Outcome::Passed);
        let named = charter.seats().map(|seat| (seat.clone(), charter.role_of(seat).expect("a role").name.clone())).collect();
        let genesis = Genesis {
            workshop: WORKSHOP.to_owned(),
            branch: source.branch.clone(),
            base: source.tip.clone(),
            seats: named,
            draw: life.keys.draw_commitment(),
            note_key: life.keys.note_key(WORKSHOP).expect("a key"),
            charter: charter.canonical(),
        };
        life.ask(Actor::Edge, Act::Found { genesis: Box::new(genesis) });
        for (holder, key) in life.keys.holders() {
            let certificate = key.certificate_armored();
            life.certs.add(&certificate).expect("a certificate");
            life.ask(Actor::Edge, Act::RegisterKey { holder, fingerprint: key.fingerprint(), certificate });
        }
        life.ask(Actor::Edge, Act::Swear);
        let (version, level, note) = ("1".to_owned(), "sandbox".to_owned(), String::new());
        life.ask(Actor::Edge, Act::Start { version, level, note });
        life
    }

    /// Each seat writes to the next one, who is shown it and acknowledges it; gives how many messages that were.
    pub fn letters(&mut self) -> u64 {
        let seats = self.drive.state.fleet_order.clone();
        let next = |at: usize| seats[(at + 1) % seats.len()].clone();
        let draft = |at: usize| Draft {
            claimed: None,
            to: vec![Party::Seat(next(at))],
            subject: "load".to_owned(),
            body: "x".repeat(512),
            priority: Priority::Normal,
            task: None,
        };
        let writes = |number: usize| (Actor::Seat(seats[number % seats.len()].clone()), Act::Send { draft: draft(number % seats.len()) });
        let sent = self.drive.group((0..12 * seats.len()).map(writes).collect()).0;
        let ids = sent.iter().map(|outcome| match outcome.as_deref() {
            Ok([Entry { event: Event::Message(message::Event::Sent { id, .. }), .. }]) => id.clone(),
            other => panic!("it was not sent: {other:?}"),
        });
        let ids: Vec<Digest> = ids.collect();
        let reads = ids.iter().enumerate().flat_map(|(at, id)| {
            let reader = Actor::Seat(next(at % seats.len()));
            [(reader.clone(), Act::Deliver { ids: vec![id.clone()] }), (reader, Act::Acknowledge { id: id.clone() })]
        });
        let read = self.drive.group(reads.collect()).0;
        assert!(read.iter().all(Result::is_ok), "{read:?}");
        ids.len() as u64
    }

    /// One command, and everything that follows from it.
    fn ask(&mut self, actor: Actor, act: Act) {
        let mut queue = VecDeque::from([(actor, act)]);
        while let Some((actor, act)) = queue.pop_front() {
            let what = format!("{actor}: {}", act.verb().0);
            let (outcome, effects) = self.drive.ask(&actor, act);
            outcome.unwrap_or_else(|why| panic!("{what}: {why:?}"));
            queue.extend(effects.iter().filter_map(|effect| self.perform(effect)).map(|act| (Actor::Edge, act)));
        }
    }

    fn perform(&mut self, effect: &Effect) -> Option<Act> {
        match effect {
            Effect::Measure { task, attempt, commit } => {
                let kept = RefName::new(format!("refs/gate/tasks/{}/{attempt}", task.as_str().to_lowercase())).expect("a name");
                Some(Act::Measured { task: task.clone(), attempt: *attempt, change: Box::new(self.change(commit)), since: None, kept })
            }
            Effect::Test { task, attempt, kind } => Some(self.tested(task, *attempt, *kind)),
            Effect::BuildMerge { task, attempt } => Some(self.merged(task, *attempt)),
            _ => None,
        }
    }

    pub fn change(&self, commit: &Oid) -> Change {
        let judge = |raw: &[u8]| match orchestrate::edge::keys::split_commit(raw) {
            Some((signed, signature)) => self.certs.verify_armored(&signature, &signed),
            None => orchestrate::domain::change::Signature::Missing,
        };
        self.gate.change(&self.gate.tip().expect("a tip"), commit, &judge).expect("a change")
    }

    fn tested(&self, task: &TaskId, attempt: u32, kind: RunKind) -> Act {
        let now = self.drive.state.tasks[task].attempt.as_ref().expect("an attempt");
        let change = now.change.as_ref().expect("a measured change");
        let tip = self.gate.tip().expect("a tip");
        let tree = match kind {
            RunKind::Base | RunKind::Tip => change.base_tree.clone(),
            RunKind::Merge | RunKind::Cover => match self.gate.merge(&tip, &change.commit).expect("a merge") {
                MergeTree::Clean(tree) => tree,
                MergeTree::Conflict(paths) => panic!("it conflicts in {paths:?}"),
            },
            RunKind::Red | RunKind::Green | RunKind::Kept | RunKind::Sample => change.tree.clone(),
        };
        let mut results = if matches!(kind, RunKind::Sample | RunKind::Cover) { BTreeMap::new() } else { self.tests.clone() };
        let brought = change.files.iter().filter(|file| file.path.starts_with("tests/")).map(|file| format!("{}::holds", file.path));
        results.extend(brought.filter_map(|id| match kind {
            RunKind::Red => Some((id, Outcome::Failed)),
            RunKind::Green | RunKind::Merge => Some((id, Outcome::Passed)),
            RunKind::Base | RunKind::Tip | RunKind::Kept | RunKind::Sample | RunKind::Cover => None,
        }));
        if kind == RunKind::Sample {
            results.insert("src @@ -4,1 +4,1 @@".to_owned(), Outcome::Passed);
        }
        let run = Run {
            tree,
            harness: "command".to_owned(),
            command: vec!["check".to_owned()],
            completion: Completion::Finished,
            results,
            missing: Vec::new(),
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 1000,
            coverage: (kind == RunKind::Cover).then(|| Box::new(Coverage { tool: "check".to_owned(), lines: 100, run: 90, changed: 10, changed_run: 9, missed: vec![] })),
        };
        let tip = matches!(kind, RunKind::Merge | RunKind::Tip | RunKind::Cover).then_some(tip);
        Act::Tested { task: task.clone(), attempt, kind, tip, declared: Vec::new(), run: Box::new(run) }
    }

    fn merged(&self, task: &TaskId, attempt: u32) -> Act {
        let state = &self.drive.state;
        let known = &state.tasks[task];
        let now = known.attempt.as_ref().expect("an attempt");
        let (author, old) = (known.author.as_ref().expect("an author"), self.gate.tip().expect("a tip"));
        let tree = now.runs[&RunKind::Merge].run.tree.clone();
        let (seconds, ledger) = (self.seconds(), self.drive.ledger());
        let raw = format!(
            "tree {tree}\nparent {old}\nauthor {author} <{}> {seconds} +0000\ncommitter gatekeeper <gatekeeper@{WORKSHOP}.orchestrate> {seconds} +0000\n\n\
             {}\n\nTask: {task}\nAttempt: {attempt}\nCandidate: {}\nAuthor-Seat: {author}\nPolicy: {}\nCheckpoint: {} {}\nOrigin: {WORKSHOP}\n",
            state.email(author), known.title, now.commit, state.policy, ledger.len(), hex::encode(ledger.root()),
        );
        let commit = self.signed(&raw, &Party::Gatekeeper);
        Act::MergeBuilt { task: task.clone(), attempt, commit, old, tree }
    }

    fn seconds(&self) -> u64 {
        Clock::new(Some(self.clock.clone())).now() / 1000
    }

    fn signed(&self, raw: &str, party: &Party) -> Oid {
        let signed = sign_commit(raw.as_bytes(), &self.keys.of(party).expect("a key")).expect("a signature");
        self.gate.write_commit(&signed).expect("a commit")
    }

    /// A commit of a seat's on the protected branch's tip, with these files.
    pub fn commit(&self, author: &SeatName, files: &[(String, String)]) -> Oid {
        let tip = self.gate.tip().expect("a tip");
        let blob = |text: &str| Blob { oid: self.gate.write_blob(text.as_bytes()).expect("a file"), mode: 0o100_644, size: text.len() as u64 };
        let files: Vec<_> = files.iter().map(|(path, text)| (path.clone(), Some(blob(text)))).collect();
        let tree = self.gate.compose(&self.gate.tree_of(&tip).expect("a tree"), &files).expect("a tree");
        let (email, seconds) = (self.drive.state.email(author), self.seconds());
        let who = format!("{author} <{email}> {seconds} +0000");
        self.signed(&format!("tree {tree}\nparent {tip}\nauthor {who}\ncommitter {who}\n\nwork\n"), &Party::Seat(author.clone()))
    }

    /// One change from its task to its merge: a document's line, or source with the test that asks for it, in turn.
    pub fn next(&mut self) {
        self.changes += 1;
        fs::write(&self.clock, ((AHEAD + self.changes * APART * 60) * 1000).to_string()).expect("a clock");
        self.ask(Actor::Edge, Act::Tick);
        self.epoch();
        let number = self.changes;
        let author = seat(if (number / 2).is_multiple_of(2) { "dev-a" } else { "dev-b" });
        let (title, body) = (format!("{} the {number}", ["improve", "describe"][(number % 2) as usize]), String::new());
        self.ask(Actor::Owner, Act::OpenTask { title, body, assign: Some(author.clone()) });
        let work = Work { task: TaskId::new(format!("T{number}")).expect("a task"), author, number };
        self.ask(Actor::Seat(work.author.clone()), Act::TakeTask { task: work.task.clone() });
        self.hand_in(&work);
        self.words(&work.task);
        assert!(self.drive.state.tasks[&work.task].merged.is_some(), "{:?}", self.drive.state.tasks[&work.task].attempt);
        self.tests.extend(number.is_multiple_of(2).then(|| (format!("tests/t{number}.txt::holds"), Outcome::Passed)));
    }

    fn hand_in(&mut self, work: &Work) {
        let Work { task, author, number } = work;
        let source = (format!("src/part{}/file{}.txt", number % 60, number % 60), format!("file {number}\n{}", "a line of it\n".repeat(20)));
        let files = match number % 2 {
            0 => vec![source, (format!("tests/t{number}.txt"), format!("asks for {number}\n"))],
            _ => vec![(format!("docs/page{}.md", number % 40), format!("# Page\n\nWhat {number} is about.\n"))],
        };
        let commit = self.commit(author, &files);
        let change = self.change(&commit);
        // A seat has 200 branches at most: they are used again.
        let (push, name) = (format!("p{number}"), format!("refs/heads/{author}/work{}", number % 100));
        let before = self.drive.state.refs.iter().find(|(at, _)| at.as_str() == name).map(|(_, oid)| oid.clone());
        let old = before.unwrap_or_else(|| Oid::new("0".repeat(40)).expect("a zero"));
        let (kind, commits, touched) = ("commit".to_owned(), change.commits, change.touched);
        let update = Update { name, old, new: commit.clone(), kind, commits, related: true, faults: vec![], touched };
        let by = Actor::Seat(author.clone());
        self.ask(by.clone(), Act::Push { push: push.clone(), updates: vec![update] });
        self.ask(by.clone(), Act::Land { push });
        self.ask(by, Act::Submit { task: task.clone(), commit: Some(commit) });
    }

    /// Whoever is asked says yes, gate by gate.
    fn words(&mut self, task: &TaskId) {
        while let Some((gate, now)) = self.drive.state.tasks[task].attempt.as_ref().and_then(|now| match now.stage {
            Stage::At(gate) if now.draws.contains_key(&gate) => Some((gate, now)),
            _ => None,
        }) {
            let spoke = |seat: &SeatName| now.approvals.iter().any(|word| word.gate == gate && word.seat == *seat);
            let next = now.draws[&gate].seats.iter().find(|seat| !spoke(seat)).cloned();
            let by = Actor::Seat(next.unwrap_or_else(|| panic!("{task} waits at {gate}: {now:?}")));
            let note = format!("read what {task} changes line by line and found nothing against it at {gate}");
            let commit = (gate == GateName::Peer).then(|| now.commit.to_string());
            let (said, bundle) = if gate == GateName::Peer { self.reading(now.change.as_ref().expect("a change")) } else { Default::default() };
            self.ask(by, Act::Review { task: task.clone(), accept: true, note, commit, said, bundle });
        }
    }

    /// A verdict on every file, and the longest line of the difference.
    fn reading(&self, change: &Change) -> (Said, Option<Box<Bundle>>) {
        let files = self.gate.file_texts(&change.base_tree, &change.tree, 400_000).expect("a difference");
        let lines = files.iter().flat_map(|file| file.text.lines()).filter(|line| line.starts_with(['+', '-']));
        let quotes = lines.max_by_key(|line| line.len()).map(str::to_owned).into_iter().collect();
        let ok = change.files.iter().map(|file| file.path.clone()).collect();
        (Said { ok, bad: vec![], quotes }, Some(Box::new(Bundle { commit: change.commit.clone(), files, earlier: vec![] })))
    }

    /// A week is over: its secret is opened, as the supervisor does it.
    fn epoch(&mut self) {
        let week = self.changes * APART / (7 * 24 * 60);
        if week > self.epochs {
            self.epochs = week;
            let epoch = self.drive.state.epoch.number;
            let secret = hex::encode(&**self.keys.epoch_secret(epoch).expect("a secret"));
            let next = Digest::of(&self.keys.epoch_secret(epoch + 1).expect("a secret"));
            self.ask(Actor::Edge, Act::OpenEpoch { epoch, secret, next });
        }
    }

    /// The whole ledger in one file, as `orchestrate bundle` writes it.
    pub fn bundle(&self, path: &Path) {
        let ledger = self.drive.ledger();
        let note = self.keys.checkpoint(WORKSHOP, ledger.len(), ledger.root()).expect("a checkpoint");
        let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a bundle"));
        let entries = ledger.read(0, usize::MAX).expect("the entries");
        bundle::write(&mut file, &note, entries.into_iter().map(|record| record.bytes)).expect("a bundle");
    }
}
