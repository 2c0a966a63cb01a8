//! Makes the security report: the ledger's own entries, read once from its file, folded by `view::report`, under a signed checkpoint.

use super::answer::{denial, page, said};
use super::drive::Denied;
use super::herald::mail_report;
use super::protocol::{About, Response};
use super::yard::{Yard, blocking};
use crate::domain::day::{self, Span, Zone};
use crate::domain::entry::Entry;
use crate::domain::entry::{Head, Millis};
use crate::domain::failure::Failure;
use crate::domain::refusal::Refusal;
use crate::ledger::chain::{Frontier, Hash, leaf_hash};
use crate::ledger::sqlite::walk;
use crate::view::report::{Report, Subject, Tally};
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
            Err(Denied::Refused(Refusal::new("in-the-future", why, HINT)))
        }
        () if span.until <= now.begun => {
            let why = format!("{} ended before the workshop's first entry, of {}", span.name, zone.shown(now.begun));
            Err(Denied::Refused(Refusal::new("before-genesis", why, HINT)))
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
    let from = kept.frontier.len();
    walk(&yard.place.ledger(), from, now.size, |seq, bytes| {
        kept.take(bytes).map_err(|why| Failure::new(format!("entry {seq} cannot be read"), why).hint("orchestrate ledger verify"))
    })?;
    if kept.frontier.root() != now.root {
        let why = "the entries in its file are not those that were written";
        return Err(Failure::new("the ledger is damaged", why).hint("orchestrate ledger verify"));
    }
    let over = kept.span.until <= now.clock;
    let root = kept.cut.as_ref().unwrap_or(&kept.frontier).root();
    let note = yard.keys.checkpoint(&yard.workshop, kept.tally.size(), root)?;
    let report = kept.tally.report(note, over);
    *yard.reported.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    Ok(report)
}

impl Kept {
    fn new(subject: Subject, span: Span) -> Self {
        let tally = Tally::new(subject.clone(), span.clone());
        Self { subject, span, frontier: Frontier::default(), tally, cut: None }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        let head = Head::read(bytes).ok_or("it does not begin as an entry does")?;
        // Times never go back, so that the entries of a span are one stretch.
        if self.cut.is_some() || head.time >= self.span.until {
            self.cut.get_or_insert_with(|| self.frontier.clone());
        } else {
            self.tally.take(bytes)?;
        }
        self.frontier.append(leaf_hash(bytes));
        Ok(())
    }
}
