//! What cargo says while it builds: test executables and errors.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A test executable that cargo built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Executable {
    pub(super) path: PathBuf,
    /// `crate::` or `crate::target::`: what its test ids begin with.
    pub(super) prefix: String,
    pub(super) manifest: PathBuf,
}

/// All that cargo said in one build.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) executables: Vec<Executable>,
    /// What the tests may start besides.
    pub(super) programs: Vec<PathBuf>,
    /// Folders in which the built programs may look for libraries.
    pub(super) libraries: BTreeSet<PathBuf>,
    pub(super) errors: Vec<Diagnostic>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Diagnostic {
    message: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    rendered: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Code {
    code: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Span {
    is_primary: bool,
    label: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-artifact")]
    Artifact(Artifact),
    #[serde(rename = "compiler-message")]
    Compiler { message: Diagnostic },
    #[serde(rename = "build-script-executed")]
    BuildScript { linked_paths: Vec<String> },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Artifact {
    package_id: String,
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Messages {
    /// Reads cargo's JSON lines; executables count only where cargo puts them, in the run's own target folder.
    pub(super) fn read(text: &str, target: &Path) -> Self {
        let mut all = Self::default();
        for message in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match message {
                Message::Artifact(artifact) => {
                    all.programs.extend(artifact.program(target));
                    all.executables.extend(artifact.executable(target));
                }
                Message::Compiler { message } if message.level.starts_with("error") && !message.is_summary() => all.errors.push(message),
                Message::BuildScript { linked_paths } => {
                    let paths = linked_paths.iter().map(|path| path.split_once('=').map_or(path.as_str(), |(_, path)| path));
                    all.libraries.extend(paths.map(PathBuf::from).filter(|path| path.starts_with(target)));
                }
                Message::Compiler { .. } | Message::Other => {}
            }
        }
        all
    }

    /// The symbols that the errors miss, when every error is about a missing symbol.
    pub(super) fn missing(&self) -> Vec<String> {
        let named: Option<Vec<Vec<String>>> = self.errors.iter().map(Diagnostic::missing).collect();
        named.unwrap_or_default().into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn rendered(&self) -> String {
        self.errors.iter().map(|error| error.rendered.as_ref().unwrap_or(&error.message).as_str()).collect()
    }
}

impl Artifact {
    fn program(&self, target: &Path) -> Option<PathBuf> {
        self.executable.clone().filter(|path| !self.profile.test && path.starts_with(target))
    }

    fn executable(self, target: &Path) -> Option<Executable> {
        let package = package(&self.package_id)?;
        let path = self.executable.filter(|path| self.profile.test && path.starts_with(target))?;
        let own = ["bin", "test", "example", "bench"].iter().any(|kind| self.target.kind.iter().any(|is| is == kind));
        let prefix = if own { format!("{package}::{}::", self.target.name) } else { format!("{package}::") };
        Some(Executable { path, prefix, manifest: self.manifest_path })
    }
}

/// The package's name in cargo's id of it, in the new form (`path+file:///a/name#1.0`, `…#name@1.0`) or the old (`name 1.0 (…)`).
fn package(id: &str) -> Option<String> {
    match id.rsplit_once('#') {
        Some((_, name)) if name.contains('@') => name.split('@').next().map(str::to_owned),
        Some((url, _)) => url.rsplit('/').next().map(str::to_owned),
        None => id.split(' ').next().map(str::to_owned),
    }
}

/// Errors that say nothing but that a name does not exist. Wrong arguments (E0061) and types (E0308) are not here: the name exists
/// then, so its addition would show nothing. E0583 (no file for a module) is a slip in the tests themselves.
const MISSING: [&str; 17] = [
    "E0405", "E0407", "E0412", "E0422", "E0425", "E0432", "E0433", "E0437", "E0438", "E0531", "E0559", "E0560", "E0576", "E0599", "E0609",
    "E0026", "E0220",
];

impl Diagnostic {
    fn is_summary(&self) -> bool {
        self.message.starts_with("aborting due to") || self.message.starts_with("could not compile")
    }

    fn missing(&self) -> Option<Vec<String>> {
        let names: Vec<String> = match self.code.as_ref().map(|code| code.code.as_str()) {
            // "struct `S` has no field named `x`": the second name is the one that is missing.
            Some("E0559" | "E0560" | "E0026") => quoted(&self.message).into_iter().skip(1).collect(),
            Some("E0432") => self.imports(),
            Some(code) if MISSING.contains(&code) => quoted(&self.message).into_iter().take(1).collect(),
            None if self.message.starts_with("cannot find macro") => quoted(&self.message).into_iter().take(1).collect(),
            Some(_) | None => return None,
        };
        let last = |name: &String| name.rsplit("::").next().unwrap_or_default().trim_end_matches('!').to_owned();
        let names: Vec<String> = names.iter().map(last).collect();
        (!names.is_empty() && names.iter().all(|name| super::symbols::is_identifier(name))).then_some(names)
    }

    /// One import can miss several names; each has its own label.
    fn imports(&self) -> Vec<String> {
        let labels = self.spans.iter().filter(|span| span.is_primary).filter_map(|span| span.label.as_deref());
        let named: Vec<String> = labels.filter_map(|label| quoted(label).into_iter().next()).collect();
        if named.is_empty() { quoted(&self.message) } else { named }
    }
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(errors: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        let error = |(code, message, label): &(&str, &str, Option<&str>)| Diagnostic {
            message: (*message).into(),
            level: "error".into(),
            code: (!code.is_empty()).then(|| Code { code: (*code).into() }),
            spans: vec![Span { is_primary: true, label: label.map(str::to_owned) }],
            rendered: None,
        };
        Messages { errors: errors.iter().map(error).collect(), ..Messages::default() }.missing()
    }

    #[test]
    fn missing_symbols_are_named() {
        assert_eq!(missing(&[("E0425", "cannot find function `frob` in crate `demo`", None)]), ["frob"]);
        assert_eq!(missing(&[("E0432", "unresolved import `demo::a::b`", Some("no `b` in `a`"))]), ["b"]);
        assert_eq!(missing(&[("E0432", "unresolved imports `demo::a`, `demo::b`", None)]), ["a", "b"]);
        assert_eq!(missing(&[("E0560", "struct `S` has no field named `x`", None)]), ["x"]);
        assert_eq!(missing(&[("", "cannot find macro `m` in this scope", None)]), ["m"]);
        assert_eq!(missing(&[("E0599", "no method named `go` found for struct `S` in the current scope", None)]), ["go"]);
    }

    #[test]
    fn one_other_error_leaves_none() {
        let symbol = ("E0425", "cannot find function `frob` in this scope", None);
        for other in [
            ("E0308", "mismatched types", None),
            ("", "expected one of `;`", None),
            ("E0061", "this takes 1 argument", None),
            ("E0609", "no field `0` on type `u8`", None),
        ] {
            assert!(missing(&[symbol, other]).is_empty(), "{other:?}");
        }
        assert!(missing(&[]).is_empty());
    }

    #[test]
    fn package_names_are_read_in_all_forms() {
        for (id, name) in [
            ("path+file:///work/tree#0.1.0", "tree"),
            ("path+file:///work/tree#demo@0.1.0", "demo"),
            ("demo 0.1.0 (path+file:///x)", "demo"),
        ] {
            assert_eq!(package(id).as_deref(), Some(name));
        }
    }

    #[test]
    fn executables_elsewhere_do_not_count() {
        let line = |path: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"p#d@1","manifest_path":"/m","target":{{"kind":["test"],"name":"t"}},"profile":{{"test":true}},"executable":"{path}"}}"#
            )
        };
        let found = Messages::read(
            &[line("/work/target/debug/deps/t"), line("/work/tree/t"), "noise".into(), line("/work/target/debug/p").replace("true", "false")].join("\n"),
            Path::new("/work/target"),
        );
        assert_eq!(found.executables.len(), 1);
        assert_eq!(found.executables[0].prefix, "d::t::");
        assert_eq!(found.programs, [Path::new("/work/target/debug/p")]);
    }
}
