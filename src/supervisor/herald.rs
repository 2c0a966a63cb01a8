//! Tells the owner: alerts by their ways, and the daily report by mail. What is to be told follows from the state and the clock.

mod compose;
mod ways;

use super::drive::Denied;
use super::protocol::About;
use super::report::Wanted;
use super::yard::Yard;
use crate::domain::actor::Actor;
use crate::domain::alert::{Outcome, Plan, Raised, Way, plan};
use crate::domain::command::Act;
use crate::domain::entry::Millis;
use crate::domain::failure::Failure;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

pub use ways::{mail_report, secret};

/// The longest without a look.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is under way at the moment: one message at a time by each way, and one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Tell(Way),
    Report,
}

/// Looks whenever the ledger grows and when something is due, for as long as the supervisor lives.
pub async fn herald(yard: Arc<Yard>) {
    let mut grown = yard.grown.subscribe();
    let mut stop = yard.stop.subscribe();
    let (done, mut finished) = mpsc::unbounded_channel();
    let mut busy: BTreeSet<Deed> = BTreeSet::new();
    let Ok(begun) = begun(&yard).await else { return };
    loop {
        grown.borrow_and_update();
        let now = yard.clock.now();
        let Ok(plan) = yard.see(move |state, _| plan(state, now, begun)).await else { return };
        let next = plan.next;
        start(&yard, &done, &mut busy, plan).await;
        let left = next.map_or(LONGEST, |next| Duration::from_millis(next.saturating_sub(now)).min(LONGEST));
        tokio::select! {
            _ = tokio::time::timeout(left, grown.changed()) => {}
            Some(deed) = finished.recv() => { busy.remove(&deed); }
            _ = stop.changed() => return,
        }
    }
}

/// The first entry's time: no report is due on what lies before it.
async fn begun(yard: &Arc<Yard>) -> Result<Millis, Failure> {
    let first = yard.see(|_, ledger| ledger.read(0, 1)).await??;
    let entry = first.first().and_then(|record| crate::domain::entry::Entry::parse(&record.bytes).ok());
    Ok(entry.map_or_else(|| yard.clock.now(), |entry| entry.time))
}

async fn start(yard: &Arc<Yard>, done: &mpsc::UnboundedSender<Deed>, busy: &mut BTreeSet<Deed>, plan: Plan) {
    if let Some(day) = plan.overdue {
        ask(yard, Act::Overdue { day }).await;
    }
    for (way, waiting, more) in plan.tell {
        if busy.insert(Deed::Tell(way)) {
            let (yard, done) = (Arc::clone(yard), done.clone());
            tokio::spawn(async move {
                tell(&yard, way, waiting, more).await;
                ended(&done, Deed::Tell(way));
            });
        }
    }
    if let Some(day) = plan.report.filter(|_| busy.insert(Deed::Report)) {
        let (yard, done) = (Arc::clone(yard), done.clone());
        tokio::spawn(async move {
            report(&yard, &day).await;
            ended(&done, Deed::Report);
        });
    }
}

/// A herald that has gone away needs no word.
fn ended(done: &mpsc::UnboundedSender<Deed>, deed: Deed) {
    if done.send(deed).is_err() {
        eprintln!("orchestrate: an alert ended after the supervisor did");
    }
}

async fn tell(yard: &Arc<Yard>, way: Way, waiting: Vec<(u64, Raised)>, more: u64) {
    let about = waiting.iter().map(|(seq, _)| *seq).collect();
    let trouble = ways::tell(yard, way, &waiting, more).await.err();
    let trouble = trouble.map(|failure| failure.to_string());
    ask(yard, Act::Told { outcome: Outcome { way, about, more, trouble } }).await;
}

/// A report that cannot be made or sent is tried again like any message, and told by the other ways when it stays away.
async fn report(yard: &Arc<Yard>, day: &str) {
    let trouble = match mail_report(yard, Wanted { about: About::Day, date: Some(day.to_owned()), zone: None }).await {
        Ok(_) => return,
        Err(Denied::Failed(failure)) => failure.to_string(),
        Err(Denied::Refused(refusal)) => refusal.to_string(),
    };
    ask(yard, Act::Told { outcome: Outcome { way: Way::Mail, about: Vec::new(), more: 0, trouble: Some(trouble) } }).await;
}

async fn ask(yard: &Arc<Yard>, act: Act) {
    if let Err(denied) = yard.ask(Actor::Edge, act).await {
        eprintln!("orchestrate: cannot note what became of an alert: {denied:?}");
    }
}
