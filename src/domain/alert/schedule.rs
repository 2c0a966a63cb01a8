//! What is to be sent now, and when to look again: from the state and the clock alone.

use super::{Raised, Way};
use crate::domain::day::{Zone, date};
use crate::domain::entry::Millis;
use crate::domain::state::State;
use jiff::civil::Date;

/// How long after its hour a report may still go out without an alarm.
pub const GRACE: Millis = 2 * 3_600_000;
const HOUR: Millis = 3_600_000;

/// Alerts, each with the entry that it is about.
pub type Waiting = Vec<(u64, Raised)>;

/// What is to be done now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Ways that have something to tell: what, and how much more.
    pub tell: Vec<(Way, Waiting, u64)>,
    /// The day whose report is to go out.
    pub report: Option<String>,
    /// The day whose report should have gone out.
    pub overdue: Option<String>,
    /// When to look again, where nothing happens before.
    pub next: Option<Millis>,
}

/// Lays the state beside the clock.
pub fn plan(state: &State, now: Millis, begun: Millis) -> Plan {
    let mut plan = Plan::default();
    if state.genesis.is_none() {
        return plan;
    }
    let mut later: Vec<Millis> = Vec::new();
    for (way, queue) in &state.alerts.ways {
        match queue.due() {
            Some(due) if due <= now => {
                plan.tell.push((*way, queue.waiting.iter().map(|(seq, raised)| (*seq, raised.clone())).collect(), queue.more));
            }
            due => later.extend(due),
        }
    }
    if let Some(at) = reports(state, now, begun, &mut plan) {
        later.push(at);
    }
    plan.next = later.into_iter().min();
    plan
}

/// The report of yesterday from the policy's hour on; gives when to look again.
fn reports(state: &State, now: Millis, begun: Millis, plan: &mut Plan) -> Option<Millis> {
    let policy = &state.charter().policy;
    if policy.mail.server.is_empty() {
        return None;
    }
    let zone = Zone::named(&policy.report.zone).ok()?;
    let today = zone.date(now);
    let start = zone.day(today).ok()?.from;
    let hour = start + u64::from(policy.report.hour) * HOUR;
    let yesterday = today.yesterday().ok()?;
    plan.overdue = missed(state, &zone, yesterday, begun);
    if zone.day(yesterday).ok()?.until <= begun || sent(state, yesterday) {
        return zone.day(today).ok().map(|day| day.until + u64::from(policy.report.hour) * HOUR);
    }
    if now < hour {
        return Some(hour);
    }
    let failing = state.alerts.ways.get(&Way::Mail).is_some_and(|queue| queue.tries > 0);
    let late = failing && now >= hour + GRACE && before(state.alerts.overdue.as_deref(), yesterday);
    plan.overdue = plan.overdue.take().or_else(|| late.then(|| yesterday.to_string()));
    let queue = state.alerts.ways.get(&Way::Mail);
    let due = queue.filter(|queue| queue.tries > 0).map_or(0, |queue| queue.next);
    if due <= now {
        plan.report = Some(yesterday.to_string());
        return Some(hour + GRACE).filter(|deadline| *deadline > now);
    }
    Some(due.min(if now < hour + GRACE { hour + GRACE } else { due }))
}

fn sent(state: &State, day: Date) -> bool {
    !before(state.alerts.reported.as_deref(), day)
}

/// Whether a kept day, if there is one, lies before this day.
fn before(kept: Option<&str>, day: Date) -> bool {
    kept.and_then(|kept| date(kept).ok()).is_none_or(|kept| kept < day)
}

/// The last of the days before yesterday without a report: the supervisor was not there to send it.
fn missed(state: &State, zone: &Zone, yesterday: Date, begun: Millis) -> Option<String> {
    let day = yesterday.yesterday().ok().filter(|_| state.alerts.reported.is_some())?;
    let known = sent(state, day) || !before(state.alerts.overdue.as_deref(), day) || zone.day(day).ok()?.until <= begun;
    (!known).then(|| day.to_string())
}
