//! What a bare repository of ours is made of, how objects travel between two, and how references move.

use super::{Gate, Git, must, private_dir};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::{Oid, RefName};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The settings of a repository that we make. Everything else is given on each run, where no file can change it.
pub(super) fn config(object_format: &str, bare: bool) -> String {
    let sha256 = object_format == "sha256";
    let mut text = format!("[core]\n\trepositoryformatversion = {}\n\tfilemode = true\n\tbare = {bare}\n", u8::from(sha256));
    if sha256 {
        text.push_str("[extensions]\n\tobjectformat = sha256\n");
    }
    text
}

/// What `HEAD` holds when it names a branch.
pub(super) fn head(branch: &RefName) -> String {
    format!("ref: {branch}\n")
}

/// Fills an empty folder so that git takes it for a repository; no template, no hooks.
pub(super) fn skeleton(dir: &Path, config: &str, branch: &RefName) -> Result<(), Failure> {
    for name in ["objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"] {
        private_dir(&dir.join(name))?;
    }
    write(&dir.join("config"), config)?;
    write(&dir.join("HEAD"), &head(branch))
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).doing(format!("cannot write {}", path.display()))
}

/// Packs what `wanted` reaches out of a folder of objects into the repository at `to`: one pack, written and indexed by one git.
///
/// Git looks at what it copies no further than checksums; `Gate::prove` looks at the rest.
pub(super) fn gather(git: &Git, from: &Path, to: &Path, wanted: &Oid) -> Result<(), Failure> {
    let mut command = git.bare(to);
    command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", super::objects::quoted(from));
    command.args(["pack-objects", "--revs", "-q", "--delta-base-offset"]).arg(to.join("objects/pack/pack"));
    must(command, format!("{wanted}\n").as_bytes(), "copy the repository's history").map(drop)
}

/// Turns a run of git on one repository into the sending half of `transfer`.
pub(super) fn pack_from(command: &mut Command) {
    command.args(["pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset"]);
}

/// Copies the objects of `wanted`, without those of `known`, through a pipe into the repository at `to`.
///
/// No reference, setting or hook of either side takes part, and no file is shared.
pub(super) fn transfer(git: &Git, mut from: Command, to: &Path, wanted: &Oid, known: Option<&Oid>) -> Result<(), Failure> {
    const WHAT: &str = "cannot copy objects";
    let mut sender = from.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing(WHAT)?;
    let revisions = known.map_or_else(|| format!("{wanted}\n"), |known| format!("{wanted}\n^{known}\n"));
    sender.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(revisions.as_bytes())).doing(WHAT)?;
    let pack = sender.stdout.take().ok_or_else(|| Failure::new(WHAT, "git has no output"))?;
    let mut receiver = git.bare(to);
    // A first copy stays one pack; what follows is small, and loose objects need no look into many packs.
    match known {
        None => receiver.args(["index-pack", "--stdin", "--fix-thin"]),
        Some(_) => receiver.args(["unpack-objects", "-q"]),
    };
    let received = receiver.stdin(pack).stdout(Stdio::null()).stderr(Stdio::piped()).output().doing(WHAT)?;
    let sent = sender.wait_with_output().doing(WHAT)?;
    for output in [&sent, &received] {
        if !output.status.success() {
            return Err(Failure::new(WHAT, super::spoken(&output.stderr)));
        }
    }
    Ok(())
}

/// Copies a repository's packs, each durable; only for one that we made and that nobody else writes.
pub(super) fn copy_packs(from: &Path, to: &Path) -> Result<(), Failure> {
    const WHAT: &str = "cannot copy a pack";
    for pack in std::fs::read_dir(from.join("objects/pack")).doing(WHAT)? {
        let pack = pack.doing(WHAT)?;
        let copy = to.join("objects/pack").join(pack.file_name());
        std::fs::copy(pack.path(), &copy).and_then(|_| std::fs::File::open(&copy)?.sync_all()).doing(WHAT)?;
    }
    Ok(())
}

/// One reference's way from an old to a new place; no old = it is not there yet, no new = it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub name: RefName,
    pub old: Option<Oid>,
    pub new: Option<Oid>,
}

impl Gate {
    /// Moves all the references or none: each has to stand where its move says.
    pub fn move_refs(&self, moves: &[Move]) -> Result<(), Failure> {
        move_refs(self.command(), moves)
    }

    /// Stores a commit, letting git judge its form.
    pub fn write_commit(&self, raw: &[u8]) -> Result<Oid, Failure> {
        let mut command = self.command();
        command.args(["hash-object", "-t", "commit", "-w", "--stdin"]);
        super::oid(&must(command, raw, "store a commit")?)
    }
}

/// Moves references of any repository of ours in one transaction.
pub(super) fn move_refs(mut command: Command, moves: &[Move]) -> Result<(), Failure> {
    command.args(["update-ref", "--no-deref", "--stdin", "-z"]);
    must(command, spelled(moves)?.as_bytes(), "move references").map(drop)
}

/// Spells one transaction for `update-ref --stdin -z`.
pub(super) fn spelled(moves: &[Move]) -> Result<String, Failure> {
    let mut text = String::from("start\0");
    for Move { name, old, new } in moves {
        match (old, new) {
            (Some(old), Some(new)) => write!(text, "update {name}\0{new}\0{old}\0"),
            (None, Some(new)) => write!(text, "create {name}\0{new}\0"),
            (Some(old), None) => write!(text, "delete {name}\0{old}\0"),
            (None, None) => return Err(Failure::new(format!("cannot move {name}"), "it goes from nowhere to nowhere")),
        }
        .doing("cannot spell a move")?;
    }
    text.push_str("prepare\0commit\0");
    Ok(text)
}
