//! What would enter the protected branch is, bit for bit, what was tested on its present tip.

use super::{Check, Verdict, settle};
use crate::domain::evidence::Evidence;
use crate::domain::gate::GateName;

pub const MERGE_STILL_TESTED: Check = Check {
    name: "merge-still-tested",
    gate: GateName::Deploy,
    about: "What would enter the protected branch is, bit for bit, what was tested on its present tip.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    settle(judged(evidence))
}

fn judged(evidence: &Evidence) -> Result<Verdict, Verdict> {
    let merge = evidence.merge()?;
    match evidence.tested_on {
        None => Ok(Verdict::Wait("no merge result has been tested".to_owned())),
        Some(tip) if tip != evidence.tip => Ok(Verdict::Wait(format!("main moved to {}: back to QA", evidence.tip.short()))),
        Some(tip) => Ok(Verdict::Pass(format!("tree {} was tested on {}", merge.tree.short(), tip.short()))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::MERGE_STILL_TESTED, include_str!("../../../tests/check/merge-still-tested.txt"));
    }
}
