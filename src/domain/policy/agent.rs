//! What runs in a seat, and what it may ask of its model.

use super::{Budget, Invalid};
use serde::{Deserialize, Serialize};

/// The program in a seat, where its role names no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    pub command: String,
    /// What a seat may reach through the relay, as `host:port`; nothing else leaves it.
    pub hosts: Vec<String>,
    /// The model's API, to which the relay speaks with the owner's credential.
    #[serde(default = "upstream", skip_serializing_if = "is_upstream")]
    pub upstream: String,
    /// What of the API a seat may ask for; `/*` at the end stands for everything below.
    #[serde(default = "api_paths", skip_serializing_if = "is_api_paths")]
    pub paths: Vec<String>,
    /// How often one seat may ask it.
    #[serde(default = "requests", skip_serializing_if = "is_requests")]
    pub requests: Budget,
    /// The owner's file with the credential; empty: the environment of the start has it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key_file: String,
    /// Bytes that a seat's clone and home may take together; 0 for any number.
    #[serde(default = "disk_bytes", skip_serializing_if = "is_disk_bytes")]
    pub disk_bytes: u64,
    /// Whether a request through a seat's socket counts that does not come out of the seat's own processes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outsiders: bool,
}

// What a charter without these keys means: they came later than the first charters.
fn upstream() -> String {
    "https://api.anthropic.com".to_owned()
}

fn is_upstream(text: &str) -> bool {
    text == upstream()
}

fn api_paths() -> Vec<String> {
    ["/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/v1/models/*"].map(str::to_owned).to_vec()
}

fn is_api_paths(paths: &[String]) -> bool {
    paths == api_paths()
}

fn requests() -> Budget {
    Budget { per_minute: Some(120), per_hour: Some(2000), per_day: None }
}

fn is_requests(budget: &Budget) -> bool {
    *budget == requests()
}

fn disk_bytes() -> u64 {
    32 << 30
}

fn is_disk_bytes(bytes: &u64) -> bool {
    *bytes == disk_bytes()
}

impl Agent {
    /// Tells whether a seat may ask the API for a path.
    pub fn offers(&self, path: &str) -> bool {
        self.paths.iter().any(|known| match known.strip_suffix("/*") {
            Some(folder) => path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')),
            None => path == known,
        })
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let unclean = self.upstream.trim().is_empty() || self.upstream.chars().any(char::is_control);
        if unclean || !self.upstream.starts_with("http") {
            return Err(Invalid::new("agent.upstream", "it is an address such as https://api.anthropic.com"));
        }
        match self.paths.iter().find(|path| !path.starts_with("/v1/") || path.contains("..")) {
            Some(path) => Err(Invalid::new("agent.paths", format!("{path:?} does not begin with /v1/"))),
            None => Ok(()),
        }
    }
}
