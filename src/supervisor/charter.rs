//! Loads the charter: the rules built into the program, and over them the owner's own, each value with its origin.
//!
//! Nothing here is ever read from a seat's tree or from a candidate.

use crate::domain::charter::{Charter, RawCharter};
use crate::domain::failure::Failure;
use pages::Pages;
use serde::{Deserialize, Serialize};
use settings::Settings;
use std::fmt;
use std::path::Path;

mod pages;
mod settings;
mod source;
#[cfg(test)]
mod tests;

/// Every setting with its default and a sentence: the documentation, and what is built in.
pub const DEFAULTS: &str = include_str!("../../bootstrap/orchestrate.toml");

const GATES: [(&str, &str); 5] = [
    ("10-red.toml", include_str!("../../gates/10-red.toml")),
    ("20-green.toml", include_str!("../../gates/20-green.toml")),
    ("30-peer.toml", include_str!("../../gates/30-peer.toml")),
    ("40-qa.toml", include_str!("../../gates/40-qa.toml")),
    ("50-deploy.toml", include_str!("../../gates/50-deploy.toml")),
];

/// The file in `roles/` that is no role: what every seat is told.
const SHARED: &str = "shared.md";

const ROLES: [(&str, &str); 8] = [
    ("architect.md", include_str!("../../roles/architect.md")),
    ("dev.md", include_str!("../../roles/dev.md")),
    ("docs.md", include_str!("../../roles/docs.md")),
    ("librarian.md", include_str!("../../roles/librarian.md")),
    ("orchestrator.md", include_str!("../../roles/orchestrator.md")),
    ("planner.md", include_str!("../../roles/planner.md")),
    ("qa.md", include_str!("../../roles/qa.md")),
    (SHARED, include_str!("../../roles/shared.md")),
];

/// What stands over the built-in rules, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Overlay<'a> {
    /// The owner's rule folder: `config.toml`, `roles/*.md`, `gates/*.toml`, each of them optional.
    pub folder: Option<&'a Path>,
    /// Environment variables; those named like `ORCHESTRATE_REVIEW_DUE_SECONDS` count.
    pub environment: &'a [(String, String)],
    /// Keys and values of `--set`.
    pub flags: &'a [(String, String)],
}

/// Where one setting, role or gate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `review.due_seconds`, `roles/dev.md`, `gates/30-peer.toml`.
    pub key: String,
    /// The value as TOML; empty for a role or gate file.
    pub value: String,
    pub from: Layer,
}

/// A place that rules come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    Default,
    Owner { file: String, line: usize },
    Environment { variable: String },
    Flag,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Default => write!(f, "default"),
            Layer::Owner { file, line } => write!(f, "{file}:{line}"),
            Layer::Environment { variable } => write!(f, "environment variable {variable}"),
            Layer::Flag => write!(f, "flag --set"),
        }
    }
}

/// The charter that the program carries, with nothing over it.
pub fn built_in() -> Result<Charter, Failure> {
    load(&Overlay::default()).map(|(charter, _)| charter)
}

/// Puts the charter together and says where each part of it comes from.
pub fn load(overlay: &Overlay) -> Result<(Charter, Vec<Origin>), Failure> {
    let mut settings = Settings::defaults()?;
    let (mut gates, mut roles) = (Pages::built_in("gates", &GATES), Pages::built_in("roles", &ROLES));
    if let Some(folder) = overlay.folder {
        settings.read_folder(folder)?;
        gates.read_folder(folder, ".toml")?;
        roles.read_folder(folder, ".md")?;
        gates.only_known(&GATES.map(|(name, _)| name))?;
    }
    settings.read_environment(overlay.environment)?;
    settings.read_flags(overlay.flags)?;
    let policy = settings.policy()?;
    let shared = roles.text(SHARED).trim().to_owned();
    let raw = RawCharter { policy, gates: gates.each("", pages::gate)?, roles: roles.each(SHARED, pages::role)?, shared };
    let charter = Charter::try_from(raw).map_err(|why| unfit(&why.to_string()))?;
    let origins = settings.origins().into_iter().chain(gates.origins()).chain(roles.origins()).collect();
    Ok((charter, origins))
}

fn unfit(why: &str) -> Failure {
    Failure::new("cannot take these rules", why).hint("orchestrate config show")
}
