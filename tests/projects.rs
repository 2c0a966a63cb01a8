//! Real medium projects with their own test suites, each changed by scripted seats, through all five gates, and judged offline afterwards.
//!
//! `bootstrap/test --projects` runs it: the language's own client fetches each project, so that without `PROJECTS=yes` nothing is done. What
//! cannot be fetched or run on this machine is told as not run, and never as passed.

use crate::world::seat::yes;
use crate::world::{World, project, wire};
use orchestrate::domain::entry::Entry;
use orchestrate::domain::event::Event;
use orchestrate::domain::gate::GateName;
use orchestrate::domain::name::SeatName;
use orchestrate::domain::task::RunKind;
use orchestrate::domain::{merge, review, statement, task};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Fetching, and the test runs of a project on a slow machine.
const LONGEST: Duration = Duration::from_secs(3600);

struct Project {
    language: &'static str,
    name: &'static str,
    /// What has to be on the machine.
    tools: &'static [&'static str],
    /// POSIX sh: lays the project's files into the present folder; what it fetches meanwhile goes to $SCRATCH.
    fetch: &'static str,
    /// POSIX sh in the seat's clone: a test that fails, and then what makes it pass.
    test: &'static str,
    code: &'static str,
}

const PROJECTS: [Project; 4] = [
    Project {
        language: "Rust",
        name: "glob 0.3.4",
        tools: &["cargo"],
        fetch: r#"
mkdir "$SCRATCH/src" && : >"$SCRATCH/src/lib.rs"
printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nglob = "=0.3.4"\n' >"$SCRATCH/Cargo.toml"
(cd "$SCRATCH" && cargo vendor -q all >/dev/null)
cp -R "$SCRATCH/all/glob/." . && rm -f .cargo-checksum.json .cargo_vcs_info.json && mv Cargo.toml.orig Cargo.toml
rm -f Cargo.lock && cargo generate-lockfile -q && cargo fetch -q --locked
"#,
        test: r#"printf '#[test]\nfn words_without_wildcards_are_literal() {\n    let literal = |text: &str| glob::Pattern::new(text).unwrap().is_literal();\n    assert!(literal("a/b.rs") && !literal("a/*.rs") && !literal("[ab]") && !literal("a?"));\n}\n' >tests/literal.rs"#,
        code: r#"printf '\nimpl Pattern {\n    /// Whether it has no wildcard, so that it stands for one name only.\n    pub fn is_literal(&self) -> bool {\n        !self.as_str().contains(&[\047*\047, \047?\047, \047[\047][..])\n    }\n}\n' >>src/lib.rs"#,
    },
    Project {
        language: "Python",
        name: "more-itertools 10.5.0",
        tools: &["python3"],
        fetch: r#"
python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$SCRATCH" more-itertools==10.5.0
tar xzf "$SCRATCH"/more*itertools-10.5.0.tar.gz --strip-components=1
"#,
        test: r#"printf 'from unittest import TestCase\n\nimport more_itertools as mi\n\n\nclass DropLastTests(TestCase):\n    def test_the_last_ones_are_dropped(self):\n        drop_last = getattr(mi, "drop_last", list)\n        got = drop_last([1, 2, 3]) if drop_last is list else drop_last([1, 2, 3], 2)\n        self.assertEqual(list(got), [1])\n' >tests/test_drop_last.py"#,
        code: r#"sed -i "s/^__all__ = \[/__all__ = [\n    'drop_last',/" more_itertools/more.py && printf '\n\ndef drop_last(iterable, n):\n    """Everything but the last *n* items of *iterable*."""\n    held = deque()\n    for item in iterable:\n        held.append(item)\n        if len(held) > n:\n            yield held.popleft()\n' >>more_itertools/more.py"#,
    },
    Project {
        language: "JavaScript",
        name: "find-my-way 9.3.0",
        tools: &["node", "npm"],
        fetch: r#"
npm pack -s --pack-destination "$SCRATCH" find-my-way@9.3.0 >/dev/null
tar xzf "$SCRATCH"/find-my-way-9.3.0.tgz --strip-components=1
npm install -s --ignore-scripts --no-audit --no-fund --omit=dev
npm install -s --ignore-scripts --no-audit --no-fund --no-save rfdc@1 proxyquire@2
echo node_modules >.gitignore
"#,
        test: r#"printf "'use strict'\n\nconst { test } = require('node:test')\nconst FindMyWay = require('../')\n\ntest('routes are counted', t => {\n  const router = FindMyWay()\n  router.on('GET', '/a', () => {})\n  router.on('GET', '/b', () => {})\n  t.assert.equal(router.countRoutes ? router.countRoutes() : -1, 2)\n})\n" >test/count-routes.test.js"#,
        code: r#"sed -i 's/^module.exports = Router$/Router.prototype.countRoutes = function countRoutes () {\n  return this.routes.length\n}\n\nmodule.exports = Router/' index.js"#,
    },
    Project {
        language: "Go",
        name: "go-cmp 0.5.9",
        tools: &["go"],
        fetch: r#"
folder=$(go mod download -json github.com/google/go-cmp@v0.5.9 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
# Where Go's proxy cannot be reached, the same release as Debian ships it, with its own tests.
if [ -z "$folder" ]; then
    (cd "$SCRATCH" && apt-get download -qq 'golang-github-google-go-cmp-dev=0.5.9*' && dpkg -x ./*.deb all)
    folder=$SCRATCH/all/usr/share/gocode/src/github.com/google/go-cmp
fi
cp -R "$folder/." . && chmod -R u+w .
"#,
        test: r#"printf 'package cmp_test\n\nimport (\n\t"testing"\n\n\t"github.com/google/go-cmp/cmp"\n)\n\nfunc TestSameIsEqual(t *testing.T) {\n\tif !cmp.Same(1, 1) || cmp.Same(1, 2) {\n\t\tt.Fatal("one is one, and not two")\n\t}\n}\n' >cmp/same_test.go"#,
        code: r#"printf 'package cmp\n\n// Same reports whether x and y are equal without options.\nfunc Same(x, y interface{}) bool {\n\treturn Equal(x, y)\n}\n' >cmp/same.go"#,
    },
];

/// How a project fared.
enum End {
    Passed(String),
    Failed(String),
    NotRun(String),
}

#[test]
fn real_projects_go_through_all_five_gates() {
    if std::env::var("PROJECTS").is_err() {
        return;
    }
    let only = std::env::var("PROJECT").unwrap_or_default();
    let mut failed = Vec::new();
    let rows = PROJECTS.iter().filter(|project| project.language.contains(&only)).map(|project| {
        let begun = Instant::now();
        let (word, note) = match end(project) {
            End::Passed(note) => ("passed", note),
            End::NotRun(why) => ("NOT RUN", why),
            End::Failed(why) => {
                failed.push(project.language);
                ("FAILED", why)
            }
        };
        let row = format!("{:<11} {:<22} {word:<8} {:>5} s  {note}", project.language, project.name, begun.elapsed().as_secs());
        println!("{row}");
        row
    });
    let rows: Vec<String> = rows.collect();
    println!("\n{:<11} {:<22} {:<8} {:>7}  what happened\n{}", "language", "project", "ended", "time", rows.join("\n"));
    assert!(failed.is_empty(), "{failed:?}");
}

fn end(project: &Project) -> End {
    if let Some(tool) = project.tools.iter().find(|tool| !there(tool)) {
        return End::NotRun(format!("{tool} is not on this machine"));
    }
    let mut world = World::bare();
    std::fs::create_dir(world.repo()).unwrap();
    if let Err(why) = fetched(project, &world.repo()) {
        return End::NotRun(format!("it could not be fetched: {why}"));
    }
    match catch_unwind(AssertUnwindSafe(|| live(&mut world, project))) {
        Ok(note) => End::Passed(note),
        Err(why) => End::Failed(words(&why)),
    }
}

fn words(why: &Box<dyn Any + Send>) -> String {
    let text = why.downcast_ref::<String>().cloned().or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "a panic without words".to_owned())
}

fn there(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().is_ok_and(|said| said.status.success())
}

/// By the language's own client, as its owner would: with this test's own environment.
fn fetched(project: &Project, into: &Path) -> Result<(), String> {
    let scratch = tempfile::tempdir().map_err(|why| why.to_string())?;
    let said = Command::new("sh").args(["-eu", "-c", project.fetch]).current_dir(into).env("SCRATCH", scratch.path()).output();
    let said = said.map_err(|why| why.to_string())?;
    let errors = String::from_utf8_lossy(&said.stderr).into_owned();
    if said.status.success() { Ok(()) } else { Err(errors.lines().last().unwrap_or("no reason given").to_owned()) }
}

/// The whole way of one change; gives what there is to tell.
fn live(world: &mut World, project: &Project) -> String {
    project::git(&world.repo(), &["init", "-q", "-b", "main"]);
    project::git(&world.repo(), &["add", "-A"]);
    project::git(&world.repo(), &["commit", "-q", "-m", project.name]);
    world.start().ok();
    world.owner(&["task", "open", "something that a user could want"]).ok();
    let lines = format!(
        "set -e\norchestrate task take T1\ngit checkout -q -b dev-a/t1\n{}\ngit add -A\ngit commit -q -m 'a test that fails'\n{}\ngit add -A\n\
         git commit -q -m 'what makes it pass'\ngit push -q origin dev-a/t1\norchestrate task submit T1",
        project.test, project.code
    );
    world.seat("dev-a").run(&lines).ok();
    let seen = words_given(world);
    world.owner(&["deliver"]).ok();
    world.delivered();
    let (clone, bundle) = (world.path("clone"), world.path("bundle.jsonl"));
    world.command("git", &["clone", "-q", world.repo().to_str().unwrap(), clone.to_str().unwrap()], "").ok();
    world.owner(&["bundle", bundle.to_str().unwrap()]).ok();
    world.orchestrate(&["verify", clone.to_str().unwrap(), "--bundle", bundle.to_str().unwrap()]).ok();
    format!("{}merged as {}, verified", seen.0, &seen.1[..10])
}

/// Each drawn seat says yes when it is its turn, until the change is merged.
fn words_given(world: &World) -> (String, String) {
    let (begun, mut from) = (Instant::now(), 0);
    let (mut drawn, mut tests): (Vec<SeatName>, String) = (Vec::new(), String::new());
    while begun.elapsed() < LONGEST {
        let (_, entries) = wire::page(&world.state(), from, 60);
        from += entries.len() as u64;
        for entry in entries {
            match &entry.event {
                Event::Review(review::Event::Drawn { gate: GateName::Qa, seats, .. }) => drawn = seats.clone(),
                Event::Review(review::Event::Drawn { seats, .. }) => speak(world, seats),
                Event::Task(task::Event::Tested { kind: RunKind::Merge, statement, .. }) => {
                    let run = statement::read_run(statement).unwrap();
                    tests += &format!("{} tests, {} passed, ", run.results.len(), run.passed().count());
                    speak(world, &drawn);
                }
                Event::Task(task::Event::Tested { kind: RunKind::Cover, statement, .. }) => {
                    let told = statement::read_run(statement).unwrap().coverage.unwrap_or_default();
                    tests += &format!("{} of {} new lines run and {} of {} in all, ", told.changed_run, told.changed, told.run, told.lines);
                }
                Event::Task(task::Event::SentBack { why, .. } | task::Event::Stalled { why, .. }) => panic!("{why}"),
                Event::Merge(merge::Event::Merged { commit, .. }) => return (tests, commit.to_string()),
                _ => {}
            }
        }
    }
    panic!("not merged within {} s: {}", LONGEST.as_secs(), last(&world.entries()));
}

fn speak(world: &World, seats: &[SeatName]) {
    for seat in seats {
        world.seat(seat.as_str()).run(&yes("T1")).ok();
    }
}

fn last(entries: &[Entry]) -> String {
    entries.last().map(orchestrate::view::line).unwrap_or_default()
}
