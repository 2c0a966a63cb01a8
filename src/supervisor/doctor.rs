//! What a start needs of this machine, one line each, with the fix.

use super::charter::{self, Overlay};
use super::place::{self, Place};
use super::secrets::{self, From, Secrets};
use crate::domain::failure::Failure;
use crate::domain::isolation::Isolation;
use crate::domain::policy::Agent;
use crate::edge::agent;
use crate::edge::clock::Clock;
use crate::edge::git::{Git, examine};
use crate::edge::process::{self, free_disk};
use crate::edge::sandbox::{observe, reach};
use crate::edge::tmux::Tmux;
use crate::edge::upstream::Kind;
use std::path::{Path, PathBuf};

/// Less free disk than this is too little for clones and test runs, in bytes.
const LEAST_DISK: u64 = 1 << 30;
/// 2025-01-01: a clock before it is wrong.
const LEAST_CLOCK: u64 = 1_735_689_600;

/// One thing that `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub name: String,
    pub ok: bool,
    pub detail: String,
    /// The command that mends it.
    pub fix: String,
}

/// Looks at everything that a start needs; with a repository, at that too.
pub fn doctor(repo: Option<&Path>) -> Vec<Finding> {
    let mut findings = vec![
        found("git", Git::find().map(|git| git.version().to_string())),
        found("tmux", Tmux::find(Path::new("/nonexistent/doctor.sock")).map(|_| "found".to_owned())),
        isolation(),
        users(),
        push_credentials(),
        state(),
        clock(),
    ];
    findings.extend(rules());
    if let Some(repo) = repo {
        findings.push(found("repository", repository(repo)));
    }
    findings
}

fn found(name: &str, seen: Result<String, Failure>) -> Finding {
    match seen {
        Ok(detail) => Finding { name: name.to_owned(), ok: true, detail, fix: String::new() },
        Err(failure) => Finding { name: name.to_owned(), ok: false, detail: failure.to_string(), fix: failure.hint },
    }
}

fn isolation() -> Finding {
    let own = match process::own() {
        Ok(own) => own,
        Err(failure) => return found("isolation", Err(failure)),
    };
    let seen = observe(&own);
    let ok = seen.level != Isolation::None;
    let held = seen.walls.iter().filter(|wall| wall.held).count();
    let detail = if ok { format!("level {} ({held} of {} probes held)", seen.level.as_str(), seen.walls.len()) } else { seen.why };
    Finding { name: "isolation".to_owned(), ok, detail, fix: seen.fix }
}

/// The level above: never needed for a start, so never a fault.
fn users() -> Finding {
    let detail = match crate::edge::users::may() {
        true => "level users can be had here: orchestrate users setup <repo>, then bootstrap --isolation users",
        false => "level users needs root, to start processes of other users: sudo orchestrate users setup <repo>",
    };
    Finding { name: "unix users".to_owned(), ok: true, detail: detail.to_owned(), fix: String::new() }
}

/// What the owner pushes with, tried from inside a throw-away sandbox that shows what the agent's own would.
fn push_credentials() -> Finding {
    found("push credentials", tried())
}

fn tried() -> Result<String, Failure> {
    let there = credentials();
    let folder = place::config().filter(|folder| folder.is_dir());
    let command = charter::load(&Overlay { folder: folder.as_deref(), ..Overlay::default() }).map(|(charter, _)| charter.policy.agent.command.clone());
    let shown = command.and_then(|command| agent::resolve(&command)).map(|launch| launch.read_only).unwrap_or_default();
    let reached = reach(&process::own()?, &shown, &there)?;
    if reached.is_empty() {
        return Ok(format!("{} of yours on this machine, none within a seat's reach", there.len()));
    }
    let names: Vec<String> = reached.iter().map(|path| path.display().to_string()).collect();
    let hint = "move them, or the agent's program, so that no folder that the agent needs holds them";
    Err(Failure::new("a seat could push in your name", format!("it reaches {}", names.join(", "))).hint(hint))
}

/// Where the owner's means to push usually lie, as far as they are there.
fn credentials() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let config = std::env::var_os("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let files = [".git-credentials", ".netrc", ".ssh", ".gnupg", ".git-credential-cache", ".cache/git/credential", ".gitconfig"].map(|name| home.join(name));
    let more = ["git/credentials", "gh/hosts.yml", "glab-cli/config.yml", "hub"].map(|name| config.join(name));
    let agents = ["SSH_AUTH_SOCK", "GPG_AGENT_INFO"].iter().filter_map(std::env::var_os).map(PathBuf::from);
    files.into_iter().chain(more).chain(agents).filter(|path| path.is_absolute() && path.exists()).collect()
}

fn state() -> Finding {
    let look = || {
        let states = place::states()?;
        place::make_private(&states)?;
        let free = free_disk(&states)?;
        if free < LEAST_DISK {
            let why = format!("{} MiB are free at {}", free >> 20, states.display());
            return Err(Failure::new("too little free disk", why).hint("df -h; export ORCHESTRATE_STATE=/another/disk"));
        }
        Ok(format!("{}, {} GiB free", states.display(), free >> 30))
    };
    found("state folder", look())
}

fn clock() -> Finding {
    let now = Clock::new(None).now() / 1000;
    let ok = now > LEAST_CLOCK;
    let detail = if ok { "plausible".to_owned() } else { "far in the past: signatures would not be valid".to_owned() };
    Finding { name: "clock".to_owned(), ok, detail, fix: if ok { String::new() } else { "timedatectl set-ntp true".to_owned() } }
}

/// The owner's rules, and the agent command that they name.
fn rules() -> Vec<Finding> {
    let folder = place::config().filter(|folder| folder.is_dir());
    match charter::load(&Overlay { folder: folder.as_deref(), ..Overlay::default() }) {
        Err(failure) => vec![found("rules", Err(failure))],
        Ok((charter, _)) => {
            let command = charter.policy.agent.command.clone();
            let agent = agent::resolve(&command).and_then(|launch| agent::capable(&launch).map(|()| format!("{command}: {}", launch.argv[0])));
            let credential = found("credential", credential(&charter.policy.agent));
            vec![found("rules", Ok(format!("charter {}", charter.digest().short()))), found("agent", agent), credential]
        }
    }
}

/// Which credential a start from here would use, and what a seat could do with it.
fn credential(terms: &Agent) -> Result<String, Failure> {
    let seen = Secrets::of_environment();
    let Some((credential, from)) = secrets::credential(terms, seen.credential.as_ref())? else {
        let why = "none: each agent logs in inside its seat, and that seat can read and carry away what it logs in with; a key through the relay it cannot";
        return Ok(why.to_owned());
    };
    let kind = match credential.kind {
        Kind::ApiKey => "API key through the relay: a seat spends it within agent.requests and never holds it",
        Kind::Bearer => "gateway token through the relay: a seat spends it within agent.requests and never holds it",
        Kind::Login => "your own login, shared through the relay: it stands for the whole subscription; a seat spends it within agent.requests and never holds it",
        Kind::Token => "long-lived token through the relay: it stands for the whole subscription; a seat spends it within agent.requests and never holds it",
    };
    let from = match from {
        From::Systemd => "from systemd",
        From::File => "from agent.key_file",
        From::Login => "as your client last wrote it, read anew for each request and never made anew here: it lives some hours longer than your client; ORCHESTRATE_LOGIN=no keeps it to that one",
        From::Environment => "from this environment, in memory only: after a restart bootstrap with it again",
    };
    Ok(format!("{kind}; {from}"))
}

fn repository(repo: &Path) -> Result<String, Failure> {
    let source = examine(&Git::find()?, repo, None)?;
    let place = Place::of(&source.root)?;
    let known = if place.ledger().exists() { "has a workshop" } else { "has no workshop yet" };
    Ok(format!("{} at {}, {known}", source.branch, source.tip.short()))
}
