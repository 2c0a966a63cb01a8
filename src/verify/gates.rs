//! The gates' verdicts: every one the charter asks for, in order, each signed over exactly this candidate.

use super::case::Case;
use super::history::Judged;
use super::problems::{Problems, plain};
use super::word::{self, VerdictWord};
use crate::domain::fix;
use crate::domain::gate::GateName;

/// Judges all verdicts of a merge and says in words what each gate saw.
pub(super) fn judge(case: &Case<'_>, problems: &mut Problems) -> Vec<String> {
    failed(case, problems);
    each(case, &case.needs.gates, problems)
}

/// Judges the verdicts of these gates.
pub(super) fn each(case: &Case<'_>, gates: &[GateName], problems: &mut Problems) -> Vec<String> {
    let mut last = case.measured;
    let mut seen = Vec::new();
    for gate in gates.iter().filter(|gate| fix::judged_with(case.fix(), **gate) == **gate) {
        let Some(judged) = passed(case, *gate) else {
            problems.entry(case.merge.intended, format_args!("{} was to be merged without having passed {gate}", case.merge.task));
            continue;
        };
        if judged.seq < last {
            problems.entry(judged.seq, format_args!("{} passed {gate} before its turn", case.merge.task));
        }
        last = judged.seq;
        if let Err(why) = verdict(case, judged) {
            problems.entry(judged.seq, format_args!("the verdict of {gate} on {}: {why}", case.merge.task));
        }
        seen.push(told(judged));
    }
    seen
}

/// The entry by which a gate was passed, the last that counts.
pub(super) fn passed<'c>(case: &'c Case<'_>, gate: GateName) -> Option<&'c Judged<'c>> {
    let gate = fix::judged_with(case.fix(), gate);
    case.attempt.judged.iter().rev().find(|judged| {
        judged.gate == gate && judged.pass && case.counts(gate, judged.seq) && judged.seq > case.reopened(|taken| taken <= gate)
    })
}

/// A gate that says no ends the attempt; nothing after it counts.
fn failed(case: &Case<'_>, problems: &mut Problems) {
    if let Some(no) = case.attempt.judged.iter().find(|judged| !judged.pass && judged.seq < case.merge.intended) {
        problems.entry(no.seq, format_args!("{} said no to {}, which was merged all the same", no.gate, case.merge.task));
    }
}

fn verdict(case: &Case<'_>, judged: &Judged<'_>) -> Result<(), String> {
    let (subject, word) = word::read::<VerdictWord>(judged.statement)?;
    if let Some(why) = case.unbound(&word.bound, &case.change.tree, case.submitted) {
        return Err(why);
    }
    let about = |key: &str| subject.digest.get(key).map(String::as_str);
    let level = format!("ORCHESTRATE_{}", judged.gate).to_uppercase();
    match () {
        () if about("gitCommit") != Some(case.change.commit.as_str()) || about("gitTree") != Some(case.change.tree.as_str()) => {
            Err("its subject is another commit or tree".to_owned())
        }
        () if word.gate != judged.gate => Err(format!("its statement is about {}", word.gate)),
        () if word.result != "PASSED" || word.levels != [level] => Err("its statement does not say that it passed".to_owned()),
        () if word.checks != judged.checks => Err("its statement names other checks than its entry".to_owned()),
        () => checks(case, judged),
    }
}

/// Every check that the charter lists must have been judged, and none may have said no.
fn checks(case: &Case<'_>, judged: &Judged<'_>) -> Result<(), String> {
    let gates = fix::judged_at(&case.needs.gates, case.fix(), judged.gate);
    let wanted: Vec<&str> = gates.iter().flat_map(|gate| &case.rules.charter.gate(*gate).checks).map(String::as_str).collect();
    if !judged.checks.iter().map(|(name, _)| name).eq(&wanted) {
        return Err(format!("the charter lists the checks {}", wanted.join(", ")));
    }
    match judged.checks.iter().find(|(_, verdict)| !verdict.lets_through()) {
        Some((name, verdict)) => Err(format!("{name} says {}: {}", verdict.word(), verdict.why())),
        None => Ok(()),
    }
}

fn told(judged: &Judged<'_>) -> String {
    let checks = judged.checks.iter().map(|(name, verdict)| format!("{name}: {} ({})", verdict.word(), plain(verdict.why())));
    format!("{} at entry {}: {}", judged.gate.as_str().to_uppercase(), judged.seq, checks.collect::<Vec<_>>().join("; "))
}
