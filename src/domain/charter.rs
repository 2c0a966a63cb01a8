//! The charter: policy, gates and roles as one, fixed when a workshop is founded and named by one digest.

use super::change::Change;
use super::gate::{Gate, GateName};
use super::glob::shown;
use super::name::{Digest, SeatName, TaskId};
use super::policy::{Act, Budget, Invalid, Needs, PathKind, Policy, RunLimits};
use super::role::{Capability, Role};
use super::window::{self, Piece};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Deref;

/// A charter's parts, not yet known to fit each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCharter {
    pub policy: Policy,
    pub gates: Vec<Gate>,
    pub roles: Vec<Role>,
    /// What every seat is told after its role's own prompt.
    pub shared: String,
}

/// Rules that fit each other; gates stand in their order, roles in the order of their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawCharter", into = "RawCharter")]
pub struct Charter(RawCharter);

impl Deref for Charter {
    type Target = RawCharter;
    fn deref(&self) -> &RawCharter {
        &self.0
    }
}

impl From<Charter> for RawCharter {
    fn from(charter: Charter) -> RawCharter {
        charter.0
    }
}

impl TryFrom<RawCharter> for Charter {
    type Error = Invalid;

    fn try_from(mut raw: RawCharter) -> Result<Self, Invalid> {
        raw.gates.sort_by_key(|gate| gate.name);
        raw.roles.sort_by(|a, b| (a.place, &a.name).cmp(&(b.place, &b.name)));
        check_gates(&raw)?;
        check_roles(&raw)?;
        check_seats(&raw)?;
        Ok(Self(raw))
    }
}

impl Charter {
    /// The one text of this charter: what genesis stores and the digest covers.
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("BUG: a charter is plain text, numbers and lists, which JSON can always hold")
    }

    /// Reads a canonical text back; a text that is not exactly what `canonical` writes is refused.
    pub fn from_canonical(text: &str) -> Result<Self, Invalid> {
        let charter: Self = serde_json::from_str(text).map_err(|why| Invalid::new("charter", why))?;
        if charter.canonical() == text { Ok(charter) } else { Err(Invalid::new("charter", "the text is not in canonical form")) }
    }

    /// SHA-256 over the canonical text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.canonical().as_bytes())
    }

    /// All seats, in the order of panes.
    pub fn seats(&self) -> impl Iterator<Item = &SeatName> {
        self.roles.iter().flat_map(|role| &role.seats)
    }

    pub fn role_of(&self, seat: &SeatName) -> Option<&Role> {
        self.roles.iter().find(|role| role.seats.contains(seat))
    }

    pub fn can(&self, seat: &SeatName, capability: Capability) -> bool {
        self.role_of(seat).is_some_and(|role| role.can(capability))
    }

    /// The seats that have a capability, in the order of panes.
    pub fn able(&self, capability: Capability) -> Vec<SeatName> {
        self.roles.iter().filter(|role| role.can(capability)).flat_map(|role| role.seats.clone()).collect()
    }

    /// A gate by its name; every charter has all five.
    pub fn gate(&self, name: GateName) -> &Gate {
        self.gates.iter().find(|gate| gate.name == name).expect("BUG: a charter without one of the five gates was built")
    }

    /// What must happen before a change by this author may enter: what the policy asks of anyone, and what the author's role forbids.
    pub fn needs(&self, change: &Change, author: &SeatName) -> Needs {
        let mut needs = self.policy.needs(change);
        let foreign = || change.files.iter().find(|file| self.policy.kind_of(file) != PathKind::Docs);
        match self.role_of(author) {
            None => needs.deny(format!("{author} is no seat of this workshop")),
            Some(role) if !role.can(Capability::Submit) => needs.deny(format!("{author} may not submit changes")),
            Some(role) if role.can(Capability::WriteDocsOnly) => {
                if let Some(file) = foreign() {
                    needs.deny(format!("{author} writes documents only, and {} is none", shown(&file.path)));
                }
            }
            Some(_) => {}
        }
        needs
    }

    /// What must happen before a change may enter, counted together with the others that are under way or were merged lately.
    pub fn needs_among(&self, change: &Change, author: &SeatName, by: (&BTreeSet<SeatName>, &TaskId), others: &[Piece<'_>]) -> Needs {
        let mut needs = self.needs(change, author);
        let piece = Piece::of(&self.policy, change, by.0, by.1);
        window::over(&self.policy, &piece, others).into_iter().for_each(|reason| needs.two(reason));
        needs
    }

    /// How often a seat may do something: its role's own budget, else the policy's.
    pub fn budget(&self, seat: &SeatName, act: Act) -> Budget {
        let own = self.role_of(seat).and_then(|role| role.limits.get(&act));
        own.or(self.policy.budgets.get(&act)).copied().unwrap_or_default()
    }

    /// What a test run for a gate may take: the gate's own limits over the policy's.
    pub fn run_limits(&self, gate: GateName) -> RunLimits {
        let (own, common) = (&self.gate(gate).limits, &self.policy.runner);
        RunLimits { wall_seconds: own.wall_seconds.unwrap_or(common.wall_seconds), runs: own.runs.unwrap_or(common.runs), ..common.clone() }
    }

    /// The command line of a seat's agent.
    pub fn agent(&self, seat: &SeatName) -> &str {
        let own = self.role_of(seat).and_then(|role| role.agent.as_deref());
        own.unwrap_or(&self.policy.agent.command)
    }

    /// What a seat is told at its start: who it is, its role's prompt, the shared part.
    pub fn prompt(&self, seat: &SeatName) -> Option<String> {
        let role = self.role_of(seat)?;
        let who = format!("You are the seat `{seat}`, of the role `{}`, in a workshop run by `orchestrate`.", role.name);
        Some(format!("{who}\n\n{}\n\n{}\n", role.prompt().trim(), self.shared.trim()))
    }
}

fn check_gates(raw: &RawCharter) -> Result<(), Invalid> {
    let names: Vec<GateName> = raw.gates.iter().map(|gate| gate.name).collect();
    if names == GateName::ALL {
        Ok(())
    } else {
        Err(Invalid::new("gates", "each of red, green, peer, qa and deploy is there exactly once"))
    }
}

fn check_roles(raw: &RawCharter) -> Result<(), Invalid> {
    for (at, role) in raw.roles.iter().enumerate() {
        let key = format!("roles/{}", role.name);
        if raw.roles[..at].iter().any(|other| other.name == role.name) {
            return Err(Invalid::new(key, "two roles have this name"));
        }
        for reviewer in &role.reviewed_by {
            match raw.roles.iter().find(|other| other.name == *reviewer) {
                None => return Err(Invalid::new(key, format!("reviewed_by names {reviewer}, which is no role"))),
                Some(other) if !other.can(Capability::ReviewPeer) => {
                    return Err(Invalid::new(key, format!("reviewed_by names {reviewer}, which lacks review-peer")));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

fn check_seats(raw: &RawCharter) -> Result<(), Invalid> {
    let seats: Vec<&SeatName> = raw.roles.iter().flat_map(|role| &role.seats).collect();
    let twice = (0..seats.len()).find(|at| seats[..*at].contains(&seats[*at]));
    match twice {
        _ if seats.is_empty() => Err(Invalid::new("roles", "there is no seat")),
        Some(at) => Err(Invalid::new("roles", format!("two roles have the seat {}", seats[at]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_canonical_text_comes_back_byte_for_byte() {
        let charter = sample::charter();
        let text = charter.canonical();
        let back = Charter::from_canonical(&text).unwrap();
        assert_eq!((back.canonical(), back.digest()), (text, charter.digest()));
        assert_eq!(back, charter);
    }

    #[test]
    fn any_other_spelling_of_the_text_is_refused() {
        let text = sample::charter().canonical();
        let twice = text.replacen("{\"commits\":", "{\"commits\":{\"per_hour\":9999},\"commits\":", 1);
        for bad in [
            format!(" {text}"),
            format!("{text}\n"),
            text.replacen(':', ": ", 1),
            text.replacen("{\"policy\"", "{\"x\":1,\"policy\"", 1),
            twice,
        ] {
            assert_ne!(bad, text);
            assert!(Charter::from_canonical(&bad).is_err(), "{}", &bad[..80]);
        }
    }

    #[test]
    fn one_changed_number_is_another_digest() {
        let charter = sample::charter();
        let other =
            Charter::from_canonical(&charter.canonical().replace("\"single_review_lines\":50", "\"single_review_lines\":51")).unwrap();
        assert_ne!(other.digest(), charter.digest());
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        type Break = fn(&mut serde_json::Value);
        let cases: [(&str, Break); 6] = [
            ("exactly once", |v| drop(v["gates"].as_array_mut().unwrap().pop())),
            ("no role", |v| v["roles"][0]["front"]["reviewed_by"] = serde_json::json!(["ghost"])),
            ("lacks review-peer", |v| v["roles"][4]["front"]["reviewed_by"] = serde_json::json!(["orchestrator"])),
            ("this name", |v| v["roles"][1]["front"]["name"] = serde_json::json!("dev")),
            ("the seat dev-a", |v| v["roles"][1]["front"]["seats"] = serde_json::json!(["dev-a"])),
            ("peer and deploy", |v| v["policy"]["route"]["docs"] = serde_json::json!(["qa"])),
        ];
        for (word, change) in cases {
            let mut value = serde_json::to_value(sample::charter()).unwrap();
            change(&mut value);
            let why = serde_json::from_value::<Charter>(value).unwrap_err().to_string();
            assert!(why.contains(word), "{word}: {why}");
        }
    }

    #[test]
    fn a_documents_seat_writes_documents_only() {
        let charter = sample::charter();
        let docs = SeatName::new("docs").unwrap();
        assert!(charter.needs(&sample::change(&["README.md"], 5), &docs).denied.is_empty());
        let mixed = sample::change(&["README.md", "src/a.rs"], 5);
        assert!(charter.needs(&mixed, &docs).denied[0].contains("src/a.rs"));
        assert!(charter.needs(&mixed, &SeatName::new("dev-a").unwrap()).denied.is_empty());
        assert!(!charter.needs(&mixed, &SeatName::new("orchestrator").unwrap()).denied.is_empty());
        assert!(!charter.needs(&mixed, &SeatName::new("stranger").unwrap()).denied.is_empty());
    }

    #[test]
    fn budgets_agents_and_limits_come_from_the_nearest_rule() {
        let charter = sample::charter();
        let dev = SeatName::new("dev-a").unwrap();
        assert_eq!(charter.budget(&dev, Act::Commits).per_hour, Some(20));
        assert_eq!(charter.agent(&dev), "claude");
        assert_eq!(charter.run_limits(GateName::Red).runs, charter.policy.runner.runs);
        assert!(charter.prompt(&dev).unwrap().contains("`dev-a`"));
        assert_eq!(charter.prompt(&SeatName::new("stranger").unwrap()), None);
    }
}
