//! Gate and role files: the built-in ones, and the owner's in their place.

use super::source::{Lines, list, read};
use super::{Layer, Origin, unfit};
use crate::domain::failure::Failure;
use crate::domain::gate::{Gate, RawGate};
use crate::domain::policy::Invalid;
use crate::domain::role::{RawRole, Role};
use std::collections::BTreeMap;
use std::path::Path;

/// Files of one folder, by name, each with its text and origin.
pub(super) struct Pages {
    folder: &'static str,
    pages: BTreeMap<String, (String, Layer)>,
}

/// What is wrong with a file, and on which line.
pub(super) struct Fault {
    line: usize,
    why: String,
}

impl Pages {
    pub(super) fn built_in(folder: &'static str, files: &[(&str, &str)]) -> Self {
        let pages = files.iter().map(|(name, text)| ((*name).to_owned(), ((*text).to_owned(), Layer::Default))).collect();
        Self { folder, pages }
    }

    pub(super) fn read_folder(&mut self, folder: &Path, ending: &str) -> Result<(), Failure> {
        for path in list(&folder.join(self.folder))? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let file = path.display().to_string();
            if !name.ends_with(ending) {
                return Err(unfit(&format!("{file}: a file in {}/ ends with {ending}", self.folder)));
            }
            if let Some(text) = read(&path)? {
                self.pages.insert(name, (text, Layer::Owner { file, line: 1 }));
            }
        }
        Ok(())
    }

    /// Refuses a file that would stand beside the known ones rather than in the place of one.
    pub(super) fn only_known(&self, names: &[&str]) -> Result<(), Failure> {
        match self.pages.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(unfit(&format!("{}/{name}: unknown file; there are {}", self.folder, names.join(", ")))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.pages.get(name).map(|(text, _)| text.as_str()).unwrap_or_default()
    }

    /// Reads every file but one, and names the file and line of the first that is wrong.
    pub(super) fn each<T>(&self, but: &str, read: fn(&str, &str) -> Result<T, Fault>) -> Result<Vec<T>, Failure> {
        let pages = self.pages.iter().filter(|(name, _)| *name != but);
        pages.map(|(name, (text, from))| read(name, text).map_err(|fault| self.blame(name, from, &fault))).collect()
    }

    fn blame(&self, name: &str, from: &Layer, fault: &Fault) -> Failure {
        let file = if let Layer::Owner { file, .. } = from { file.clone() } else { format!("{}/{name}", self.folder) };
        unfit(&format!("{file}:{}: {}", fault.line, fault.why))
    }

    pub(super) fn origins(&self) -> impl Iterator<Item = Origin> {
        self.pages.iter().map(|(name, (_, from))| Origin {
            key: format!("{}/{name}", self.folder),
            value: String::new(),
            from: from.clone(),
        })
    }
}

/// Reads a gate file; it is called by its gate's place and name.
pub(super) fn gate(file: &str, text: &str) -> Result<Gate, Fault> {
    let lines = Lines::of(text);
    let raw: RawGate = toml::from_str(text).map_err(|why| Fault { line: lines.of_error(&why), why: why.message().to_owned() })?;
    named(&lines, 0, file.split_once('-').map(|(_, rest)| rest), &format!("{}.toml", raw.name))?;
    Gate::try_from(raw).map_err(|why| invalid(&lines, 0, &why))
}

/// Reads a role file: TOML between two lines `+++`, then the prompt. It is called by its role's name.
pub(super) fn role(file: &str, text: &str) -> Result<Role, Fault> {
    let split = text.strip_prefix("+++\n").and_then(|rest| rest.split_once("\n+++\n"));
    let (front, prompt) = split.ok_or_else(|| Fault { line: 1, why: "a role file begins with TOML between two lines +++".to_owned() })?;
    let lines = Lines::of(front);
    let raw: RawRole = toml::from_str(front).map_err(|why| Fault { line: lines.of_error(&why) + 1, why: why.message().to_owned() })?;
    named(&lines, 1, Some(file), &format!("{}.md", raw.name))?;
    Role::new(raw, prompt.trim().to_owned()).map_err(|why| invalid(&lines, 1, &why))
}

fn named(lines: &Lines, above: usize, file: Option<&str>, wanted: &str) -> Result<(), Fault> {
    let why = || format!("name: the file of this name is called {wanted}");
    if file == Some(wanted) { Ok(()) } else { Err(Fault { line: lines.of_key("name") + above, why: why() }) }
}

fn invalid(lines: &Lines, above: usize, why: &Invalid) -> Fault {
    Fault { line: lines.of_key(&why.key) + above, why: why.to_string() }
}
