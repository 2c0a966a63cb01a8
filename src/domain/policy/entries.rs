//! What the policy says about entries that are no ordinary text file, and about text that a reader could misread.

use super::{EXECUTABLE, GITLINK, Needs, PLAIN, PathKind, Policy, SYMLINK};
use crate::domain::change::{Change, FileChange, Mark};
use crate::domain::glob::{FoldedPath, shown};
use crate::domain::planted;
use serde::{Deserialize, Serialize};

/// What special entries and marks ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    pub binary: Ruling,
    pub executable: Ruling,
    pub symlink: Ruling,
    pub gitlink: Ruling,
    // These came later than the first charters, which say nothing about them.
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub hidden_text: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub mixed_script: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub pointer: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub knows_tests: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub new_package: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub new_source: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub unsealed: Ruling,
    #[serde(default, skip_serializing_if = "Ruling::is_allow")]
    pub secret: Ruling,
}

/// What the policy says about a special entry, mildest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    #[default]
    Allow,
    TwoApprovals,
    Owner,
    Deny,
}

impl Ruling {
    fn is_allow(&self) -> bool {
        *self == Ruling::Allow
    }
}

impl Policy {
    pub(super) fn weigh_entry(&self, file: &FileChange, modules: bool, needs: &mut Needs) {
        file.marks.iter().filter(|_| !planted::out("marks")).for_each(|mark| self.weigh_mark(file, mark, needs));
        let Some(new) = &file.new else { return };
        let before = file.old.as_ref().map(|blob| blob.mode);
        let path = || shown(&file.path);
        match new.mode {
            PLAIN => {}
            EXECUTABLE if before == Some(EXECUTABLE) => {}
            EXECUTABLE => needs.rule(self.entries.executable, || format!("{} becomes executable", path())),
            SYMLINK => needs.rule(self.entries.symlink, || format!("{} is a symbolic link", path())),
            GITLINK => needs.rule(self.entries.gitlink, || format!("{} is a link to another repository", path())),
            mode => needs.deny(format!("{} has the unknown mode {mode:o}", path())),
        }
        if modules {
            needs.rule(self.entries.gitlink, || format!("{} names other repositories", path()));
        }
        if file.binary {
            needs.rule(self.entries.binary, || format!("{} is binary, which no reviewer can read", path()));
        }
    }

    fn weigh_mark(&self, file: &FileChange, mark: &Mark, needs: &mut Needs) {
        let (rules, path, kind) = (&self.entries, shown(&file.path), self.kind_of(file));
        match mark {
            Mark::HiddenText { point, line } => {
                needs.rule(rules.hidden_text, || format!("{path}, line {line}: U+{point:04X} hides text or turns it"));
            }
            Mark::Secret { .. } if planted::out("secrets") => {}
            Mark::Secret { kind, line } => needs.rule(rules.secret, || format!("{path}, line {line}: it looks like {}", shown(kind))),
            Mark::MixedScript { .. } if kind == PathKind::Docs => {}
            Mark::MixedScript { word } => {
                needs.rule(rules.mixed_script, || format!("{path}: {} mixes letters that look alike", shown(word)))
            }
            Mark::Pointer => needs.rule(rules.pointer, || format!("{path} is a pointer to content that is not here")),
            Mark::KnowsTests { word } if kind == PathKind::Source => {
                needs.rule(rules.knows_tests, || format!("{path} can tell that it is being tested: {word}"));
            }
            Mark::KnowsTests { .. } | Mark::SteersTests { .. } => {}
            Mark::NewPackage { name } => needs.rule(rules.new_package, || format!("{path} takes in the package {}", shown(name))),
            Mark::NewSource { place } => needs.rule(rules.new_source, || format!("{path} takes something from {}", shown(place))),
            Mark::Unsealed { name } => {
                needs.rule(rules.unsealed, || format!("{path}: the package {} is bound to no checksum", shown(name)))
            }
        }
    }

    /// What of a change steers how tests are found or run, one sentence each.
    pub fn harness_of(&self, change: &Change) -> Vec<String> {
        let steers = |file: &FileChange| {
            let whole = FoldedPath::new(&file.path).is_any(&self.paths.harness);
            let word = file.marks.iter().find_map(|mark| if let Mark::SteersTests { word } = mark { Some(word) } else { None });
            match (whole, word.filter(|_| !self.paths.harness.is_empty())) {
                (true, _) => Some(shown(&file.path)),
                (false, Some(word)) => Some(format!("{} ({word})", shown(&file.path))),
                (false, None) => None,
            }
        };
        change.files.iter().filter_map(steers).collect()
    }
}
