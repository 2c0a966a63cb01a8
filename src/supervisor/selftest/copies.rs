//! Copies of the record for attacks that are tried outside: a ledger, a bundle and a plain clone, fresh for every try.

use super::stage::{Stage, text};
use crate::domain::attack::Attack;
use crate::domain::failure::{Doing as _, Failure};
use crate::edge::git::{Git, plain_clone};
use crate::edge::process;
use crate::edge::script::{self, Said};
use crate::ledger::sqlite::{SqliteLedger, forge};
use crate::supervisor::protocol::Request;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

impl Stage {
    /// Forges copies as the row says and has its script run on them.
    pub(super) fn try_outside(&self, attack: &Attack, number: u32) -> Result<Said, Failure> {
        let work = self.join("work").join(number.to_string());
        let state = work.join("state").join(self.place.root().file_name().unwrap_or_default());
        // Not in one go: the folder above may be gone already, and must not come back.
        std::fs::DirBuilder::new().mode(0o700).create(&work).doing("cannot make a folder for copies")?;
        std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&state).doing("cannot make a folder for copies")?;
        let ledger = state.join("ledger.db");
        SqliteLedger::copy(&self.place.ledger(), &ledger)?;
        if let Some(sql) = attack.sql.as_deref().or(attack.rehash.then_some("")) {
            forge(&ledger, sql, attack.rehash)?;
        }
        let (bundle, clone) = (work.join("history.bundle"), work.join("clone"));
        self.ask::<serde_json::Value>(&Request::Bundle { path: text(&bundle)? })?;
        plain_clone(&Git::find()?, &self.place.gate(), &clone)?;
        let env = self.shown(&work, [("LEDGER", &ledger), ("BUNDLE", &bundle), ("CLONE", &clone)])?;
        script::run(&["/bin/sh", "-c", &attack.script], &env, &work, attack.seconds)
    }

    /// The owner's surroundings, with the copies in place of the workshop's own.
    fn shown(&self, work: &Path, copies: [(&str, &Path); 3]) -> Result<Vec<(String, String)>, Failure> {
        let mut env: Vec<(String, String)> = self.environment().into_iter().filter(|(name, _)| name != "ORCHESTRATE_STATE").collect();
        let (own, repo, states) = (process::own()?, self.repo(), work.join("state"));
        let more = [("ORCHESTRATE", own.as_path()), ("REPO", &repo), ("ORCHESTRATE_STATE", &states), ("WORK", work)];
        for (name, path) in more.into_iter().chain(copies) {
            env.push((name.to_owned(), text(path)?));
        }
        Ok(env)
    }
}
