//! Somebody's clone, only read: for a judge who trusts neither its references nor its settings.

use super::lines::{self, Count, Counted, Effort, Laid, Side};
use super::marks;
use super::objects::Objects;
use super::stored::Type;
use super::tree::{self, Item};
use super::walk::Delta;
use super::{Git, Started, line, must, run, start, text, walk};
use crate::domain::change::{Blob, FileChange, Mark};
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::{Oid, RefName};
use crate::domain::reading::FileText;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The only variables of a hook's environment that say where objects are.
const PLACES: [&str; 2] = ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"];
/// Content that one comparison reads, at most.
const MOST_READ: u64 = 512 << 20;
const MOST_SAID: usize = 50;

/// What one comparison has read and counted: every pair of contents once, as the gate measures it.
struct Seen {
    read: u64,
    effort: Effort,
    pairs: HashMap<(Option<Oid>, Option<Oid>, marks::Sort), (Counted, Vec<Mark>)>,
}

/// A repository whose objects are read and hashed; nothing in it is run or written.
pub struct Reader {
    git: Git,
    dir: PathBuf,
    env: Vec<(String, String)>,
    objects: Objects,
}

/// What git's own check of every object said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Soundness {
    /// Objects that are missing, unreadable or not what their names say.
    pub broken: Vec<String>,
    /// Objects that are whole and oddly written, as old histories have them.
    pub odd: Vec<String>,
}

/// How two trees differ, and what of the new one no change may bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub files: Vec<FileChange>,
    pub faults: Vec<String>,
}

impl Reader {
    /// Opens a working copy or a bare repository; of `env` only git's object folders count, as a pre-receive hook gets them.
    pub fn open(git: &Git, repo: &Path, env: &[(String, String)]) -> Result<Self, Failure> {
        let what = format!("cannot read the repository {}", repo.display());
        let repo = repo.canonicalize().doing(&what)?;
        let mut command = git.command();
        command.current_dir(&repo).args(["rev-parse", "--absolute-git-dir"]);
        let ran = run(command, b"", "find the repository")?;
        if ran.code != Some(0) {
            return Err(Failure::new(what, ran.why()).hint(format!("git -C '{}' status", repo.display())));
        }
        let dir = super::source::path_of(line(&ran.out));
        let env: Vec<_> = env.iter().filter(|(name, _)| PLACES.contains(&name.as_str())).cloned().collect();
        Self::at(git.clone(), dir, env)
    }

    fn at(git: Git, dir: PathBuf, env: Vec<(String, String)>) -> Result<Self, Failure> {
        let place = (git.clone(), dir.clone(), env.clone());
        let objects = Objects::open(move || Ok(at(&place.0, &place.1, &place.2)));
        Ok(Self { git, dir, env, objects })
    }

    /// Opens the same repository once more, to read at the same time.
    pub fn another(&self) -> Result<Self, Failure> {
        Self::at(self.git.clone(), self.dir.clone(), self.env.clone())
    }

    fn command(&self) -> Command {
        at(&self.git, &self.dir, &self.env)
    }

    /// What a reference points to, if it is there.
    pub fn find(&self, name: &RefName) -> Result<Option<Oid>, Failure> {
        let mut command = self.command();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", name.as_str()]);
        let ran = run(command, b"", "read a reference")?;
        if ran.code == Some(0) { super::oid(&ran.out).map(Some) } else { Ok(None) }
    }

    /// The commit that a whole or shortened id names, if there is exactly one.
    pub fn resolve(&self, id: &str) -> Result<Option<Oid>, Failure> {
        if !(7..=64).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let mut command = self.command();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{id}^{{commit}}")]);
        let ran = run(command, b"", "find a commit")?;
        if ran.code == Some(0) { super::oid(&ran.out).map(Some) } else { Ok(None) }
    }

    /// Whether a commit's history holds another one.
    pub fn leads_to(&self, from: &Oid, ancestor: &Oid) -> bool {
        let mut command = self.command();
        command.args(["merge-base", "--is-ancestor", ancestor.as_str(), from.as_str()]);
        run(command, b"", "compare two commits").is_ok_and(|ran| ran.code == Some(0))
    }

    /// Whether a part of its history is left out on purpose.
    pub fn is_shallow(&self) -> Result<bool, Failure> {
        let mut command = self.command();
        command.args(["rev-parse", "--is-shallow-repository"]);
        Ok(line(&must(command, b"", "look at the repository")?) == b"true")
    }

    /// A commit's bytes, hashed here; nothing where the object is not there.
    pub fn commit(&mut self, id: &Oid) -> Result<Option<Vec<u8>>, Failure> {
        let found = self.objects.find(id);
        // After an answer that could not be read the process is of no use: the next question gets a new one.
        let object = match found {
            Ok(object) => object,
            Err(failure) => {
                self.objects.reopen();
                return Err(failure);
            }
        };
        let Some(object) = object else { return Ok(None) };
        let bytes = object.take(Type::Commit, id)?;
        if named("commit", &bytes, id) {
            Ok(Some(bytes))
        } else {
            Err(Failure::new(format!("cannot trust {id}"), "its content does not hash to its name"))
        }
    }

    /// Compares two trees path by path, renames as a delete and an add.
    pub fn compare(&mut self, old: &Oid, new: &Oid) -> Result<Compared, Failure> {
        self.compare_within(old, new, Effort::default())
    }

    pub(super) fn compare_within(&mut self, old: &Oid, new: &Oid, effort: Effort) -> Result<Compared, Failure> {
        let found = walk::compare(&mut self.objects, Some(old), Some(new));
        let compared = found.and_then(|found| {
            let mut seen = Seen { read: 0, effort, pairs: HashMap::new() };
            let files = found.deltas.iter().map(|delta| self.file(delta, &mut seen)).collect::<Result<Vec<_>, _>>()?;
            let over = seen.effort.is_over();
            let told = |(file, counted): (FileChange, Counted)| {
                let Count { added, deleted, binary } = counted.settled(over);
                FileChange { added, deleted, binary, ..file }
            };
            Ok(Compared { files: files.into_iter().map(told).collect(), faults: found.faults })
        });
        if compared.is_err() {
            self.objects.reopen();
        }
        compared
    }

    fn file(&mut self, delta: &walk::Delta, seen: &mut Seen) -> Result<(FileChange, Counted), Failure> {
        let (old, old_side) = self.side(delta.old.as_ref())?;
        let (new, new_side) = self.side(delta.new.as_ref())?;
        seen.read += old_side.size + new_side.size;
        if seen.read > MOST_READ {
            return Err(Failure::new("cannot compare two trees", "they differ in more than 512 MiB"));
        }
        let path = tree::spell(&delta.path);
        let content = |item: &Option<Item>| item.as_ref().filter(|item| walk::has_content(item)).map(|item| item.id.clone());
        let key = (content(&delta.old), content(&delta.new), marks::Sort::of(&path));
        if key.0 != key.1 && !seen.pairs.contains_key(&key) {
            let laid = Laid::new(&old_side, &new_side);
            let counted = lines::count(&old_side, &new_side, laid.as_ref(), &seen.effort);
            let marks = laid.map_or_else(Vec::new, |laid| marks::of(key.2, &laid));
            seen.pairs.insert(key.clone(), (counted, marks));
        }
        let (counted, marks) = seen.pairs.get(&key).cloned().unwrap_or_default();
        Ok((FileChange { path, old, new, added: 0, deleted: 0, binary: false, marks }, counted))
    }

    fn side(&mut self, item: Option<&Item>) -> Result<(Option<Blob>, Side), Failure> {
        let Some(item) = item else { return Ok((None, Side::absent())) };
        let mut side = Side::absent();
        if walk::has_content(item) {
            let missing = || Failure::new(format!("cannot read {}", item.id), "it is not in the repository");
            let object = self.objects.find(&item.id)?.ok_or_else(missing)?;
            side = Side { size: object.size, bytes: object.bytes };
        }
        Ok((Some(Blob { oid: item.id.clone(), mode: item.mode, size: side.size }), side))
    }

    /// How these files changed, as reviewers were shown it; nothing where a content is not in the repository.
    pub fn texts(&mut self, files: &[FileChange], limit: usize) -> Result<Option<Vec<FileText>>, Failure> {
        let item = |blob: &Option<Blob>| blob.as_ref().map(|blob| Item { mode: blob.mode, id: blob.oid.clone() });
        let delta = |file: &FileChange| Delta { path: file.path.clone().into_bytes(), old: item(&file.old), new: item(&file.new) };
        let deltas: Vec<Delta> = files.iter().map(delta).collect();
        for item in deltas.iter().flat_map(|delta| [&delta.old, &delta.new]).flatten().filter(|item| walk::has_content(item)) {
            if self.objects.find(&item.id)?.is_none() {
                return Ok(None);
            }
        }
        text::texts(&mut self.objects, &deltas, limit).map(Some)
    }

    /// Has git hash every object that the references need, in a process of its own; `Checking::end` waits for it.
    pub fn check(&self) -> Result<Checking, Failure> {
        let mut command = self.command();
        command.args(["fsck", "--full", "--no-dangling", "--no-reflogs", "--no-progress"]);
        start(command, Vec::new(), "check every object").map(Checking)
    }
}

/// Git's own check of every object, under way.
pub struct Checking(Started);

impl Checking {
    pub fn end(self) -> Result<Soundness, Failure> {
        let ran = self.0.end()?;
        let out = String::from_utf8_lossy(&ran.out).into_owned();
        let (odd, mut broken): (Vec<String>, Vec<String>) = ran
            .said
            .lines()
            .chain(out.lines())
            .map(str::to_owned)
            .partition(|line| line.starts_with("error in ") || line.starts_with("warning in "));
        broken.retain(|line| !line.starts_with("notice:") && !line.is_empty());
        if ran.code == Some(0) {
            broken.clear();
        } else if broken.is_empty() && odd.is_empty() {
            broken.push(ran.why());
        }
        broken.truncate(MOST_SAID);
        Ok(Soundness { broken, odd: odd.into_iter().take(MOST_SAID).collect() })
    }
}

fn at(git: &Git, dir: &Path, env: &[(String, String)]) -> Command {
    let mut command = git.bare(dir);
    command.envs(env.iter().map(|(name, value)| (name, value)));
    command
}

/// Tells whether this is the object of that name.
pub(super) fn named(kind: &str, bytes: &[u8], id: &Oid) -> bool {
    name_of(kind, bytes, id).is_ok_and(|name| name == *id)
}

/// The name of a content, in the format of another one.
pub(super) fn name_of(kind: &str, bytes: &[u8], like: &Oid) -> Result<Oid, Failure> {
    let head = format!("{kind} {}\0", bytes.len());
    let name = match like.as_str().len() {
        40 => hex::encode(Sha1::new().chain_update(&head).chain_update(bytes).finalize()),
        _ => hex::encode(Sha256::new().chain_update(&head).chain_update(bytes).finalize()),
    };
    Oid::new(name).doing("cannot name an object")
}
