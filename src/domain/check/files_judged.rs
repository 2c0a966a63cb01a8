//! Whoever said yes gave a verdict on every file, and quoted the difference.

use super::{Check, Verdict};
use crate::domain::evidence::{Approval, Evidence};
use crate::domain::gate::GateName;
use crate::domain::reading;

pub const FILES_JUDGED: Check = Check {
    name: reading::CHECK,
    gate: GateName::Peer,
    about: "Whoever said yes gave a verdict on every file of the change, and quoted lines of the difference that stand there.",
    judge,
    hint: "orchestrate review show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    let words: Vec<&Approval> = evidence.words(GateName::Peer).filter(|word| word.accept).collect();
    match words.iter().find(|word| !word.read) {
        _ if words.is_empty() => Verdict::Wait("nobody has said yes".to_owned()),
        Some(word) => Verdict::Fail(format!("{} said yes without a verdict on each file, or without a quote", word.seat)),
        None => Verdict::Pass(format!("{} of {} words judge every file and quote it", words.len(), words.len())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::FILES_JUDGED, include_str!("../../../tests/check/files-judged.txt"));
    }
}
