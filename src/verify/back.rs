//! What a reviewer's no sent back: with the librarian's signature, where the charter asks for it.

use super::history::{Attempt, History, Judged};
use super::problems::Problems;
use super::roster::Roster;
use super::word::{self, BackWord};
use crate::domain::actor::Actor;
use crate::domain::check::Verdict;
use crate::domain::panel;
use crate::domain::send_back::{GATES, WORDS};

/// Judges every no of a gate that rests on a reviewer's word alone.
pub(super) fn judge(roster: &Roster<'_>, history: &History<'_>, problems: &mut Problems) {
    for (task, known) in &history.tasks {
        for (number, attempt) in &known.attempts {
            for judged in attempt.judged.iter().filter(|judged| by_word(judged)) {
                let asked = roster.rules(judged.seq).charter.policy.review.cosigned_back && GATES.contains(&judged.gate);
                let signed = || said_no(roster, attempt, judged) || cosigned(roster, attempt, judged, task.as_str(), *number);
                if asked && !signed() {
                    problems.entry(judged.seq, format_args!("{task} was sent back from {} without the librarian's signature", judged.gate));
                }
            }
        }
    }
}

fn by_word(judged: &Judged<'_>) -> bool {
    let mut no = judged.checks.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Fail(_))).peekable();
    !judged.pass && no.peek().is_some() && no.all(|(name, _)| WORDS.contains(&name.as_str()))
}

fn is_librarian(roster: &Roster<'_>, by: &Actor, seq: u64) -> bool {
    by.seat().and_then(|seat| roster.rules(seq).charter.role_of(seat)).is_some_and(|role| role.name.as_str() == "librarian")
}

/// Her own no needs no other signature.
fn said_no(roster: &Roster<'_>, attempt: &Attempt<'_>, judged: &Judged<'_>) -> bool {
    attempt.words.iter().any(|word| !word.accept && word.gate == judged.gate && word.seq < judged.seq && is_librarian(roster, word.by, word.seq))
}

fn cosigned(roster: &Roster<'_>, attempt: &Attempt<'_>, judged: &Judged<'_>, task: &str, number: u32) -> bool {
    attempt.panels.iter().filter(|(seq, ..)| *seq < judged.seq).any(|(seq, _, by, event)| {
        let panel::Event::Cosigned { gate, statement, .. } = event else { return false };
        let about = |word: &BackWord| (word.gate, word.bound.task.as_str(), word.bound.attempt) == (judged.gate, task, number) && by.seat() == Some(&word.seat);
        *gate == judged.gate && is_librarian(roster, by, *seq) && word::read::<BackWord>(statement).is_ok_and(|(_, word)| about(&word))
    })
}
