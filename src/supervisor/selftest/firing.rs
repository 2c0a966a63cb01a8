//! One attack: the workshop before, the try, the workshop after, and the judgement over the difference.

use super::catalogue::Row;
use super::seat::{self, Answer};
use super::stage::{Stage, locked};
use crate::domain::attack::{Attack, Before, Judgement, Outcome, Place, Tried};
use crate::domain::entry::Entry;
use crate::domain::event::Event;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::isolation::Isolation;
use crate::domain::name::{Oid, RefName};
use crate::edge::clock::Clock;
use crate::edge::process;
use crate::edge::script::{self, Said};
use crate::edge::totp::Totp;
use crate::supervisor::protocol::Request;
use crate::view::answer::{CodeTaken, Entries};
use crate::view::{Status, answer};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// The clock goes on by so much between tries, so that no budget of one hour is used up by the attacks before.
const STEP_MS: u64 = 3_600_000;
const PAGE: u32 = 2000;
/// Seconds that a look from outside may take.
const LOOK: u32 = 60;
/// Who does a step that no seat does.
const OWNER: &str = "owner";

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Shots {
    number: u32,
    ahead_ms: u64,
    /// The owner's secret; it is shown until its first use.
    secret: Option<Vec<u8>>,
}

/// An attack that was tried.
#[derive(Debug, Clone)]
pub struct Fired {
    pub judgement: Judgement,
    /// What the script printed.
    pub output: String,
    pub milliseconds: u64,
}

/// What an attack on the gate may not change.
struct Standing {
    refs: BTreeMap<RefName, Oid>,
    loose: BTreeSet<String>,
    entries: u64,
}

impl Stage {
    /// Tries one attack and judges it. What keeps it from being judged is told as its outcome: the next one is tried all the same.
    pub fn fire(&self, row: &Row, observed: Isolation) -> Fired {
        let since = Instant::now();
        let tried = self.attempt(&row.attack);
        let (judgement, output) = match tried {
            Ok(tried) => (row.attack.judge(&tried, observed), tried.output),
            Err(failure) => (Judgement { outcome: Outcome::Unjudged, happened: failure.to_string() }, String::new()),
        };
        Fired { judgement, output, milliseconds: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX) }
    }

    fn attempt(&self, attack: &Attack) -> Result<Tried, Failure> {
        let mut number = self.next(STEP_MS)?;
        self.recover()?;
        for step in &attack.before {
            number = self.prepare(attack, step, number)?;
        }
        let before = self.standing()?;
        let ended = match attack.place {
            Place::Seat => self.try_inside(attack, number)?,
            Place::Outside => self.try_outside(attack, number).map(|said| Answer { code: said.code, output: said.output })?,
        };
        let after = self.look(attack, number)?;
        let now = self.standing()?;
        Ok(Tried {
            output: ended.output,
            code: ended.code,
            after,
            refusals: self.refusals(before.entries, &attack.seat)?,
            moved: moved(&before.refs, &now.refs),
            left: now.loose.difference(&before.loose).count(),
        })
    }

    /// Has a step done before the try, and gives the number of what comes next.
    fn prepare(&self, attack: &Attack, step: &Before, number: u32) -> Result<u32, Failure> {
        const WHAT: &str = "cannot prepare the try";
        let next = self.next(step.ahead * 1000)?;
        if step.seat == OWNER {
            let said = self.outside(&format!("{}\n{}", self.names(attack, "")?, step.script), attack.seconds)?;
            return if said.code == Some(0) { Ok(next) } else { Err(Failure::new(WHAT, format!("{}: {}", step.script, said.output))) };
        }
        let branch = format!("{}/{}-before", step.seat, attack.id.to_lowercase());
        let ended = seat::run(&self.home_of(&step.seat)?, number, &branch, &step.script, attack.seconds)?;
        if ended.code == Some(0) { Ok(next) } else { Err(Failure::new(WHAT, format!("{}: {}", step.script, ended.output))) }
    }

    /// A number for a script, once the clock has gone on.
    fn next(&self, ahead_ms: u64) -> Result<u32, Failure> {
        let mut shots = locked(&self.shots);
        shots.number += 1;
        shots.ahead_ms += ahead_ms;
        std::fs::write(self.join("clock"), shots.ahead_ms.to_string()).doing("cannot move the clock")?;
        Ok(shots.number)
    }

    /// Puts right what an earlier attack did to the workshop: starts what has ended, thaws what is frozen.
    fn recover(&self) -> Result<(), Failure> {
        let status: Status = match self.ask(&Request::Status) {
            Ok(status) => status,
            Err(_) => self.start().and_then(|_| self.ask(&Request::Status))?,
        };
        self.ask::<serde_json::Value>(&Request::Resume)?;
        if status.frozen.is_some() { self.thaw() } else { Ok(()) }
    }

    fn thaw(&self) -> Result<(), Failure> {
        let code = self.code()?;
        let taken: CodeTaken = self.ask(&Request::Thaw { code, alone: true })?;
        if taken.accepted { Ok(()) } else { Err(Failure::new("cannot thaw the throw-away workshop", "the code was not accepted")) }
    }

    fn code(&self) -> Result<String, Failure> {
        let mut shots = locked(&self.shots);
        if shots.secret.is_none() {
            let totp: answer::Totp = self.ask(&Request::TotpShow)?;
            shots.secret = Totp::secret_of(&totp.uri);
        }
        let secret = shots.secret.as_ref().ok_or_else(|| Failure::new("cannot thaw", "the owner's secret is not shown"))?;
        let now = Clock::new(Some(self.join("clock"))).now();
        Ok(Totp::new(secret).code(Totp::step(now)))
    }

    fn try_inside(&self, attack: &Attack, number: u32) -> Result<Answer, Failure> {
        let branch = format!("{}/{}", attack.seat, attack.id.to_lowercase());
        let lines = format!("{}\n{}", self.names(attack, &branch)?, attack.script);
        seat::run(&self.home_of(&attack.seat)?, number, &branch, &lines, attack.seconds)
    }

    /// The look from outside, with the same names.
    fn look(&self, attack: &Attack, number: u32) -> Result<String, Failure> {
        let Some(after) = &attack.after else { return Ok(String::new()) };
        let lines = format!("ROW='{number}'\n{}\n{after}", self.names(attack, "")?);
        self.outside(&lines, LOOK).map(|said| said.output)
    }

    /// As the owner, at the owner's own place.
    fn outside(&self, lines: &str, seconds: u32) -> Result<Said, Failure> {
        let program = process::own()?.into_os_string().into_string().map_err(|_| Failure::new("cannot name this program", "its path is no text"))?;
        let env: Vec<(String, String)> = self.environment().into_iter().chain([("ORCHESTRATE".to_owned(), program)]).collect();
        script::run(&["/bin/sh", "-c", lines], &env, &self.join("work"), seconds)
    }

    /// What a script may name: shell variables, none of them exported, since the environment of a process is bait itself.
    fn names(&self, attack: &Attack, branch: &str) -> Result<String, Failure> {
        let own = [("ID", attack.id.clone()), ("SEAT", attack.seat.clone()), ("BRANCH", branch.to_owned())];
        let all = own.into_iter().chain(self.surroundings(&attack.seat)?);
        Ok(all.map(|(name, value)| format!("{name}='{}'\n", value.replace('\'', "'\\''"))).collect())
    }

    fn standing(&self) -> Result<Standing, Failure> {
        let gate = self.gate()?;
        let page: Entries = self.ask(&Request::Ledger { from: u64::MAX, most: 1, wait: 0 })?;
        Ok(Standing { refs: gate.refs()?, loose: gate.leftovers()?, entries: page.len })
    }

    /// The codes of what was refused to a seat since a position of the ledger.
    fn refusals(&self, mut from: u64, seat: &str) -> Result<Vec<String>, Failure> {
        let mut codes = Vec::new();
        loop {
            let page: Entries = self.ask(&Request::Ledger { from, most: PAGE, wait: 0 })?;
            for text in &page.entries {
                codes.extend(refusal(text, seat)?);
            }
            from += page.entries.len() as u64;
            if page.entries.is_empty() || from >= page.len {
                return Ok(codes);
            }
        }
    }
}

fn refusal(text: &str, seat: &str) -> Result<Option<String>, Failure> {
    let entry = Entry::parse(text.as_bytes()).map_err(|why| Failure::new("cannot read an entry", why))?;
    let by = entry.by.seat().is_some_and(|by| by.as_str() == seat);
    Ok(match entry.event {
        Event::Refused(refused) if by => Some(refused.refusal.code),
        _ => None,
    })
}

fn moved(before: &BTreeMap<RefName, Oid>, now: &BTreeMap<RefName, Oid>) -> Vec<RefName> {
    let names: BTreeSet<&RefName> = before.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != now.get(*name)).cloned().collect()
}
