//! The owner's repository, looked at and never touched.

use super::{Git, line, run};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::{Oid, RefName};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const WHAT: &str = "cannot use the repository";

/// What a gate is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub root: PathBuf,
    pub branch: RefName,
    pub tip: Oid,
    pub object_format: String,
    /// Holds work that no commit has: seats will not see it.
    pub dirty: bool,
    /// Where it was cloned from, without any password.
    pub remote: Option<String>,
}

impl Source {
    /// Where the owner's repository keeps its objects.
    pub(super) fn objects(&self, git: &Git) -> Result<PathBuf, Failure> {
        let said = asked(git, &self.root, &["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
        said.map(PathBuf::from).ok_or_else(|| Failure::new(WHAT, "git does not say where its objects are").hint("git fsck"))
    }
}

/// Looks at a repository and says what a gate would be made from, or why none can be.
pub fn examine(git: &Git, repo: &Path, branch: Option<&str>) -> Result<Source, Failure> {
    let root = root(git, repo)?;
    let ask = |args: &[&str]| asked(git, &root, args);
    whole(&ask, &root)?;
    let branch = chosen(&ask, &root, branch)?;
    Ok(Source {
        tip: tip(&ask, &root, &branch)?,
        object_format: ask(&["rev-parse", "--show-object-format"])?.unwrap_or_else(|| "sha1".into()),
        dirty: ask(&["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=all"])?.is_none_or(|said| !said.is_empty()),
        remote: remote(&ask)?,
        root,
        branch,
    })
}

fn inside(git: &Git, root: &Path) -> Command {
    let mut command = git.command();
    command.arg("--no-optional-locks").current_dir(root);
    command
}

/// Asks git one question in the repository; no answer where git says no.
fn asked(git: &Git, root: &Path, args: &[&str]) -> Result<Option<String>, Failure> {
    let mut command = inside(git, root);
    command.args(args);
    let ran = run(command, b"", "look at the repository")?;
    Ok((ran.code == Some(0)).then(|| String::from_utf8_lossy(line(&ran.out)).into_owned()))
}

/// Finds the top folder of the working tree that `repo` is in.
fn root(git: &Git, repo: &Path) -> Result<PathBuf, Failure> {
    let shown = repo.display();
    let there = repo.canonicalize().map_err(|why| Failure::new(WHAT, format!("{shown}: {why}")).hint(format!("git init {shown}")))?;
    if !there.is_dir() {
        return Err(Failure::new(WHAT, format!("{shown} is not a folder")).hint(format!("git -C {} rev-parse", parent(&there).display())));
    }
    let mut command = inside(git, &there);
    command.args(["rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--show-cdup"]);
    let ran = run(command, b"", "look at the repository")?;
    let said = String::from_utf8_lossy(&ran.out).into_owned();
    let words: Vec<&str> = said.lines().collect();
    match words.as_slice() {
        ["true", ..] => Err(Failure::new(WHAT, format!("{shown} is bare: it has no working tree")).hint(format!("git clone {shown}"))),
        ["false", "true", up @ ..] if ran.code == Some(0) => there.join(up.first().copied().unwrap_or("")).canonicalize().doing(WHAT),
        ["false", "false", ..] => {
            Err(Failure::new(WHAT, format!("{shown} is git's own folder")).hint(format!("cd {}", parent(&there).display())))
        }
        _ if ran.said.contains("dubious ownership") => {
            Err(Failure::new(WHAT, ran.why()).hint("run orchestrate as the user who owns the repository"))
        }
        _ => Err(Failure::new(WHAT, format!("{shown} is not a git repository")).hint(format!("git init {shown}"))),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

type Ask<'a> = dyn Fn(&[&str]) -> Result<Option<String>, Failure> + 'a;

/// Refuses a repository that does not hold its whole history.
fn whole(ask: &Ask<'_>, root: &Path) -> Result<(), Failure> {
    let root = root.display();
    if ask(&["rev-parse", "--is-shallow-repository"])?.as_deref() == Some("true") {
        return Err(Failure::new(WHAT, "it is shallow: a part of its history is missing").hint(format!("git -C {root} fetch --unshallow")));
    }
    if ask(&["config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"])?.is_some() {
        return Err(Failure::new(WHAT, "it is a partial clone: some of its objects are elsewhere")
            .hint(format!("git -C {root} fetch --refetch --no-filter")));
    }
    Ok(())
}

/// The branch to protect: the one asked for, or the one that is checked out.
fn chosen(ask: &Ask<'_>, root: &Path, branch: Option<&str>) -> Result<RefName, Failure> {
    let name = match branch {
        Some(name) => name.strip_prefix("refs/heads/").unwrap_or(name).to_owned(),
        None => current(ask, root)?,
    };
    RefName::new(format!("refs/heads/{name}"))
        .map_err(|why| Failure::new(WHAT, why).hint(format!("git -C {} branch -m main", root.display())))
}

fn current(ask: &Ask<'_>, root: &Path) -> Result<String, Failure> {
    let full = ask(&["symbolic-ref", "--quiet", "HEAD"])?;
    let name = full.as_deref().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    name.ok_or_else(|| Failure::new(WHAT, "no branch is checked out").hint(format!("git -C {} switch main", root.display())))
}

fn tip(ask: &Ask<'_>, root: &Path, branch: &RefName) -> Result<Oid, Failure> {
    let commit = format!("{branch}^{{commit}}");
    let root = root.display();
    match ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])? {
        Some(id) => Oid::new(id).doing(WHAT),
        None if ask(&["rev-parse", "--verify", "--quiet", "HEAD"])?.is_none() => {
            Err(Failure::new(WHAT, "it has no commits").hint(format!("git -C {root} commit --allow-empty -m 'first'")))
        }
        None => Err(Failure::new(WHAT, format!("it has no {branch}")).hint(format!("git -C {root} branch --list"))),
    }
}

/// The address that `origin`, or else the first remote, was given.
fn remote(ask: &Ask<'_>) -> Result<Option<String>, Failure> {
    let origin = ask(&["config", "--get", "remote.origin.url"])?;
    let first = |lines: String| lines.lines().next().and_then(|line| line.split_once(' ')).map(|(_, url)| url.to_owned());
    let url = match origin {
        Some(url) => Some(url),
        None => ask(&["config", "--get-regexp", r"^remote\..*\.url$"])?.and_then(first),
    };
    Ok(url.map(|url| without_password(&url)))
}

/// Drops what stands between `://` and `@`: it may be a password.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// A path that git wrote.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(line(bytes)))
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn passwords_do_not_get_out() {
        assert_eq!(without_password("https://me:secret@example.org/x.git"), "https://example.org/x.git");
        assert_eq!(without_password("https://example.org/a@b"), "https://example.org/a@b");
        assert_eq!(without_password("git@example.org:x.git"), "git@example.org:x.git");
    }
}
