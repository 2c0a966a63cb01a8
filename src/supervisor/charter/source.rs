//! Rule files as text: reading them within bounds, and finding the line of a key.

use crate::domain::failure::{Doing, Failure};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The largest rule file that is read.
const MAX_FILE: u64 = 256 * 1024;

/// The text of a file, with one kind of line end; none where there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, Failure> {
    let doing = || format!("cannot read {}", path.display());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(Failure::new(doing(), why)),
    };
    let mut text = String::new();
    let size = file.take(MAX_FILE + 1).read_to_string(&mut text).doing(doing())?;
    if size as u64 > MAX_FILE {
        return Err(Failure::new(doing(), "it is larger than 256 KiB"));
    }
    Ok(Some(text.replace("\r\n", "\n")))
}

/// The entries of a folder, sorted; none where there is no such folder.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let doing = || format!("cannot list {}", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(Failure::new(doing(), why)),
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().doing(doing())?;
    paths.sort();
    Ok(paths)
}

/// Knows on which line of a TOML text each key stands.
pub(super) struct Lines {
    /// Where each line begins.
    starts: Vec<usize>,
    keys: BTreeMap<String, usize>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut lines = Self { starts, keys: BTreeMap::new() };
        if let Ok(table) = DeTable::parse(text) {
            lines.collect("", table.get_ref());
        }
        lines
    }

    /// The line of `section.key`, or of the first key under it; 1 where there is none.
    pub(super) fn of_key(&self, key: &str) -> usize {
        self.keys.get(key).copied().unwrap_or(1)
    }

    /// The line a TOML error points at.
    pub(super) fn of_error(&self, error: &toml::de::Error) -> usize {
        error.span().map_or(1, |span| self.at(span.start))
    }

    fn at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    fn collect(&mut self, before: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{before}{}", name.get_ref());
            let line = self.at(name.span().start);
            self.keys.insert(key.clone(), line);
            if let DeValue::Table(inner) = value.get_ref() {
                self.collect(&format!("{key}."), inner);
            }
        }
    }
}
