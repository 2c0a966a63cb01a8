//! The tested merge result was made on the protected branch as it is now.

use super::{Check, Verdict};
use crate::domain::evidence::Evidence;
use crate::domain::gate::GateName;

pub const MERGE_IS_CURRENT: Check = Check {
    name: "merge-is-current",
    gate: GateName::Qa,
    about: "The tested merge result was made on the protected branch as it is now.",
    judge,
    hint: "orchestrate gate show TASK",
};

fn judge(evidence: &Evidence) -> Verdict {
    match evidence.tested_on {
        None => Verdict::Wait("no merge result has been tested".to_owned()),
        Some(_) if evidence.merge_tree.is_none() => Verdict::Wait("there is no merge result".to_owned()),
        Some(tip) if tip != evidence.tip => Verdict::Wait(format!("main moved to {}: the merge is tested anew", evidence.tip.short())),
        Some(tip) => Verdict::Pass(format!("tested on {}", tip.short())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn table() {
        super::super::tests::table(&super::MERGE_IS_CURRENT, include_str!("../../../tests/check/merge-is-current.txt"));
    }
}
