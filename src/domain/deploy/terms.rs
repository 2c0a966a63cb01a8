//! The deployment as the owner's policy says it: what is transferred, who confirms it, and which command does what, where.

use crate::domain::glob::Glob;
use crate::domain::name::Digest;
use crate::domain::policy::Invalid;
use serde::{Deserialize, Serialize};

/// The table `deployment` of the deploy gate's file; a charter without it deploys nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The one workshop that this is about, as `orchestrate status` names it: other repositories under the same rules go nowhere.
    pub workshop: String,
    /// The files of the merged tree that are transferred; nothing else is there when `run` runs.
    pub files: Vec<Glob>,
    #[serde(default)]
    pub confirm: Assent,
    /// A private file with lines NAME=value, for the commands that name them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub secrets: String,
    /// Digests of files that look as if they held a secret, and are known to hold none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub harmless: Vec<Digest>,
    /// Commands that have to end well first, on the whole tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Order>,
    /// The owner's own list, which is shown below the built-in one and has to come out alike twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<Order>,
    pub run: Order,
    /// Has to end well after `run`, and after a rollback.
    pub health: Order,
    /// Brings back the files that were deployed last and healthy; `run` with them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Order>,
}

/// How the owner confirms a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assent {
    /// With a one-time code.
    #[default]
    Code,
    /// With the beginning of its digest.
    Digest,
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// Where tests run: no network, nothing of the machine's.
    #[default]
    Sandbox,
    /// As the supervisor's user, outside of every wall.
    Host,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Program and arguments; no shell reads them.
    pub argv: Vec<String>,
    #[serde(default, rename = "where")]
    pub place: Where,
    #[serde(default = "ten_minutes")]
    pub seconds: u32,
    /// Names from the private file; on the host only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

fn ten_minutes() -> u32 {
    600
}

impl Order {
    fn fault(&self, secrets: bool) -> Option<&'static str> {
        let program = self.argv.first().map_or("", String::as_str);
        let named = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.as_bytes()[0].is_ascii_digit();
        match self.place {
            _ if program.is_empty() || self.argv.iter().any(|word| word.contains('\0')) => Some("it names no program"),
            _ if !(1..=86_400).contains(&self.seconds) => Some("it may take between a second and a day"),
            Where::Host if !program.starts_with('/') => Some("a program on the host is named by its absolute path"),
            Where::Sandbox if !self.env.is_empty() => Some("what runs in the sandbox was written by seats, and is given no secret"),
            _ if !self.env.iter().all(named) => Some("a variable's name is letters, digits and underlines"),
            _ if !self.env.is_empty() && !secrets => Some("it names variables, and there is no file of secrets"),
            Where::Sandbox | Where::Host => None,
        }
    }
}

impl Terms {
    /// What is wrong with them, if something is.
    pub fn fault(&self) -> Option<Invalid> {
        let invalid = |key: &str, why: &str| Some(Invalid::new(key, why));
        let secrets = !self.secrets.is_empty();
        let orders = [("run", Some(&self.run)), ("health", Some(&self.health)), ("dry_run", self.dry_run.as_ref()), ("rollback", self.rollback.as_ref())];
        let named = orders.into_iter().filter_map(|(key, order)| Some((key, order?)));
        let bad = self.checks.iter().map(|order| ("checks", order)).chain(named).find_map(|(key, order)| Some((key, order.fault(secrets)?)));
        match bad {
            _ if self.files.is_empty() => invalid("files", "a deployment of no file transfers nothing"),
            _ if secrets && !self.secrets.starts_with('/') => invalid("secrets", "the file is named by its absolute path"),
            Some((key, why)) => invalid(key, why),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: &str = "workshop = \"site-1\"\nfiles = [\"site/**\"]\nrun = { argv = [\"/bin/cp\"], where = \"host\" }\nhealth = { argv = [\"true\"] }\n";

    fn fault(text: &str) -> Option<String> {
        toml::from_str::<Terms>(text).map_or_else(|why| Some(why.message().to_owned()), |terms| terms.fault().map(|fault| fault.to_string()))
    }

    #[test]
    fn what_the_owner_writes_fits_together_or_is_refused() {
        assert_eq!(fault(FINE), None);
        assert_eq!(fault(&format!("secrets = \"/home/me/deploy.env\"\n{}", FINE.replace("\"host\"", "\"host\", env = [\"TOKEN\"]"))), None);
        for (text, word) in [
            (FINE.replace("[\"site/**\"]", "[]"), "transfers nothing"),
            (FINE.replace("/bin/cp", "cp"), "absolute path"),
            (FINE.replace("\"host\"", "\"host\", env = [\"TOKEN\"]"), "no file of secrets"),
            (FINE.replace("[\"true\"]", "[\"true\"], env = [\"TOKEN\"]"), "given no secret"),
            (format!("secrets = \"/x\"\n{}", FINE.replace("\"host\"", "\"host\", env = [\"A=B\"]")), "letters, digits"),
            (format!("secrets = \"x\"\n{FINE}"), "absolute path"),
            (FINE.replace("\"host\"", "\"host\", seconds = 0"), "between a second and a day"),
            (FINE.replace("\"host\"", "\"host\", seconds = 86401"), "between a second and a day"),
            (FINE.replace("[\"true\"]", "[]"), "no program"),
            (FINE.replace("\"host\"", "\"elsewhere\""), "unknown variant"),
            (format!("{FINE}shell = \"x\"\n"), "unknown field"),
        ] {
            let found = fault(&text).unwrap_or_default();
            assert!(found.contains(word), "{word}: {found}");
        }
        assert_eq!(fault(&FINE.replace("\"host\"", "\"host\", seconds = 86400")), None);
    }
}
