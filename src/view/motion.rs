//! Motions and how they stand.

use crate::domain::motion::{Motion, Standing};
use crate::domain::name::{SeatName, TaskId};
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MotionLine {
    pub motion: u32,
    pub matter: String,
    pub title: String,
    pub task: Option<TaskId>,
    /// `open`, `tied`, `the owner's`, `passed` or `refused`.
    pub standing: String,
    pub voices: Vec<(SeatName, bool)>,
    /// What is to be decided, in full, while it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

pub fn motions(state: &State) -> Vec<MotionLine> {
    state.motions.iter().rev().map(|(number, motion)| line(state, *number, motion)).collect()
}

fn line(state: &State, number: u32, motion: &Motion) -> MotionLine {
    let voices = motion.voices.iter().map(|(seat, accept)| (seat.clone(), *accept)).collect();
    let body = if motion.closed.is_none() { motion.body.clone() } else { String::new() };
    let (matter, title, task) = (motion.matter.clone(), motion.title.clone(), motion.task.clone());
    MotionLine { motion: number, matter, title, task, standing: standing(state, motion).to_owned(), voices, body }
}

fn standing(state: &State, motion: &Motion) -> &'static str {
    let rule = state.charter().policy.decisions.get(&motion.matter);
    match (&motion.closed, motion.referred, rule.map(|rule| motion.standing(state, rule))) {
        (Some((true, _)), _, _) => "passed",
        (Some((false, _)), _, _) => "refused",
        (None, true, _) | (None, _, Some(Standing::Owner)) => "the owner's",
        (None, _, Some(Standing::Tied)) => "tied",
        (None, _, _) => "open",
    }
}
