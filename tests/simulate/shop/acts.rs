//! What seats and the owner try beside the work itself: words taken back, codes, freezes, locks, and other parties' acts.

use super::*;

impl Shop {
    /// A word taken back: by whoever said yes as a rule, else by anybody.
    pub(super) fn withdraw(&mut self, by: Actor) -> Step {
        let task = self.task();
        let said: Vec<SeatName> = self.state().tasks.get(&task).and_then(|known| known.attempt.as_ref()).map_or_else(Vec::new, |now| {
            now.approvals.iter().filter(|word| word.accept).map(|word| word.seat.clone()).collect()
        });
        let chosen = self.chance.of(&said).map(Actor::Seat);
        let by = if self.chance.percent(75) { chosen.unwrap_or(by) } else { by };
        self.ask(by, Act::Withdraw { task, reason: "it overflows".to_owned() })
    }

    /// From here on everybody does what is asked: each change that is under way has to come to an end. A veto is one, and so is a stall for
    /// want of seats, of which the owner was told.
    pub fn finish(&mut self) -> Result<Step, String> {
        for _ in 0..300 {
            self.disk.lock().unwrap().now += 2 * 3_600_000;
            self.open_again();
            // No restart: what was lost on the way the loop has to take up by itself.
            self.ask(Actor::Edge, Act::Tick);
            while let Some(effect) = self.todo.pop() {
                if let Some(act) = self.result(&effect) {
                    self.ask(Actor::Edge, act);
                }
            }
            let live = self.live();
            if live.is_empty() {
                return Ok(Step { act: "the end".to_owned(), ..Step::default() });
            }
            live.iter().for_each(|task| self.do_your_part(task));
        }
        let stages: Vec<String> = self.live().iter().map(|task| format!("{task}: {:?}", self.state().tasks[task].attempt)).collect();
        Err(format!("these never end: {stages:#?}"))
    }

    fn live(&self) -> Vec<TaskId> {
        let live = self.state().tasks.iter().filter(|(_, known)| {
            let under_way = known.attempt.as_ref().is_some_and(|now| {
                let told = now.stalled.as_ref().is_some_and(|why| why.contains("could be drawn") || why.contains("is left"));
                !told && !matches!(now.stage, Stage::Merged | Stage::Back { .. })
            });
            under_way && known.veto.is_none()
        });
        live.map(|(task, _)| task.clone()).collect()
    }

    /// The owner thaws what is frozen, with a code that counts.
    fn open_again(&mut self) {
        if self.state().codes.locked_until > self.disk.lock().unwrap().now {
            let fresh = (0..10).find(|code| !self.state().codes.spent.contains(code));
            self.ask(Actor::Owner, Act::ResetCodes { code: fresh });
        }
        if self.state().frozen.is_some() {
            let step = Some(self.state().codes.last_step + 1);
            self.ask(Actor::Owner, Act::Thaw { step, alone: true });
        }
    }

    /// Whoever is asked about a task says yes; what stalled is tried again.
    fn do_your_part(&mut self, task: &TaskId) {
        let Some(now) = self.state().tasks[task].attempt.clone() else { return };
        if now.stalled.is_some() {
            self.ask(Actor::Owner, Act::Retry { task: task.clone() });
        }
        let Stage::At(gate) = now.stage else { return };
        let spoke = |seat: &SeatName| now.approvals.iter().any(|word| word.gate == gate && word.seat == *seat);
        if now.approvals.iter().any(|word| word.gate == gate && !word.accept) {
            let librarian = SeatName::new("librarian").unwrap();
            self.ask(Actor::Seat(librarian), Act::Cosign { task: task.clone(), note: "the no is a good one".to_owned() });
        }
        let silent: Vec<SeatName> = now.draws.get(&gate).map_or_else(Vec::new, |draw| draw.seats.iter().filter(|seat| !spoke(seat)).cloned().collect());
        for seat in silent {
            let note = "looked at every line of it".to_owned();
            let (said, bundle) = self.reading(task, true);
            self.ask(Actor::Seat(seat), Act::Review { task: task.clone(), accept: true, note, commit: None, said, bundle });
        }
        if gate == GateName::Deploy {
            let step = Some(self.state().codes.last_step + 1);
            let shown = self.shown(task).unwrap_or_else(|| Digest::of(b"another"));
            self.ask(Actor::Owner, Act::Confirm { task: task.clone(), shown, step });
        }
    }

    /// Time goes by: reviewers are reminded, and replaced.
    pub(super) fn half_a_day(&mut self) -> Step {
        self.disk.lock().unwrap().now += 13 * 3_600_000;
        self.ask(Actor::Edge, Act::Tick)
    }

    pub(super) fn owner(&mut self) -> Step {
        let task = self.task();
        let step = self.chance.percent(70).then_some(self.state().codes.last_step + 1);
        if self.state().frozen.is_some() && self.chance.percent(80) {
            let alone = self.chance.percent(50);
            return self.ask(Actor::Owner, Act::Thaw { step, alone });
        }
        match self.chance.below(4) {
            0 => self.ask(Actor::Owner, Act::Retry { task }),
            1 => self.ask(Actor::Owner, Act::Tick),
            _ => {
                let shown = if self.chance.percent(90) { self.shown(&task) } else { None };
                self.ask(Actor::Owner, Act::Confirm { task, shown: shown.unwrap_or_else(|| Digest::of(b"another")), step })
            }
        }
    }

    /// The digest that the owner is shown for a task at DEPLOY.
    pub(super) fn shown(&self, task: &TaskId) -> Option<Digest> {
        let now = self.state().tasks.get(task)?.attempt.as_ref()?;
        let index = now.draws.get(&GateName::Deploy).map_or(now.submitted, |draw| draw.seq);
        bound_at(self.state(), task, now, index, GateName::Deploy).ok().map(|bound| Shown::of(&bound).0)
    }

    pub(super) fn freeze(&mut self, by: Actor) -> Step {
        let librarian = Actor::Seat(SeatName::new("librarian").unwrap());
        let by = if self.chance.percent(60) { librarian } else { by };
        if self.chance.percent(15) {
            let task = self.task();
            return self.ask(by, Act::Veto { task, reason: "licence".to_owned() });
        }
        self.ask(by, Act::Freeze { reason: "odd".to_owned() })
    }

    /// Locks for the author of some work as a rule, so that others' pushes meet them; and given back now and then.
    pub(super) fn lock(&mut self, by: Actor) -> Step {
        let path = ["src/greet.rs", "src/", "tests/", "README.md"][self.chance.below(4)].to_owned();
        if self.chance.percent(30) {
            return self.ask(by, Act::Unlock { seat: None, paths: vec![] });
        }
        let wait = self.chance.percent(40).then_some(600);
        self.ask(by, Act::Lock { wish: Wish { paths: vec![path], priority: Priority::Normal, wait } })
    }

    pub(super) fn send(&mut self, by: Actor) -> Step {
        let claimed = self.chance.percent(40).then(|| "librarian".to_owned());
        let to = vec![Party::Seat(self.chance.of(&self.seats.clone()).unwrap())];
        let draft = Draft { claimed, to, subject: "x".to_owned(), body: "y".to_owned(), priority: Priority::Normal, task: None };
        self.ask(by, Act::Send { draft })
    }

    /// A seat says what only the supervisor or the owner may say.
    pub(super) fn usurp(&mut self, by: Actor) -> Step {
        let task = self.task();
        let attempt = self.state().tasks.get(&task).and_then(|known| known.attempt.as_ref()).map_or(1, |now| now.number);
        let act = match self.chance.below(40) {
            0..4 => Act::MainMoved { task, attempt, trouble: None },
            4..8 => Act::Judge { task, attempt, gate: GateName::Peer },
            8..12 => Act::Draw { task, attempt, gate: GateName::Peer, draw: Digest::of(b"mine"), lot: None },
            12..16 => Act::MergeBuilt { task, attempt, commit: oid("evil"), old: oid("base"), tree: oid("evil tree") },
            16..20 => Act::Landed { push: "p1".to_owned(), trouble: None },
            20..24 => Act::Stalled { task, attempt, why: "x".to_owned() },
            24..26 => Act::Thaw { step: Some(u64::MAX), alone: true },
            26..28 => Act::AgreeThaw,
            28 => Act::Recharter {
                charter: self.state().charter().canonical().replace("\"single_review_lines\":50", "\"single_review_lines\":5000"),
                alone: true,
            },
            29..32 => Act::RegisterKey { holder: Party::Owner, fingerprint: fingerprint(&Party::Owner), certificate: "mine".to_owned() },
            32..36 => Act::Confirm { task, shown: Digest::of(b"x"), step: Some(u64::MAX) },
            _ => Act::Measured {
                task,
                attempt,
                change: Box::new(self.change(&oid("evil"))),
                since: None,
                kept: RefName::new("refs/gate/tasks/t1/1").unwrap(),
            },
        };
        Step { usurps: true, ..self.ask(by, act) }
    }
}
