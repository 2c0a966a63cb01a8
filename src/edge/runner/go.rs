//! Go: `go test -json`, event by event.

use super::execute::{Bench, Program, Trouble};
use super::{Told, symbols, toolchain};
use crate::domain::run::Outcome;
use crate::edge::sandbox::Bind;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) fn run(bench: &Bench) -> Result<Told, Trouble> {
    let program = program(bench, &["-json", "./..."])?;
    let command = program.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let ended = bench.execute(&program)?;
    let seen = Seen::read(&ended.text());
    let built = seen.built.join("") + &ended.errors();
    let unbuilt = seen.unbuilt || (seen.results.is_empty() && ended.code != Some(0));
    match unbuilt {
        true => Ok(Told { results: seen.results, ..Told::not_built(command, missing(&built), built) }),
        false => Ok(Told::finished(command, seen.results, seen.said.join("") + &built)),
    }
}

/// Go's tests with these arguments, without network.
pub(super) fn program(bench: &Bench, args: &[&str]) -> Result<Program, Trouble> {
    let go = toolchain::first("go", "install Go for the user that runs the supervisor")?;
    let lines = toolchain::ask(&go, &["env", "GOROOT", "GOMODCACHE"]).unwrap_or_default();
    let [root, modules] = <[String; 2]>::try_from(lines).map_err(|_| Trouble::Infrastructure("go does not say where it stands".into()))?;
    let mut binds: Vec<Bind> = toolchain::shown(Path::new(&root))?.into_iter().collect();
    if Path::new(&modules).is_dir() {
        binds.push(Bind::read_only(&modules, &modules));
    }
    let bin = PathBuf::from(&root).join("bin");
    let place = |name: &str| bench.place.home.join(name).to_string_lossy().into_owned();
    let env = [
        ("PATH", toolchain::path(&bin)),
        ("GOROOT", root),
        ("GOMODCACHE", modules),
        ("GOPROXY", "off".into()),
        ("GOFLAGS", "-mod=readonly".into()),
        ("GOTOOLCHAIN", "local".into()),
        ("GOENV", "off".into()),
        ("GOCACHE", place("go-cache")),
        ("GOPATH", place("go")),
        ("GOTELEMETRY", "off".into()),
    ];
    let env = env.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let words = ["test", "-count=1", "-vet=off"].iter().chain(args);
    let argv = [bin.join("go").into_os_string()].into_iter().chain(words.map(Into::into)).collect();
    Ok(Program { argv, env, binds, ..Program::default() })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

/// What the events of one run showed.
#[derive(Default)]
struct Seen {
    results: BTreeMap<String, Outcome>,
    said: Vec<String>,
    /// What the compiler said, where it is told in events; elsewhere it is on the other stream.
    built: Vec<String>,
    unbuilt: bool,
}

impl Seen {
    fn read(text: &str) -> Self {
        let (mut seen, mut failed) = (Self::default(), BTreeSet::new());
        for line in text.lines() {
            let Ok(event) = serde_json::from_str::<Event>(line) else {
                // Go before 1.20 says so beside its events.
                seen.unbuilt |= is_unbuilt(line);
                continue;
            };
            match (event.action.as_str(), event.test.is_empty()) {
                ("build-fail", _) => seen.unbuilt = true,
                ("build-output", _) => seen.built.push(event.output),
                ("output", whole) => {
                    seen.unbuilt |= whole && is_unbuilt(&event.output);
                    seen.said.push(event.output);
                }
                ("fail", true) => drop(failed.insert(event.package)),
                (action, false) => seen.note(format!("{}::{}", event.package, event.test), action),
                _ => {}
            }
        }
        // A package that failed though none of its tests did: it crashed, or did not load.
        let told = |package: &String, seen: &Self| {
            seen.results.iter().any(|(id, end)| id.starts_with(&format!("{package}::")) && *end != Outcome::Passed)
        };
        let silent: Vec<String> = failed.into_iter().filter(|package| !told(package, &seen)).collect();
        seen.results.extend(silent.into_iter().map(|package| (package, Outcome::Broken)));
        seen
    }

    /// A test that began and has not ended is broken; one that ended twice, too.
    fn note(&mut self, id: String, action: &str) {
        let known = self.results.get(&id).copied();
        let outcome = match (action, known) {
            ("run", None) => Outcome::Broken,
            ("pass", Some(Outcome::Broken)) => Outcome::Passed,
            ("fail", Some(Outcome::Broken)) => Outcome::Failed,
            ("skip", Some(Outcome::Broken)) => Outcome::Skipped,
            ("run" | "pass" | "fail" | "skip", _) => Outcome::Broken,
            _ => return,
        };
        self.results.insert(id, outcome);
    }
}

/// What go says of a package, not of a test, that it could not build.
fn is_unbuilt(line: &str) -> bool {
    line.starts_with("FAIL\t") && ["[build failed]", "[setup failed]"].iter().any(|end| line.trim_end().ends_with(end))
}

/// The symbols that the compiler missed, when it said nothing else.
fn missing(said: &str) -> Vec<String> {
    let errors = said.lines().filter(|line| line.split(':').nth(1).is_some_and(|number| number.parse::<u32>().is_ok()));
    let named: Option<BTreeSet<String>> = errors.map(undefined).collect();
    named.unwrap_or_default().into_iter().collect()
}

fn undefined(line: &str) -> Option<String> {
    let name = match line.split_once(": undefined: ") {
        Some((_, name)) => name.rsplit('.').next()?,
        None if line.contains(" undefined (") => line.split_once(" undefined (")?.0.rsplit(['.', ' ']).next()?,
        None => return None,
    };
    symbols::is_identifier(name.trim()).then(|| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_outcomes() {
        let event = |action: &str, test: &str| format!("{{\"Action\":\"{action}\",\"Package\":\"p\",\"Test\":\"{test}\"}}");
        let text = [
            event("run", "A"),
            event("pass", "A"),
            event("run", "B"),
            event("fail", "B"),
            event("run", "C"),
            event("skip", "C"),
            event("run", "D"),
            event("pass", "E"),
            "noise".into(),
        ]
        .join("\n");
        let expect = [
            ("p::A", Outcome::Passed),
            ("p::B", Outcome::Failed),
            ("p::C", Outcome::Skipped),
            ("p::D", Outcome::Broken),
            ("p::E", Outcome::Broken),
        ];
        assert_eq!(Seen::read(&text).results, expect.map(|(id, outcome)| (id.into(), outcome)).into());
        let crash = Seen::read("{\"Action\":\"fail\",\"Package\":\"p\"}");
        assert_eq!(crash.results, [("p".into(), Outcome::Broken)].into());
    }

    #[test]
    fn every_release_says_in_its_own_way_that_a_package_was_not_built() {
        let output = |test: &str| {
            format!("{{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"{test}\",\"Output\":\"FAIL\\tp [build failed]\\n\"}}")
        };
        for says in ["FAIL\tp [build failed]", "FAIL\tp [setup failed]", &output(""), "{\"Action\":\"build-fail\",\"ImportPath\":\"p\"}"] {
            assert!(Seen::read(says).unbuilt, "{says}");
        }
        assert!(!Seen::read(&output("A")).unbuilt, "a test's own words are not go's");
    }

    #[test]
    fn undefined_names_are_missing() {
        let said = "# p\n./a_test.go:5:7: undefined: Frob\n./a_test.go:6:9: x.Go undefined (type T has no field or method Go)\n";
        assert_eq!(missing(said), ["Frob", "Go"]);
        assert!(missing(&format!("{said}./a_test.go:9:1: syntax error\n")).is_empty());
    }
}
