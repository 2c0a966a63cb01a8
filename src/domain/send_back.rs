//! A reviewer's no sends a change back with the librarian's signature. Until she signs, it only holds its gate: nothing moves, and nobody's yes is lost.

use super::actor::Actor;
use super::check::Verdict;
use super::event::Event as Any;
use super::evidence::Approval;
use super::gate::GateName;
use super::message;
use super::name::{SeatName, TaskId};
use super::panel;
use super::planted;
use super::refusal::Refusal;
use super::state::State;
use super::statement;
use super::task::{self, Attempt, Stage};

/// The checks that say no because a reviewer does; whatever else says no was measured, and needs nobody's word.
pub const WORDS: [&str; 3] = ["reviewed", "qa-verdict", "files-judged"];
/// The gates whose reviewers send back.
pub const GATES: [GateName; 2] = [GateName::Peer, GateName::Qa];

/// Whose no holds an attempt at its gate, while the librarian has not signed; hers needs no other.
pub fn holds<'a>(state: &State, attempt: &'a Attempt, gate: GateName) -> Option<&'a SeatName> {
    let asked = state.charter().policy.review.cosigned_back && GATES.contains(&gate);
    let no = |word: &&Approval| word.gate == gate && !word.accept;
    let hers = attempt.approvals.iter().filter(no).any(|word| super::bypass::is_librarian(state, &word.seat));
    let first = attempt.approvals.iter().find(no).map(|word| &word.seat);
    first.filter(|_| asked && !hers && !attempt.cosigned.contains(&gate))
}

/// Whether a verdict is a reviewer's no and nothing else.
pub fn by_word_alone(verdicts: &[(&'static str, Verdict)]) -> bool {
    verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Fail(_))).all(|(name, _)| WORDS.contains(name))
}

/// The librarian hears of a no that wants her signature.
pub fn ask(state: &State, task: &TaskId, by: &SeatName, gate: GateName, note: &str) -> Vec<Any> {
    let asked = state.charter().policy.review.cosigned_back && GATES.contains(&gate) && !super::bypass::is_librarian(state, by);
    let seats = if asked { super::bypass::librarians(state) } else { Vec::new() };
    let text = format!("{by} says no to {task} at {gate}: {note}\n\nLook: orchestrate review show {task}\nIt goes back when you sign: orchestrate review cosign {task} --note '…'");
    message::notice(state, state.now, seats, &format!("{task}: a no wants your signature"), &text, Some(task))
}

/// The librarian's signature under a no: the change goes back.
pub fn cosign(state: &State, actor: &Actor, task: &TaskId, note: &str) -> Result<Vec<Any>, Refusal> {
    super::freeze::open(state)?;
    let show = || format!("orchestrate gate show {task}");
    let Some(seat) = actor.seat().filter(|seat| super::bypass::is_librarian(state, seat) || planted::out("cosigned-back")) else {
        return Err(Refusal::new("not-your-role", "a librarian signs what is sent back", "orchestrate whoami"));
    };
    let known = state.task(task)?;
    known.vetoed()?;
    let held = known.attempt.as_ref().and_then(|attempt| match attempt.stage {
        Stage::At(gate) => holds(state, attempt, gate).map(|_| (attempt, gate)),
        Stage::Measuring | Stage::Merging | Stage::Moving { .. } | Stage::Merged | Stage::Back { .. } => None,
    });
    let (attempt, gate) = held.ok_or_else(|| Refusal::new("not-rejected", format!("no reviewer's no waits for a signature on {task}"), show()))?;
    super::review::words(note)?;
    let index = attempt.draws.get(&gate).map_or(attempt.submitted, |draw| draw.seq);
    let statement = statement::send_back(&task::bound_at(state, task, attempt, index, gate)?, gate, seat, note);
    let (task, note) = (task.clone(), note.to_owned());
    Ok(vec![Any::Panel(panel::Event::Cosigned { task, attempt: attempt.number, gate, note, statement })])
}
