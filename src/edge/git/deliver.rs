//! Approved work brought home: the owner's branch moves forward, and nothing of the owner's is lost.

use super::source::path_of;
use super::{Gate, Git, Move, configure, line, must, run, store};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::{Oid, RefName};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Of this process's environment, what git may need to find the owner's settings and programs.
const OWNERS: &[&str] = &["HOME", "PATH", "USER", "LOGNAME", "XDG_CONFIG_HOME", "TMPDIR"];
/// The owner's hooks may live in the working tree, where a merged change could have put them.
const QUIET: &[&str] =
    &["core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false", "submodule.recurse=false"];
/// What stands in a git folder while something is half done there.
const HALF_DONE: &[&str] = &["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply", "index.lock"];

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    FastForwarded {
        from: Oid,
        to: Oid,
    },
    AlreadyThere,
    /// The owner is in the middle of something there; says what.
    NotClean(String),
    /// The owner's branch has commits that the gate's has not.
    Diverged,
}

/// Moves the owner's branch forward to the gate's, where that loses nothing.
pub fn deliver(git: &Git, owner_repo: &Path, gate: &Gate, branch: &RefName) -> Result<Delivered, Failure> {
    let owner = Owner { git, root: owner_repo, branch };
    let to = gate.find_ref(branch)?.ok_or_else(|| Failure::new("cannot deliver", format!("the gate has no {branch}")))?;
    let from = super::oid(&owner.must(&["rev-parse", "--verify", "--end-of-options", branch.as_str()])?)?;
    if from == to || owner.has(&to, &from)? {
        return Ok(Delivered::AlreadyThere);
    }
    if !gate.has(&from)? || !gate.reach(&to, &from)? {
        return Ok(Delivered::Diverged);
    }
    let place = owner.place()?;
    if let Some(why) = owner.busy(place.as_deref())? {
        return Ok(Delivered::NotClean(why));
    }
    let mut sending = gate.command();
    store::pack_from(&mut sending);
    store::transfer(git, sending, &owner.common_dir()?, &to, Some(&from))?;
    match place {
        Some(place) => owner.merge(&place, from, to),
        None => owner.advance(from, to),
    }
}

/// Pushes the gate's branch to the owner's upstream of it, with the owner's own credentials; says what was done.
pub fn push_home(git: &Git, owner_repo: &Path, gate: &Gate, branch: &RefName) -> Result<String, Failure> {
    let owner = Owner { git, root: owner_repo, branch };
    let to = gate.find_ref(branch)?.ok_or_else(|| Failure::new("cannot deliver", format!("the gate has no {branch}")))?;
    let (remote, target) = owner.upstream()?;
    let mut sending = gate.command();
    store::pack_from(&mut sending);
    store::transfer(git, sending, &owner.common_dir()?, &to, None)?;
    let mut command = owner.command(owner_repo);
    command.args(["push", "--no-verify", "--porcelain", "--", &remote, &format!("{to}:{target}")]);
    let ran = run(command, b"", "push to the owner's upstream")?;
    match ran.code {
        Some(0) => Ok(format!("pushed {} to {remote} {target}", to.short())),
        _ => Err(Failure::new(format!("cannot push to {remote}"), ran.why()).hint(format!("git -C '{}' push {remote}", owner_repo.display()))),
    }
}

impl Gate {
    /// Tells whether a commit is in the gate.
    pub(super) fn has(&self, id: &Oid) -> Result<bool, Failure> {
        Ok(self.objects(None)?.find(id)?.is_some())
    }
}

struct Owner<'a> {
    git: &'a Git,
    root: &'a Path,
    branch: &'a RefName,
}

impl Owner<'_> {
    fn command(&self, at: &Path) -> Command {
        let mut command = Command::new(self.git.program());
        let kept = OWNERS.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command.env_clear().envs(kept).current_dir(at).stdin(Stdio::null());
        command.envs([("LC_ALL", "C"), ("GIT_NO_REPLACE_OBJECTS", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")]);
        configure(&mut command, QUIET.iter().copied());
        command
    }

    fn must(&self, args: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut command = self.command(self.root);
        command.args(args);
        let hint = format!("git -C {} status", self.root.display());
        must(command, b"", "ask the owner's repository").map_err(|why| why.hint(hint))
    }

    /// Tells whether the owner's branch has the gate's commit already.
    fn has(&self, id: &Oid, tip: &Oid) -> Result<bool, Failure> {
        let mut command = self.command(self.root);
        command.args(["merge-base", "--is-ancestor", id.as_str(), tip.as_str()]);
        // Any other answer than yes, also that the commit is unknown, is a no.
        Ok(run(command, b"", "ask the owner's repository")?.code == Some(0))
    }

    /// The remote and the reference there that the branch follows; `origin` and its own name where nothing is set.
    fn upstream(&self) -> Result<(String, String), Failure> {
        let short = self.branch.as_str().strip_prefix("refs/heads/").unwrap_or(self.branch.as_str());
        let ask = |key: &str, otherwise: &str| {
            let mut command = self.command(self.root);
            command.args(["config", "--default", otherwise, "--get", &format!("branch.{short}.{key}")]);
            must(command, b"", "read the owner's upstream").map(|out| String::from_utf8_lossy(line(&out)).into_owned())
        };
        Ok((ask("remote", "origin")?, ask("merge", self.branch.as_str())?))
    }

    fn common_dir(&self) -> Result<PathBuf, Failure> {
        let dir = path_of(&self.must(&["rev-parse", "--git-common-dir"])?);
        self.root.join(dir).canonicalize().doing("cannot find the owner's git folder")
    }

    /// The working tree that has the branch checked out.
    fn place(&self) -> Result<Option<PathBuf>, Failure> {
        let out = self.must(&["for-each-ref", "--format=%(worktreepath)", "--", self.branch.as_str()])?;
        Ok((!line(&out).is_empty()).then(|| path_of(&out)))
    }

    /// Says what the owner is in the middle of, if anything, where the branch is concerned.
    fn busy(&self, place: Option<&Path>) -> Result<Option<String>, Failure> {
        let common = self.common_dir()?;
        if let Some(dir) = git_dirs(&common)?.into_iter().find(|dir| self.claims(dir)) {
            return Ok(Some(format!("a rebase or bisect of {} is under way in {}", self.branch, dir.display())));
        }
        let Some(place) = place else { return Ok(None) };
        if !place.is_dir() {
            return Ok(Some(format!("the branch is checked out in {}, which is gone: git worktree prune", place.display())));
        }
        let ask = |args: &[&str]| {
            let mut command = self.command(place);
            command.args(args);
            must(command, b"", "look at the owner's working tree")
        };
        let dir = path_of(&ask(&["rev-parse", "--absolute-git-dir"])?);
        if let Some(found) = HALF_DONE.iter().find(|name| dir.join(name).symlink_metadata().is_ok()) {
            return Ok(Some(format!("{found} stands in {}", dir.display())));
        }
        let changed = ask(&["status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=none"])?;
        Ok((!changed.is_empty()).then(|| format!("{} has changes that are not committed", place.display())))
    }

    fn claims(&self, dir: &Path) -> bool {
        let short = self.branch.as_str().strip_prefix("refs/heads/").unwrap_or(self.branch.as_str());
        let names = ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"];
        let said = names.iter().filter_map(|name| std::fs::read_to_string(dir.join(name)).ok());
        said.map(|text| text.trim().to_owned()).any(|text| text == short || text == self.branch.as_str())
    }

    /// Moves branch, index and files together; git itself refuses to overwrite what no commit has, ignored files too.
    fn merge(&self, place: &Path, from: Oid, to: Oid) -> Result<Delivered, Failure> {
        let mut command = self.command(place);
        command.args(["merge", "--ff-only", "--no-overwrite-ignore", "--no-stat", "--quiet", "--no-verify-signatures", to.as_str()]);
        let ran = run(command, b"", "fast-forward the owner's branch")?;
        if ran.code != Some(0) {
            return Ok(Delivered::NotClean(ran.why()));
        }
        let now = super::oid(&self.must(&["rev-parse", "--verify", "--end-of-options", self.branch.as_str()])?)?;
        if now == to {
            Ok(Delivered::FastForwarded { from, to })
        } else {
            Ok(Delivered::NotClean(format!("{} moved meanwhile", self.branch)))
        }
    }

    fn advance(&self, from: Oid, to: Oid) -> Result<Delivered, Failure> {
        let moves = [Move { name: self.branch.clone(), old: Some(from.clone()), new: Some(to.clone()) }];
        store::move_refs(self.command(self.root), &moves)?;
        Ok(Delivered::FastForwarded { from, to })
    }
}

/// The git folder of the repository, and those of its other working trees.
fn git_dirs(common: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut dirs = vec![common.to_owned()];
    let others = common.join("worktrees");
    if others.is_dir() {
        let what = format!("cannot read {}", others.display());
        for entry in std::fs::read_dir(&others).doing(&what)? {
            dirs.push(entry.doing(&what)?.path());
        }
    }
    Ok(dirs)
}
