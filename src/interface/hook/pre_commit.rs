//! `pre-commit`: a hint, early and friendly, that a staged source file has no test. The gate judges again, by running them.

use super::pairs::{self, Wish};
use super::repo::{self, Entry, Index, Type, Stored, Repo};
use super::say;
use crate::domain::failure::Failure;
use std::collections::HashMap;
use std::ffi::OsString;

const FILE: u32 = 0o100_000;

pub(super) fn run(_: &[OsString]) -> u8 {
    match missing() {
        Ok(missing) if missing.is_empty() => {
            println!("✅ Commit allowed");
            0
        }
        Ok(missing) => {
            missing.iter().for_each(|(path, _)| println!("❌ Missing test file for: {}", say::plain(path)));
            let first = missing.first().map(|(_, wish)| wish.suggestion.as_str()).unwrap_or_default();
            eprintln!(
                "hint: write the test first, for example {}, and git add it   (git commit --no-verify skips this hint)",
                say::plain(first)
            );
            1
        }
        Err(failure) => {
            eprintln!("orchestrate: no hint about tests: {}", say::plain(&failure.to_string()));
            0
        }
    }
}

/// The staged source files for which no test is staged or tracked.
fn missing() -> Result<Vec<(String, Wish)>, Failure> {
    let repo = Repo::here()?;
    // A merge brings in what others wrote and the gates have seen.
    if repo.dir.join("MERGE_HEAD").exists() {
        return Ok(Vec::new());
    }
    let bytes = repo.index_bytes()?;
    let index = if bytes.is_empty() { Index::default() } else { Index::read(&bytes, repo.width)? };
    let objects = repo.objects();
    let changed = repo::staged(&objects, repo.head()?.commit.as_deref(), &index)?;
    let mut sources: Vec<(&Entry<'_>, String, Wish)> =
        changed.into_iter().filter(|entry| entry.mode & 0o170_000 == FILE).filter_map(wanting).collect();
    if !sources.is_empty() {
        let tracked = Tracked::new(&index);
        sources.retain(|(entry, path, wish)| !tracked.has(path, wish) && !tests_itself(&objects, entry, path));
    }
    Ok(sources.into_iter().map(|(_, path, wish)| (path, wish)).collect())
}

fn wanting<'i, 'b>(entry: &'i Entry<'b>) -> Option<(&'i Entry<'b>, String, Wish)> {
    let path = String::from_utf8_lossy(&entry.path).into_owned();
    let wish = pairs::wish(&path)?;
    Some((entry, path, wish))
}

/// A Rust file may hold its own tests.
fn tests_itself(objects: &Stored, entry: &Entry<'_>, path: &str) -> bool {
    path.ends_with(".rs")
        && objects.read(entry.id).is_ok_and(|(kind, body)| {
            let text = String::from_utf8_lossy(&body);
            kind == Type::Blob && ["#[cfg(test)]", "#[test]", "::test]", "#[cfg(all(test"].iter().any(|mark| text.contains(mark))
        })
}

/// The paths that the commit will hold, by their last part.
struct Tracked {
    by_name: HashMap<String, Vec<String>>,
}

impl Tracked {
    fn new(index: &Index<'_>) -> Self {
        let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
        for entry in index.entries.iter().filter(|entry| !entry.announced) {
            let path = String::from_utf8_lossy(&entry.path).into_owned();
            by_name.entry(path.rsplit('/').next().unwrap_or(&path).to_owned()).or_default().push(path);
        }
        Self { by_name }
    }

    fn has(&self, source: &str, wish: &Wish) -> bool {
        let fitting = |name: &str| self.by_name.get(name).is_some_and(|paths| paths.iter().any(|path| wish.fits(source, path)));
        let any = || self.by_name.values().flatten().any(|path| pairs::in_test_folder(path) && path.ends_with(".rs"));
        wish.names().any(fitting) || (wish.takes_any() && any())
    }
}
