//! The repository that a hook runs in, read without running git: one process less at every commit.

mod index;
mod mapped;
mod settings;
mod staged;

pub(super) use index::{Entry, Index};
use mapped::Mapped;
pub(super) use crate::edge::git::stored::{Stored, Type};
pub(super) use settings::find as setting;
pub(super) use staged::against as staged;

use crate::domain::failure::{Doing as _, Failure};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest chain of symbolic references.
const DEEPEST: u32 = 5;

/// A repository's folders and the words of its settings that matter here.
pub(super) struct Repo {
    /// This worktree's own folder, with its HEAD and index.
    pub dir: PathBuf,
    /// What all worktrees share.
    pub common: PathBuf,
    pub settings: String,
    /// Bytes of an object id.
    pub width: usize,
}

/// What HEAD is: the branch, unless detached, and the commit, unless there is none yet.
pub(super) struct Head {
    pub branch: Option<String>,
    pub commit: Option<String>,
}

impl Repo {
    /// Finds the repository as git would for a hook: by `GIT_DIR`, else upwards from here.
    pub fn here() -> Result<Self, Failure> {
        let here = std::env::current_dir().doing("cannot tell where this is")?;
        match std::env::var_os("GIT_DIR") {
            Some(dir) => Self::at(here.join(dir)),
            None => Self::above(&here),
        }
    }

    /// Finds the repository that a folder is in.
    pub fn above(folder: &Path) -> Result<Self, Failure> {
        let found = folder.ancestors().find_map(|folder| match folder.join(".git") {
            dir if dir.is_dir() => Some(dir),
            file if file.is_file() => linked(&file),
            _ => (folder.join("HEAD").is_file() && folder.join("objects").is_dir()).then(|| folder.to_owned()),
        });
        Self::at(found.ok_or_else(|| Failure::new("this is no git repository", folder.display()).hint("cd <repository>"))?)
    }

    fn at(dir: PathBuf) -> Result<Self, Failure> {
        let common = match fs::read_to_string(dir.join("commondir")) {
            Ok(text) => dir.join(text.trim_end()),
            Err(_) => dir.clone(),
        };
        let settings = fs::read_to_string(common.join("config")).doing("cannot read the repository's settings")?;
        let width = match setting(&settings, "extensions.objectformat").as_deref() {
            Some("sha256") => 32,
            Some(_) | None => 20,
        };
        if setting(&settings, "extensions.refstorage").is_some_and(|storage| storage != "files") {
            return Err(Failure::new("cannot read the references", "they are not kept as files"));
        }
        Ok(Self { dir, common, settings, width })
    }

    pub fn head(&self) -> Result<Head, Failure> {
        let text = fs::read_to_string(self.dir.join("HEAD")).doing("cannot read HEAD")?;
        let branch = text.strip_prefix("ref: ").map(|name| name.trim_end().to_owned());
        let commit = match &branch {
            Some(name) => self.resolve(name)?,
            None => Some(text.trim_end().to_owned()),
        };
        Ok(Head { branch, commit })
    }

    /// Reads a reference down to an object id.
    fn resolve(&self, name: &str) -> Result<Option<String>, Failure> {
        let mut name = name.to_owned();
        for _ in 0..DEEPEST {
            match self.reference(&name)? {
                Some(text) if text.starts_with("ref: ") => name = text[5..].trim_end().to_owned(),
                found => return Ok(found),
            }
        }
        Err(Failure::new("cannot read a reference", format!("{name} leads in a circle")))
    }

    fn reference(&self, name: &str) -> Result<Option<String>, Failure> {
        match fs::read_to_string(self.common.join(name)) {
            Ok(text) => Ok(Some(text.trim_end().to_owned())),
            Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory) => {
                let packed = fs::read_to_string(self.common.join("packed-refs")).unwrap_or_default();
                Ok(packed.lines().filter_map(|line| line.split_once(' ')).find(|(_, known)| *known == name).map(|(id, _)| id.to_owned()))
            }
            Err(why) => Err(Failure::new("cannot read a reference", format!("{name}: {why}"))),
        }
    }

    /// The objects, and what the environment adds to them.
    pub fn objects(&self) -> Stored {
        let set = |name: &str| std::env::var_os(name);
        let own = set("GIT_OBJECT_DIRECTORY").map_or_else(|| self.common.join("objects"), PathBuf::from);
        let more: Vec<OsString> = set("GIT_ALTERNATE_OBJECT_DIRECTORIES")
            .and_then(|list| super::pre_receive::split(std::os::unix::ffi::OsStrExt::as_bytes(list.as_os_str())).ok())
            .unwrap_or_default();
        Stored::new(std::iter::once(own).chain(more.into_iter().map(PathBuf::from)), self.width)
    }

    /// The bytes of the index that the commit is made of; empty when there is none yet.
    pub fn index_bytes(&self) -> Result<Mapped, Failure> {
        Mapped::open(&std::env::var_os("GIT_INDEX_FILE").map_or_else(|| self.dir.join("index"), PathBuf::from))
    }
}

/// Reads the `.git` file of a worktree or submodule.
fn linked(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    let dir = text.strip_prefix("gitdir: ")?.trim_end();
    Some(file.parent()?.join(dir))
}
