//! The policy's settings: the defaults, and what stands over them, key by key.

use super::source::{Lines, read};
use super::{DEFAULTS, Layer, Origin, unfit};
use crate::domain::failure::{Doing, Failure};
use crate::domain::policy::{Invalid, Policy, RawPolicy};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// The policy's keys, `section.key`, each with its value and origin.
pub(super) struct Settings {
    table: Table,
    from: BTreeMap<String, Layer>,
}

impl Settings {
    pub(super) fn defaults() -> Result<Self, Failure> {
        let table: Table = toml::from_str(DEFAULTS).doing("cannot read the built-in settings")?;
        let from = keys(&table).map(|key| (key, Layer::Default)).collect();
        Ok(Self { table, from })
    }

    pub(super) fn read_folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join("config.toml");
        let Some(text) = read(&path)? else { return Ok(()) };
        let file = path.display().to_string();
        let at = |line: usize, why: &str| unfit(&format!("{file}:{line}: {why}"));
        let lines = Lines::of(&text);
        let table: Table = toml::from_str(&text).map_err(|why| at(lines.of_error(&why), why.message()))?;
        for (section, values) in &table {
            let values = self.section(section, values).map_err(|why| at(lines.of_key(section), &why))?;
            for (name, value) in values {
                let line = lines.of_key(&format!("{section}.{name}"));
                let from = Layer::Owner { file: file.clone(), line };
                self.set(section, name, value.clone(), from).map_err(|why| at(line, &why.to_string()))?;
            }
        }
        Ok(())
    }

    fn section<'v>(&self, name: &str, values: &'v Value) -> Result<&'v Table, String> {
        match (self.table.contains_key(name), values.as_table()) {
            (true, Some(values)) => Ok(values),
            (true, None) => Err(format!("{name} is a section, [{name}], not a value")),
            (false, _) => {
                let known: Vec<&str> = self.table.keys().map(String::as_str).collect();
                Err(format!("unknown section {name}; there are {}", known.join(", ")))
            }
        }
    }

    pub(super) fn read_environment(&mut self, environment: &[(String, String)]) -> Result<(), Failure> {
        let known: Vec<String> = self.from.keys().cloned().collect();
        for key in known {
            let variable = variable(&key);
            if let Some((_, text)) = environment.iter().find(|(name, _)| *name == variable) {
                let from = Layer::Environment { variable: variable.clone() };
                self.set_text(&key, text, from).map_err(|why| unfit(&format!("{variable}: {why}")))?;
            }
        }
        Ok(())
    }

    pub(super) fn read_flags(&mut self, flags: &[(String, String)]) -> Result<(), Failure> {
        flags.iter().try_for_each(|(key, text)| self.set_text(key, text, Layer::Flag).map_err(|why| unfit(&format!("--set {why}"))))
    }

    fn set_text(&mut self, key: &str, text: &str, from: Layer) -> Result<(), Invalid> {
        let (section, name) = key.split_once('.').ok_or_else(|| Invalid::new(key, "a key is section.name"))?;
        let is_text = self.table.get(section).and_then(|values| values.get(name)).is_some_and(Value::is_str);
        let value = if is_text { Value::String(text.to_owned()) } else { value(text).map_err(|why| Invalid::new(key, why))? };
        self.set(section, name, value, from)
    }

    /// Sets one key, if there is such a key and the value is of its kind.
    fn set(&mut self, section: &str, name: &str, value: Value, from: Layer) -> Result<(), Invalid> {
        let key = format!("{section}.{name}");
        let mut next = self.table.clone();
        match next.get_mut(section).and_then(|values| values.get_mut(name)) {
            Some(old) => *old = value,
            None => return Err(Invalid::new(&key, format!("unknown key{}", self.known(section)))),
        }
        raw(&next).map_err(|why| Invalid::new(&key, why))?;
        self.table = next;
        self.from.insert(key, from);
        Ok(())
    }

    fn known(&self, section: &str) -> String {
        let names = self.table.get(section).and_then(Value::as_table).map(|values| values.keys().map(String::as_str).collect::<Vec<_>>());
        names.map(|names| format!("; [{section}] has {}", names.join(", "))).unwrap_or_default()
    }

    pub(super) fn policy(&self) -> Result<Policy, Failure> {
        let raw = raw(&self.table).map_err(|why| unfit(&why))?;
        Policy::try_from(raw).map_err(|why| unfit(&format!("{}{why}", self.blamed(&why.key))))
    }

    fn blamed(&self, key: &str) -> String {
        self.from.get(key).map(|from| format!("{from}: ")).unwrap_or_default()
    }

    pub(super) fn origins(&self) -> Vec<Origin> {
        let value = |key: &str| {
            let (section, name) = key.split_once('.')?;
            self.table.get(section)?.get(name).map(Value::to_string)
        };
        self.from.iter().map(|(key, from)| Origin { key: key.clone(), value: value(key).unwrap_or_default(), from: from.clone() }).collect()
    }
}

fn raw(table: &Table) -> Result<RawPolicy, String> {
    RawPolicy::deserialize(table.clone()).map_err(|why| why.message().to_owned())
}

fn keys(table: &Table) -> impl Iterator<Item = String> {
    table
        .iter()
        .flat_map(|(section, values)| values.as_table().into_iter().flat_map(Table::keys).map(move |name| format!("{section}.{name}")))
}

/// The environment variable that sets a key.
fn variable(key: &str) -> String {
    format!("ORCHESTRATE_{}", key.replace('.', "_").to_ascii_uppercase())
}

fn value(text: &str) -> Result<Value, String> {
    let table: Table = toml::from_str(&format!("value = {text}")).map_err(|why| format!("{text:?} is no TOML value: {}", why.message()))?;
    match (table.len(), table.get("value")) {
        (1, Some(value)) => Ok(value.clone()),
        _ => Err(format!("{text:?} is more than one TOML value")),
    }
}
