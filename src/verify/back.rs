//! What a reviewer's no sent back: with the librarian's signature, where the charter asks for it.

use super::history::{Attempt, History, Judged};
use super::problems::Problems;
use super::roster::Roster;
use super::word::{self, BackWord, Bound, RunWord};
use crate::domain::actor::Actor;
use crate::domain::check::Verdict;
use crate::domain::dsse::Envelope;
use crate::domain::gate::GateName;
use crate::domain::name::TaskId;
use crate::domain::panel;
use crate::domain::send_back::{GATES, WORDS};
use crate::domain::task::RunKind;

/// Judges every no of a gate that rests on a reviewer's word alone.
pub(super) fn judge(roster: &Roster<'_>, history: &History<'_>, problems: &mut Problems) {
    for (task, known) in &history.tasks {
        for (number, attempt) in &known.attempts {
            for judged in attempt.judged.iter().filter(|judged| by_word(judged)) {
                let asked = roster.rules(judged.seq).charter.policy.review.cosigned_back && GATES.contains(&judged.gate);
                let signed = || said_no(roster, attempt, judged) || cosigned(roster, attempt, judged);
                if asked && !signed() {
                    problems.entry(judged.seq, format_args!("{task} was sent back from {} without the librarian's signature", judged.gate));
                }
            }
            for (seq, _, by, event) in &attempt.panels {
                let panel::Event::Cosigned { gate, note, statement, .. } = event else { continue };
                let about = wanted(roster, attempt, task, *number, *gate, *seq);
                if let Err(why) = about.and_then(|wanted| counts(by, *gate, note, statement, &wanted)) {
                    problems.entry(*seq, format_args!("the signature under what {gate} sent back of {task}: {why}"));
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

/// Whether she signed it; what exactly she signed is judged with each signature.
fn cosigned(roster: &Roster<'_>, attempt: &Attempt<'_>, judged: &Judged<'_>) -> bool {
    let signed = attempt.panels.iter().filter(|(seq, ..)| *seq < judged.seq);
    signed.into_iter().any(|(seq, _, by, event)| matches!(event, panel::Event::Cosigned { gate, .. } if *gate == judged.gate) && is_librarian(roster, by, *seq))
}

/// What a signature at this place has to be bound to: the draw that the no answers, and the tree that it is about.
fn wanted(roster: &Roster<'_>, attempt: &Attempt<'_>, task: &TaskId, number: u32, gate: GateName, seq: u64) -> Result<Bound, String> {
    let change = attempt.measured.as_ref().filter(|measured| measured.seq < seq).ok_or("the candidate was never measured")?.change;
    let draw = attempt.draws.iter().rev().find(|draw| draw.gate == gate && draw.seq < seq).ok_or("nobody was drawn there")?;
    let merged = || attempt.runs.iter().rev().find(|run| run.kind == RunKind::Merge && run.seq < seq);
    let tree = match gate {
        GateName::Qa => {
            let (_, run) = word::read::<RunWord>(merged().ok_or("the merge result was never tested")?.statement)?;
            run.run.tree
        }
        _ => change.tree.clone(),
    };
    let (workshop, policy) = (roster.genesis.workshop.clone(), roster.rules(seq).digest.clone());
    let (commit, base) = (change.commit.clone(), change.base.clone());
    Ok(Bound { workshop, task: task.clone(), attempt: number, commit, tree, base, policy, index: draw.seq })
}

fn counts(by: &Actor, gate: GateName, note: &str, statement: &Envelope, wanted: &Bound) -> Result<(), String> {
    let (_, word) = word::read::<BackWord>(statement)?;
    match word.bound.unlike(wanted) {
        Some(why) => Err(why),
        None if by.seat() != Some(&word.seat) => Err(format!("its statement is the word of {}", word.seat)),
        None if word.gate != gate => Err(format!("its statement is about {}", word.gate)),
        None if word.note != note => Err("its statement says something else than its entry".to_owned()),
        None => Ok(()),
    }
}
