//! A small workshop written by hand: real keys, a real repository, and a ledger in which anything can be forged.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests start programs and read the clock")]

use super::rules::charter;
use crate::domain::actor::{Actor, Party};
use crate::domain::change::{Change, CommitFacts, Person, Signature};
use crate::domain::check::Verdict;
use crate::domain::dsse::Envelope;
use crate::domain::entry::{Entry, VERSION};
use crate::domain::event::Event;
use crate::domain::fix::{self, Fix};
use crate::domain::gate::GateName;
use crate::domain::message::{Letter, Priority};
use crate::domain::name::{Digest, Oid, RefName, SeatName, TaskId};
use crate::domain::reading::Reading;
use crate::domain::role::Capability;
use crate::domain::run::{Completion, Outcome, Run};
use crate::domain::statement::{self, Bound};
use crate::domain::task::RunKind;
use crate::domain::workshop::{self, Genesis};
use crate::domain::{confirm, draw, key, merge, message, review, task};
use crate::edge::git::{Git, Reader};
use crate::edge::keys::{SecretKey, seal, sign_commit};
use crate::ledger::chain::{Frontier, leaf_hash};
use crate::ledger::checkpoint::{Checkpoint, VerifierKey, note};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub const WORKSHOP: &str = "lab-1234";

/// An entry before it is signed and written; a forger may change any of it.
pub struct Draft {
    pub by: Actor,
    pub event: Event,
    /// Who signs in place of the one who should.
    pub signer: Option<Party>,
    pub dropped: bool,
}

/// A merge commit before it is signed and stored.
pub struct CommitDraft {
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub message: String,
    pub signer: Option<Party>,
}

/// One task from its opening to its merge.
#[derive(Clone)]
pub struct Plan {
    pub task: &'static str,
    pub author: &'static str,
    pub title: String,
    /// Who commits, in order; the files come with the first commit.
    pub commits: Vec<&'static str>,
    pub files: Vec<(&'static str, String)>,
    pub base: Oid,
    pub peers: Vec<&'static str>,
    pub owner: bool,
}

type OnEntry = fn(&mut World, &mut Draft);
type OnCommit = fn(&mut World, &mut CommitDraft);

pub struct World {
    pub dir: tempfile::TempDir,
    pub keys: BTreeMap<Party, SecretKey>,
    pub note_key: SigningKey,
    pub genesis: Genesis,
    pub entries: Vec<Vec<u8>>,
    pub frontier: Frontier,
    pub tip: Oid,
    pub on_entry: Option<OnEntry>,
    pub on_commit: Option<OnCommit>,
    /// The task under way.
    pub at: &'static str,
    pub change: Option<Change>,
    pub time: u64,
    /// The attempt under way, and where it is a fix of the one before.
    pub number: u32,
    pub fix: Option<Fix>,
    /// What a forger is to change, and what it keeps.
    pub aim: (&'static str, &'static str),
    pub kept: Option<Envelope>,
    /// The ids of all tests that tasks brought so far.
    news: Vec<String>,
    /// Whether the last run of what would enter showed nothing, and whether nothing is known of the tip.
    blank: (bool, bool),
    /// Who had a hand in the candidate under way, its author first; and who sits at its PEER.
    pub hands: Vec<SeatName>,
    /// Who had a hand in the task under way before it was released.
    pub former: BTreeSet<SeatName>,
    peers: BTreeSet<SeatName>,
    chains: BTreeMap<Party, (u64, Digest)>,
}

pub fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

pub fn party(name: &str) -> Party {
    name.parse().unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Changes the JSON inside an unsigned statement.
pub fn rewrite(envelope: &mut Envelope, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&STANDARD.decode(&envelope.payload).unwrap()).unwrap();
    change(&mut value);
    envelope.payload = STANDARD.encode(serde_json::to_vec(&value).unwrap());
}

impl World {
    /// An empty repository with one commit, and a ledger with genesis, keys and the owner's word.
    pub fn found(on_entry: Option<OnEntry>, on_commit: Option<OnCommit>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let charter = charter();
        let holders = ["owner", "gatekeeper"].into_iter().map(str::to_owned).chain(charter.seats().map(ToString::to_string));
        let keys: BTreeMap<Party, SecretKey> =
            holders.map(|name| (party(&name), SecretKey::generate(&format!("{name} <{name}@{WORKSHOP}.orchestrate>")).unwrap())).collect();
        let note_key = SigningKey::from_bytes(&[7; 32]);
        let genesis = Genesis {
            workshop: WORKSHOP.to_owned(),
            branch: RefName::new("refs/heads/main").unwrap(),
            base: Oid::new("0".repeat(40)).unwrap(),
            seats: charter.roles.iter().flat_map(|role| role.seats.iter().map(|seat| (seat.clone(), role.name.clone()))).collect(),
            draw: Digest::of(b"secret"),
            note_key: VerifierKey::new(WORKSHOP, note_key.verifying_key()).unwrap().encode(),
            charter: charter.canonical(),
        };
        let time = now();
        let tip = genesis.base.clone();
        let (entries, chains, frontier) = (Vec::new(), BTreeMap::new(), Frontier::default());
        let mut world = Self {
            dir,
            keys,
            note_key,
            genesis,
            entries,
            frontier,
            tip,
            on_entry,
            on_commit,
            at: "",
            change: None,
            time,
            number: 1,
            fix: None,
            aim: ("", ""),
            kept: None,
            news: Vec::new(),
            blank: (true, true),
            hands: Vec::new(),
            former: BTreeSet::new(),
            peers: BTreeSet::new(),
            chains,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.git(&["init", "-q", "-b", "main", "."], b"");
        let empty = Oid::new("4b825dc642cb6eb9a060e54bf8d69288fbee4904").unwrap();
        let tree = self.tree(&empty, &[("README.md", "hello\n".to_owned()), ("src/lib.rs", "pub fn one() {}\n".to_owned())]);
        let raw = format!("tree {tree}\nauthor O <o@x> 1 +0000\ncommitter O <o@x> 1 +0000\n\nfirst\n");
        let base = self.store(raw.as_bytes());
        self.genesis.base = base.clone();
        self.move_main(&base);
        let genesis = self.genesis.clone();
        self.put(Actor::Edge, Event::Workshop(workshop::Event::Founded { genesis: Box::new(genesis) }));
        for (holder, key) in self.keys.clone() {
            self.made(&holder, &key);
        }
        let fingerprints: Vec<_> = self.keys.iter().map(|(party, key)| (party.clone(), key.fingerprint())).collect();
        let pairs: Vec<_> = fingerprints.iter().map(|(party, fingerprint)| (party, fingerprint)).collect();
        let statement = statement::genesis(&self.genesis, &self.policy(), &pairs);
        self.put(Actor::Edge, Event::Workshop(workshop::Event::Sworn { statement }));
        let (version, level, note) = ("1".to_owned(), "sandbox".to_owned(), String::new());
        self.put(Actor::Edge, Event::Workshop(workshop::Event::Started { version, level, note }));
    }

    pub fn made(&mut self, holder: &Party, key: &SecretKey) {
        let (holder, fingerprint, certificate) = (holder.clone(), key.fingerprint(), key.certificate_armored());
        self.put(Actor::Edge, Event::Key(key::Event::Made { holder, fingerprint, certificate }));
    }

    /// The owner takes a seat's key away.
    pub fn revoked(&mut self, holder: &str, by: Actor) {
        let key = &self.keys[&party(holder)];
        let (fingerprint, certificate) = (key.fingerprint(), key.revoked_armored("lost").unwrap());
        self.put(by, Event::Key(key::Event::Revoked { holder: party(holder), fingerprint, certificate, reason: "lost".to_owned() }));
    }

    pub fn policy(&self) -> Digest {
        Digest::of(self.genesis.charter.as_bytes())
    }

    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Lets the forger have a look, signs and appends.
    pub fn put(&mut self, by: Actor, event: Event) {
        let mut draft = Draft { by, event, signer: None, dropped: false };
        if let Some(forge) = self.on_entry.take() {
            forge(self, &mut draft);
            self.on_entry = Some(forge);
        }
        if draft.dropped {
            return;
        }
        if let Some((party, envelope)) = draft.event.unsigned() {
            let signer = draft.signer.clone().unwrap_or(party);
            let payload = STANDARD.decode(&envelope.payload).unwrap();
            *envelope = seal(&envelope.payload_type, &payload, &self.keys[&signer]).unwrap();
        }
        self.time = now().max(self.time + 1);
        let entry = Entry { v: VERSION, seq: self.len(), time: self.time, by: draft.by, event: draft.event };
        self.append(entry.bytes());
    }

    pub fn append(&mut self, bytes: Vec<u8>) {
        self.frontier.append(leaf_hash(&bytes));
        self.entries.push(bytes);
    }

    /// Forges an entry that was written before and seals everything anew.
    pub fn edit(&mut self, seq: u64, change: impl FnOnce(&mut Entry)) {
        let mut entry = Entry::parse(&self.entries[seq as usize]).unwrap();
        change(&mut entry);
        self.entries[seq as usize] = entry.bytes();
        self.reseal();
    }

    pub fn reseal(&mut self) {
        self.frontier = Frontier::default();
        let leaves: Vec<_> = self.entries.iter().map(|entry| leaf_hash(entry)).collect();
        self.frontier.extend(leaves);
    }

    pub fn bundle(&self) -> Vec<u8> {
        let checkpoint = Checkpoint { origin: WORKSHOP.to_owned(), size: self.frontier.len(), root: self.frontier.root() };
        let note = note(&checkpoint.text(), &self.note_key, WORKSHOP).unwrap();
        let mut out = Vec::new();
        crate::ledger::bundle::write(&mut out, &note, self.entries.iter().cloned()).unwrap();
        out
    }

    pub fn save(&self) -> PathBuf {
        let path = self.dir.path().join("bundle");
        std::fs::write(&path, self.bundle()).unwrap();
        path
    }

    pub fn git(&self, args: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.dir.path()).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    pub fn oid(&self, args: &[&str], input: &[u8]) -> Oid {
        Oid::new(self.git(args, input)).unwrap()
    }

    pub fn store(&self, raw: &[u8]) -> Oid {
        self.oid(&["hash-object", "-t", "commit", "-w", "--stdin"], raw)
    }

    pub fn tree(&self, base: &Oid, files: &[(&str, String)]) -> Oid {
        self.git(&["read-tree", base.as_str()], b"");
        for (path, content) in files {
            let blob = self.oid(&["hash-object", "-w", "--stdin"], content.as_bytes());
            self.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")], b"");
        }
        self.oid(&["write-tree"], b"")
    }

    pub fn tree_of(&self, commit: &Oid) -> Oid {
        self.oid(&["rev-parse", &format!("{commit}^{{tree}}")], b"")
    }

    pub fn move_main(&mut self, commit: &Oid) {
        self.git(&["update-ref", "refs/heads/main", commit.as_str()], b"");
        self.tip = commit.clone();
    }

    /// Stores a commit in somebody's name, signed by somebody's key.
    pub fn commit(&self, tree: &Oid, parents: &[Oid], author: &str, committer: &str, message: &str, signer: Option<&Party>) -> Oid {
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let person = |name: &str| format!("{name} <{name}@{WORKSHOP}.orchestrate> {} +0000", self.time / 1000);
        let raw = format!("tree {tree}\n{parents}author {}\ncommitter {}\n\n{message}", person(author), person(committer));
        match signer {
            Some(signer) => self.store(&sign_commit(raw.as_bytes(), &self.keys[signer]).unwrap()),
            None => self.store(raw.as_bytes()),
        }
    }

    /// Writes from one party to others, chained.
    pub fn letter(&mut self, from: &str, to: &str, by: Actor) {
        let from = party(from);
        let (number, prev) = self.chains.get(&from).map_or((1, None), |(number, id)| (number + 1, Some(id.clone())));
        let letter = Letter {
            workshop: WORKSHOP.to_owned(),
            from: from.clone(),
            to: vec![party(to)],
            number,
            prev,
            sent: self.time,
            priority: Priority::Normal,
            task: None,
            subject: "about".to_owned(),
            body: "words".to_owned(),
        };
        let statement = statement::message(&letter);
        let id = Digest::of(&statement::payload(&statement).unwrap());
        self.chains.insert(from, (number, id.clone()));
        self.put(by, Event::Message(message::Event::Sent { id, statement }));
    }

    /// A candidate, on top of commits that were handed in before.
    pub fn candidate(&mut self, plan: &Plan, earlier: &[CommitFacts]) -> Change {
        let base_tree = self.tree_of(&plan.base);
        let files: Vec<(&str, String)> = plan.files.iter().map(|(path, text)| (*path, text.clone())).collect();
        let tree = self.tree(&base_tree, &files);
        let mut commits: Vec<CommitFacts> = earlier.to_vec();
        for name in &plan.commits {
            let parents = vec![commits.last().map_or(plan.base.clone(), |last| last.id.clone())];
            let signer = party(name);
            let id = self.commit(&tree, &parents, name, name, "work\n", Some(&signer));
            let person = Person { name: (*name).to_owned(), email: format!("{name}@{WORKSHOP}.orchestrate") };
            let signature = Signature::Good(self.keys[&signer].fingerprint());
            let (author, committer, tree) = (person.clone(), person, tree.clone());
            commits.push(CommitFacts { id, tree, parents, author, committer, subject: "work".to_owned(), signature, malformed: None });
        }
        let compared = self.reader().compare(&base_tree, &tree).unwrap();
        let churn = compared.files.iter().map(crate::domain::change::FileChange::lines).sum();
        let touched = compared.files.iter().map(|file| file.path.clone()).collect();
        let commit = commits.last().unwrap().id.clone();
        Change { base: plan.base.clone(), base_tree, commit, tree, commits, files: compared.files, churn, touched }
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&Git::find().unwrap(), self.dir.path(), &[]).unwrap()
    }

    pub fn run_plan(&mut self, plan: &Plan) {
        self.open(plan);
        let submitted = self.submit(plan, &[]);
        let task = TaskId::new(plan.task).unwrap();
        let change = self.change.clone().unwrap();
        self.gates(plan, &task, &change, submitted);
    }

    pub fn open(&mut self, plan: &Plan) {
        (self.at, self.number, self.former) = (plan.task, 1, BTreeSet::new());
        let task = TaskId::new(plan.task).unwrap();
        let author = Actor::Seat(seat(plan.author));
        self.put(Actor::Owner, Event::Task(task::Event::Opened { task: task.clone(), title: plan.title.clone(), body: String::new(), assign: None }));
        self.letter("gatekeeper", plan.author, Actor::Owner);
        self.put(author.clone(), Event::Task(task::Event::Taken { task }));
        self.letter(plan.author, "librarian", author);
    }

    /// Hands a candidate in and has it measured; gives the place where it was handed in.
    pub fn submit(&mut self, plan: &Plan, earlier: &[CommitFacts]) -> u64 {
        let task = TaskId::new(plan.task).unwrap();
        let change = self.candidate(plan, earlier);
        self.change = Some(change.clone());
        let (submitted, attempt) = (self.len(), self.number);
        self.put(Actor::Seat(seat(plan.author)), Event::Task(task::Event::Submitted { task: task.clone(), attempt, commit: change.commit.clone() }));
        self.hands = std::iter::once(plan.author).chain(plan.commits.iter().copied()).map(seat).chain(self.former.iter().cloned()).collect();
        let contributors: BTreeSet<SeatName> = plan.commits.iter().map(|name| seat(name)).chain(self.former.iter().cloned()).collect();
        let needs = charter().needs(&change, &seat(plan.author));
        let kept = RefName::new(format!("refs/gate/{}/{attempt}", plan.task.to_lowercase())).unwrap();
        let (change, fix) = (Box::new(change), self.fix.clone());
        self.put(Actor::Edge, Event::Task(task::Event::Measured { task, attempt, change, contributors, needs, kept, fix }));
        submitted
    }

    /// The runs of RED and GREEN, and their verdicts where they are judged by themselves.
    fn red_green(&mut self, change: &Change, submitted: u64) {
        let news = format!("new::{}", self.at);
        let old: Vec<&str> = vec!["old::a"];
        self.tested(RunKind::Base, &change.base_tree, &[(&old, Outcome::Passed)], submitted);
        self.tested(RunKind::Red, &change.base_tree, &[(&old, Outcome::Passed), (&[&news], Outcome::Failed)], submitted);
        if self.fix.is_none() {
            self.judged(GateName::Red, submitted);
        }
        self.tested(RunKind::Green, &change.tree, &[(&old, Outcome::Passed), (&[&news], Outcome::Passed)], submitted);
        if self.fix.is_none() {
            self.judged(GateName::Green, submitted);
        }
    }

    /// Everything up to the run of the merge result, whose tree it gives.
    pub fn up_to_qa(&mut self, plan: &Plan, change: &Change, submitted: u64) -> Oid {
        if self.fix.is_none() {
            self.red_green(change, submitted);
        }
        self.words(GateName::Peer, &plan.peers, &change.tree);
        self.judged(GateName::Peer, submitted);
        if self.fix.is_some() {
            self.red_green(change, submitted);
        }
        let merged = self.oid(&["merge-tree", "--write-tree", self.tip.as_str(), change.commit.as_str()], b"");
        let news = format!("new::{}", plan.task);
        let all = self.news.clone();
        if plan.base != self.tip && self.blank.1 {
            self.tip_run(submitted);
        }
        let all: Vec<&str> = all.iter().map(String::as_str).chain(["old::a", &news]).collect();
        self.tested(RunKind::Merge, &merged, &[(&all, Outcome::Passed)], submitted);
        merged
    }

    /// The run of the protected branch as it is.
    pub fn tip_run(&mut self, submitted: u64) {
        let all = self.news.clone();
        let all: Vec<&str> = all.iter().map(String::as_str).chain(["old::a"]).collect();
        self.tested(RunKind::Tip, &self.tree_of(&self.tip), &[(&all, Outcome::Passed)], submitted);
    }

    pub fn gates(&mut self, plan: &Plan, task: &TaskId, change: &Change, submitted: u64) {
        let merged = self.up_to_qa(plan, change, submitted);
        self.news.push(format!("new::{}", plan.task));
        self.words(GateName::Qa, &["qa-a"], &merged);
        self.judged(GateName::Qa, submitted);
        let deploy = self.words(GateName::Deploy, &["orchestrator", "librarian"], &merged);
        if plan.owner {
            let policy = self.policy();
            let bound = Bound {
                workshop: WORKSHOP,
                task,
                attempt: self.number,
                commit: &change.commit,
                tree: &merged,
                base: &change.base,
                policy: &policy,
                index: deploy,
            };
            let statement = statement::confirmation(&bound, &confirm::Shown::of(&bound).0);
            self.put(Actor::Owner, Event::Confirm(confirm::Event::Confirmed { task: task.clone(), attempt: self.number, step: deploy, statement }));
        }
        self.judged(GateName::Deploy, submitted);
        self.merge(plan, task, change, merged);
    }

    pub fn merge(&mut self, plan: &Plan, task: &TaskId, change: &Change, tree: Oid) {
        let old = self.tip.clone();
        let message = format!(
            "{}\n\nTask: {task}\nAttempt: {}\nCandidate: {}\nAuthor-Seat: {}\nPolicy: {}\nCheckpoint: {} {}\nOrigin: {WORKSHOP}\n",
            plan.title,
            self.number,
            change.commit,
            plan.author,
            self.policy(),
            self.len(),
            hex::encode(self.frontier.root())
        );
        let mut draft = CommitDraft { tree: tree.clone(), parents: vec![old.clone()], message, signer: Some(Party::Gatekeeper) };
        if let Some(forge) = self.on_commit {
            forge(self, &mut draft);
        }
        let commit = self.commit(&draft.tree, &draft.parents, plan.author, "gatekeeper", &draft.message, draft.signer.as_ref());
        self.put(Actor::Edge, Event::Merge(merge::Event::Intended { task: task.clone(), attempt: self.number, commit: commit.clone(), old, tree }));
        self.put(Actor::Edge, Event::Merge(merge::Event::Merged { task: task.clone(), attempt: self.number, commit: commit.clone() }));
        self.letter("gatekeeper", plan.author, Actor::Edge);
        self.move_main(&commit);
        self.blank.1 = self.blank.0;
    }

    pub fn bound<T>(&self, tree: &Oid, index: u64, f: impl FnOnce(&Bound<'_>) -> T) -> T {
        let (task, policy, change) = (TaskId::new(self.at).unwrap(), self.policy(), self.change.as_ref().unwrap());
        f(&Bound { workshop: WORKSHOP, task: &task, attempt: self.number, commit: &change.commit, tree, base: &change.base, policy: &policy, index })
    }

    pub fn tested(&mut self, kind: RunKind, tree: &Oid, results: &[(&[&str], Outcome)], submitted: u64) {
        let results = results.iter().flat_map(|(ids, outcome)| ids.iter().map(|id| ((*id).to_owned(), *outcome))).collect();
        let run = Run {
            tree: tree.clone(),
            harness: "cargo".to_owned(),
            command: vec!["cargo".to_owned()],
            completion: Completion::Finished,
            results,
            missing: Vec::new(),
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 1,
            coverage: None,
        };
        let tip = matches!(kind, RunKind::Merge | RunKind::Tip).then(|| self.tip.clone());
        match kind {
            RunKind::Merge => self.blank.0 = run.results.is_empty(),
            RunKind::Tip => self.blank.1 = false,
            _ => {}
        }
        let candidate = self.change.as_ref().unwrap().tree.clone();
        let statement = self.bound(&candidate, submitted, |bound| statement::run(bound, kind.word(), tip.as_ref(), &[], &run));
        let task = TaskId::new(self.at).unwrap();
        self.put(Actor::Edge, Event::Task(task::Event::Tested { task, attempt: self.number, kind, tip, declared: Vec::new(), statement }));
    }

    pub fn judged(&mut self, gate: GateName, submitted: u64) {
        self.says(gate, submitted, None);
    }

    /// A gate's verdict; `no` is the check that fails, if one does.
    pub fn says(&mut self, gate: GateName, submitted: u64, no: Option<&str>) {
        let gates = fix::judged_at(&GateName::ALL, self.fix.as_ref(), gate);
        let names = gates.iter().flat_map(|gate| charter().gate(*gate).checks.clone());
        let verdict = |name: &str| if no == Some(name) { Verdict::Fail("no".to_owned()) } else { Verdict::Pass("seen".to_owned()) };
        let checks: Vec<(String, Verdict)> = names.map(|name| (name.clone(), verdict(&name))).collect();
        let (tree, pass) = (self.change.as_ref().unwrap().tree.clone(), no.is_none());
        let statement = self.bound(&tree, submitted, |bound| statement::verdict(bound, gate, &checks, pass));
        let task = TaskId::new(self.at).unwrap();
        self.put(Actor::Edge, Event::Task(task::Event::Judged { task, attempt: self.number, gate, pass, checks, statement }));
    }

    pub fn words(&mut self, gate: GateName, seats: &[&str], tree: &Oid) -> u64 {
        let drawn = self.drawn(gate, seats);
        for name in seats {
            self.word(gate, name, tree, drawn, true);
        }
        drawn
    }

    pub fn drawn(&mut self, gate: GateName, seats: &[&str]) -> u64 {
        let drawn = self.len();
        let task = TaskId::new(self.at).unwrap();
        let names: Vec<SeatName> = seats.iter().map(|name| seat(name)).collect();
        if gate == GateName::Peer {
            self.peers = names.iter().cloned().collect();
        }
        let (mut pool, draw) = (self.pool(gate), Digest::of(b"draw"));
        let strange: Vec<SeatName> = names.iter().filter(|name| !pool.contains(name)).cloned().collect();
        pool.extend(strange);
        self.put(Actor::Edge, Event::Review(review::Event::Drawn { task, attempt: self.number, gate, pool, seats: names, draw, extra: None }));
        drawn
    }

    fn pool(&self, gate: GateName) -> Vec<SeatName> {
        let (charter, contributors) = (charter(), self.hands.iter().cloned().collect());
        match gate {
            GateName::Peer => draw::pool(&charter, &self.hands[0], &contributors),
            GateName::Deploy => charter.able(Capability::CosignDeploy),
            _ => draw::qa_pool(&charter, &contributors, &self.peers),
        }
    }

    pub fn word(&mut self, gate: GateName, name: &str, tree: &Oid, drawn: u64, accept: bool) {
        let (name, note) = (seat(name), "looked at all of it".to_owned());
        let reading = if gate == GateName::Peer { self.reading() } else { Reading::default() };
        let statement = self.bound(tree, drawn, |bound| statement::review(bound, gate, &name, accept, &note, &reading));
        let task = TaskId::new(self.at).unwrap();
        self.put(
            Actor::Seat(name),
            Event::Review(review::Event::Decided { task, attempt: self.number, gate, accept, note, reading, bundle: drawn, statement }),
        );
    }

    /// A verdict on every file of the change, and its first line.
    fn reading(&self) -> Reading {
        let change = self.change.as_ref().unwrap();
        let texts = self.reader().texts(&change.files, usize::MAX).unwrap().unwrap();
        let lines = texts.iter().flat_map(|file| file.text.lines());
        let quotes = lines.filter(|line| line.starts_with('+')).take(1).map(str::to_owned).collect();
        Reading { files: change.files.iter().map(|file| (file.path.clone(), true)).collect(), quotes }
    }
}
