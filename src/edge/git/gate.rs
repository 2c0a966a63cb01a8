//! The gate: a bare repository that only the supervisor can reach, and the one place where the protected branch moves.

use super::objects::{Objects, Quarantine};
use super::stored::Stored;
use super::{Git, Source, made_whole, must, run, store};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::{Oid, RefName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Files that would change what git reads in the gate; none of them is ever there.
const FOREIGN: &[&str] = &[
    "config.worktree",
    "commondir",
    "hooks",
    "info",
    "logs",
    "modules",
    "namespaces",
    "objects/info/alternates",
    "objects/info/commit-graph",
    "objects/info/commit-graphs",
    "objects/info/http-alternates",
    "refs/namespaces",
    "refs/replace",
    "shallow",
    "worktrees",
];

/// The gate repository.
#[derive(Debug, Clone)]
pub struct Gate {
    dir: PathBuf,
    git: Git,
    branch: RefName,
    object_format: String,
}

impl Gate {
    /// Makes a gate that holds the protected branch's history and nothing else, whole or not at all.
    pub fn create(git: &Git, dir: &Path, source: &Source) -> Result<Self, Failure> {
        made_whole(dir, |making| {
            store::skeleton(making, &store::config(&source.object_format, true), &source.branch)?;
            store::gather(git, &source.objects(git)?, making, &source.tip)?;
            let gate = Self::new(git, making, source.branch.clone(), &source.object_format);
            gate.move_refs(&[super::Move { name: source.branch.clone(), old: None, new: Some(source.tip.clone()) }])?;
            gate.check()
        })?;
        Self::open(git, dir)
    }

    /// Opens a gate, after proving that its settings are the ones it was made with.
    pub fn open(git: &Git, dir: &Path) -> Result<Self, Failure> {
        let what = format!("cannot open the gate {}", dir.display());
        let dir = dir.canonicalize().doing(&what)?;
        let head = std::fs::read_to_string(dir.join("HEAD")).doing(&what)?;
        let branch = head.strip_prefix("ref: ").and_then(|text| text.strip_suffix('\n'));
        let branch = RefName::new(branch.ok_or_else(|| Failure::new(&what, "its HEAD names no branch"))?).doing(&what)?;
        let config = std::fs::read_to_string(dir.join("config")).doing(&what)?;
        let known = ["sha1", "sha256"].into_iter().find(|format| store::config(format, true) == config);
        let object_format = known.ok_or_else(|| Failure::new(&what, "its config is not the one it was made with"))?;
        Ok(Self::new(git, &dir, branch, object_format))
    }

    fn new(git: &Git, dir: &Path, branch: RefName, object_format: &str) -> Self {
        Self { dir: dir.to_owned(), git: git.clone(), branch, object_format: object_format.to_owned() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The protected branch.
    pub fn branch(&self) -> &RefName {
        &self.branch
    }

    pub fn object_format(&self) -> &str {
        &self.object_format
    }

    /// Every reference with what it points to.
    pub fn refs(&self) -> Result<BTreeMap<RefName, Oid>, Failure> {
        let mut command = self.command();
        command.args(["for-each-ref", "--format=%(objectname) %(refname)"]);
        let out = must(command, b"", "read the gate's references")?;
        String::from_utf8_lossy(&out).lines().map(parse_ref).collect()
    }

    /// What a reference points to, if it is there.
    pub fn find_ref(&self, name: &RefName) -> Result<Option<Oid>, Failure> {
        let mut command = self.command();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", name.as_str()]);
        let ran = run(command, b"", "read a reference")?;
        if ran.code == Some(0) { super::oid(&ran.out).map(Some) } else { Ok(None) }
    }

    /// Where the protected branch stands.
    pub fn tip(&self) -> Result<Oid, Failure> {
        self.find_ref(&self.branch)?.ok_or_else(|| Failure::new("cannot read the protected branch", "the gate does not have it"))
    }

    /// Proves that nothing bends what git reads in the gate, and that everything its references need is there.
    pub fn check(&self) -> Result<(), Failure> {
        const WHAT: &str = "cannot trust the gate";
        self.untouched()?;
        let symbolic = self.symbolic_refs()?;
        if !symbolic.is_empty() {
            return Err(Failure::new(WHAT, format!("{symbolic} is symbolic")));
        }
        let mut command = self.command();
        command.args(["fsck", "--connectivity-only", "--no-dangling", "--no-reflogs", "--no-progress"]);
        must(command, b"", "find everything the gate's references need").map(drop)
    }

    /// Proves that the gate's settings are the ones it was made with, and that no file bends what git reads; without running git.
    pub fn untouched(&self) -> Result<(), Failure> {
        const WHAT: &str = "cannot trust the gate";
        if let Some(found) = FOREIGN.iter().find(|name| self.dir.join(name).symlink_metadata().is_ok()) {
            return Err(Failure::new(WHAT, format!("it holds {found}")));
        }
        let read = |name: &str| std::fs::read_to_string(self.dir.join(name)).doing(WHAT);
        let as_made = read("config")? == store::config(&self.object_format, true) && read("HEAD")? == store::head(&self.branch);
        if as_made { Ok(()) } else { Err(Failure::new(WHAT, "its config or its HEAD is not the one it was made with")) }
    }

    /// Proves that each packed object is what its id says. Takes as long as reading the whole history.
    pub fn prove(&self) -> Result<(), Failure> {
        const WHAT: &str = "prove the gate's objects";
        let entries = std::fs::read_dir(self.dir.join("objects/pack")).doing(WHAT)?.collect::<Result<Vec<_>, _>>().doing(WHAT)?;
        let indices = entries.into_iter().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "idx"));
        indices.into_iter().try_for_each(|index| {
            let mut command = self.command();
            command.arg("verify-pack").arg(&index);
            must(command, b"", WHAT).map(drop)
        })
    }

    fn symbolic_refs(&self) -> Result<String, Failure> {
        let mut command = self.command();
        command.args(["for-each-ref", "--format=%(if)%(symref)%(then)%(refname)%(end)"]);
        let out = must(command, b"", "read the gate's references")?;
        Ok(String::from_utf8_lossy(&out).split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Tells whether `ancestor` can be reached from `from`.
    pub fn reach(&self, from: &Oid, ancestor: &Oid) -> Result<bool, Failure> {
        self.reach_in(None, from, ancestor)
    }

    pub(super) fn reach_in(&self, quarantine: Option<&Quarantine>, from: &Oid, ancestor: &Oid) -> Result<bool, Failure> {
        let mut command = self.reading(quarantine)?;
        command.args(["merge-base", "--is-ancestor", ancestor.as_str(), from.as_str()]);
        let ran = run(command, b"", "compare two commits")?;
        match ran.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(Failure::new("cannot compare two commits", ran.why())),
        }
    }

    /// The best common ancestor of two commits.
    pub(super) fn merge_base(&self, quarantine: Option<&Quarantine>, a: &str, b: &str) -> Result<Option<Oid>, Failure> {
        let mut command = self.reading(quarantine)?;
        command.args(["merge-base", a, b]);
        let ran = run(command, b"", "find a common ancestor")?;
        match ran.code {
            Some(0) => super::oid(&ran.out).map(Some),
            Some(1) => Ok(None),
            _ => Err(Failure::new("cannot find a common ancestor", ran.why())),
        }
    }

    /// A run of git on the gate.
    pub(super) fn command(&self) -> Command {
        let mut command = self.git.bare(&self.dir);
        command.env("GIT_ATTR_SOURCE", super::empty_tree(&self.object_format));
        command
    }

    /// A run of git on the gate that also sees pushed objects.
    pub(super) fn reading(&self, quarantine: Option<&Quarantine>) -> Result<Command, Failure> {
        let mut command = self.command();
        quarantine.map_or(Ok(()), |quarantine| quarantine.enter(self, &mut command))?;
        Ok(command)
    }

    pub(super) fn objects(&self, quarantine: Option<&Quarantine>) -> Result<Objects, Failure> {
        self.shared(quarantine, &self.stored(quarantine))
    }

    /// The gate's objects off the disk, after those of a push.
    pub(super) fn stored(&self, quarantine: Option<&Quarantine>) -> Arc<Stored> {
        let pushed = quarantine.map(|quarantine| quarantine.objects.clone());
        let width = if self.object_format == "sha256" { 32 } else { 20 };
        Arc::new(Stored::new(pushed.into_iter().chain([self.dir.join("objects")]), width))
    }

    /// A reader beside another one, which need not unpack what that has unpacked.
    pub(super) fn shared(&self, quarantine: Option<&Quarantine>, stored: &Arc<Stored>) -> Result<Objects, Failure> {
        let (gate, quarantine) = (self.clone(), quarantine.cloned());
        let asking = move || gate.reading(quarantine.as_ref());
        asking().map(|_| Objects::open(asking).beside(Arc::clone(stored)))
    }
}

fn parse_ref(text: &str) -> Result<(RefName, Oid), Failure> {
    const WHAT: &str = "cannot read the gate's references";
    let (id, name) = text.split_once(' ').ok_or_else(|| Failure::new(WHAT, text))?;
    Ok((RefName::new(name).doing(WHAT)?, Oid::new(id).doing(WHAT)?))
}
