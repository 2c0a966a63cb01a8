//! A workshop without an outside: the real loop, a ledger in memory, references in a map, and an edge that loses, doubles and delays.

use orchestrate::domain::actor::{Actor, Party};
use orchestrate::domain::change::{Blob, Change, CommitFacts, FileChange, Person, Signature};
use orchestrate::domain::charter::Charter;
use orchestrate::domain::command::Act;
use orchestrate::domain::confirm::Shown;
use orchestrate::domain::dsse::{Envelope, EnvelopeSignature};
use orchestrate::domain::effect::Effect;
use orchestrate::domain::entry::{Entry, Millis};
use orchestrate::domain::failure::Failure;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::lock::Wish;
use orchestrate::domain::message::{Draft, Priority};
use orchestrate::domain::name::{Digest, Fingerprint, Oid, RefName, SeatName, TaskId};
use orchestrate::domain::push::{Move, Update};
use orchestrate::domain::reading::{Bundle, FileText, Said};
use orchestrate::domain::run::{Completion, Outcome, Run};
use orchestrate::domain::state::State;
use orchestrate::domain::task::{RunKind, Stage, bound_at};
use orchestrate::domain::workshop::Genesis;
use orchestrate::ledger::memory::MemoryLedger;
use orchestrate::ledger::{AppendError, Damage, Ledger, Record, Verified};
use orchestrate::supervisor::charter::built_in;
use orchestrate::supervisor::drive::{Denied, Drive, Hands};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, OnceLock};

mod acts;

/// What outlives a crash: the disk.
#[derive(Debug, Default)]
pub struct Disk {
    pub ledger: MemoryLedger,
    pub refs: BTreeMap<RefName, Oid>,
    /// Moves since the last look.
    pub moved: Vec<Move>,
    now: Millis,
    /// The supervisor dies at the next move of references: before it, or after.
    dies: Option<bool>,
    /// The next append finds the disk full.
    full: bool,
}

type Shared = Arc<Mutex<Disk>>;

struct Crash;

pub struct Hand(Shared);

impl Hands for Hand {
    fn now(&self) -> Millis {
        let mut disk = self.0.lock().unwrap();
        disk.now += 1000;
        disk.now
    }

    fn seal(&self, party: &Party, envelope: &mut Envelope) -> Result<(), Failure> {
        envelope.signatures.push(EnvelopeSignature { keyid: party.to_string(), sig: "c2ln".to_owned() });
        Ok(())
    }

    fn draw(&self, _: u32, words: &str) -> Digest {
        Digest::of(words.as_bytes())
    }

    fn move_refs(&self, moves: &[Move]) -> Result<(), Failure> {
        let mut disk = self.0.lock().unwrap();
        let dies = disk.dies.take();
        if dies != Some(false) {
            disk.move_all(moves)?;
        }
        drop(disk);
        if dies.is_some() { resume_unwind(Box::new(Crash)) } else { Ok(()) }
    }
}

impl Disk {
    /// All or none, each from its old value; one that is there already is there.
    fn move_all(&mut self, moves: &[Move]) -> Result<(), Failure> {
        let fits = |step: &&Move| self.refs.get(&step.name) == step.old.as_ref() || self.refs.get(&step.name) == Some(&step.new);
        if let Some(step) = moves.iter().find(|step| !fits(step)) {
            return Err(Failure::new("cannot move", &step.name));
        }
        for step in moves {
            self.refs.insert(step.name.clone(), step.new.clone());
            self.moved.push(step.clone());
        }
        Ok(())
    }
}

struct OnDisk(Shared);

impl Ledger for OnDisk {
    fn len(&self) -> u64 {
        self.0.lock().unwrap().ledger.len()
    }

    fn root(&self) -> [u8; 32] {
        self.0.lock().unwrap().ledger.root()
    }

    fn append(&mut self, at: u64, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        let mut disk = self.0.lock().unwrap();
        if std::mem::take(&mut disk.full) {
            return Err(AppendError::Failure(Failure::new("cannot append", "no space left on device")));
        }
        disk.ledger.append(at, entries)
    }

    fn read(&self, from: u64, max: usize) -> Result<Vec<Record>, Failure> {
        self.0.lock().unwrap().ledger.read(from, max)
    }

    fn leaf_hashes(&self, upto: u64) -> Result<Vec<[u8; 32]>, Failure> {
        self.0.lock().unwrap().ledger.leaf_hashes(upto)
    }

    fn replace(&mut self, bodies: &[(u64, Vec<u8>)]) -> Result<(), Failure> {
        self.0.lock().unwrap().ledger.replace(bodies)
    }

    fn check(&self) -> Result<Verified, Damage> {
        self.0.lock().unwrap().ledger.check()
    }
}

/// SplitMix64: the whole chance of a life.
pub struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn of<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())].clone()) }
    }
}

/// What happened in a step, for whoever asks the laws.
#[derive(Debug, Default)]
pub struct Step {
    pub actor: Option<Actor>,
    pub act: String,
    /// A seat said what only the supervisor or the owner may say.
    pub usurps: bool,
    /// The code of a refusal, or what failed.
    pub refused: Option<String>,
    pub failed: Option<String>,
    pub crashed: bool,
    pub frozen_before: bool,
    pub moved: Vec<Move>,
}

pub struct Shop {
    pub disk: Shared,
    pub drive: Drive<Hand>,
    chance: Chance,
    todo: Vec<Effect>,
    commits: u32,
    pub seats: Vec<SeatName>,
}

pub fn oid(text: &str) -> Oid {
    Oid::new(&Digest::of(text.as_bytes()).as_str()[..40]).unwrap()
}

fn fingerprint(party: &Party) -> Fingerprint {
    Fingerprint::new(Digest::of(party.to_string().as_bytes()).as_str()[..40].to_uppercase()).unwrap()
}

impl Shop {
    pub fn open(seed: u64) -> Self {
        static CHARTER: OnceLock<Charter> = OnceLock::new();
        let charter = CHARTER.get_or_init(|| built_in().unwrap());
        let disk = Shared::default();
        let drive = Drive::open(Box::new(OnDisk(Arc::clone(&disk))), Hand(Arc::clone(&disk))).unwrap();
        let seats: Vec<SeatName> = charter.seats().cloned().collect();
        let mut shop = Self { disk, drive, chance: Chance(seed), todo: Vec::new(), commits: 0, seats };
        let named = shop.seats.iter().map(|seat| (seat.clone(), charter.role_of(seat).unwrap().name.clone())).collect();
        let (branch, base) = (RefName::new("refs/heads/main").unwrap(), oid("base"));
        shop.disk.lock().unwrap().refs.insert(branch.clone(), base.clone());
        let (draw, charter) = (Digest::of(b"secret"), charter.canonical());
        let genesis = Genesis { workshop: "w-1".to_owned(), branch, base, seats: named, draw, note_key: "key".to_owned(), charter };
        shop.must(Act::Found { genesis: Box::new(genesis) });
        let holders: Vec<Party> = shop.seats.iter().cloned().map(Party::Seat).chain([Party::Owner, Party::Gatekeeper]).collect();
        for holder in holders {
            let fingerprint = fingerprint(&holder);
            shop.must(Act::RegisterKey { holder, fingerprint, certificate: "cert".to_owned() });
        }
        shop.must(Act::Swear);
        shop
    }

    fn must(&mut self, act: Act) {
        self.drive.ask(&Actor::Edge, act).0.unwrap();
    }

    pub fn state(&self) -> &State {
        &self.drive.state
    }

    /// The ledger's entries from a position on, read from the disk.
    pub fn entries(&self, from: u64) -> Vec<Entry> {
        let records = self.disk.lock().unwrap().ledger.read(from, usize::MAX).unwrap();
        records.iter().map(|record| Entry::parse(&record.bytes).unwrap()).collect()
    }

    pub fn step(&mut self) -> Step {
        let frozen_before = self.state().frozen.is_some();
        let mut step = match self.chance.below(100) {
            0 => self.restart(),
            1..55 => self.perform(),
            _ => self.act(),
        };
        step.frozen_before = frozen_before;
        step.moved = std::mem::take(&mut self.disk.lock().unwrap().moved);
        step
    }

    /// The supervisor ends at once, and starts again from the disk: what was under way is lost.
    fn restart(&mut self) -> Step {
        self.todo.clear();
        self.drive = Drive::open(Box::new(OnDisk(Arc::clone(&self.disk))), Hand(Arc::clone(&self.disk))).unwrap();
        self.todo = self.drive.outstanding();
        Step { act: "restart".to_owned(), crashed: true, ..Step::default() }
    }

    fn ask(&mut self, actor: Actor, act: Act) -> Step {
        let mut step = Step { actor: Some(actor.clone()), act: act.verb().0.to_owned(), ..Step::default() };
        if self.chance.percent(3) {
            self.disk.lock().unwrap().dies = Some(self.chance.percent(50));
        }
        self.disk.lock().unwrap().full = self.chance.percent(1);
        let drive = &mut self.drive;
        match catch_unwind(AssertUnwindSafe(|| drive.ask(&actor, act))) {
            Ok((Ok(_), effects)) => self.todo.extend(effects),
            Ok((Err(Denied::Refused(refusal)), effects)) => {
                self.todo.extend(effects);
                step.refused = Some(refusal.code);
            }
            Ok((Err(Denied::Failed(failure)), effects)) => {
                self.todo.extend(effects);
                step.failed = Some(failure.to_string());
            }
            Err(why) if why.is::<Crash>() => {
                let again = self.restart();
                step.crashed = again.crashed;
            }
            Err(why) => resume_unwind(why),
        }
        let mut disk = self.disk.lock().unwrap();
        (disk.dies, disk.full) = (None, false);
        drop(disk);
        step
    }

    /// Does one of the things to do, in any order, some of them twice, some of them too late.
    fn perform(&mut self) -> Step {
        if self.todo.is_empty() {
            return self.act();
        }
        let at = self.chance.below(self.todo.len());
        let again = self.chance.percent(10);
        let effect = if again { self.todo[at].clone() } else { self.todo.remove(at) };
        match self.result(&effect) {
            Some(act) => self.ask(Actor::Edge, act),
            None => Step { act: format!("{effect:?}"), ..Step::default() },
        }
    }

    fn result(&mut self, effect: &Effect) -> Option<Act> {
        match effect {
            Effect::Measure { task, attempt, commit } => {
                let kept = RefName::new(format!("refs/gate/tasks/{}/{attempt}", task.as_str().to_lowercase())).unwrap();
                self.disk.lock().unwrap().refs.insert(kept.clone(), commit.clone());
                let before = self.state().tasks.get(task).and_then(|known| known.attempt.as_ref()?.before.clone());
                let since = before.map(|before| Box::new(Change { base: before.commit, ..self.change(commit) }));
                Some(Act::Measured { task: task.clone(), attempt: *attempt, change: Box::new(self.change(commit)), since, kept })
            }
            Effect::Test { task, attempt, kind } => self.tested(task, *attempt, *kind),
            Effect::BuildMerge { task, attempt } => {
                let now = self.state().tasks.get(task)?.attempt.clone()?;
                let (tip, tree) = (self.state().tip()?.clone(), now.runs.get(&RunKind::Merge)?.run.tree.clone());
                let commit = oid(&format!("merge {task} {attempt} {tip}"));
                Some(Act::MergeBuilt { task: task.clone(), attempt: *attempt, commit, old: tip, tree })
            }
            Effect::Lend
            | Effect::Alarm
            | Effect::Draw { .. }
            | Effect::Redraw { .. }
            | Effect::Judge { .. }
            | Effect::MoveMain { .. }
            | Effect::MoveRefs { .. }
            | Effect::Publish
            | Effect::Deploy { .. }
            | Effect::FollowUp { .. }
            | Effect::Refill { .. }
            | Effect::End { .. }
            | Effect::Ring { .. } => None,
        }
    }

    fn tested(&mut self, task: &TaskId, attempt: u32, kind: RunKind) -> Option<Act> {
        if self.chance.percent(4) {
            return Some(Act::Stalled { task: task.clone(), attempt, why: "no disk".to_owned() });
        }
        let now = self.state().tasks.get(task)?.attempt.as_ref()?;
        let (change, unasked) = (now.change.clone()?, kind == RunKind::Merge && !now.gates().contains(&GateName::Qa));
        let tip = self.state().tip()?.clone();
        let tree = match kind {
            RunKind::Base => change.base_tree.clone(),
            RunKind::Red => oid(&format!("red {}", change.commit)),
            RunKind::Green | RunKind::Sample => change.tree.clone(),
            RunKind::Merge | RunKind::Cover => oid(&format!("merged {} {tip}", change.commit)),
            RunKind::Tip => oid(&format!("tree of {tip}")),
            RunKind::Kept => oid(&format!("kept {}", change.commit)),
        };
        let new = match kind {
            RunKind::Base | RunKind::Tip | RunKind::Kept | RunKind::Sample | RunKind::Cover => None,
            RunKind::Red => Some(if self.chance.percent(90) { Outcome::Failed } else { Outcome::Passed }),
            RunKind::Green | RunKind::Merge => Some(if self.chance.percent(95) { Outcome::Passed } else { Outcome::Failed }),
        };
        let old = [("old".to_owned(), Outcome::Passed)].into_iter();
        let seen = old.chain(new.map(|seen| (format!("new {}", change.commit), seen)));
        // What enters without QA is not tested, so that nothing is known of the tip then.
        let results = if unasked { BTreeMap::new() } else { seen.collect() };
        let run = Run {
            tree,
            harness: "cargo".to_owned(),
            command: vec![],
            completion: if self.chance.percent(97) { Completion::Finished } else { Completion::LimitReached },
            results,
            missing: vec![],
            note: String::new(),
            output: Digest::of(b""),
            duration_ms: 1,
            coverage: None,
        };
        let tip = matches!(kind, RunKind::Merge | RunKind::Tip | RunKind::Cover).then_some(tip);
        Some(Act::Tested { task: task.clone(), attempt, kind, tip, declared: vec![], run: Box::new(run) })
    }

    /// What a commit changes follows from its name alone.
    fn change(&self, commit: &Oid) -> Change {
        let n = u64::from_str_radix(&commit.as_str()[..6], 16).unwrap();
        let blob = |text: &str| Some(Blob { oid: oid(&format!("{text} {commit}")), mode: 0o100_644, size: 10 });
        let file = |path: &str, added| FileChange { path: path.to_owned(), old: None, new: blob(path), added, deleted: 0, binary: false, marks: Vec::new() };
        let files = match n % 5 {
            0 => vec![file("README.md", n % 60)],
            1 => vec![file("src/auth/token.rs", 5), file("tests/token.rs", 5)],
            _ => vec![file("src/greet.rs", n % 40), file("tests/greet.rs", 20)],
        };
        let author = self.commits_of(commit);
        let touched = files.iter().map(|file| file.path.clone()).collect();
        let (base, tree) = (self.state().tip().unwrap().clone(), oid(&format!("tree {commit}")));
        let base_tree = oid(&format!("tree of {base}"));
        Change { base, base_tree, commit: commit.clone(), tree, commits: vec![author], files, churn: 0, touched }
    }

    /// The seat whose branch holds a commit signed it.
    fn commits_of(&self, commit: &Oid) -> CommitFacts {
        let holder = self.state().refs.iter().find(|(name, at)| *at == commit && name.as_str().starts_with("refs/heads/"));
        let seat = holder.and_then(|(name, _)| name.as_str().split('/').nth(2)).unwrap_or("dev-a");
        self.facts(commit, seat, seat)
    }

    fn facts(&self, commit: &Oid, name: &str, signer: &str) -> CommitFacts {
        let email = self.state().email(&SeatName::new(name).unwrap());
        let person = Person { name: name.to_owned(), email };
        let signature = Signature::Good(fingerprint(&Party::Seat(SeatName::new(signer).unwrap())));
        let (id, tree, parents) = (commit.clone(), oid(&format!("tree {commit}")), vec![self.state().tip().unwrap().clone()]);
        CommitFacts { id, tree, parents, author: person.clone(), committer: person, subject: "work".to_owned(), signature, malformed: None }
    }

    /// The next right thing for one of the tasks, if there is one; else anything.
    fn act(&mut self) -> Step {
        if self.chance.percent(35) {
            return self.anything();
        }
        if self.state().frozen.is_some() {
            return self.owner();
        }
        if self.state().tasks.is_empty() {
            return self.ask(Actor::Owner, Act::OpenTask { title: "work".to_owned(), body: String::new(), assign: None });
        }
        let task = self.task();
        let known = self.state().tasks[&task].clone();
        let Some(author) = known.author else {
            let dev = SeatName::new(["dev-a", "dev-b"][self.chance.below(2)]).unwrap();
            return self.ask(Actor::Seat(dev), Act::TakeTask { task });
        };
        match known.attempt.map(|now| now.stage) {
            None | Some(Stage::Back { .. }) => self.hand_in(task, author),
            Some(Stage::At(_)) => self.word(task),
            Some(_) => self.anything(),
        }
    }

    fn hand_in(&mut self, task: TaskId, author: SeatName) -> Step {
        if let Some(push) = self.state().pushes.iter().find(|(_, pending)| pending.seat == author).map(|(push, _)| push.clone()) {
            return self.ask(Actor::Seat(author), Act::Land { push });
        }
        let branch = RefName::new(format!("refs/heads/{author}/{}", task.as_str().to_lowercase())).unwrap();
        let tip = self.state().refs.get(&branch).cloned();
        let tried = self.state().tasks[&task].attempt.as_ref().map(|now| now.commit.clone());
        if tip.is_some() && tip != tried {
            return self.ask(Actor::Seat(author), Act::Submit { task, commit: None });
        }
        self.commits += 1;
        let (push, commit) = (format!("p{}", self.commits), oid(&format!("commit {}", self.commits)));
        let facts = self.facts(&commit, author.as_str(), author.as_str());
        let old = tip.unwrap_or_else(|| Oid::new("0".repeat(40)).unwrap());
        let (name, kind, touched) = (branch.to_string(), "commit".to_owned(), self.change(&commit).touched);
        let update = Update { name, old, new: commit, kind, commits: vec![facts], related: true, faults: vec![], touched };
        self.ask(Actor::Seat(author), Act::Push { push, updates: vec![update] })
    }

    /// The word of a drawn seat that has not spoken, or of the owner.
    fn word(&mut self, task: TaskId) -> Step {
        let now = self.state().tasks[&task].attempt.clone().unwrap();
        let Stage::At(gate) = now.stage else { return self.anything() };
        let spoke = |seat: &SeatName| now.approvals.iter().any(|word| word.gate == gate && word.seat == *seat);
        let silent: Vec<SeatName> =
            now.draws.get(&gate).map_or_else(Vec::new, |draw| draw.seats.iter().filter(|seat| !spoke(seat)).cloned().collect());
        match self.chance.of(&silent) {
            Some(seat) => {
                let (accept, note) = (self.chance.percent(95), "looked at every line of it".to_owned());
                let (said, bundle) = self.reading(&task, accept);
                self.ask(Actor::Seat(seat), Act::Review { task, accept, note, commit: None, said, bundle })
            }
            None if gate == GateName::Deploy => self.owner(),
            None => self.perform_or_wait(),
        }
    }

    /// A verdict on every file, and a line of each.
    fn reading(&self, task: &TaskId, good: bool) -> (Said, Option<Box<Bundle>>) {
        let change = self.state().tasks.get(task).and_then(|known| known.attempt.as_ref()?.change.clone());
        let Some(change) = change else { return Default::default() };
        let paths: Vec<String> = change.files.into_iter().map(|file| file.path).collect();
        let files = paths.iter().map(|path| FileText { path: path.clone(), text: "+x".to_owned() }).collect();
        let (ok, bad) = if good { (paths, vec![]) } else { (vec![], paths) };
        (Said { ok, bad, quotes: vec!["+x".to_owned()] }, Some(Box::new(Bundle { commit: change.commit, files, earlier: vec![] })))
    }

    fn perform_or_wait(&mut self) -> Step {
        if self.todo.is_empty() { self.anything() } else { self.perform() }
    }

    fn anything(&mut self) -> Step {
        let seat = self.chance.of(&self.seats.clone()).unwrap();
        let by = Actor::Seat(seat.clone());
        match self.chance.below(100) {
            0..2 => self.ask(Actor::Owner, Act::OpenTask { title: "work".to_owned(), body: String::new(), assign: None }),
            2..16 => self.take(by),
            16..28 => self.push(&seat),
            28..38 => self.land(by),
            38..48 => self.submit(by),
            48..78 => self.review(by),
            78..82 => self.owner(),
            82..84 => self.freeze(by),
            84..88 => self.send(by),
            88..91 => self.lock(by),
            91..93 => self.withdraw(by),
            93 => self.half_a_day(),
            _ => self.usurp(by),
        }
    }

    fn task(&mut self) -> TaskId {
        let known: Vec<TaskId> = self.state().tasks.keys().cloned().collect();
        self.chance.of(&known).unwrap_or_else(|| TaskId::new("T1").unwrap())
    }

    fn take(&mut self, by: Actor) -> Step {
        let task = self.task();
        match self.chance.below(4) {
            0 => self.ask(by, Act::ReleaseTask { task, reason: "another will".to_owned(), assign: None }),
            _ => self.ask(by, Act::TakeTask { task }),
        }
    }

    /// A push: often to where the work belongs, often elsewhere, often with somebody else's name or key.
    fn push(&mut self, seat: &SeatName) -> Step {
        self.commits += 1;
        let commit = oid(&format!("commit {}", self.commits));
        let other = self.chance.of(&self.seats.clone()).unwrap();
        let task = self.task().to_string().to_lowercase();
        let name = match self.chance.below(10) {
            0 => "refs/heads/main".to_owned(),
            1 => format!("refs/heads/{other}/{task}"),
            2 => ["refs/tags/x", "refs/replace/x", "refs/notes/x", "HEAD", "refs/heads/0000", "refs/gate/tasks/t1/1"][self.chance.below(6)]
                .to_owned(),
            _ => format!("refs/heads/{seat}/{task}"),
        };
        let honest = self.facts(&commit, seat.as_str(), seat.as_str());
        let facts = match self.chance.below(10) {
            0 => self.facts(&commit, seat.as_str(), other.as_str()),
            1 => CommitFacts { signature: Signature::Missing, ..honest },
            2 => CommitFacts { signature: Signature::UnknownKey, ..honest },
            3 => CommitFacts { parents: vec![oid("base"), oid("evil")], ..honest },
            _ => honest,
        };
        let known = RefName::new(name.clone()).ok().and_then(|name| self.state().refs.get(&name).cloned());
        let zero = Oid::new("0".repeat(40)).unwrap();
        let old = if self.chance.percent(90) { known.unwrap_or(zero) } else { oid("stale") };
        let (kind, touched) = ("commit".to_owned(), self.change(&commit).touched);
        let update = Update { name, old, new: commit, kind, commits: vec![facts], related: true, faults: vec![], touched };
        let push = format!("p{}", self.commits);
        self.ask(Actor::Seat(seat.clone()), Act::Push { push, updates: vec![update] })
    }

    /// Lands a push: its own as a rule, now and then anybody's.
    fn land(&mut self, by: Actor) -> Step {
        let pending: Vec<(String, SeatName)> =
            self.state().pushes.iter().map(|(push, pending)| (push.clone(), pending.seat.clone())).collect();
        let (push, seat) = self.chance.of(&pending).unwrap_or_else(|| ("p0".to_owned(), self.seats[0].clone()));
        let by = if self.chance.percent(85) { Actor::Seat(seat) } else { by };
        self.ask(by, Act::Land { push })
    }

    fn submit(&mut self, by: Actor) -> Step {
        let task = self.task();
        let author = self.state().tasks.get(&task).and_then(|known| known.author.clone()).map(Actor::Seat);
        let by = if self.chance.percent(80) { author.unwrap_or(by) } else { by };
        let commit = self.chance.percent(10).then(|| oid("never pushed"));
        self.ask(by, Act::Submit { task, commit })
    }

    /// A word on a task: by a drawn seat as a rule, else by anybody, the author included.
    fn review(&mut self, by: Actor) -> Step {
        let task = self.task();
        let drawn: Vec<SeatName> =
            self.state().tasks.get(&task).and_then(|known| known.attempt.as_ref()).map_or_else(Vec::new, |now| match now.stage {
                Stage::At(gate) => now.draws.get(&gate).map_or_else(Vec::new, |draw| draw.seats.clone()),
                _ => Vec::new(),
            });
        let chosen = self.chance.of(&drawn).map(Actor::Seat);
        let by = if self.chance.percent(75) { chosen.unwrap_or(by) } else { by };
        let (accept, note) = (self.chance.percent(93), "looked at every line of it".to_owned());
        let commit = self.chance.percent(5).then(|| oid("another").to_string());
        let torn = self.chance.percent(5);
        let (said, bundle) = self.reading(&task, accept != torn);
        self.ask(by, Act::Review { task, accept, note, commit, said, bundle })
    }
}
