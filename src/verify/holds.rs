//! Tasks that were taken away: by the owner, or by a seat whose role plans or may veto.

use super::history::History;
use super::problems::Problems;
use super::roster::Roster;
use crate::domain::role::Capability;

pub(super) fn judge(roster: &Roster<'_>, history: &History<'_>, problems: &mut Problems) {
    for (seq, task, seat) in &history.seized {
        let charter = &roster.rules(*seq).charter;
        if ![Capability::Plan, Capability::Veto].iter().any(|capability| charter.can(seat, *capability)) {
            problems.entry(*seq, format_args!("{seat} took {task} away, which was not its own and its role does not let it"));
        }
    }
}
