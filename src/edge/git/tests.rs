//! Real git in temporary folders: an owner, a gate, seats, and what a hostile seat would try.

mod attack;
mod checkout;
mod gate;
mod measure;
mod parcel;
mod owner;
mod push;
mod seat;
mod stored;

use super::*;
use crate::domain::change::Signature;
use crate::domain::name::{Fingerprint, RefName, SeatName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn unsigned(_: &[u8]) -> Signature {
    Signature::Missing
}

fn main_branch() -> RefName {
    RefName::new("refs/heads/main").expect("a name")
}

fn branch(name: &str) -> RefName {
    RefName::new(format!("refs/heads/{name}")).expect("a name")
}

/// Everything under one temporary folder.
struct World {
    dir: tempfile::TempDir,
    git: Git,
}

impl World {
    /// An owner's repository with three files in two commits.
    fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().expect("a folder"), git: Git::find().expect("git") };
        let owner = world.owner();
        std::fs::create_dir(&owner).expect("a folder");
        plain(&owner, &["init", "-q", "-b", "main"]);
        put(&owner, "README.md", "hello\n");
        put(&owner, "src/lib.rs", "one\ntwo\nthree\n");
        save(&owner, "first");
        put(&owner, "src/main.rs", "fn main() {}\n");
        save(&owner, "second");
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn owner(&self) -> PathBuf {
        self.at("owner")
    }

    fn gate(&self) -> Gate {
        let source = examine(&self.git, &self.owner(), None).expect("a source");
        Gate::create(&self.git, &self.at("gate"), &source).expect("a gate")
    }

    /// A repository in which a seat can make anything; its objects are then put into the gate as a push would.
    fn rogue(&self) -> PathBuf {
        let rogue = self.at("rogue");
        plain(self.dir.path(), &["clone", "-q", "--no-local", "owner", "rogue"]);
        rogue
    }

    /// Puts the rogue's HEAD into the gate under a name, past every check.
    fn smuggle(&self, gate: &Gate, name: &str) -> Oid {
        let rogue = self.at("rogue");
        let id = head(&rogue);
        plain(&rogue, &["push", "-q", gate.dir().to_str().expect("a path"), &format!("+HEAD:refs/heads/{name}")]);
        id
    }

    /// Measures what the rogue's HEAD would change.
    fn change(&self, gate: &Gate, name: &str) -> crate::domain::change::Change {
        let id = self.smuggle(gate, name);
        gate.change(&gate.tip().expect("a tip"), &id, &unsigned).expect("a change")
    }
}

fn plain_command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.arg("git").args(["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "core.protectNTFS=false"]);
    command.args(["-c", "core.protectHFS=false"]).args(args).current_dir(dir).env_clear();
    command.env("PATH", PLACES).env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// Runs git as a seat or an owner would.
fn plain(dir: &Path, args: &[&str]) -> String {
    let output = plain_command(dir, args).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Runs git with something on its standard input.
fn plain_with(dir: &Path, args: &[&str], input: &[u8]) -> String {
    let out = must(plain_command(dir, args), input, "run git").expect("git");
    String::from_utf8_lossy(&out).trim_end().to_owned()
}

fn put(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
    let file = dir.join(name);
    std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
    std::fs::write(file, text).expect("a file");
}

fn save(dir: &Path, message: &str) -> Oid {
    plain(dir, &["add", "-A"]);
    plain(dir, &["commit", "-q", "--allow-empty", "-m", message]);
    head(dir)
}

fn head(dir: &Path) -> Oid {
    Oid::new(plain(dir, &["rev-parse", "HEAD"])).expect("an id")
}

/// Commits a tree of entries that git's own porcelain would not write.
fn save_tree(dir: &Path, entries: &[(&str, &str, &str)]) -> Oid {
    let tree: String = entries
        .iter()
        .map(|(mode, id, name)| format!("{mode} {} {id}\t{name}\0", if *mode == "40000" { "tree" } else { "blob" }))
        .collect();
    let tree = plain_with(dir, &["mktree", "-z", "--missing"], tree.as_bytes());
    let commit = plain(dir, &["commit-tree", "-m", "made by hand", "-p", "HEAD", &tree]);
    plain(dir, &["update-ref", "HEAD", &commit]);
    Oid::new(commit).expect("an id")
}

fn blob(dir: &Path, text: &str) -> String {
    plain_with(dir, &["hash-object", "-w", "--stdin"], text.as_bytes())
}

fn setup(checkout: bool) -> CloneSetup {
    CloneSetup {
        seat: SeatName::new("dev-a").expect("a seat"),
        name: "dev-a \"x\"".into(),
        email: "dev-a@seat".into(),
        signing_key: Fingerprint::new("A".repeat(40)).expect("a key"),
        gpg_program: "/run/orchestrate/gpg".into(),
        branch: main_branch(),
        hooks_path: Some("/run/orchestrate/hooks".into()),
        checkout,
    }
}

/// Every file below a folder with its content and time, to prove that nothing was touched.
fn picture(dir: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = path.symlink_metadata().expect("facts");
        if meta.is_dir() {
            all.extend(picture(&path));
        }
        let bytes = if meta.is_file() { std::fs::read(&path).expect("a file") } else { Vec::new() };
        all.insert(path, (bytes, meta.modified().expect("a time")));
    }
    all
}

#[test]
fn versions_are_read() {
    assert_eq!(parse_version("git version 2.47.3\n"), Some(Version(2, 47, 3)));
    assert_eq!(parse_version("git version 2.39.5 (Apple Git-154)\n"), Some(Version(2, 39, 5)));
    assert_eq!(parse_version("git version 2.50.rc1\n"), Some(Version(2, 50, 0)));
    assert_eq!(parse_version("hg 1"), None);
}

#[test]
fn a_program_that_is_not_git_is_refused() {
    assert!(Git::at("/bin/true".into()).is_err());
    assert!(Git::at("/nonexistent/git".into()).is_err());
    assert!(Git::find().expect("git").version() >= OLDEST);
}
