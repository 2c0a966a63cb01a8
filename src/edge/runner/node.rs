//! JavaScript: vitest or jest where the owner provides them, else Node's own test runner, one process per file.

use super::cover::{Covered, Lines};
use super::execute::{Bench, Program, Trouble};
use super::junit::{self, Case, by_id};
use super::{Told, report, symbols, toolchain};
use crate::domain::run::Outcome;
use crate::edge::sandbox::Bind;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) fn run(bench: &Bench) -> Result<Told, Trouble> {
    let node = Node::found()?;
    let scripts = std::fs::read_to_string(bench.place.checkout().join("package.json")).unwrap_or_default();
    match () {
        () if scripts.contains("vitest") && provided(bench, "vitest") => node.vitest(bench),
        () if scripts.contains("jest") && provided(bench, "jest") => node.jest(bench),
        () => node.own(bench),
    }
}

/// Tells whether the owner's `node_modules` has a package; a tree's own would be a seat's word.
fn provided(bench: &Bench, package: &str) -> bool {
    let modules = bench.job.dependencies.iter().filter(|bind| bind.target.ends_with("node_modules"));
    modules.into_iter().any(|bind| bind.source.join(package).join("package.json").is_file())
}

/// Which lines of these files V8 saw run, block by block, whatever comments or settings say; nothing where another runner than node's own
/// runs the tests.
pub(super) fn cover(bench: &Bench, files: &[&str]) -> Result<Option<Covered>, Trouble> {
    let scripts = std::fs::read_to_string(bench.place.checkout().join("package.json")).unwrap_or_default();
    if ["vitest", "jest"].iter().any(|name| scripts.contains(name) && provided(bench, name)) {
        return Ok(None);
    }
    let node = Node::found()?;
    let text = |path: &str| String::from_utf8_lossy(&std::fs::read(bench.place.checkout().join(path)).unwrap_or_default()).into_owned();
    let sources: BTreeMap<&str, String> = files.iter().map(|path| (*path, text(path))).collect();
    let code = sources.iter().map(|(path, text)| ((*path).to_owned(), symbols::spoken(text, &["//", "/*"]))).collect();
    let mut program = node.program(&["--test"]);
    program.env.insert("NODE_V8_COVERAGE".into(), bench.place.out.join("v8").to_string_lossy().into_owned());
    let own: Vec<String> = test_files(bench.place.checkout());
    program.argv.extend(own.iter().map(Into::into));
    bench.execute(&program)?;
    let (mut hit, mut room) = (Lines::new(), MOST_MARKED);
    let named = std::fs::read_dir(bench.place.host("out").join("v8")).into_iter().flatten().flatten();
    for name in named.filter_map(|entry| entry.file_name().into_string().ok()) {
        let bytes = bench.place.report(&format!("v8/{name}")).unwrap_or_default();
        room = room.saturating_sub(bytes.len() * READ_COSTS);
        let Some(told) = serde_json::from_slice::<V8>(&bytes).ok().filter(|_| room > 0) else { continue };
        let root = format!("file://{}/", bench.place.tree.display());
        for script in told.result {
            let Some((path, text)) = script.url.strip_prefix(&root).and_then(|path| sources.get_key_value(path)) else { continue };
            hit.entry((*path).to_owned()).or_default().extend(script.run(text, &mut room));
        }
    }
    Ok(Some(Covered { tool: "V8", code, hit }))
}

/// Letters of source that are marked as run or not, in all: reports that were made to keep the supervisor busy tell nothing from there on.
const MOST_MARKED: usize = 1 << 36;
/// What a letter costs that is read and not only marked.
const READ_COSTS: usize = 64;

#[derive(Deserialize)]
struct V8 {
    result: Vec<Script>,
}

#[derive(Deserialize)]
struct Script {
    url: String,
    functions: Vec<Function>,
}

#[derive(Deserialize)]
struct Function {
    ranges: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    start_offset: usize,
    end_offset: usize,
    count: u64,
}

impl Script {
    /// The lines of which something ran: blocks come from the outermost to the innermost, and the innermost says.
    fn run(&self, text: &str, room: &mut usize) -> BTreeSet<u32> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let mut ran = vec![false; units.len()];
        *room = room.saturating_sub(units.len() * READ_COSTS);
        for block in self.functions.iter().flat_map(|function| &function.ranges) {
            let from = block.start_offset.min(ran.len());
            let to = block.end_offset.clamp(from, ran.len());
            *room = room.saturating_sub(to - from);
            if *room == 0 {
                return BTreeSet::new();
            }
            ran[from..to].fill(block.count > 0);
        }
        let mut line = 1;
        let mut lines = BTreeSet::new();
        for (unit, ran) in units.into_iter().zip(ran) {
            match u8::try_from(unit) {
                Ok(b'\n') => line += 1,
                Ok(b' ' | b'\t' | b'\r') => {}
                Ok(_) | Err(_) if ran => drop(lines.insert(line)),
                Ok(_) | Err(_) => {}
            }
        }
        lines
    }
}

struct Node {
    executable: PathBuf,
    binds: Vec<Bind>,
}

impl Node {
    fn found() -> Result<Self, Trouble> {
        let node = toolchain::first("node", "install Node.js 20 or newer")?;
        let lines = toolchain::ask(&node, &["-p", "process.execPath"]).unwrap_or_default();
        let executable =
            lines.first().map(PathBuf::from).ok_or_else(|| Trouble::Infrastructure("node does not say where it stands".into()))?;
        let prefix = executable.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned();
        Ok(Self { binds: toolchain::shown(&prefix)?.into_iter().collect(), executable })
    }

    fn program(&self, args: &[&str]) -> Program {
        let argv = [self.executable.as_os_str()].into_iter().chain(args.iter().map(AsRef::as_ref)).map(Into::into).collect();
        let env = [("PATH".into(), toolchain::path(self.executable.parent().unwrap_or(Path::new("/usr/bin"))))].into();
        Program { argv, env, binds: self.binds.clone(), ..Program::default() }
    }

    fn own(&self, bench: &Bench) -> Result<Told, Trouble> {
        let (mut results, mut failed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for (number, file) in test_files(bench.place.checkout()).iter().enumerate() {
            let name = format!("node-{number}.xml");
            let destination = format!("--test-reporter-destination={}", bench.place.out.join(&name).display());
            bench.execute(&self.program(&["--test", "--test-reporter=junit", &destination, file]))?;
            let cases = report::read(bench, &name).unwrap_or_default();
            results.extend(judge(file, &cases));
            failed.extend(cases.iter().filter(|case| case.outcome == Outcome::Failed).map(|case| case.said.clone()));
            if cases.is_empty() || cases.iter().any(|case| is_file(file, case)) {
                // The report does not say why a file did not load; the file alone does.
                missing.push(missing_export(&bench.execute(&self.program(&[file]))?.errors()));
            }
        }
        let command = vec!["node".into(), "--test".into(), "--test-reporter=junit".into()];
        let note = failed.join("\n");
        let missing: Option<Vec<String>> = missing.into_iter().collect();
        Ok(match missing.filter(|names| !names.is_empty()) {
            Some(missing) => Told { results: by_id(results), ..Told::not_built(command, missing, note) },
            None => Told::finished(command, by_id(results), note),
        })
    }

    fn vitest(&self, bench: &Bench) -> Result<Told, Trouble> {
        let file = format!("--outputFile={}", bench.place.out.join("vitest.xml").display());
        let args = ["node_modules/vitest/vitest.mjs", "run", "--reporter=junit", &file];
        bench.execute(&self.program(&args))?;
        let cases = report::read(bench, "vitest.xml")?;
        Ok(Told::finished(args.map(str::to_owned).to_vec(), by_id(cases.iter().map(|case| (case.id(), case.outcome))), String::new()))
    }

    fn jest(&self, bench: &Bench) -> Result<Told, Trouble> {
        let file = format!("--outputFile={}", bench.place.out.join("jest.json").display());
        let args = ["node_modules/jest/bin/jest.js", "--ci", "--json", "--no-cache", &file];
        bench.execute(&self.program(&args))?;
        let bytes = bench.place.report("jest.json").map_err(|why| Trouble::outside("jest left no report", why))?;
        let results = jest_results(&bytes, &bench.place.tree).map_err(|why| Trouble::outside("jest's report cannot be read", why))?;
        Ok(Told::finished(args.map(str::to_owned).to_vec(), results, String::new()))
    }
}

/// The files that `node --test` would run.
fn test_files(root: &Path) -> Vec<String> {
    let shown = symbols::files(root).into_iter().filter_map(|path| path.strip_prefix(root).ok()?.to_str().map(str::to_owned));
    shown.filter(|path| is_test_file(path)).collect()
}

fn is_test_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some(stem) = [".js", ".mjs", ".cjs"].iter().find_map(|end| name.strip_suffix(end)) else { return false };
    let marked = stem == "test" || stem.starts_with("test-") || [".test", "-test", "_test"].iter().any(|end| stem.ends_with(end));
    marked || folder.split('/').any(|part| part == "test")
}

/// Node reports a file that ended without tests, or did not load, as one test with the file's name.
fn is_file(file: &str, case: &Case) -> bool {
    case.name.ends_with(file)
}

fn judge(file: &str, cases: &[Case]) -> Vec<(String, Outcome)> {
    let outcome = |case: &Case| match case.outcome {
        Outcome::Failed if case.kind != "testCodeFailure" => Outcome::Broken,
        other => other,
    };
    let id =
        |case: &Case| format!("{file}::{}", case.suites.iter().chain([&case.name]).map(String::as_str).collect::<Vec<_>>().join(" > "));
    let mut results: Vec<_> = cases.iter().filter(|case| !is_file(file, case)).map(|case| (id(case), outcome(case))).collect();
    if results.len() < cases.len() || cases.is_empty() {
        results.push((file.to_owned(), Outcome::Broken));
    }
    results
}

/// The one thing that keeps a file from loading, when it is a name that another file does not export.
fn missing_export(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("does not provide an export named '")?;
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '$').collect();
    symbols::is_identifier(&name).then_some(name)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Jest {
    test_results: Vec<JestFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestFile {
    name: String,
    status: String,
    assertion_results: Vec<JestTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestTest {
    full_name: String,
    status: String,
}

fn jest_results(bytes: &[u8], tree: &Path) -> Result<BTreeMap<String, Outcome>, serde_json::Error> {
    let report: Jest = serde_json::from_slice(bytes)?;
    let mut results = Vec::new();
    for file in &report.test_results {
        let shown = Path::new(&file.name).strip_prefix(tree).unwrap_or(Path::new(&file.name)).to_string_lossy().into_owned();
        if file.assertion_results.is_empty() && file.status != "passed" {
            results.push((shown.clone(), Outcome::Broken));
        }
        results.extend(file.assertion_results.iter().map(|test| (format!("{shown}::{}", test.full_name), jest_outcome(&test.status))));
    }
    Ok(junit::by_id(results))
}

fn jest_outcome(status: &str) -> Outcome {
    match status {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "pending" | "todo" | "skipped" | "disabled" => Outcome::Skipped,
        _ => Outcome::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_files_are_nodes_own_choice() {
        for yes in ["a.test.js", "lib/a-test.mjs", "a_test.cjs", "test-a.js", "test.js", "test/deep/a.js"] {
            assert!(is_test_file(yes), "{yes}");
        }
        for no in ["a.js", "contest.js", "test/a.json", "tests/a.js", "latest.js"] {
            assert!(!is_test_file(no), "{no}");
        }
    }

    #[test]
    fn blocks_are_marked_as_long_as_there_is_room() {
        let text = "one();\nif (x) {\n  two();\n}\n";
        let report = br#"{"url":"","functions":[{"ranges":[{"startOffset":0,"endOffset":99,"count":1},{"startOffset":14,"endOffset":26,"count":0}]}]}"#;
        let script: Script = serde_json::from_slice(report).expect("reads");
        assert_eq!(script.run(text, &mut MOST_MARKED.clone()), [1, 2].into());
        let (mut room, around) = (text.len() * READ_COSTS + 30, br#"{"url":"","functions":[{"ranges":[{"startOffset":9,"endOffset":3,"count":1}]}]}"#);
        assert!(script.run(text, &mut room).is_empty() && room == 0);
        assert!(serde_json::from_slice::<Script>(around).expect("reads").run(text, &mut MOST_MARKED.clone()).is_empty());
    }

    #[test]
    fn jest_reports_are_read() {
        let report = br#"{"testResults":[{"name":"/work/tree/a.test.js","status":"failed","assertionResults":[
            {"fullName":"x adds","status":"passed"},{"fullName":"x fails","status":"failed"},{"fullName":"x waits","status":"pending"}]},
            {"name":"/work/tree/b.test.js","status":"failed","assertionResults":[]}]}"#;
        let results = jest_results(report, Path::new("/work/tree")).expect("reads");
        let expect = [
            ("a.test.js::x adds", Outcome::Passed),
            ("a.test.js::x fails", Outcome::Failed),
            ("a.test.js::x waits", Outcome::Skipped),
            ("b.test.js", Outcome::Broken),
        ];
        assert_eq!(results, expect.map(|(id, outcome)| (id.into(), outcome)).into());
        assert!(jest_results(b"{}", Path::new("/")).is_err());
    }
}
