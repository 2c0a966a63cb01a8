//! A repository made from nothing, and a plain clone of one: what a person would do by hand.

use super::{Git, must};
use crate::domain::failure::{Doing as _, Failure};
use std::path::Path;

/// Makes a repository with these files in one first commit on `main`.
pub fn found(git: &Git, root: &Path, files: &[(&str, &str)], message: &str) -> Result<(), Failure> {
    for (name, text) in files {
        let path = root.join(name);
        let what = format!("cannot write {}", path.display());
        std::fs::create_dir_all(path.parent().unwrap_or(root)).doing(&what)?;
        std::fs::write(&path, text).doing(&what)?;
    }
    let ask = |args: &[&str]| {
        let mut command = git.command();
        command.args(["-c", "user.name=owner", "-c", "user.email=owner@demo.invalid"]);
        command.args(args).current_dir(root);
        must(command, b"", "make a repository").map(drop)
    };
    ask(&["init", "--quiet", "--template=", "--initial-branch=main"])?;
    ask(&["add", "--all"])?;
    ask(&["commit", "--quiet", "--message", message])
}

/// Makes an ordinary clone of a local repository, which shares no file with it.
pub fn plain_clone(git: &Git, from: &Path, to: &Path) -> Result<(), Failure> {
    let mut command = git.command();
    command.args(["-c", "protocol.file.allow=always", "clone", "--quiet", "--template=", "--no-hardlinks", "--"]).arg(from).arg(to);
    must(command, b"", "clone the repository").map(drop)
}
