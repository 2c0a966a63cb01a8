//! Makes the security report: the ledger's own entries, read once from its file, folded by `view::report`, under a signed checkpoint.

mod hashing;

use super::answer::{denial, page, said};
use super::drive::Denied;
use super::herald::mail_report;
use super::protocol::{About, Response};
use super::yard::{Yard, blocking};
use crate::domain::day::{self, Span, Zone};
use crate::domain::entry::Entry;
use crate::domain::entry::Millis;
use crate::domain::failure::Failure;
use crate::domain::refusal::Refusal;
use crate::ledger::chain::{Frontier, Hash};
use crate::ledger::sqlite::walk;
use crate::view::report::{Report, Subject, Tally};
use hashing::{Hashed, Hashing};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub about: About,
    pub date: Option<String>,
    pub zone: Option<String>,
}

/// A fold that stands somewhere in the ledger, kept so that the next report of the same span goes on from there.
#[derive(Debug, Clone)]
pub struct Kept {
    subject: Subject,
    span: Span,
    /// The entries hashed so far; those past the span's end are not in the tally.
    frontier: Frontier,
    tally: Tally,
    /// The tree over exactly the tallied entries, once later ones were read.
    cut: Option<Frontier>,
}

/// The ledger and the clock at the moment of asking.
struct Now {
    size: u64,
    root: Hash,
    clock: Millis,
    /// The newest entry's time.
    last: Millis,
    begun: Millis,
    zone: String,
    tasks: bool,
}

pub async fn answer(yard: &Arc<Yard>, wanted: Wanted) -> Response {
    match make(yard, wanted).await {
        Ok(report) => page(Ok(report)),
        Err(denied) => denial(denied),
    }
}

/// Mails it, and says to whom.
pub async fn mail(yard: &Arc<Yard>, wanted: Wanted) -> Response {
    let to = yard.see(|state, _| state.charter().policy.mail.to.join(", ")).await;
    match mail_report(yard, wanted).await {
        Ok(report) => said(format!("the report on {} was mailed to {}", report.span.name, to.unwrap_or_default())),
        Err(denied) => denial(denied),
    }
}

/// The report, or why there is none: a day before the beginning or after today, a zone or task that is not there.
pub async fn make(yard: &Arc<Yard>, wanted: Wanted) -> Result<Report, Denied> {
    let now = now(yard, &wanted.about).await?;
    let zone =
        Zone::named(wanted.zone.as_ref().unwrap_or(&now.zone)).map_err(|why| Denied::Refused(Refusal::new("no-such-zone", why, HINT)))?;
    let (subject, span) = span(&wanted, &zone, &now)?;
    let here = Arc::clone(yard);
    Ok(blocking(move || tally(&here, subject, span, &now)).await?)
}

async fn now(yard: &Arc<Yard>, about: &About) -> Result<Now, Failure> {
    let (clock, about) = (yard.clock.now(), about.clone());
    let look = move |state: &crate::domain::state::State, ledger: &dyn crate::ledger::Ledger| {
        let first = ledger.read(0, 1)?.pop();
        let begun = first.and_then(|record| Entry::parse(&record.bytes).ok()).map_or(state.now, |entry| entry.time);
        let tasks = match &about {
            About::Task(task) => state.tasks.contains_key(task),
            About::Day | About::Week => true,
        };
        let clock = clock.max(state.now);
        Ok::<_, Failure>(Now {
            size: ledger.len(),
            root: ledger.root(),
            clock,
            last: state.now,
            begun,
            zone: state.charter().policy.report.zone.clone(),
            tasks,
        })
    };
    yard.see(look).await?
}

const HINT: &str = "orchestrate report daily --date 2026-11-20 --zone Europe/Berlin";

fn span(wanted: &Wanted, zone: &Zone, now: &Now) -> Result<(Subject, Span), Denied> {
    let odd = |why: String| Denied::Refused(Refusal::new("no-such-day", why, HINT));
    let today = zone.date(now.clock);
    let date = wanted.date.as_ref().map_or(Ok(today), |text| day::date(text)).map_err(odd)?;
    let (subject, span) = match &wanted.about {
        About::Day => (Subject::Day, zone.day(date).map_err(odd)?),
        About::Week => (Subject::Week, zone.week(date).map_err(odd)?),
        About::Task(task) if now.tasks => {
            let span = Span { name: task.to_string(), zone: zone.name().to_owned(), from: now.begun, until: now.last + 1 };
            return Ok((Subject::Task(task.clone()), span));
        }
        About::Task(task) => {
            return Err(Denied::Refused(Refusal::new("no-such-task", format!("there is no task {task}"), "orchestrate task list")));
        }
    };
    match () {
        () if date > today => {
            let why = format!("{date} has not begun in {}, where it is {today}", zone.name());
            Err(Denied::Refused(Refusal::new("in-the-future", why, format!("orchestrate report daily --date {today} --zone {}", zone.name()))))
        }
        () if span.until <= now.begun => {
            let why = format!("{} ended before the workshop's first entry, of {}", span.name, zone.shown(now.begun));
            let first = zone.date(now.begun);
            Err(Denied::Refused(Refusal::new("before-genesis", why, format!("orchestrate report daily --date {first} --zone {}", zone.name()))))
        }
        () if span.from == span.until => Err(odd(format!("{} has no {date}: its clocks left that day out", zone.name()))),
        () => Ok((subject, span)),
    }
}

/// Reads on from where the last report of this span stood. What was read has to hash to the root that the loop has.
fn tally(yard: &Yard, subject: Subject, span: Span, now: &Now) -> Result<Report, Failure> {
    let before = yard.reported.lock().unwrap_or_else(PoisonError::into_inner).take();
    let fits = |kept: &Kept| kept.subject == subject && kept.span == span && kept.frontier.len() <= now.size;
    let mut kept = before.filter(fits).unwrap_or_else(|| Kept::new(subject, span));
    if kept.read(&yard.place.ledger(), now.size)? != now.root {
        let why = "the entries in its file are not those that were written";
        return Err(Failure::new("the ledger is damaged", why).hint("orchestrate ledger verify"));
    }
    let (size, root) = kept.head();
    let report = kept.report(yard.keys.checkpoint(&yard.workshop, size, root)?, now.clock);
    *yard.reported.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    Ok(report)
}

impl Kept {
    pub fn new(subject: Subject, span: Span) -> Self {
        let tally = Tally::new(subject.clone(), span.clone());
        Self { subject, span, frontier: Frontier::default(), tally, cut: None }
    }

    /// Reads the ledger's file on, up to so many entries; gives the root over all that was read.
    pub fn read(&mut self, ledger: &Path, size: u64) -> Result<Hash, Failure> {
        let (from, tally) = (self.frontier.len(), &mut self.tally);
        let before = Hashed { all: self.frontier.clone(), cut: self.cut.clone() };
        let mut cut = before.cut.is_some();
        let hashed = std::thread::scope(|scope| {
            let mut hashing = Hashing::start(scope, before);
            walk(ledger, from, size, |seq, bytes| {
                // Times never go back, so that the entries of a span are one stretch.
                if !cut && !tally.take(bytes).map_err(|why| unreadable(seq, &why))? {
                    cut = true;
                    hashing.cut()?;
                }
                hashing.take(bytes)
            })?;
            hashing.end()
        })?;
        (self.frontier, self.cut) = (hashed.all, hashed.cut);
        Ok(self.frontier.root())
    }

    /// The number of entries that the report is computed from, and the root over exactly these.
    pub fn head(&self) -> (u64, Hash) {
        (self.tally.size(), self.cut.as_ref().unwrap_or(&self.frontier).root())
    }

    /// The report, under the signed checkpoint over its head.
    pub fn report(&self, checkpoint: String, now: Millis) -> Report {
        self.tally.report(checkpoint, self.span.until <= now)
    }
}

fn unreadable(seq: u64, why: &str) -> Failure {
    Failure::new(format!("entry {seq} cannot be read"), why).hint("orchestrate ledger verify")
}
