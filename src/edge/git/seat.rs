//! A seat's own clone: a repository of its own that borrows approved objects from the read-only mirror.

use super::{Gate, joined, made_whole, must, private_dir, store};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::{Fingerprint, Oid, RefName, SeatName};
use std::fmt::Write as _;
use std::path::Path;

/// What a seat's clone is set up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneSetup {
    pub seat: SeatName,
    pub name: String,
    pub email: String,
    pub signing_key: Fingerprint,
    /// The program that stands in for gpg, as the sandbox sees it.
    pub gpg_program: String,
    pub branch: RefName,
    pub hooks_path: Option<String>,
    /// Write the files too; if not, `checkout` has to be called before the seat starts.
    pub checkout: bool,
}

impl Gate {
    /// Makes a seat's clone at `clone`, whole or not at all. `mirror_inside` is where the sandbox sees the mirror.
    pub fn seat_clone(&self, mirror_host: &Path, mirror_inside: &Path, clone: &Path, setup: &CloneSetup) -> Result<(), Failure> {
        let config = settings(setup, self.object_format())?;
        let tip = self.mirror_tip(mirror_host, &setup.branch)?;
        let borrowed = mirror_inside.join("objects");
        let borrowed = borrowed.to_str().filter(|path| !path.contains('\n') && !path.starts_with('"'));
        let borrowed = borrowed.ok_or_else(|| Failure::new("cannot make a clone", "the mirror's path is no plain text"))?;
        made_whole(clone, |making| {
            let dir = making.join(".git");
            private_dir(&dir)?;
            store::skeleton(&dir, &config, &setup.branch)?;
            store::write(&dir.join("objects/info/alternates"), &format!("{borrowed}\n"))?;
            references(&dir, &setup.branch, &tip)?;
            if setup.checkout { self.checkout(mirror_host, making, &setup.branch) } else { Ok(()) }
        })
    }

    /// Writes the files of a clone's branch, once.
    ///
    /// Only before the seat's first process: git runs here in a folder that the seat will own, and a seat that is at work
    /// could swap a folder for a link under it. A clone that has an index is refused.
    pub fn checkout(&self, mirror_host: &Path, clone: &Path, branch: &RefName) -> Result<(), Failure> {
        let index = clone.join(".git/index");
        if index.symlink_metadata().is_ok() {
            return Err(Failure::new("cannot write the files of a clone", format!("{} exists: it has them already", index.display())));
        }
        let tip = self.mirror_tip(mirror_host, branch)?;
        let mut command = self.git().command();
        // The mirror's settings, not the clone's, stand behind this run.
        command
            .args(["-c", "core.bare=false", "-c", "core.worktree="])
            .arg(joined("--git-dir=", mirror_host))
            .arg(joined("--work-tree=", clone));
        command.env("GIT_INDEX_FILE", &index).current_dir(clone).args(["read-tree", "-u", "--reset", tip.as_str()]);
        must(command, b"", "write the files of a clone").map(drop)
    }

    fn mirror_tip(&self, mirror: &Path, branch: &RefName) -> Result<Oid, Failure> {
        let mut command = self.git().bare(mirror);
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", branch.as_str()]);
        super::oid(&must(command, b"", "read the mirror's branch")?)
    }
}

/// The branch, and the remote's as of now, so that `git status` and `git diff origin/main` work at once.
fn references(dir: &Path, branch: &RefName, tip: &Oid) -> Result<(), Failure> {
    let short = short(branch);
    let packed = format!("# pack-refs with: peeled fully-peeled sorted \n{tip} {branch}\n{tip} refs/remotes/origin/{short}\n");
    store::write(&dir.join("packed-refs"), &packed)?;
    let remote = dir.join("refs/remotes/origin");
    std::fs::create_dir_all(&remote).doing(format!("cannot make {}", remote.display()))?;
    store::write(&remote.join("HEAD"), &format!("ref: refs/remotes/origin/{short}\n"))
}

fn short(branch: &RefName) -> &str {
    branch.as_str().strip_prefix("refs/heads/").unwrap_or(branch.as_str())
}

fn settings(setup: &CloneSetup, object_format: &str) -> Result<String, Failure> {
    let mut text = store::config(object_format, false);
    let branch = short(&setup.branch);
    let mut section = |name: &str, pairs: &[(&str, &str)]| -> Result<(), Failure> {
        text.push_str(&format!("[{name}]\n"));
        for (key, value) in pairs {
            writeln!(text, "\t{key} = {}", quoted(value)?).doing("cannot spell a setting")?;
        }
        Ok(())
    };
    section("core", &[("logallrefupdates", "true")])?;
    if let Some(hooks) = &setup.hooks_path {
        section("core", &[("hookspath", hooks)])?;
    }
    section("remote \"origin\"", &[("url", "orchestrate::gate"), ("fetch", "+refs/heads/*:refs/remotes/origin/*"), ("fetch", "+refs/gate/tasks/*:refs/remotes/tasks/*")])?;
    section(&format!("branch \"{branch}\""), &[("remote", "origin"), ("merge", setup.branch.as_str())])?;
    section("user", &[("name", &setup.name), ("email", &setup.email), ("signingkey", setup.signing_key.as_str())])?;
    section("gpg", &[("program", &setup.gpg_program), ("format", "openpgp")])?;
    section("commit", &[("gpgsign", "true")])?;
    section("push", &[("default", "current"), ("autosetupremote", "true")])?;
    section("gc", &[("auto", "0")])?;
    section("maintenance", &[("auto", "false")])?;
    Ok(text)
}

/// Spells a value so that git reads back exactly it.
fn quoted(value: &str) -> Result<String, Failure> {
    if value.chars().any(char::is_control) {
        return Err(Failure::new("cannot spell a setting", format!("{value:?} holds a control character")));
    }
    Ok(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}
