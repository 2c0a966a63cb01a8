//! Entries in, numbers out. Most entries are only counted by their heads; what a number has to know is read whole.

use super::book::Known;
use super::{
    Collusion, Events, Extra, FourEyes, Health, Hour, Locks, Notable, OverBudget, Rates, Refusals, Report, SeatHealth, Spent, Stop,
    Subject, Tertiary,
};
use crate::domain::actor::Actor;
use crate::domain::alert::severity;
use crate::domain::charter::Charter;
use crate::domain::collusion::Record;
use crate::domain::day::Span;
use crate::domain::entry::{Entry, Head, Millis};
use crate::domain::event::Event;
use crate::domain::gate::GateName;
use crate::domain::name::{Digest, RoleName, SeatName, TaskId};
use crate::domain::policy::Act;
use crate::domain::refusal::Refused;
use crate::domain::spend::Used;
use crate::domain::{confirm, fleet, freeze, merge, message, panel, review, workshop};
use crate::view::line::{of_event, of_task};
use crate::view::status::not_promised;
use crate::view::text::{clip, one_line};
use std::collections::{BTreeMap, BTreeSet};

/// Lines of a report that name single entries.
const MOST_NOTABLE: usize = 200;
const HOUR: Millis = 3_600_000;

/// The fold behind a report: takes the first entries of a ledger in order, then gives the report on them.
#[derive(Debug, Clone)]
pub struct Tally {
    subject: Subject,
    span: Span,
    size: u64,
    first: Option<u64>,
    count: u64,
    last: Millis,
    workshop: String,
    charter: Option<Charter>,
    level: (String, String),
    tasks: BTreeMap<TaskId, Known>,
    record: Record,
    freezes: Vec<Stop>,
    hours: Vec<Hour>,
    events: Events,
    refusals: BTreeMap<String, (u64, BTreeSet<Actor>)>,
    over: BTreeMap<(Actor, String), u64>,
    doings: BTreeMap<String, Doings>,
    four_eyes: FourEyes,
    tertiary: Tertiary,
    locks: Locks,
    health: Health,
    runs: bool,
    fleet: BTreeMap<SeatName, Sitting>,
    seats: Vec<SeatName>,
}

/// What one seat did within the span.
#[derive(Debug, Clone, Default)]
struct Doings {
    commits: u64,
    messages: u64,
    submissions: u64,
    reviews: u64,
    requests: u64,
    refused: u64,
    used: Used,
    told: Used,
    /// The hour of the clock in which it last signed, how often in it, and the most in any.
    hour: (Millis, u64),
    busiest: u64,
}

#[derive(Debug, Clone)]
struct Sitting {
    role: RoleName,
    answers: bool,
    started: u64,
    ended: u64,
    why: String,
}

impl Tally {
    pub fn new(subject: Subject, span: Span) -> Self {
        let hours = if matches!(subject, Subject::Task(_)) { 0 } else { (span.until - span.from).div_ceil(HOUR) as usize };
        Self {
            subject,
            span,
            size: 0,
            first: None,
            count: 0,
            last: 0,
            workshop: String::new(),
            charter: None,
            level: ("unknown".to_owned(), String::new()),
            tasks: BTreeMap::new(),
            record: Record::default(),
            freezes: Vec::new(),
            hours: vec![Hour::default(); hours],
            events: Events::default(),
            refusals: BTreeMap::new(),
            over: BTreeMap::new(),
            doings: BTreeMap::new(),
            four_eyes: FourEyes::default(),
            tertiary: Tertiary::default(),
            locks: Locks::default(),
            health: Health::default(),
            runs: false,
            fleet: BTreeMap::new(),
            seats: Vec::new(),
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next entry's bytes; one past the span's end is not taken, and says so.
    pub fn take(&mut self, bytes: &[u8]) -> Result<bool, String> {
        let head = Head::read(bytes).ok_or("it does not begin as an entry does")?;
        if head.time >= self.span.until {
            return Ok(false);
        }
        if head.seq != self.size {
            return Err(format!("entry {} stands where {} should", head.seq, self.size));
        }
        self.size += 1;
        let inside = self.span.holds(head.time);
        // A message whose body was put away is a message that was sent.
        let kind = if (head.noun, head.kind) == ("message", "sealed") { "sent" } else { head.kind };
        let head = Head { kind, ..head };
        if inside {
            self.count(&head);
        }
        self.last = head.time;
        if telling(&head, inside) {
            let entry: Entry = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
            self.remember(&entry, inside);
        }
        Ok(true)
    }

    fn count(&mut self, head: &Head<'_>) {
        self.first.get_or_insert(head.seq);
        self.count += 1;
        if self.last > 0 && head.time - self.last.max(self.span.from) > self.health.silence {
            self.health.silence_since = self.last.max(self.span.from);
            self.health.silence = head.time - self.health.silence_since;
        }
        let refused = head.noun == "refused";
        if let Some(hour) = self.hours.get_mut(((head.time - self.span.from) / HOUR) as usize) {
            hour.entries += 1;
            hour.refused += u64::from(refused);
        }
        bump(&mut self.events.kinds, head.noun, if refused { "refused" } else { head.kind });
        if head.noun == "lock" {
            *self.locks.kinds.entry(head.kind.to_owned()).or_default() += 1;
        }
        if head.by != "edge" && head.by != "owner" {
            self.spend(head);
        }
    }

    fn spend(&mut self, head: &Head<'_>) {
        let doings = seat(&mut self.doings, head.by);
        match (head.noun, head.kind) {
            ("key", "signed") => doings.sign(head.time),
            ("message", "sent") => doings.messages += 1,
            ("task", "submitted") => doings.submissions += 1,
            ("review", "decided") => doings.reviews += 1,
            _ => {}
        }
    }

    fn remember(&mut self, entry: &Entry, inside: bool) {
        match &entry.event {
            Event::Workshop(event) => self.workshop(event, inside),
            Event::Fleet(event) => self.fleet(&entry.by, event, inside),
            Event::Task(event) => {
                let task = of_task(event).clone();
                self.tasks.entry(task.clone()).or_default().task(&entry.by, event);
                if let crate::domain::task::Event::Stalled { why, .. } = event {
                    let kept = inside && self.mine(&task);
                    self.health.stalled.extend(kept.then(|| (task, why.clone())));
                }
            }
            Event::Review(event) => self.review(entry, event, inside),
            Event::Panel(panel::Event::Lot { task, sealed, seat: Some(seat), .. }) if inside && self.mine(task) => {
                let why = format!("the lot of entry {sealed} fell on it");
                self.tertiary.extra.push(Extra { seq: entry.seq, task: task.clone(), seats: vec![seat.clone()], why });
            }
            Event::Panel(_) | Event::Motion(_) | Event::Deploy(_) | Event::Bypass(_) => {}
            Event::Merge(event) => self.merge(entry, event, inside),
            Event::Freeze(event) => self.freeze(entry, event),
            Event::Confirm(confirm::Event::Confirmed { task, attempt, .. }) => {
                self.tasks.entry(task.clone()).or_default().confirmed(*attempt)
            }
            Event::Refused(refused) if inside => self.refused(&entry.by, refused),
            Event::Message(message::Event::Expired { ids }) if inside => self.health.expired += ids.len() as u64,
            Event::Confirm(_) | Event::Key(_) | Event::Push(_) | Event::Message(_) | Event::Refused(_) | Event::Alert(_) | Event::Lock(_) => {}
        }
        if inside {
            self.notice(entry);
        }
    }

    fn mine(&self, task: &TaskId) -> bool {
        !matches!(&self.subject, Subject::Task(only) if only != task)
    }

    /// A line of its own for what matters; in a task's report, for all that happened to the task.
    fn notice(&mut self, entry: &Entry) {
        let severity = severity(entry);
        let wanted = match &self.subject {
            Subject::Task(only) => about(&entry.event, only),
            Subject::Day | Subject::Week => severity.is_some_and(|severity| severity > crate::domain::alert::Severity::Low),
        };
        severity.into_iter().for_each(|severity| *self.events.severities.entry(severity).or_default() += 1);
        match self.events.notable.len() {
            _ if !wanted => {}
            MOST_NOTABLE.. => self.events.left_out += 1,
            _ => {
                let what = clip(&one_line(&of_event(&entry.event)), 300);
                self.events.notable.push(Notable { seq: entry.seq, time: entry.time, by: entry.by.clone(), severity, what });
            }
        }
    }

    fn workshop(&mut self, event: &workshop::Event, inside: bool) {
        match event {
            workshop::Event::Founded { genesis } => {
                self.workshop.clone_from(&genesis.workshop);
                self.charter = Charter::from_canonical(&genesis.charter).ok();
                self.seats = genesis.seats.iter().map(|(seat, _)| seat.clone()).collect();
                let sitting = |role: &RoleName| Sitting { role: role.clone(), answers: false, started: 0, ended: 0, why: String::new() };
                self.fleet = genesis.seats.iter().map(|(seat, role)| (seat.clone(), sitting(role))).collect();
            }
            workshop::Event::Rechartered { charter, .. } => self.charter = Charter::from_canonical(charter).ok(),
            workshop::Event::Started { version, level, note } => {
                self.health.starts += u64::from(inside);
                self.health.crashes += u64::from(inside && self.runs);
                self.runs = true;
                self.level = (level.clone(), note.clone());
                self.health.version.clone_from(version);
            }
            workshop::Event::Stopped => {
                self.health.stops += u64::from(inside);
                self.runs = false;
                self.fleet.values_mut().for_each(|sitting| sitting.answers = false);
            }
            workshop::Event::Sworn { .. }
            | workshop::Event::Witnessed { .. }
            | workshop::Event::Unwitnessed { .. }
            | workshop::Event::Archived { .. }
            | workshop::Event::Restored { .. } => {}
        }
    }

    fn fleet(&mut self, by: &Actor, event: &fleet::Event, inside: bool) {
        let name = match event {
            fleet::Event::Seated { seat, .. } | fleet::Event::Left { seat, .. } | fleet::Event::Relayed { seat, .. } => Some(seat),
            fleet::Event::Recalled { .. } | fleet::Event::GivenUp { .. } | fleet::Event::Overfull { .. } | fleet::Event::Paused { .. } | fleet::Event::Stuck { .. } | fleet::Event::Moving { .. } => return,
            fleet::Event::Answered { .. } => by.seat(),
        };
        let Some((name, sitting)) = name.and_then(|name| Some((name, self.fleet.get_mut(name)?))) else { return };
        match event {
            fleet::Event::Seated { .. } => (sitting.answers, sitting.started) = (false, sitting.started + u64::from(inside)),
            fleet::Event::Answered { .. } => sitting.answers = true,
            fleet::Event::Left { why, .. } => {
                (sitting.answers, sitting.ended) = (false, sitting.ended + u64::from(inside));
                sitting.why.clone_from(why);
            }
            fleet::Event::Relayed { requests, refused, used, told, .. } if inside => {
                let doings = seat(&mut self.doings, name.as_str());
                (doings.requests, doings.refused) = (doings.requests + requests, doings.refused + refused);
                doings.used.add(used);
                doings.told.add(told);
            }
            fleet::Event::Relayed { .. } | fleet::Event::Recalled { .. } | fleet::Event::GivenUp { .. } | fleet::Event::Overfull { .. } | fleet::Event::Paused { .. } | fleet::Event::Stuck { .. } | fleet::Event::Moving { .. } => {}
        }
    }

    fn review(&mut self, entry: &Entry, event: &review::Event, inside: bool) {
        let (review::Event::Drawn { task, .. } | review::Event::Decided { task, .. }) = event;
        if let review::Event::Drawn { extra: Some(extra), .. } = event
            && inside
            && self.mine(task)
        {
            let (seats, why) = (extra.seats.clone(), extra.why.clone());
            self.tertiary.extra.push(Extra { seq: entry.seq, task: task.clone(), seats, why });
        }
        let known = self.tasks.entry(task.clone()).or_default();
        if let Some(author) = &known.author {
            self.record.take(&entry.by, entry.time, author, known.drawn(GateName::Peer).unwrap_or(entry.time), event);
        }
        known.review(&entry.by, entry.time, event);
    }

    fn merge(&mut self, entry: &Entry, event: &merge::Event, inside: bool) {
        match event {
            merge::Event::Merged { task, .. } if inside && self.mine(task) => {
                let merge = self.tasks.entry(task.clone()).or_default().merge(entry.seq, entry.time, task);
                self.four_eyes.compliant += u64::from(merge.missing.is_empty());
                self.four_eyes.merges.push(merge);
            }
            merge::Event::Missed { task, .. } if inside && self.mine(task) => self.health.missed += 1,
            merge::Event::Merged { .. } | merge::Event::Missed { .. } | merge::Event::Intended { .. } | merge::Event::Home { .. } => {}
        }
    }

    fn freeze(&mut self, entry: &Entry, event: &freeze::Event) {
        let (seq, since, by) = (entry.seq, entry.time, entry.by.clone());
        match (event, self.freezes.last_mut()) {
            (freeze::Event::Frozen { reason, .. }, _) => {
                self.freezes.push(Stop { seq, by, reason: reason.clone(), since, until: None, alone: false });
            }
            (freeze::Event::Thawed { alone }, Some(stop)) => (stop.until, stop.alone) = (Some(since), *alone),
            (freeze::Event::Thawed { .. }, None) | (freeze::Event::Agreed { .. }, _) => {}
        }
    }

    fn refused(&mut self, by: &Actor, refused: &Refused) {
        self.events.refused += 1;
        let code = &refused.refusal.code;
        let (count, who) = self.refusals.entry(code.clone()).or_default();
        *count += 1;
        who.insert(by.clone());
        if code == "over-budget" {
            *self.over.entry((by.clone(), refused.verb.clone())).or_default() += 1;
        }
    }

    /// The report on what was taken. `checkpoint` is the signed head over just these entries; `over` says that no more can fall into the span.
    pub fn report(&self, checkpoint: String, over: bool) -> Report {
        let mut report = Report {
            subject: self.subject.clone(),
            workshop: self.workshop.clone(),
            span: self.span.clone(),
            over,
            size: self.size,
            first: self.first,
            count: self.count,
            checkpoint,
            policy: self.charter.as_ref().map_or_else(|| Digest::of(b""), Charter::digest),
            level: self.level.0.clone(),
            level_note: self.level.1.clone(),
            not_promised: not_promised(&self.level.0),
            attention: Vec::new(),
            hours: self.hours.clone(),
            events: self.events(),
            four_eyes: self.four_eyes.clone(),
            tertiary: self.tertiary.clone(),
            rates: self.rates(),
            locks: self.locks.clone(),
            collusion: self.collusion(),
            freezes: self.stops(),
            health: self.health(over),
        };
        report.attention = super::page::attention(&report);
        report
    }

    fn events(&self) -> Events {
        let row = |(code, (count, by)): (&String, &(u64, BTreeSet<Actor>))| Refusals { code: code.clone(), count: *count, by: by.clone() };
        let mut refusals: Vec<Refusals> = self.refusals.iter().map(row).collect();
        refusals.sort_by(|a, b| (b.count, &a.code).cmp(&(a.count, &b.code)));
        Events { refusals, ..self.events.clone() }
    }

    fn rates(&self) -> Rates {
        let refused = self.over.iter().map(|((by, verb), count)| OverBudget { by: by.clone(), verb: verb.clone(), count: *count });
        let spent = self.seats.iter().filter_map(|seat| {
            let doings = self.doings.get(seat.as_str()).filter(|doings| doings.any())?;
            Some(Spent {
                seat: seat.clone(),
                commits: doings.commits,
                messages: doings.messages,
                submissions: doings.submissions,
                reviews: doings.reviews,
                requests: doings.requests,
                requests_refused: doings.refused,
                used: doings.used,
                told: doings.told,
                busiest: doings.busiest,
                commits_per_hour: self.charter.as_ref().and_then(|charter| charter.budget(seat, Act::Commits).per_hour),
            })
        });
        Rates { refused: refused.collect(), spent: spent.collect() }
    }

    fn collusion(&self) -> Collusion {
        let now = self.last;
        let author = match &self.subject {
            Subject::Task(task) => self.tasks.get(task).and_then(|known| known.author.as_ref()),
            Subject::Day | Subject::Week => None,
        };
        let mut pairs = self.record.pairs(now);
        let mut findings = self.record.findings(now);
        if matches!(self.subject, Subject::Task(_)) {
            pairs.retain(|pair| author == Some(&pair.author));
            findings.retain(|finding| author.is_some_and(|author| finding.seats.contains(author)));
        }
        Collusion { pairs, findings }
    }

    /// The freezes that were in force at some moment of the span.
    fn stops(&self) -> Vec<Stop> {
        let within = |stop: &&Stop| stop.since < self.span.until && stop.until.is_none_or(|until| until >= self.span.from);
        self.freezes.iter().filter(within).cloned().collect()
    }

    fn health(&self, over: bool) -> Health {
        let seats = self.seats.iter().filter_map(|seat| {
            let Sitting { role, answers, started, ended, why } = self.fleet.get(seat)?.clone();
            Some(SeatHealth { seat: seat.clone(), role, answers, started, ended, why })
        });
        let mut health = Health { seats: seats.collect(), ..self.health.clone() };
        let since = self.last.max(self.span.from);
        if over && self.span.until.saturating_sub(since) > health.silence {
            (health.silence, health.silence_since) = (self.span.until - since, since);
        }
        health
    }
}

impl Doings {
    fn sign(&mut self, time: Millis) {
        self.commits += 1;
        self.hour = if self.hour.0 == time / HOUR { (self.hour.0, self.hour.1 + 1) } else { (time / HOUR, 1) };
        self.busiest = self.busiest.max(self.hour.1);
    }

    fn any(&self) -> bool {
        self.commits + self.messages + self.submissions + self.reviews + self.requests + self.refused > 0
    }
}

/// Whether the entry has to be read whole. Before the span only what later entries are understood by.
fn telling(head: &Head<'_>, inside: bool) -> bool {
    match (head.noun, head.kind) {
        ("message", "expired") | ("fleet", "relayed") | ("key", "revoked") => inside,
        ("message" | "key" | "push", _) | ("task", "tested") => false,
        ("refused", _) => inside,
        _ => true,
    }
}

/// Whether an event is about a task.
fn about(event: &Event, only: &TaskId) -> bool {
    match event {
        Event::Task(event) => of_task(event) == only,
        Event::Review(review::Event::Drawn { task, .. } | review::Event::Decided { task, .. }) => task == only,
        Event::Confirm(confirm::Event::Confirmed { task, .. }) => task == only,
        Event::Merge(merge::Event::Merged { task, .. } | merge::Event::Missed { task, .. } | merge::Event::Intended { task, .. }) => {
            task == only
        }
        Event::Panel(event) => panel::task_of(event) == Some(only),
        Event::Deploy(event) => event.task() == only,
        Event::Bypass(event) => event.task() == only,
        Event::Refused(refused) => refused.on == only.as_str(),
        _ => false,
    }
}

fn bump(kinds: &mut BTreeMap<String, BTreeMap<String, u64>>, noun: &str, kind: &str) {
    match kinds.get_mut(noun).and_then(|kinds| kinds.get_mut(kind)) {
        Some(count) => *count += 1,
        None => drop(kinds.entry(noun.to_owned()).or_default().insert(kind.to_owned(), 1)),
    }
}

fn seat<'a>(doings: &'a mut BTreeMap<String, Doings>, name: &str) -> &'a mut Doings {
    if !doings.contains_key(name) {
        doings.insert(name.to_owned(), Doings::default());
    }
    doings.get_mut(name).expect("BUG: it was put there just now")
}
