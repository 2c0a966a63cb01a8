//! A tree made from another by putting some files in and taking some out.

use super::objects::Objects;
use super::read::name_of;
use super::stored::Type;
use super::tree::{self, FILE, GITLINK, Item, LINK, PROGRAM, TREE};
use super::{Gate, must};
use crate::domain::change::Blob;
use crate::domain::failure::{Doing as _, Failure};
use crate::domain::name::Oid;
use std::collections::BTreeMap;

impl Gate {
    /// Stores `base_tree` with each path replaced, or removed where it has no content. What is not on the way to them stays as it is, to the
    /// byte; only a name that `base_tree` does not have has to be one that a tree may gain.
    pub fn compose(&self, base_tree: &Oid, files: &[(String, Option<Blob>)]) -> Result<Oid, Failure> {
        let mut folders = on_the_way(files)?;
        read(&mut self.objects(None)?, base_tree, &mut folders)?;
        let (mut trees, mut ids) = (Vec::new(), Vec::new());
        while let Some(((_, path), folder)) = folders.pop_last() {
            let gains = folder.gains();
            let entries = folder.changed(path)?;
            let stays = path.is_empty() || !entries.is_empty();
            let id = if stays { Some(spelled(&entries, base_tree, &mut trees)?) } else { None };
            ids.extend(id.clone());
            let (above, name) = split(path);
            if let Some(above) = folders.get_mut(&(depth(path).saturating_sub(1), above)) {
                above.below.push(Below { name, tree: id, gains });
            }
        }
        let mut command = self.command();
        command.args(["mktree", "-z", "--batch"]);
        let made = must(command, &trees, "store a tree")?;
        let as_told = String::from_utf8_lossy(&made).lines().eq(ids.iter().map(Oid::as_str));
        // Of all that writes objects, this one does not.
        self.make_durable(&ids)?;
        ids.pop().filter(|_| as_told).ok_or_else(|| Failure::new("BUG: git stored other trees than it was told", base_tree))
    }

    /// Stores content, so that a tree can be composed with it.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Oid, Failure> {
        let mut command = self.command();
        command.args(["hash-object", "-t", "blob", "-w", "--no-filters", "--stdin"]);
        super::oid(&must(command, bytes, "store a file")?)
    }
}

/// A folder on the way to something that changes.
#[derive(Default)]
struct Folder<'a> {
    /// As it was.
    entries: BTreeMap<Vec<u8>, Item>,
    /// Names that are no UTF-8 by how they are spelled; nothing where that is how another is spelled, too.
    odd: BTreeMap<String, Option<Vec<u8>>>,
    files: Vec<(&'a str, Option<&'a Blob>)>,
    below: Vec<Below<'a>>,
}

/// What became of a folder in this one; it is gone where nothing is left in it.
struct Below<'a> {
    name: &'a str,
    tree: Option<Oid>,
    gains: bool,
}

/// Folders by depth and path: what lies deeper comes later.
type Folders<'a> = BTreeMap<(usize, &'a str), Folder<'a>>;

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// How many folders lie above what is in this one.
fn depth(folder: &str) -> usize {
    if folder.is_empty() { 0 } else { folder.split('/').count() }
}

fn bad(path: &str, why: &str) -> Failure {
    Failure::new(format!("cannot put {path:?} into a tree"), why)
}

/// Every folder that leads to one of these files.
fn on_the_way(files: &[(String, Option<Blob>)]) -> Result<Folders<'_>, Failure> {
    let mut folders = Folders::from([((0, ""), Folder::default())]);
    for (path, blob) in files {
        if path.contains('\0') || path.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(bad(path, "it is no path"));
        }
        if blob.as_ref().is_some_and(|blob| ![FILE, PROGRAM, LINK].contains(&blob.mode)) {
            return Err(bad(path, "it is no file"));
        }
        let (mut folder, name) = split(path);
        let mut depth = depth(folder);
        let mut known = folders.contains_key(&(depth, folder));
        folders.entry((depth, folder)).or_default().files.push((name, blob.as_ref()));
        // Where one is known, so are those above.
        while !known {
            (folder, depth) = (split(folder).0, depth - 1);
            known = folders.contains_key(&(depth, folder));
            folders.entry((depth, folder)).or_default();
        }
    }
    Ok(folders)
}

/// Reads what is in these folders, those above first.
fn read(objects: &mut Objects, base_tree: &Oid, folders: &mut Folders<'_>) -> Result<(), Failure> {
    let places: Vec<(usize, &str)> = folders.keys().copied().collect();
    for place in places {
        let (above, name) = split(place.1);
        let id = match place.0.checked_sub(1) {
            None => Some(base_tree.clone()),
            Some(depth) => folders.get(&(depth, above)).map(|above| above.folder(name)).transpose()?.flatten(),
        };
        let Some(id) = id else { continue };
        let bytes = objects.read(&id, Type::Tree)?;
        let listing = tree::parse(&bytes, id.as_str().len() / 2)?;
        let folder = folders.entry(place).or_default();
        folder.entries = listing.entries.iter().map(|entry| Ok((entry.name.to_vec(), entry.item()?))).collect::<Result<_, Failure>>()?;
        for name in listing.entries.iter().map(|entry| entry.name).filter(|name| std::str::from_utf8(name).is_err()) {
            let spelled = tree::spell(name);
            let clear = !folder.entries.contains_key(spelled.as_bytes()) && !folder.odd.contains_key(&spelled);
            folder.odd.insert(spelled, clear.then(|| name.to_vec()));
        }
    }
    Ok(())
}

impl Folder<'_> {
    /// The name that is spelled so, as the folder has it.
    fn known(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.odd.get(name) {
            Some(Some(known)) => Ok(self.entries.contains_key(known).then(|| known.clone())),
            Some(None) => Err(bad(name, "two names of its folder are spelled so")),
            None => Ok(self.entries.contains_key(name.as_bytes()).then(|| name.as_bytes().to_vec())),
        }
    }

    fn folder(&self, name: &str) -> Result<Option<Oid>, Failure> {
        let item = self.known(name)?.and_then(|known| self.entries.get(&known));
        Ok(item.filter(|item| item.mode == TREE).map(|item| item.id.clone()))
    }

    fn gains(&self) -> bool {
        self.files.iter().any(|(_, blob)| blob.is_some()) || self.below.iter().any(|below| below.gains)
    }

    fn put(&mut self, path: &str, name: &str, item: Item) -> Result<(), Failure> {
        let known = self.known(name)?;
        if tree::is_git(name) || (known.is_none() && tree::bad_name(name.as_bytes()).is_some()) {
            return Err(bad(&format!("{path}/{name}"), "its name is not one that a tree may gain"));
        }
        self.entries.insert(known.unwrap_or_else(|| name.as_bytes().to_vec()), item);
        Ok(())
    }

    /// What is in it afterwards. A file takes the place of a folder, and a folder into which something comes that of a file.
    fn changed(mut self, path: &str) -> Result<BTreeMap<Vec<u8>, Item>, Failure> {
        for (name, blob) in std::mem::take(&mut self.files) {
            match blob {
                Some(blob) => self.put(path, name, Item { mode: blob.mode, id: blob.oid.clone() })?,
                None if self.folder(name)?.is_none() => drop(self.known(name)?.and_then(|known| self.entries.remove(&known))),
                None => {}
            }
        }
        for Below { name, tree, gains } in std::mem::take(&mut self.below) {
            let was = self.folder(name)?.is_some();
            match tree {
                Some(id) if was || gains => self.put(path, name, Item { mode: TREE, id })?,
                None if was => drop(self.known(name)?.and_then(|known| self.entries.remove(&known))),
                Some(_) | None => {}
            }
        }
        Ok(self.entries)
    }
}

/// Spells a folder for `mktree -z --batch`, and tells the name of the tree that comes of it.
fn spelled(entries: &BTreeMap<Vec<u8>, Item>, like: &Oid, trees: &mut Vec<u8>) -> Result<Oid, Failure> {
    let mut sorted: Vec<(&Vec<u8>, &Item)> = entries.iter().collect();
    // Git sorts a folder as if its name ended in a slash.
    sorted.sort_by_cached_key(|(name, item)| [name.as_slice(), if item.mode == TREE { b"/" } else { b"" }].concat());
    let mut raw = Vec::new();
    for (name, item) in sorted {
        let kind = match item.mode {
            TREE => "tree",
            GITLINK => "commit",
            _ => "blob",
        };
        let put = |to: &mut Vec<u8>, parts: [&[u8]; 4]| parts.iter().for_each(|part| to.extend_from_slice(part));
        let mode = format!("{:o}", item.mode);
        put(trees, [format!("{mode} {kind} {}\t", item.id).as_bytes(), name, b"\0", b""]);
        put(&mut raw, [mode.as_bytes(), b" ", name, b"\0"]);
        raw.extend(hex::decode(item.id.as_str()).doing("cannot spell a tree")?);
    }
    trees.push(0);
    name_of("tree", &raw, like)
}
