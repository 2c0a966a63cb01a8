//! What runs in a seat: finding an agent's program on the host, and furnishing the seat's home for it.

mod claude;
mod home;
mod launch;
mod needs;
mod registry;
mod transcript;
mod words;

pub use launch::{Kind, Launch, resolve};
pub use needs::capable;
pub use registry::{At, Notices, Session, forget, session};
pub use transcript::{Marks, Spoken, Trace, ends, spoken, trace};

use crate::domain::failure::Failure;
use std::collections::BTreeMap;
use std::path::Path;

/// The agent that runs where nothing else was asked for.
pub const DEFAULT: &str = "claude";

/// Longest prompt: an argument of a process may be 128 KiB long.
const MOST_PROMPT: usize = 120 * 1024;

/// What a seat is furnished with.
#[derive(Debug, Clone)]
pub struct Seating<'a> {
    pub seat: &'a str,
    /// The seat's home on the host, and as the seat sees it.
    pub home: &'a Path,
    pub home_inside: &'a str,
    /// The seat's clone as the seat sees it.
    pub clone_inside: &'a str,
    /// Our own binary as the seat sees it; it runs the agent's hooks.
    pub binary_inside: &'a str,
    /// The role's prompt, and the first thing that the agent is told to do.
    pub prompt: &'a str,
    pub first: &'a str,
    /// What it is told instead, where it goes on with the session that it had.
    pub again: Option<&'a str>,
    /// The proxy that leads out of the sandbox, such as `http://127.0.0.1:8118`.
    pub relay: Option<&'a str>,
    /// Variables that the owner lets into the seat, such as `ANTHROPIC_API_KEY`; they are written to no file.
    pub credentials: &'a BTreeMap<String, String>,
    /// Whether the agent's client finds settings that the seat cannot change.
    pub managed: bool,
}

/// Settings that a seat's client obeys and the seat cannot change, and where they stand below the sandbox's `/etc`.
pub const MANAGED: &str = "claude-code/managed-settings.json";

/// The settings of that file: each tool waits for a yes, and a program that cannot be run says no.
pub fn managed(binary_inside: &str) -> String {
    claude::managed(binary_inside)
}

/// What to add to the agent's environment and to its command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Furniture {
    pub env: BTreeMap<String, String>,
    pub args: Vec<String>,
}

/// Prepares a seat's home for its agent. What the seat keeps there stays, but for the few settings without which it cannot work.
///
/// The seat writes in that home: no link of its making is followed.
pub fn furnish(kind: Kind, seating: &Seating<'_>) -> Result<Furniture, Failure> {
    if seating.prompt.len() > MOST_PROMPT {
        let why = format!("it has {} bytes, at most {MOST_PROMPT}", seating.prompt.len());
        return Err(Failure::new(format!("the prompt of {} is too long", seating.seat), why).hint("shorten the role's file in roles/"));
    }
    let home = home::Home::open(seating.home)?;
    home.folder(".orchestrate")?.write("prompt.md", seating.prompt.as_bytes())?;
    let mut furniture = Furniture { env: common(seating), args: Vec::new() };
    match kind {
        Kind::Claude => claude::furnish(&home, seating, &mut furniture)?,
        Kind::Other => {}
    }
    Ok(furniture)
}

/// What every agent may know: who it is, where its prompt is, and the way out.
fn common(seating: &Seating<'_>) -> BTreeMap<String, String> {
    let mut env = seating.credentials.clone();
    let mut set = |name: &str, value: &str| env.insert(name.to_owned(), value.to_owned());
    set("HOME", seating.home_inside);
    set("ORCHESTRATE_SEAT", seating.seat);
    set("ORCHESTRATE_CLONE", seating.clone_inside);
    set("ORCHESTRATE_PROMPT", &format!("{}/.orchestrate/prompt.md", seating.home_inside));
    set("ORCHESTRATE_FIRST", seating.first);
    // What listens inside, the way to the API among it, is reached without the proxy.
    for name in seating.relay.iter().flat_map(|_| ["HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"]) {
        set(name, seating.relay.unwrap_or_default());
    }
    for name in seating.relay.iter().flat_map(|_| ["NO_PROXY", "no_proxy"]) {
        set(name, "127.0.0.1,localhost");
    }
    env
}

#[cfg(test)]
mod tests;
