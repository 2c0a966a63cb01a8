//! A gate: a stage that a change passes only when each of its checks has seen what it wants to see.

use super::check::{self, Verdict};
use super::deploy;
use super::evidence::Evidence;
use super::policy::Invalid;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// The five gates, in the order in which a change meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateName {
    Red,
    Green,
    Peer,
    Qa,
    Deploy,
}

impl GateName {
    pub const ALL: [GateName; 5] = [GateName::Red, GateName::Green, GateName::Peer, GateName::Qa, GateName::Deploy];

    pub fn as_str(self) -> &'static str {
        match self {
            GateName::Red => "red",
            GateName::Green => "green",
            GateName::Peer => "peer",
            GateName::Qa => "qa",
            GateName::Deploy => "deploy",
        }
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A gate file as it is written: not yet known to name checks that exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGate {
    pub name: GateName,
    /// What the gate wants to see, one sentence.
    pub about: String,
    /// The names of its checks, in the order in which they are shown.
    pub checks: Vec<String>,
    #[serde(default)]
    pub limits: GateLimits,
    /// What follows a merge; of the last gate only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<deploy::Terms>,
}

/// What a gate asks of its test runs, where it differs from the policy's `[runner]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateLimits {
    /// Longest time of one test run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<u32>,
    /// How often the tests run; a result counts only when all runs agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
}

/// A gate whose checks all exist. Read its fields through `RawGate`; it is built from one only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawGate", into = "RawGate")]
pub struct Gate(RawGate);

impl Deref for Gate {
    type Target = RawGate;
    fn deref(&self) -> &RawGate {
        &self.0
    }
}

impl TryFrom<RawGate> for Gate {
    type Error = Invalid;

    fn try_from(raw: RawGate) -> Result<Self, Invalid> {
        let bad_limit = |limit: Option<u32>| limit == Some(0);
        if let Some(fault) = raw.deployment.as_ref().and_then(deploy::Terms::fault) {
            return Err(Invalid::new(format!("deployment.{}", fault.key), fault.why));
        }
        match &raw {
            _ if raw.about.trim().is_empty() => Err(Invalid::new("about", "it is empty")),
            _ if raw.checks.is_empty() => Err(Invalid::new("checks", "a gate without a check would let everything through")),
            _ if raw.deployment.is_some() && raw.name != GateName::Deploy => Err(Invalid::new("deployment", "only the gate deploy has one")),
            _ if bad_limit(raw.limits.wall_seconds) || bad_limit(raw.limits.runs) => Err(Invalid::new("limits", "a limit is at least 1")),
            _ => known_once(&raw.checks).map(|()| Self(raw)),
        }
    }
}

impl From<Gate> for RawGate {
    fn from(gate: Gate) -> RawGate {
        gate.0
    }
}

fn known_once(names: &[String]) -> Result<(), Invalid> {
    for (at, name) in names.iter().enumerate() {
        if check::named(name).is_none() {
            let known: Vec<&str> = check::CHECKS.iter().map(|check| check.name).collect();
            return Err(Invalid::new("checks", format!("there is no check {name:?}; there are {}", known.join(", "))));
        }
        if names[..at].contains(name) {
            return Err(Invalid::new("checks", format!("{name:?} stands there twice")));
        }
    }
    Ok(())
}

impl Gate {
    /// The checks of the gate, in its order.
    pub fn checks(&self) -> impl Iterator<Item = &'static check::Check> {
        self.0.checks.iter().filter_map(|name| check::named(name))
    }
}

/// Judges every check of a gate; a gate that the change does not need is exempt, and says so.
pub fn judge(gate: &Gate, evidence: &Evidence) -> Vec<(&'static str, Verdict)> {
    let needed = evidence.needs.gates.contains(&gate.name);
    let exempt = || Verdict::Exempt(format!("the policy asks no {} of this kind of change", gate.name));
    gate.checks().map(|check| (check.name, if needed { (check.judge)(evidence) } else { exempt() })).collect()
}

/// One verdict for all checks: a failure outweighs waiting, waiting outweighs a pass, and nothing judged is nothing passed.
pub fn overall(verdicts: &[(&'static str, Verdict)]) -> Verdict {
    let worst = verdicts.iter().max_by_key(|(_, verdict)| verdict.weight());
    match worst {
        None => Verdict::Wait("no check was judged".to_owned()),
        Some((name, verdict @ (Verdict::Fail(_) | Verdict::Wait(_)))) => verdict.clone().about(name),
        Some((_, Verdict::Pass(_))) => Verdict::Pass(format!("{} checks passed", verdicts.len())),
        Some((_, exempt @ Verdict::Exempt(_))) => exempt.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::Case;
    use super::super::sample;
    use super::*;

    fn raw(checks: &[&str]) -> RawGate {
        let checks = checks.iter().map(|name| (*name).to_owned()).collect();
        RawGate { name: GateName::Peer, about: "x".to_owned(), checks, limits: GateLimits::default(), deployment: None }
    }

    #[test]
    fn a_gate_names_known_checks_once() {
        assert!(Gate::try_from(raw(&["reviewed"])).is_ok());
        for bad in [&[] as &[&str], &["reviewd"], &["reviewed", "reviewed"]] {
            assert!(Gate::try_from(raw(bad)).is_err(), "{bad:?}");
        }
        let zero = RawGate { limits: GateLimits { runs: Some(0), wall_seconds: None }, ..raw(&["reviewed"]) };
        assert!(Gate::try_from(zero).is_err());
    }

    #[test]
    fn the_worst_verdict_wins_and_none_is_no_pass() {
        let pass = ("a", Verdict::Pass(String::new()));
        let wait = ("b", Verdict::Wait(String::new()));
        let fail = ("c", Verdict::Fail(String::new()));
        let exempt = ("d", Verdict::Exempt(String::new()));
        assert!(matches!(overall(&[]), Verdict::Wait(_)));
        assert!(matches!(overall(&[pass.clone(), exempt.clone()]), Verdict::Pass(_)));
        assert!(matches!(overall(&[exempt.clone(), pass.clone()]), Verdict::Pass(_)));
        assert!(matches!(overall(std::slice::from_ref(&exempt)), Verdict::Exempt(_)));
        assert!(matches!(overall(&[pass.clone(), wait.clone()]), Verdict::Wait(_)));
        assert!(matches!(overall(&[wait, fail, pass, exempt]), Verdict::Fail(_)));
    }

    #[test]
    fn a_needed_gate_is_judged_and_another_is_exempt() {
        let red = sample::charter().gate(GateName::Red).clone();
        let judged = |row: &str| judge(&red, &Case::read(row).unwrap().evidence());
        assert!(matches!(judged("base=a:pass red=n:fail")[..], [("new-tests-fail", Verdict::Pass(_))]));
        assert!(matches!(judged("base=a:pass red=n:pass")[..], [("new-tests-fail", Verdict::Fail(_))]));
        assert!(matches!(judged("path=README.md")[..], [("new-tests-fail", Verdict::Exempt(_))]));
    }

    #[test]
    fn gates_are_ordered_and_named_alike_everywhere() {
        assert!(GateName::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for name in GateName::ALL {
            assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{name}\""));
        }
    }
}
