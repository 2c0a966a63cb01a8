//! What else counted when a candidate was measured, worked out again from the entries alone.

use super::history::{History, Measured};
use super::roster::Adopted;
use crate::domain::change::Change;
use crate::domain::entry::Millis;
use crate::domain::name::{SeatName, TaskId};
use crate::domain::policy::Needs;
use crate::domain::window::{self, MOST_HOURS, Piece};

/// Another candidate that was under way, or merged not long ago.
pub(super) struct Other<'a> {
    task: &'a TaskId,
    attempt: u32,
    family: TaskId,
    merged: Option<Millis>,
}

/// The moment of a measuring: its time, the family of its task then, and what else there was.
pub(super) struct Moment<'a> {
    pub time: Millis,
    family: TaskId,
    others: Vec<Other<'a>>,
}

impl<'a> Moment<'a> {
    /// Looks around, right before the entry that records a measuring.
    pub fn of(history: &History<'a>, task: &TaskId, time: Millis) -> Self {
        let longest = Millis::from(MOST_HOURS) * 3_600_000;
        let others = history.tasks.iter().filter(|(other, _)| **other != task).filter_map(|(other, known)| {
            let (number, newest) = known.attempts.iter().next_back()?;
            newest.measured.as_ref()?;
            let counts = match known.merged {
                Some(merged) => merged + longest > time,
                None => newest.back.is_empty() && known.vetoed.is_none(),
            };
            let family = history.families.of(other).clone();
            counts.then_some(Other { task: other, attempt: *number, family, merged: known.merged })
        });
        Self { time, family: history.families.of(task).clone(), others: others.collect() }
    }

    /// What the rules ask of the change that was measured at this moment.
    pub fn needs(&self, history: &History<'_>, rules: &Adopted, measured: &Measured<'_>, author: &SeatName) -> Needs {
        let charter = &rules.charter;
        let span = charter.policy.cumulative.span();
        let within = |other: &&Other<'_>| other.merged.is_none_or(|merged| merged + span > self.time);
        let others: Vec<Piece<'_>> = self.others.iter().filter(within).filter_map(|other| piece(history, rules, other)).collect();
        charter.needs_among(measured.change, author, (measured.contributors, &self.family), &others)
    }
}

fn piece<'h>(history: &'h History<'_>, rules: &Adopted, other: &'h Other<'_>) -> Option<Piece<'h>> {
    let measured = history.tasks.get(other.task)?.attempts.get(&other.attempt)?.measured.as_ref()?;
    let change: &Change = measured.change;
    let fast = || window::is_fast(&rules.charter.policy, change);
    let (since, known) = *measured.fast.get_or_init(|| (rules.since, fast()));
    let fast = if since == rules.since { known } else { fast() };
    Some(Piece { change, seats: measured.contributors, family: &other.family, fast })
}
