//! The question before a seat changes a file in its clone: would it be of any use? What it pushes is judged again, whatever was said here.

use super::actor::Actor;
use super::entry::Millis;
use super::freeze;
use super::lock;
use super::name::SeatName;
use super::refusal::Refusal;
use super::state::State;
use super::task::Task;

/// Says no to an edit of a path, from the repository's root, that could not be pushed, or is nobody's task.
pub fn judge(state: &State, actor: &Actor, path: &str, now: Millis) -> Result<(), Refusal> {
    freeze::open(state)?;
    let Some(seat) = actor.seat() else { return Ok(()) };
    if !state.tasks.values().any(|task| concerns(task, seat)) {
        let why = format!("{seat} has no task and no review under way: what is an edit for?");
        return Err(Refusal::new("no-task", why, "orchestrate task list, then orchestrate task take <task>"));
    }
    lock::admits(state, seat, &[path.to_owned()], now)
}

/// Whether the seat works on a task, or was drawn to judge it: a reviewer tries things out.
fn concerns(task: &Task, seat: &SeatName) -> bool {
    let under_way = task.merged.is_none() && task.veto.is_none();
    let drawn = || task.attempt.iter().flat_map(|attempt| attempt.draws.values()).any(|draw| draw.seats.contains(seat));
    under_way && (task.author.as_ref() == Some(seat) || drawn())
}
