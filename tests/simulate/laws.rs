//! The laws, asked after each step. They read the entries, and share no code with the rules that they judge.

use super::Tally;
use super::shop::{Shop, Step, oid};
use orchestrate::domain::actor::Actor;
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::name::{Digest, SeatName, TaskId};
use orchestrate::domain::policy::Needs;
use orchestrate::domain::state::State;
use orchestrate::domain::{confirm, freeze, lock, merge, panel, push, review, task};
use std::collections::{BTreeMap, BTreeSet};

/// What was said about the newest attempt of a task.
#[derive(Debug, Default, Clone)]
struct Said {
    attempt: u32,
    needs: Option<Needs>,
    contributors: BTreeSet<SeatName>,
    drawn: BTreeMap<GateName, Vec<SeatName>>,
    accepted: BTreeMap<GateName, BTreeSet<SeatName>>,
    passed: BTreeSet<GateName>,
    confirmed: bool,
    intended: bool,
    vetoed: bool,
}

/// A reader of its own, entry by entry.
pub struct Laws {
    read: u64,
    steps: u64,
    shadow: State,
    said: BTreeMap<TaskId, Said>,
    frozen: bool,
    main: String,
    /// What the last step left.
    fresh: Vec<Entry>,
    /// What each token locks, until time goes by.
    locks: BTreeMap<u64, (SeatName, Vec<String>)>,
    token: u64,
    /// When each seat tried to go round a gate since the last thaw.
    bypasses: BTreeMap<SeatName, Vec<u64>>,
    now: u64,
    pub tally: Tally,
}

/// Refusals by which a seat shows that it tries to go round a gate.
const BYPASSES: [&str; 7] =
    ["protected-branch", "own-work", "forged-sender", "signed-by-other", "unknown-key", "supervisor-only", "owner-only"];

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

type Held = Result<(), String>;

fn law(holds: bool, broken: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(broken()) }
}

impl Laws {
    pub fn new(shop: &Shop) -> Self {
        let (read, said, main) = (0, BTreeMap::new(), oid("base").to_string());
        let (shadow, tally, locks) = (State::default(), Tally::default(), BTreeMap::new());
        let mut laws = Self {
            read,
            steps: 0,
            shadow,
            said,
            frozen: false,
            main,
            fresh: Vec::new(),
            locks,
            token: 0,
            bypasses: BTreeMap::new(),
            now: 0,
            tally,
        };
        laws.catch_up(shop).unwrap();
        laws
    }

    pub fn hold(&mut self, shop: &Shop, step: &Step) -> Held {
        let grown = self.catch_up(shop)?;
        self.steps += 1;
        // The whole comparison is dear: not after each refusal, but soon, and always after a crash.
        let whole = step.refused.is_none() || step.crashed || self.steps.is_multiple_of(16);
        law(!whole || self.shadow == *shop.state(), || "folding the ledger gives another state".to_owned())?;
        self.refused(step, grown)?;
        law(!step.usurps || step.refused.is_some() || step.failed.is_some(), || "a seat spoke as the supervisor".to_owned())?;
        let held = step.frozen_before && self.frozen;
        law(!held || step.moved.is_empty(), || format!("frozen, but moved: {:?}", step.moved))?;
        let most = shop.state().charter().policy.freeze.bypasses;
        let stopped = self.frozen || step.failed.is_some() || self.bypasses.values().all(|times| times.iter().filter(|at| **at + DAY > self.now).count() < most as usize);
        law(stopped, || format!("not frozen after {:?}", self.bypasses))?;
        self.references(shop)?;
        self.tally.crashes += u64::from(step.crashed);
        Ok(())
    }

    /// A refusal is an entry before it is an answer.
    fn refused(&mut self, step: &Step, grown: u64) -> Held {
        let (Some(code), Some(actor)) = (&step.refused, &step.actor) else { return Ok(()) };
        self.tally.refusals += 1;
        let noted = |entry: &Entry| entry.by == *actor && matches!(&entry.event, Event::Refused(refused) if refused.refusal.code == *code);
        let silent = *actor == Actor::Edge || (grown > 0 && self.fresh.iter().any(noted));
        law(silent, || format!("{code} left no entry"))
    }

    /// What stands in the repository is what the record says, and main is where the last merge put it.
    fn references(&self, shop: &Shop) -> Held {
        let disk = shop.disk.lock().unwrap();
        let gate = |name: &str| name.starts_with("refs/gate/");
        let landing = |name: &str| {
            shop.state().pushes.values().any(|pending| pending.landing && pending.moves.iter().any(|step| step.name.as_str() == name))
        };
        for (name, at) in disk.refs.iter().filter(|(name, _)| !gate(name.as_str()) && !landing(name.as_str())) {
            let moving = name.as_str() == "refs/heads/main" && shop.state().moving().is_some();
            law(moving || shop.state().refs.get(name) == Some(at), || format!("{name} is at {at}, the record says otherwise"))?;
        }
        law(shop.state().tip().map(ToString::to_string) == Some(self.main.clone()), || "main moved without a merge".to_owned())
    }

    fn catch_up(&mut self, shop: &Shop) -> Result<u64, String> {
        let entries = shop.entries(self.read);
        let grown = entries.len() as u64;
        for entry in &entries {
            self.read_one(entry)?;
            self.shadow.apply(entry);
        }
        self.fresh = entries;
        self.read += grown;
        Ok(grown)
    }

    fn read_one(&mut self, entry: &Entry) -> Held {
        if entry.time > self.now + HOUR {
            self.locks.clear();
        }
        self.now = entry.time;
        match &entry.event {
            Event::Freeze(event) => {
                self.frozen = matches!(event, freeze::Event::Frozen { .. });
                self.tally.freezes += u64::from(self.frozen);
                self.locks.clear();
                if !self.frozen {
                    self.bypasses.clear();
                }
                Ok(())
            }
            Event::Task(event) => self.task(entry, event),
            Event::Review(event) => self.review(entry, event),
            Event::Panel(event) => self.panel(entry, event),
            Event::Merge(event) => self.merge(entry, event),
            Event::Confirm(confirm::Event::Confirmed { task, .. }) => {
                self.said.entry(task.clone()).or_default().confirmed = entry.by == Actor::Owner;
                Ok(())
            }
            Event::Lock(event) => self.lock(event),
            Event::Refused(refused) => {
                let bypass = BYPASSES.contains(&refused.refusal.code.as_str());
                entry.by.seat().filter(|_| bypass).into_iter().for_each(|seat| self.bypasses.entry(seat.clone()).or_default().push(entry.time));
                Ok(())
            }
            Event::Push(push::Event::Accepted { moves, paths, .. }) => {
                let own = format!("refs/heads/{}/", entry.by);
                let seat = entry.by.seat().ok_or("no seat pushes")?;
                law(!self.locked(seat, paths), || format!("{seat} pushes {paths:?} over a lock: {:?}", self.locks))?;
                law(!self.frozen && moves.iter().all(|step| step.name.as_str().starts_with(&own)), || {
                    format!("{} pushes to {moves:?}", entry.by)
                })
            }
            Event::Push(push::Event::Landed { .. }) => {
                self.tally.landings += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn lock(&mut self, event: &lock::Event) -> Held {
        match event {
            lock::Event::Granted { token, seat, paths, .. } => {
                let paths: Vec<String> = paths.iter().map(|path| path.as_str().trim_end_matches("**").to_owned()).collect();
                let free = !self.locked(seat, &paths) && *token > self.token && !self.frozen;
                let held = law(free, || format!("{seat} gets token {token} on {paths:?} beside {:?}", self.locks));
                self.token = *token;
                self.tally.locks += 1;
                self.locks.insert(*token, (seat.clone(), paths));
                held
            }
            lock::Event::Released { token, .. } => {
                self.locks.remove(token);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether somebody else has a lock on one of these, above it or below.
    fn locked(&self, seat: &SeatName, paths: &[String]) -> bool {
        let meets = |a: &str, b: &str| a.to_lowercase().starts_with(b) || b.starts_with(&a.to_lowercase());
        let others = self.locks.values().filter(|(holder, _)| holder != seat);
        others.flat_map(|(_, locked)| locked).any(|locked| paths.iter().any(|path| meets(path, locked)))
    }

    fn task(&mut self, entry: &Entry, event: &task::Event) -> Held {
        match event {
            task::Event::Submitted { task, attempt, .. } => {
                let vetoed = self.said.get(task).is_some_and(|said| said.vetoed);
                self.said.insert(task.clone(), Said { attempt: *attempt, vetoed, ..Said::default() });
                law(!self.frozen && !vetoed, || format!("{task} was submitted while frozen or vetoed"))
            }
            task::Event::Measured { task, attempt, contributors, needs, .. } => {
                let said = self.said.entry(task.clone()).or_default();
                (said.needs, said.contributors) = (Some(needs.clone()), contributors.clone());
                law(entry.by == Actor::Edge && said.attempt == *attempt, || format!("{task} was measured by {}", entry.by))
            }
            task::Event::Judged { task, attempt, gate, pass, checks, .. } => {
                let said = self.said.entry(task.clone()).or_default();
                if *pass {
                    said.passed.insert(*gate);
                    // A gate is passed by its checks, wherever they were judged.
                    let yes = |name: &String| checks.iter().any(|(check, verdict)| check == name && verdict.lets_through());
                    let charter = self.shadow.charter();
                    said.passed.extend(GateName::ALL.into_iter().filter(|gate| charter.gate(*gate).checks.iter().all(yes)));
                    self.tally.carried += u64::from(checks.len() > charter.gate(*gate).checks.len());
                }
                law(said.attempt == *attempt && !self.frozen, || format!("{task}: an attempt was judged that is over, or while frozen"))
            }
            task::Event::SentBack { .. } => {
                self.tally.sent_back += 1;
                Ok(())
            }
            task::Event::Outdated { task, .. } => {
                let said = self.said.entry(task.clone()).or_default();
                for gate in [GateName::Qa, GateName::Deploy] {
                    said.accepted.remove(&gate);
                    said.drawn.remove(&gate);
                    said.passed.remove(&gate);
                }
                said.confirmed = false;
                Ok(())
            }
            task::Event::Vetoed { task, .. } => {
                self.said.entry(task.clone()).or_default().vetoed = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn review(&mut self, entry: &Entry, event: &review::Event) -> Held {
        match event {
            review::Event::Drawn { task, gate, seats, .. } => {
                let said = self.said.entry(task.clone()).or_default();
                said.drawn.insert(*gate, seats.clone());
                let own = *gate != GateName::Deploy && seats.iter().any(|seat| said.contributors.contains(seat));
                law(!own, || format!("a contributor was drawn for {gate} of {task}"))
            }
            review::Event::Decided { task, attempt, gate, accept, .. } => {
                let seat = entry.by.seat().cloned().ok_or_else(|| format!("{} gave a word", entry.by))?;
                let said = self.said.entry(task.clone()).or_default();
                let drawn = said.drawn.get(gate).is_some_and(|seats| seats.contains(&seat));
                law(said.attempt == *attempt && drawn && !self.frozen, || {
                    format!("{seat} spoke at {gate} of {task} undrawn, late or frozen")
                })?;
                law(!said.contributors.contains(&seat), || format!("{seat} judged its own work"))?;
                let first = !*accept || said.accepted.entry(*gate).or_default().insert(seat.clone());
                law(first, || format!("{seat} was counted twice at {gate} of {task}"))
            }
        }
    }

    fn panel(&mut self, entry: &Entry, event: &panel::Event) -> Held {
        let Some(task) = panel::task_of(event) else { return Ok(()) };
        let said = self.said.entry(task.clone()).or_default();
        match event {
            panel::Event::Lot { seat, .. } => {
                let own = seat.as_ref().is_some_and(|seat| said.contributors.contains(seat));
                said.drawn.entry(GateName::Peer).or_default().extend(seat.clone());
                law(!own, || format!("a contributor is the third reviewer of {task}"))
            }
            panel::Event::Redrawn { gate, out, seats, .. } => {
                let drawn = said.drawn.entry(*gate).or_default();
                let silent = said.accepted.get(gate).is_none_or(|yes| out.iter().all(|seat| !yes.contains(seat)));
                drawn.retain(|seat| !out.contains(seat));
                drawn.extend(seats.iter().cloned());
                let own = seats.iter().any(|seat| said.contributors.contains(seat));
                law(silent && !own, || format!("{out:?} is replaced by {seats:?} at {gate} of {task}"))
            }
            panel::Event::Cosigned { .. } => law(entry.by.seat().is_some_and(|seat| seat.as_str() == "librarian"), || format!("{} signs what goes back", entry.by)),
            panel::Event::Withdrawn { gate, .. } => {
                let seat = entry.by.seat().cloned().ok_or("no seat took a word back")?;
                let mine = said.accepted.get_mut(gate).is_some_and(|yes| yes.remove(&seat));
                said.accepted.retain(|at, _| at <= gate);
                said.drawn.retain(|at, _| at <= gate);
                said.passed.retain(|at| at < gate);
                (said.confirmed, said.intended) = (false, false);
                law(mine, || format!("{seat} took back what it had not said"))
            }
            panel::Event::Reminded { .. } | panel::Event::Lapsed { .. } | panel::Event::Opened { .. } => {
                law(!self.frozen, || "somebody is reminded while frozen".to_owned())
            }
        }
    }

    fn merge(&mut self, entry: &Entry, event: &merge::Event) -> Held {
        match event {
            merge::Event::Intended { task, attempt, old, .. } => {
                law(entry.by == Actor::Edge && old.as_str() == self.main, || format!("{} means to merge {task} on {old}", entry.by))?;
                let said = self.said.entry(task.clone()).or_default();
                said.intended = true;
                may_merge(said, *attempt).map_err(|why| format!("{task} merges {why}"))?;
                law(!self.frozen, || format!("{task} merges while frozen"))
            }
            merge::Event::Merged { task, commit, .. } => {
                let said = self.said.entry(task.clone()).or_default();
                law(std::mem::take(&mut said.intended), || format!("{task} merged without intent"))?;
                self.main = commit.to_string();
                self.tally.merges += 1;
                Ok(())
            }
            merge::Event::Missed { task, .. } => {
                self.said.entry(task.clone()).or_default().intended = false;
                Ok(())
            }
            merge::Event::Home { .. } => Ok(()),
        }
    }
}

/// What must have been said before a change may enter, counted from the entries alone.
fn may_merge(said: &Said, attempt: u32) -> Held {
    let needs = said.needs.as_ref().ok_or("unmeasured")?;
    let none = BTreeSet::new();
    let words = |gate| said.accepted.get(&gate).unwrap_or(&none);
    law(said.attempt == attempt && !said.vetoed, || "an attempt that is over, or vetoed".to_owned())?;
    law(needs.denied.is_empty(), || "what the policy denies".to_owned())?;
    law(needs.gates.iter().all(|gate| said.passed.contains(gate)), || format!("with open gates: {:?} of {:?}", said.passed, needs.gates))?;
    let peers = words(GateName::Peer);
    law(peers.len() >= needs.approvals.max(1) as usize, || format!("with {} approvals of {}", peers.len(), needs.approvals))?;
    let qa = words(GateName::Qa);
    law(!needs.gates.contains(&GateName::Qa) || qa.iter().any(|seat| !peers.contains(seat)), || "without QA's word".to_owned())?;
    law(words(GateName::Deploy).len() >= 2, || "without both signatures".to_owned())?;
    law(!needs.owner || said.confirmed, || "without the owner's code".to_owned())
}

/// Each law, shown something that breaks it.
pub fn see_breaches() {
    let fresh = || {
        let shop = Shop::open(1);
        let laws = Laws::new(&shop);
        (shop, laws)
    };
    let broken = |change: &dyn Fn(&mut Shop, &mut Laws, &mut Step), words: &str| {
        let (mut shop, mut laws) = fresh();
        let mut step = Step::default();
        laws.hold(&shop, &step).unwrap();
        change(&mut shop, &mut laws, &mut step);
        let why = laws.hold(&shop, &step).expect_err(words);
        assert!(why.contains(words), "{why}");
    };
    broken(&|shop, _, _| shop.drive.state.refused += 1, "another state");
    broken(&|_, _, step| (step.refused, step.actor) = (Some("x".to_owned()), Some(Actor::Owner)), "left no entry");
    broken(
        &|shop, _, _| drop(shop.disk.lock().unwrap().refs.insert(shop.state().branch().unwrap().clone(), oid("evil"))),
        "the record says otherwise",
    );
    broken(&|_, laws, _| laws.main = oid("evil").to_string(), "without a merge");
    broken(&|_, _, step| step.usurps = true, "spoke as the supervisor");
    let task = TaskId::new("T1").unwrap();
    let (_, mut laws) = fresh();
    let entry = |by: Actor, event| Entry { v: 1, seq: 0, time: 0, by, event };
    let intended = merge::Event::Intended { task: task.clone(), attempt: 1, commit: oid("x"), old: oid("base"), tree: oid("y") };
    let intent = entry(Actor::Edge, Event::Merge(intended));
    assert!(laws.read_one(&intent).unwrap_err().contains("unmeasured"));
    let drawn = review::Event::Drawn {
        task,
        attempt: 1,
        gate: GateName::Peer,
        pool: vec![],
        seats: vec![SeatName::new("qa-a").unwrap()],
        draw: Digest::of(b""),
        extra: None,
    };
    for said in laws.said.values_mut() {
        said.contributors.insert(SeatName::new("qa-a").unwrap());
    }
    assert!(laws.read_one(&entry(Actor::Edge, Event::Review(drawn))).unwrap_err().contains("contributor"));
}
