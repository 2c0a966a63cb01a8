//! A role: a kind of work, the seats that do it, and what they may do.

use super::name::{RoleName, SeatName};
use super::policy::{Act, Budget, Invalid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// The most seats of one role.
pub const MAX_SEATS: usize = 24;
/// The longest prompt in bytes.
pub const MAX_PROMPT: usize = 32 * 1024;

/// Something a seat may do; what is not listed in its role's file it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Opens tasks for the workshop.
    OpenTask,
    /// Takes a task and works on it in its own clone.
    TakeTask,
    /// Pushes to its own branches and hands work to the gates.
    Submit,
    /// May be drawn to review a change at PEER.
    ReviewPeer,
    /// May be drawn as a third reviewer, of any author's change.
    ReviewThird,
    /// May be drawn to give QA's verdict.
    VerifyQa,
    /// Signs at DEPLOY.
    CosignDeploy,
    /// Stops a task.
    Veto,
    /// Stops the whole workshop.
    Freeze,
    /// Says with the owner that a frozen workshop may go on.
    Thaw,
    /// May change documents and nothing else.
    WriteDocsOnly,
    /// Orders and splits tasks.
    Plan,
    /// Has a vote in the architecture council.
    Vote,
}

/// A row of the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    Management,
    Architecture,
    Development,
    Quality,
}

/// The colour of a pane's border and title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    White,
}

/// The front matter of a role file as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRole {
    pub name: RoleName,
    /// Where the role's seats come in the order of panes, lowest first.
    pub place: u32,
    pub group: Group,
    pub colour: Colour,
    /// What the role is for, one line.
    pub about: String,
    /// The role's seats, in the order of panes.
    pub seats: Vec<SeatName>,
    pub capabilities: BTreeSet<Capability>,
    /// The roles from which reviewers of this role's changes are drawn.
    pub reviewed_by: Vec<RoleName>,
    /// Where the role's budgets differ from the policy's.
    #[serde(default)]
    pub limits: BTreeMap<Act, Budget>,
    /// The agent's command, where it differs from the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// A role that is sound in itself; whether it fits the others is the charter's to say. Read its fields through `RawRole`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RolePages", into = "RolePages")]
pub struct Role {
    front: RawRole,
    prompt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RolePages {
    front: RawRole,
    prompt: String,
}

impl Deref for Role {
    type Target = RawRole;
    fn deref(&self) -> &RawRole {
        &self.front
    }
}

impl TryFrom<RolePages> for Role {
    type Error = Invalid;
    fn try_from(pages: RolePages) -> Result<Self, Invalid> {
        Self::new(pages.front, pages.prompt)
    }
}

impl From<Role> for RolePages {
    fn from(role: Role) -> Self {
        Self { front: role.front, prompt: role.prompt }
    }
}

impl Role {
    /// Puts a role together from its front matter and its prompt.
    pub fn new(front: RawRole, prompt: String) -> Result<Self, Invalid> {
        let twice = |at: usize| front.seats[..at].contains(&front.seats[at]);
        let line = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
        let has = |capability| front.capabilities.contains(&capability);
        match () {
            () if !line(&front.about) => Err(Invalid::new("about", "it is one line and not empty")),
            () if front.seats.len() > MAX_SEATS => Err(Invalid::new("seats", format!("there are more than {MAX_SEATS}"))),
            () if (0..front.seats.len()).any(twice) => Err(Invalid::new("seats", "a seat stands there twice")),
            () if front.agent.as_deref().is_some_and(|agent| !line(agent)) => Err(Invalid::new("agent", "it is one line and not empty")),
            () if has(Capability::Submit) && front.reviewed_by.is_empty() => {
                Err(Invalid::new("reviewed_by", "nobody could review what it submits"))
            }
            () if has(Capability::WriteDocsOnly) && !has(Capability::Submit) => {
                Err(Invalid::new("capabilities", "write-docs-only needs submit"))
            }
            () if prompt.trim().is_empty() || prompt.len() > MAX_PROMPT => Err(Invalid::new("prompt", "it is empty or longer than 32 KiB")),
            () => Ok(Self { front, prompt }),
        }
    }

    pub fn can(&self, capability: Capability) -> bool {
        self.front.capabilities.contains(&capability)
    }

    /// What the role's own file tells its seats; `Charter::prompt` adds the shared part.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }
}

/// The capabilities of which a seat needs at least one for a command; none listed: every seat may use it.
pub fn wanted_for(command: &[&str]) -> &'static [Capability] {
    use Capability::{CosignDeploy, OpenTask, ReviewPeer, Submit, TakeTask, Thaw, VerifyQa, Veto};
    match command {
        ["task", "open", ..] => &[OpenTask],
        ["task", "take", ..] => &[TakeTask],
        ["task", "submit", ..] | ["git", "push" | "commit", ..] => &[Submit],
        ["review", "approve", ..] => &[ReviewPeer, VerifyQa, CosignDeploy],
        ["review", "reject", ..] => &[ReviewPeer, VerifyQa, CosignDeploy, Veto],
        ["thaw", ..] => &[Thaw],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn front(change: impl FnOnce(&mut serde_json::Value)) -> Result<Role, String> {
        let mut value = json!({ "name": "dev", "place": 5, "group": "development", "colour": "green", "about": "Develops.",
            "seats": ["dev-a", "dev-b"], "capabilities": ["take-task", "submit"], "reviewed_by": ["dev"] });
        change(&mut value);
        let raw: RawRole = serde_json::from_value(value).map_err(|why| why.to_string())?;
        Role::new(raw, "Work.".to_owned()).map_err(|why| why.to_string())
    }

    #[test]
    fn a_sound_role_is_taken_and_survives_a_round_trip() {
        let role = front(|_| ()).unwrap();
        assert!(role.can(Capability::Submit) && !role.can(Capability::Freeze));
        let text = serde_json::to_string(&role).unwrap();
        assert_eq!(serde_json::from_str::<Role>(&text).unwrap(), role);
    }

    #[test]
    fn unsound_roles_are_named() {
        type Change = fn(&mut serde_json::Value);
        let cases: [(&str, Change); 8] = [
            ("fly", |v| v["capabilities"] = json!(["fly"])),
            ("mauve", |v| v["colour"] = json!("mauve")),
            ("extra", |v| v["extra"] = json!(1)),
            ("twice", |v| v["seats"] = json!(["dev-a", "dev-a"])),
            ("nobody", |v| v["reviewed_by"] = json!([])),
            ("write-docs-only", |v| v["capabilities"] = json!(["write-docs-only"])),
            ("agent", |v| v["agent"] = json!("a\nb")),
            ("seat name", |v| v["seats"] = json!(["Dev"])),
        ];
        for (word, change) in cases {
            let why = front(change).unwrap_err();
            assert!(why.contains(word), "{word}: {why}");
        }
    }

    #[test]
    fn commands_want_capabilities() {
        assert_eq!(wanted_for(&["task", "open"]), [Capability::OpenTask]);
        assert_eq!(wanted_for(&["git", "push"]), [Capability::Submit]);
        assert_eq!(wanted_for(&["mail", "send"]), []);
    }
}
