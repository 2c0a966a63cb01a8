//! What came back from a gate starts again where the size of its fix says. A gate that it leaves out on its way there is not left out: its checks are
//! judged on the new candidate itself, with the next gate that runs tests.

use super::change::Change;
use super::gate::GateName;
use super::name::{Digest, Oid};
use super::policy::Needs;
use super::task::{Attempt, Stage};
use serde::{Deserialize, Serialize};

/// A candidate that a gate's own no sent back from PEER or QA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub attempt: u32,
    pub commit: Oid,
    pub base: Oid,
    pub gate: GateName,
}

impl Before {
    /// Under other rules than those in force, or by anything but a gate's no, nothing of it stands.
    pub fn of(attempt: &Attempt, policy: &Digest) -> Option<Self> {
        let Stage::Back { gate: gate @ (GateName::Peer | GateName::Qa), .. } = attempt.stage else { return None };
        let change = attempt.change.as_ref().filter(|_| attempt.failed.as_ref() == Some(policy))?;
        Some(Self { attempt: attempt.number, commit: attempt.commit.clone(), base: change.base.clone(), gate })
    }
}

/// What a candidate adds to the one that came back, and the gate at which it starts again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// The attempt that came back.
    pub of: u32,
    /// Lines added plus deleted, as thresholds count them.
    pub lines: u64,
    /// Every path that it touches, sorted.
    pub paths: Vec<String>,
    pub starts: GateName,
}

impl Fix {
    /// The gate that runs tests next, and is judged together with those before `starts`.
    pub fn carrier(&self) -> GateName {
        carrier(self.starts)
    }
}

fn carrier(starts: GateName) -> GateName {
    if starts < GateName::Peer { GateName::Green } else { GateName::Qa }
}

/// Where a fix of so many lines starts again; `small` is the most that a small one has, 0 where every fix starts at RED.
pub fn start(came_from: GateName, lines: u64, small: u32) -> Option<GateName> {
    match came_from {
        _ if small == 0 => None,
        GateName::Qa if lines <= u64::from(small) => Some(GateName::Peer),
        GateName::Peer | GateName::Qa => Some(GateName::Green),
        GateName::Red | GateName::Green | GateName::Deploy => None,
    }
}

/// The fix that a candidate is, if it is one: commits on top of the candidate that came back, on its base. All else starts at its first gate.
pub fn of(before: Option<&Before>, change: &Change, since: Option<&Change>, needs: &Needs, small: u32) -> Option<Fix> {
    let (before, since) = (before?, since?);
    let on_top = since.base == before.commit && since.commit == change.commit && change.base == before.base;
    let starts = start(before.gate, since.lines(), small).filter(|_| on_top)?;
    let left_out = needs.gates.iter().any(|gate| *gate < starts);
    let carried = needs.gates.contains(&carrier(starts)) && needs.gates.contains(&starts);
    let paths = since.files.iter().map(|file| &file.path).chain(&since.touched).cloned().collect::<std::collections::BTreeSet<_>>();
    (left_out && carried).then(|| Fix { of: before.attempt, lines: since.lines(), paths: paths.into_iter().collect(), starts })
}

/// The gates that are judged at this one, in order: those that a fix left out, where this carries them, and itself.
pub fn judged_at(gates: &[GateName], fix: Option<&Fix>, at: GateName) -> Vec<GateName> {
    let left_out = |gate: &&GateName| fix.is_some_and(|fix| fix.carrier() == at && **gate < fix.starts);
    gates.iter().filter(left_out).copied().chain([at]).collect()
}

/// The gate at which a gate is judged: itself, or the one that carries it.
pub fn judged_with(fix: Option<&Fix>, gate: GateName) -> GateName {
    fix.filter(|fix| gate < fix.starts).map_or(gate, Fix::carrier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use GateName::{Deploy, Green, Peer, Qa, Red};

    #[test]
    fn the_size_of_a_fix_says_where_it_starts_again() {
        let rows = [
            (Qa, 50, Some(Peer)),
            (Qa, 51, Some(Green)),
            (Qa, 0, Some(Peer)),
            (Peer, 1, Some(Green)),
            (Peer, 51, Some(Green)),
            (Green, 1, None),
            (Red, 1, None),
            (Deploy, 1, None),
        ];
        for (from, lines, starts) in rows {
            assert_eq!(start(from, lines, 50), starts, "{from}, {lines} lines");
            assert_eq!(start(from, lines, 0), None, "not offered");
        }
    }

    #[test]
    fn what_is_left_out_on_the_way_is_judged_with_the_next_gate_that_runs_tests() {
        let fix = |starts| Fix { of: 1, lines: 1, paths: Vec::new(), starts };
        let all = GateName::ALL;
        assert_eq!(judged_at(&all, Some(&fix(Peer)), Qa), [Red, Green, Qa]);
        assert_eq!(judged_at(&all, Some(&fix(Peer)), Peer), [Peer]);
        assert_eq!(judged_at(&all, Some(&fix(Green)), Green), [Red, Green]);
        assert_eq!(judged_at(&all, Some(&fix(Green)), Qa), [Qa]);
        assert_eq!(judged_at(&all, None, Qa), [Qa]);
        for (starts, gate, at) in [(Peer, Red, Qa), (Peer, Green, Qa), (Peer, Peer, Peer), (Green, Red, Green), (Green, Green, Green), (Peer, Deploy, Deploy)] {
            assert_eq!(judged_with(Some(&fix(starts)), gate), at);
        }
    }
}
