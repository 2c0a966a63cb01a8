//! `pre-receive` in an ordinary bare repository: the protected branch takes only what a bundle accounts for. No supervisor needed.
//!
//! `git config orchestrate.bundle FILE` (or `ORCHESTRATE_BUNDLE`) names the exported bundle, `orchestrate.owner` the owner's fingerprint
//! that its genesis has to bear, `orchestrate.branch` the protected branch; without it, it is what HEAD points to.

use super::repo::{self, Type, Stored, Repo};
use super::wire::No;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use crate::domain::refusal::Refusal;
use crate::supervisor::protocol::RawUpdate;
use crate::verify;
use std::path::PathBuf;

/// First parents that are followed to find the old tip.
const MOST_STEPS: usize = 1_000_000;
const QUARANTINE: [&str; 3] = ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"];

pub(super) fn judge(updates: &[RawUpdate]) -> Result<(), No> {
    let repo = Repo::here()?;
    let branch = protected(&repo)?;
    updates.iter().filter(|update| update.name == branch).try_for_each(|update| one(&repo, update))
}

fn protected(repo: &Repo) -> Result<String, Failure> {
    let named = repo::setting(&repo.settings, "orchestrate.branch")
        .map(|name| if name.starts_with("refs/") { name } else { format!("refs/heads/{name}") });
    let head = || {
        repo.head()?
            .branch
            .ok_or_else(|| Failure::new("which branch is protected?", "HEAD is detached").hint("git config orchestrate.branch main"))
    };
    named.map_or_else(head, Ok)
}

fn one(repo: &Repo, update: &RawUpdate) -> Result<(), No> {
    let bundle = bundle(repo)?;
    let hint = "orchestrate bundle FILE   (export a newer one where the workshop is)";
    if update.new.is_zero() {
        return Err(No::Refused(Refusal::new("no-deletes", format!("{} is protected and stays", update.name), hint)));
    }
    if !update.old.is_zero() && !follows(&repo.objects(), &update.old, &update.new)? {
        let why = format!("{} would leave its history: {} does not follow {}", update.name, update.new.short(), update.old.short());
        return Err(No::Refused(Refusal::new("not-forward", why, "git fetch && git push   (without --force)")));
    }
    let owner = repo::setting(&repo.settings, "orchestrate.owner");
    let report = verify::commits_accounted(&repo.common, &quarantine(), &bundle, &update.new, owner.as_deref())?;
    match report.problems.first() {
        None if report.ok => Ok(()),
        problem => {
            let why = problem.map_or("no reason was given", String::as_str);
            let why = format!("{} is not accounted for by {}: {why}", update.new.short(), bundle.display());
            Err(No::Refused(Refusal::new("not-accounted", why, hint)))
        }
    }
}

/// What git told this hook of where the pushed objects are, for the git that reads them.
fn quarantine() -> Vec<(String, String)> {
    QUARANTINE.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
}

fn bundle(repo: &Repo) -> Result<PathBuf, No> {
    let named = std::env::var_os("ORCHESTRATE_BUNDLE").map(PathBuf::from);
    let set = || repo::setting(&repo.settings, "orchestrate.bundle").map(|path| repo.common.join(path));
    named.or_else(set).ok_or_else(|| {
        let why = "this repository is guarded, and no bundle says which commits went through the gates";
        No::Refused(Refusal::new("no-bundle", why, "git config orchestrate.bundle /path/to/bundle   (orchestrate bundle exports one)"))
    })
}

/// Whether the old tip is among the new one's first parents: the protected branch only grows by merges upon itself.
fn follows(objects: &Stored, old: &Oid, new: &Oid) -> Result<bool, Failure> {
    let mut at = new.as_str().to_owned();
    for _ in 0..MOST_STEPS {
        if at == old.as_str() {
            return Ok(true);
        }
        let (kind, body) = objects.read(&hex::decode(&at).doing("cannot follow history")?)?;
        match parent(&body).filter(|_| kind == Type::Commit) {
            Some(parent) => at = parent,
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// A commit's first parent: the line after its tree.
fn parent(body: &[u8]) -> Option<String> {
    let line = body.split(|b| *b == b'\n').nth(1)?;
    String::from_utf8(line.strip_prefix(b"parent ")?.to_vec()).ok()
}
