//! Python: pytest, collected first and then judged by its JUnit report.

use super::cover::Covered;
use super::execute::{Bench, Program, Trouble};
use super::junit::{Case, by_id};
use super::{Told, report, symbols, toolchain};
use crate::domain::run::Outcome;
use crate::edge::sandbox::Bind;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const REPORT: &str = "pytest.xml";
/// `-o addopts=`: the repository's own options must not decide what is run.
const FIXED: [&str; 11] = [
    "-p",
    "no:cacheprovider",
    "-o",
    "addopts=",
    "-o",
    "junit_family=xunit1",
    "-o",
    "junit_logging=no",
    "-rA",
    "--color=no",
    "--continue-on-collection-errors",
];

pub(super) fn run(bench: &Bench) -> Result<Told, Trouble> {
    let python = Python::found(bench)?;
    let collected = bench.execute(&python.program(bench, &["--collect-only", "-q"]))?;
    let ids = collected_ids(&collected.text());
    let file = bench.place.out.join(REPORT);
    let program = python.program(bench, &["--junitxml", &file.to_string_lossy()]);
    let command = program.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let ended = bench.execute(&program)?;
    let Ok(cases) = report::read(bench, REPORT) else {
        return without_report(command, ids, ended.code);
    };
    let results = outcomes(&ids, &cases, &ended.text());
    Ok(match missing(&cases) {
        Some(missing) => Told { results, ..Told::not_built(command, missing, said(&cases)) },
        None => Told::finished(command, results, said(&cases)),
    })
}

/// Which lines of these files can run, told before anything of the tree runs, and which did. A run that leaves no word has run none.
pub(super) fn cover(bench: &Bench, files: &[&str]) -> Result<Covered, Trouble> {
    let python = Python::found(bench)?;
    let trouble = |why: std::io::Error| Trouble::outside("cannot lay out what watches the lines", why);
    let (home, shown) = (bench.place.host("home"), bench.place.home.join("cover.py"));
    std::fs::write(home.join("cover.py"), include_str!("cover.py")).map_err(trouble)?;
    let listed = serde_json::to_vec(files).map_err(|why| Trouble::outside("cannot list the files", why))?;
    std::fs::write(home.join("files.json"), listed).map_err(trouble)?;
    let path = |name: &str| bench.place.out.join(name).to_string_lossy().into_owned();
    let (root, list) = (bench.place.tree.to_string_lossy().into_owned(), bench.place.home.join("files.json").to_string_lossy().into_owned());
    // -I: what the tree has under a module's name must not say which of its lines can run.
    let words = ["-I".into(), shown.clone().into(), "lines".into(), path("lines.json").into(), root.clone().into(), list.into()];
    bench.execute(&python.started(bench, words.into()))?;
    let told: BTreeMap<String, Option<BTreeSet<u32>>> = read(bench, "lines.json").ok_or_else(|| Trouble::Infrastructure("python does not tell its lines".into()))?;
    let whole = |path: &str| symbols::spoken(&String::from_utf8_lossy(&std::fs::read(bench.place.checkout().join(path)).unwrap_or_default()), &["#"]);
    let code = told.into_iter().map(|(path, lines)| (lines.unwrap_or_else(|| whole(&path)), path)).map(|(lines, path)| (path, lines)).collect();
    let (file, root) = (path("hit.json"), format!("{root}/"));
    let words = [&["run", &file, &root], &FIXED[..]].concat();
    bench.execute(&python.started(bench, std::iter::once(shown.into()).chain(words.into_iter().map(OsString::from)).collect()))?;
    Ok(Covered { tool: "python's own tracer", code, hit: read(bench, "hit.json").unwrap_or_default() })
}

fn read<T: serde::de::DeserializeOwned>(bench: &Bench, name: &str) -> Option<T> {
    serde_json::from_slice(&bench.place.report(name).ok()?).ok()
}

/// pytest ended without its report: nothing can be believed, and tests that were collected are broken.
fn without_report(command: Vec<String>, ids: BTreeSet<String>, code: Option<i32>) -> Result<Told, Trouble> {
    let note = format!("pytest left no readable report (exit code {code:?})");
    match ids.is_empty() {
        true => Err(Trouble::Infrastructure(note)),
        false => Ok(Told::finished(command, ids.into_iter().map(|id| (id, Outcome::Broken)).collect(), note)),
    }
}

/// The owner's interpreter that has pytest.
struct Python {
    executable: PathBuf,
    binds: Vec<Bind>,
}

impl Python {
    fn found(bench: &Bench) -> Result<Self, Trouble> {
        let script = "import sys, pytest; print(sys.executable); print(sys.prefix); print(sys.base_prefix)";
        let dependencies = &bench.job.dependencies;
        let provided = dependencies.iter().map(|bind| (bind.source.join("bin/python3"), Some(bind.target.join("bin/python3"))));
        let own = toolchain::found("python3").map(|path| (path, None));
        for (path, shown) in provided.filter(|(path, _)| path.is_file()).chain(own) {
            // -I: what only the user's own site folder has would be missing inside.
            let lines = toolchain::ask(&path, &["-I", "-c", script]).unwrap_or_default();
            if let Ok([executable, prefix, base]) = <[String; 3]>::try_from(lines) {
                let prefixes = if shown.is_some() { vec![base] } else { vec![prefix, base] };
                let binds = prefixes.iter().map(|prefix| toolchain::shown(Path::new(prefix))).collect::<Result<Vec<_>, _>>()?;
                return Ok(Self { executable: shown.unwrap_or_else(|| executable.into()), binds: binds.into_iter().flatten().collect() });
            }
        }
        Err(Trouble::Infrastructure("no python3 in PATH has pytest; fix: sudo apt-get install -y python3-pytest".into()))
    }

    fn program(&self, bench: &Bench, args: &[&str]) -> Program {
        self.started(bench, ["-m", "pytest"].iter().chain(&FIXED).chain(args).map(OsString::from).collect())
    }

    fn started(&self, bench: &Bench, words: Vec<OsString>) -> Program {
        let mut env = BTreeMap::from([
            ("PATH".to_owned(), toolchain::path(self.executable.parent().unwrap_or(Path::new("/usr/bin")))),
            ("PYTHONDONTWRITEBYTECODE".into(), "1".into()),
            ("PYTHONHASHSEED".into(), "0".into()),
            ("PYTHONNOUSERSITE".into(), "1".into()),
        ]);
        // A package below `src` that nobody installed.
        if bench.place.checkout().join("src").is_dir() && !bench.place.checkout().join("src/__init__.py").exists() {
            env.insert("PYTHONPATH".into(), bench.place.tree.join("src").to_string_lossy().into_owned());
        }
        let argv = [self.executable.clone().into_os_string()].into_iter().chain(words).collect();
        Program { argv, env, binds: self.binds.clone(), ..Program::default() }
    }
}

/// Node ids in a quiet list, such as `tests/test_a.py::test_b[1]`.
fn collected_ids(text: &str) -> BTreeSet<String> {
    let listed = text.lines().take_while(|line| !line.starts_with("=====") && !line.trim().is_empty());
    listed.filter(|line| line.contains("::")).map(str::to_owned).collect()
}

/// The class and name that pytest gives a node id in its report (`mangle_test_address`).
fn address(id: &str) -> (String, String) {
    let (path, parameters) = id.find('[').map_or((id, ""), |at| id.split_at(at));
    let mut names: Vec<String> = path.split("::").map(str::to_owned).collect();
    let file = names[0].replace('/', ".");
    file.strip_suffix(".py").unwrap_or(&file).clone_into(&mut names[0]);
    let name = names.pop().unwrap_or_default() + parameters;
    (names.join("."), name)
}

/// Puts the report's outcomes to node ids. Collected and not reported is broken; so is what two ids or two cases share.
fn outcomes(ids: &BTreeSet<String>, cases: &[Case], said: &str) -> BTreeMap<String, Outcome> {
    let reported = by_id(cases.iter().map(|case| (format!("{}\0{}", case.class, case.name), case.outcome)));
    let key = |id: &str| {
        let (class, name) = address(id);
        format!("{class}\0{name}")
    };
    let counts = ids.iter().fold(BTreeMap::<String, usize>::new(), |mut all, id| {
        *all.entry(key(id)).or_default() += 1;
        all
    });
    // A test that passed although it was expected to fail is told only in words.
    let unexpected: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("XPASS ")?.split(' ').next()).collect();
    let outcome = |id: &String| match reported.get(&key(id)) {
        Some(Outcome::Passed) if unexpected.contains(id.as_str()) => Outcome::Skipped,
        Some(outcome) if counts[&key(id)] == 1 => *outcome,
        _ => Outcome::Broken,
    };
    let strangers = cases.iter().filter(|case| !counts.contains_key(&format!("{}\0{}", case.class, case.name)));
    let mut results: BTreeMap<String, Outcome> = strangers.map(|case| (case.id(), Outcome::Broken)).collect();
    results.extend(ids.iter().map(|id| (id.clone(), outcome(id))));
    results
}

/// The symbols that imports missed, when something could not be collected for that reason only.
fn missing(cases: &[Case]) -> Option<Vec<String>> {
    let errors: Vec<&Case> =
        cases.iter().filter(|case| case.outcome == Outcome::Broken && case.said.starts_with("collection failure")).collect();
    let named: Option<BTreeSet<String>> = errors.iter().map(|case| missing_in(&case.said)).collect();
    named.filter(|names| !names.is_empty()).map(|names| names.into_iter().collect())
}

fn missing_in(said: &str) -> Option<String> {
    let last = said.lines().rev().find_map(|line| line.strip_prefix("E   "))?.trim();
    let quoted = |at: usize| last.split('\'').nth(at * 2 + 1);
    let name = match () {
        () if last.starts_with("ImportError: cannot import name ") => quoted(0),
        () if last.starts_with("ModuleNotFoundError: No module named ") => quoted(0).and_then(|name| name.rsplit('.').next()),
        () if last.starts_with("AttributeError: ") && last.contains(" has no attribute ") => quoted(1),
        () if last.starts_with("NameError: name ") => quoted(0),
        () => None,
    };
    name.filter(|name| symbols::is_identifier(name)).map(str::to_owned)
}

fn said(cases: &[Case]) -> String {
    let bad = cases.iter().filter(|case| matches!(case.outcome, Outcome::Failed | Outcome::Broken));
    bad.map(|case| format!("{}: {}\n", case.id(), case.said.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_pytests_own() {
        let pair = |class: &str, name: &str| (class.to_owned(), name.to_owned());
        assert_eq!(address("tests/test_a.py::test_b"), pair("tests.test_a", "test_b"));
        assert_eq!(address("tests/test_a.py::TestC::test_b[x::y/z.py]"), pair("tests.test_a.TestC", "test_b[x::y/z.py]"));
    }

    #[test]
    fn missing_imports_are_named() {
        let error = |line: &str| format!("collection failure\nImportError while importing\nE   {line}");
        assert_eq!(missing_in(&error("ImportError: cannot import name 'frob' from 'demo' (/x.py)")).as_deref(), Some("frob"));
        assert_eq!(missing_in(&error("ModuleNotFoundError: No module named 'demo.frob'")).as_deref(), Some("frob"));
        assert_eq!(missing_in(&error("AttributeError: module 'demo' has no attribute 'frob'")).as_deref(), Some("frob"));
        assert_eq!(missing_in(&error("SyntaxError: invalid syntax")), None);
    }
}
