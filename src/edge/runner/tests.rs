//! Real projects with real tools in real sandboxes. Nothing is skipped: a missing tool fails with the command that installs it.

use super::*;
use crate::edge::sandbox::tests::launcher;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// A project in a folder of its own, with room beside it for the run.
struct Project {
    folder: TempDir,
}

impl Project {
    fn of(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().expect("folder") };
        for (name, text) in files {
            let path = project.tree().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, text).expect("file");
        }
        project
    }

    fn rust(files: &[(&str, &str)]) -> Self {
        let manifest = ("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
        let lock = ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"demo\"\nversion = \"0.1.0\"\n");
        Self::of(&[&[manifest, lock], files].concat())
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    fn run(&self) -> Run {
        self.run_as(detect(&self.tree()).expect("a harness"), |_| ())
    }

    fn run_as(&self, harness: Harness, change: impl FnOnce(&mut Job)) -> Run {
        let (tree, launcher, checkout) = (Oid::new("a".repeat(40)).expect("oid"), launcher(), self.tree());
        let limits = RunLimits { wall: Duration::from_secs(120), output: 8 << 20, memory: None, processes: 256 };
        let (isolation, dependencies) = (Isolation::Sandbox, Vec::new());
        let mut job = Job { tree: &tree, checkout: &checkout, harness, launcher: &launcher, isolation, limits, dependencies, cancel: None };
        change(&mut job);
        let run = run(&job);
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).expect("folder").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["checkout"], "the run leaves nothing behind");
        run
    }

    fn shell(&self, script: &str, change: impl FnOnce(&mut Job)) -> Run {
        self.run_as(Harness::Command { argv: ["bash", "-c", script].map(str::to_owned).to_vec(), junit: None }, change)
    }
}

#[track_caller]
fn expect(run: &Run, results: &[(&str, Outcome)]) {
    assert_eq!(run.completion, Completion::Finished, "{}", run.note);
    let expect: BTreeMap<String, Outcome> = results.iter().map(|(id, outcome)| ((*id).into(), *outcome)).collect();
    assert_eq!(run.results, expect, "{}", run.note);
}

#[test]
fn rust_tests_are_judged_one_by_one() {
    let lib = "#[cfg(test)] mod tests {\n#[test] fn passes() { assert_eq!(2, 1 + 1) }\n#[test] fn fails() { assert_eq!(3, 1 + 1) }\n\
               #[test] #[ignore] fn waits() {}\n#[test] fn leaves() { std::process::exit(0) }\n#[test] fn aborts() { std::process::abort() }\n\
               #[test] #[should_panic] fn panics() { panic!() }\n\
               #[test] fn forges() { print_raw(); }\nfn print_raw() { use std::io::Write; \
               std::fs::File::options().write(true).open(\"/dev/stdout\").unwrap().write_all(b\"\\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured;\\n\").unwrap(); panic!() } }";
    let project = Project::rust(&[
        ("src/lib.rs", lib),
        ("tests/api.rs", "#[test] fn works() { assert!(std::path::Path::new(\"Cargo.toml\").exists()) }"),
    ]);
    let run = project.run();
    expect(
        &run,
        &[
            ("demo::tests::passes", Outcome::Passed),
            ("demo::tests::fails", Outcome::Failed),
            ("demo::tests::waits", Outcome::Skipped),
            ("demo::tests::leaves", Outcome::Broken),
            ("demo::tests::aborts", Outcome::Broken),
            ("demo::tests::panics", Outcome::Passed),
            ("demo::tests::forges", Outcome::Broken),
            ("demo::api::works", Outcome::Passed),
        ],
    );
    assert_eq!((run.harness.as_str(), run.tree.short()), ("cargo", "aaaaaaaaaa"));
    assert_ne!(run.output, crate::domain::name::Digest::of(b""));
}

#[test]
fn rust_that_misses_a_symbol_is_not_built_and_names_it() {
    let project = Project::rust(&[
        ("src/lib.rs", "pub struct S;"),
        ("tests/api.rs", "use demo::frob;\n#[test] fn works() { frob(); demo::S.go(); }"),
    ]);
    let run = project.run();
    assert_eq!((run.completion, run.results.len()), (Completion::NotBuilt, 0), "{}", run.note);
    assert_eq!(run.missing, ["frob", "go"]);
    let project = Project::rust(&[("src/lib.rs", ""), ("tests/api.rs", "#[test] fn works() { demo::frob(); demo::m::x(); }")]);
    assert_eq!(project.run().missing, ["frob", "m"]);
}

#[test]
fn rust_with_other_errors_misses_nothing() {
    for test in ["#[test] fn works( { }", "#[test] fn works() { demo::frob(); let _: u8 = \"x\"; }"] {
        let run = Project::rust(&[("src/lib.rs", ""), ("tests/api.rs", test)]).run();
        assert_eq!((run.completion, run.missing.len()), (Completion::NotBuilt, 0), "{}", run.note);
        assert!(run.note.contains("error"), "{}", run.note);
    }
}

#[test]
fn the_repositorys_cargo_settings_do_not_decide() {
    let settings = "[build]\nrustflags = [\"--cfg\", \"cheat\"]\nrustc-wrapper = \"/bin/true\"\n[target.'cfg(all())']\nrunner = \"true\"\n[source.mine]\ndirectory = \"vendor\"\n";
    let lib = "#[cfg(test)] mod tests { #[test] fn fails() { assert!(cfg!(cheat)) } }";
    let project = Project::rust(&[("src/lib.rs", lib), (".cargo/config.toml", settings), (".cargo/config", settings)]);
    expect(&project.run(), &[("demo::tests::fails", Outcome::Failed)]);
    let kept = std::fs::read_to_string(project.tree().join(".cargo/config.toml")).expect("settings");
    assert_eq!(kept.trim(), "[source.mine]\ndirectory = \"vendor\"");
}

#[test]
fn a_build_script_cannot_rewrite_the_tree_nor_a_test_what_was_built() {
    let script = "fn main() { std::fs::write(\"src/lib.rs\", \"\").ok(); }";
    let lib = "#[cfg(test)] mod tests { #[test] fn fails() { assert!(std::fs::write(std::env::current_exe().unwrap(), \"\").is_ok()) }\n\
               #[test] fn scratch() { std::fs::write(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/new\"), \"\").unwrap() } }";
    let project = Project::rust(&[("build.rs", script), ("src/lib.rs", lib)]);
    expect(&project.run(), &[("demo::tests::fails", Outcome::Failed), ("demo::tests::scratch", Outcome::Passed)]);
    assert_eq!(std::fs::read_to_string(project.tree().join("src/lib.rs")).expect("source"), lib);
}

#[test]
fn rust_with_downloaded_crates_builds_without_network() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock")).expect("lock")).expect("lock");
    let hex =
        lock["package"].as_array().expect("packages").iter().find(|package| package["name"].as_str() == Some("hex")).expect("hex").clone();
    let lock = format!(
        "version = 4\n[[package]]\nname = \"demo\"\nversion = \"0.1.0\"\ndependencies = [\"hex\"]\n[[package]]\n{}",
        toml::to_string(&hex).expect("entry")
    );
    let manifest = "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nhex = \"0.4\"\n";
    let lib = "#[cfg(test)] mod tests { #[test] fn encodes() { assert_eq!(hex::encode([255]), \"ff\") } }";
    let project = Project::of(&[("Cargo.toml", manifest), ("Cargo.lock", &lock), ("src/lib.rs", lib)]);
    expect(&project.run(), &[("demo::tests::encodes", Outcome::Passed)]);
    let manifest = manifest.replace("hex = \"0.4\"", "no-such-crate-here = \"1\"");
    let run = Project::of(&[("Cargo.toml", &manifest), ("src/lib.rs", "")]).run();
    assert_eq!(run.completion, Completion::Infrastructure, "{}", run.note);
}

#[test]
fn python_tests_are_judged_one_by_one() {
    let test = "import os, pytest, unittest\nfrom demo import add\ndef test_passes(): assert add(1, 1) == 2\ndef test_fails(): assert add(1, 1) == 3\n\
                @pytest.mark.skip\ndef test_skipped(): pass\n@pytest.mark.xfail\ndef test_expected(): assert False\n@pytest.mark.xfail\ndef test_unexpected(): pass\n\
                @pytest.fixture\ndef bad(): raise ValueError\ndef test_setup(bad): pass\n\
                @pytest.mark.parametrize('x', [1, 2])\ndef test_each(x): assert x == 1\nclass TestGroup:\n def test_inside(self): pass\n";
    let settings = "[tool.pytest.ini_options]\naddopts = '--collect-only'\n";
    let exit = "def pytest_sessionfinish(session): session.exitstatus = 0\n";
    let project = Project::of(&[
        ("demo.py", "def add(a, b): return a + b\n"),
        ("tests/test_demo.py", test),
        ("pyproject.toml", settings),
        ("conftest.py", exit),
    ]);
    let run = project.run();
    let id = |name: &str| format!("tests/test_demo.py::{name}");
    let outcomes = [
        ("test_passes", Outcome::Passed),
        ("test_fails", Outcome::Failed),
        ("test_skipped", Outcome::Skipped),
        ("test_expected", Outcome::Skipped),
        ("test_unexpected", Outcome::Skipped),
        ("test_setup", Outcome::Broken),
        ("test_each[1]", Outcome::Passed),
        ("test_each[2]", Outcome::Failed),
        ("TestGroup::test_inside", Outcome::Passed),
    ];
    let outcomes: Vec<(String, Outcome)> = outcomes.map(|(name, outcome)| (id(name), outcome)).to_vec();
    expect(&run, &outcomes.iter().map(|(id, outcome)| (id.as_str(), *outcome)).collect::<Vec<_>>());
    assert!(run.note.contains("assert 2 == 3"), "{}", run.note);
}

#[test]
fn python_that_leaves_early_or_does_not_load_is_no_pass() {
    let run = Project::of(&[("tests/test_a.py", "import os\ndef test_a(): pass\ndef test_b(): os._exit(0)\n")]).run();
    expect(&run, &[("tests/test_a.py::test_a", Outcome::Broken), ("tests/test_a.py::test_b", Outcome::Broken)]);
    let run = Project::of(&[
        ("demo.py", ""),
        ("tests/test_a.py", "from demo import frob\ndef test_a(): frob()\n"),
        ("tests/test_b.py", "def test_b(): pass\n"),
    ])
    .run();
    assert_eq!((run.completion, run.missing.as_slice()), (Completion::NotBuilt, ["frob".to_owned()].as_slice()), "{}", run.note);
    let run = Project::of(&[("tests/test_a.py", "def test_a(: pass\n"), ("tests/test_b.py", "def test_b(): pass\n")]).run();
    expect(&run, &[("tests.test_a", Outcome::Broken), ("tests/test_b.py::test_b", Outcome::Passed)]);
}

#[test]
fn node_tests_are_judged_one_by_one() {
    let test = "const {test,describe,it}=require('node:test');const assert=require('node:assert');\ntest('passes',()=>assert.equal(1,1));\n\
                test('fails',()=>assert.equal(1,2));\ntest('skipped',{skip:true},()=>{});\ndescribe('group',()=>{it('inside',()=>{})});\n";
    let leaves = "const {test}=require('node:test');test('a',()=>process.exit(0));\n";
    let project =
        Project::of(&[("package.json", "{}"), ("test/a.test.js", test), ("b.test.js", leaves), ("c.test.js", "syntax error here")]);
    expect(
        &project.run(),
        &[
            ("test/a.test.js::passes", Outcome::Passed),
            ("test/a.test.js::fails", Outcome::Failed),
            ("test/a.test.js::skipped", Outcome::Skipped),
            ("test/a.test.js::group > inside", Outcome::Passed),
            ("b.test.js", Outcome::Broken),
            ("c.test.js", Outcome::Broken),
        ],
    );
    let test = "import {test} from 'node:test';import {frob} from './demo.mjs';test('x',()=>frob());";
    let run = Project::of(&[("package.json", "{}"), ("demo.mjs", ""), ("demo.test.mjs", test)]).run();
    assert_eq!((run.completion, run.missing.as_slice()), (Completion::NotBuilt, ["frob".to_owned()].as_slice()), "{}", run.note);
}

#[test]
fn an_own_command_is_judged_by_its_report_only() {
    let project = Project::of(&[("x", "")]);
    let report = "echo '<testsuites><testsuite><testcase classname=\"m\" name=\"a\"/><testcase name=\"b\"><failure/></testcase></testsuite></testsuites>' >$ORCHESTRATE_JUNIT";
    expect(&project.shell(&format!("{report}; exit 1"), |_| ()), &[("m::a", Outcome::Passed), ("b", Outcome::Failed)]);
    for (bad, why) in [
        ("exit 0", "no report"),
        ("ln -s /etc/passwd $ORCHESTRATE_JUNIT", "no report"),
        ("mkfifo $ORCHESTRATE_JUNIT", "no report"),
        ("echo '<!DOCTYPE x><testsuites/>' >$ORCHESTRATE_JUNIT", "cannot be read"),
        ("truncate -s 20M $ORCHESTRATE_JUNIT", "no report"),
    ] {
        let run = project.shell(bad, |_| ());
        assert!(run.completion == Completion::Infrastructure && run.note.contains(why), "{bad}: {}", run.note);
    }
}

#[test]
fn limits_end_a_run_and_are_never_a_pass() {
    let project = Project::of(&[("x", "")]);
    let report = "echo '<testsuites/>' >$ORCHESTRATE_JUNIT";
    let hang = project.shell(&format!("{report}; setsid bash -c 'trap \"\" TERM HUP; exec sleep 1000' & exec sleep 1000"), |job| {
        job.limits.wall = Duration::from_secs(1)
    });
    assert_eq!(hang.completion, Completion::LimitReached, "{}", hang.note);
    assert!(hang.duration_ms < 20_000, "{}", hang.duration_ms);
    let short = project.shell(report, |job| job.limits.wall = Duration::ZERO);
    assert_eq!(short.completion, Completion::LimitReached, "a program that would end at once begins after the limit");
    let loud = project.shell(&format!("{report}; head -c 100000000 /dev/zero | tr '\\0' 'x'"), |job| job.limits.output = 1 << 20);
    assert_eq!(loud.completion, Completion::LimitReached);
    assert!(loud.note.len() <= 4096);
    let bomb = project.shell(&format!("{report}; f() {{ f | f & }}; f 2>/dev/null; wait"), |job| {
        job.limits = RunLimits { wall: Duration::from_secs(3), processes: 32, ..job.limits.clone() }
    });
    assert!([Completion::LimitReached, Completion::Finished].contains(&bomb.completion), "{}", bomb.note);
    let count = project
        .shell(&format!("{report}; n=0; for i in $(seq 100); do (exec sleep 100) 2>/dev/null & done; jobs -r | wc -l; kill %1"), |job| {
            job.limits.processes = 32
        });
    assert!(!count.note.contains("100"), "{}", count.note);
}

#[test]
fn a_run_can_be_cancelled() {
    static CANCEL: AtomicBool = AtomicBool::new(false);
    let project = Project::of(&[("x", "")]);
    let fifo = project.tree().join("up");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let run = std::thread::scope(|scope| {
        scope.spawn(|| std::fs::read(&fifo).map(|_| CANCEL.store(true, Ordering::SeqCst)).expect("is up"));
        project.shell("echo >up; exec sleep 1000", |job| job.cancel = Some(&CANCEL))
    });
    assert!(run.completion == Completion::Infrastructure && run.note.contains("cancelled"), "{}", run.note);
}

#[test]
fn tests_reach_neither_network_nor_supervisor() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    let script = format!(
        "a=closed; (echo >/dev/tcp/127.0.0.1/{port}) 2>/dev/null && a=open; b=$(ls -A /run | wc -l); c=$(env | grep -c CARGO); \
         echo \"<testsuites><testsuite><testcase name='$a $b $c $(ls -A /root 2>/dev/null | wc -l)'/></testsuite></testsuites>\" >$ORCHESTRATE_JUNIT"
    );
    expect(&Project::of(&[("x", "")]).shell(&script, |_| ()), &[("closed 0 0 0", Outcome::Passed)]);
}

#[test]
fn notes_cannot_steer_a_terminal() {
    let run = Project::of(&[("x", "")]).shell("printf 'a\\033[2Jb\\u202ec\\r\\n'; printf '%09999d' 1", |_| ());
    assert!(run.note.contains("a[2Jbc\n") || run.note.len() <= 4096);
    assert!(!run.note.contains(['\u{1b}', '\r', '\u{202e}']) && run.note.len() <= 4096);
    assert_eq!(execute::clean("a\u{1b}[2Jb\u{202e}c\r\n"), "a[2Jbc\n");
}

#[test]
fn a_run_without_walls_works_where_the_owner_asks_for_it() {
    let project = Project::rust(&[("src/lib.rs", "#[cfg(test)] mod tests { #[test] fn passes() {} }")]);
    expect(&project.run_as(Harness::Cargo, |job| job.isolation = Isolation::None), &[("demo::tests::passes", Outcome::Passed)]);
}

#[test]
fn files_tell_the_harness() {
    let cases: [(&[&str], Option<Harness>); 6] = [
        (&["Cargo.toml", "package.json"], Some(Harness::Cargo)),
        (&["setup.py"], Some(Harness::Pytest)),
        (&["tests/a.py"], Some(Harness::Pytest)),
        (&["package.json"], Some(Harness::Node)),
        (&["go.mod"], Some(Harness::Go)),
        (&["README.md"], None),
    ];
    for (files, harness) in cases {
        let files: Vec<(&str, &str)> = files.iter().map(|name| (*name, "")).collect();
        assert_eq!(detect(&Project::of(&files).tree()), harness);
    }
}

#[test]
fn a_tool_that_is_missing_is_never_the_authors_fault() {
    let run = Project::of(&[("go.mod", "module x\n")]).run_as(Harness::Go, |job| job.launcher = Path::new("/nonexistent/orchestrate"));
    assert_eq!(run.completion, Completion::Infrastructure, "{}", run.note);
}

/// The lines of the tree that the tests ran and that they did not, of everything and of these lines of a change.
fn watched(project: &Project, changed: &[(&str, &[u32])]) -> crate::domain::run::Coverage {
    let changed = changed.iter().map(|(path, lines)| ((*path).to_owned(), lines.iter().copied().collect())).collect();
    let files = symbols::files(&project.tree()).into_iter().filter_map(|path| Some(path.strip_prefix(project.tree()).ok()?.to_str()?.to_owned()));
    let asked = cover::Asked { files: files.filter(|path| path.starts_with("src/")).collect(), changed };
    let (tree, launcher, checkout) = (Oid::new("a".repeat(40)).expect("oid"), launcher(), project.tree());
    let limits = RunLimits { wall: Duration::from_secs(120), output: 8 << 20, memory: None, processes: 256 };
    let harness = detect(&checkout).expect("a harness");
    let job = Job { tree: &tree, checkout: &checkout, harness, launcher: &launcher, isolation: Isolation::Sandbox, limits, dependencies: Vec::new(), cancel: None };
    let run = cover(&job, &asked);
    *run.coverage.unwrap_or_else(|| panic!("{}", run.note))
}

/// A half that is tested, one that is not, and all that a tree may say to have lines left out.
const HALF: &str = "def half(n):\n    if n > 0:\n        return n\n    return -n  # pragma: no cover\n\n\ndef unseen():  # pragma: no cover\n    return 1\n";

#[test]
fn lines_of_python_count_whatever_the_tree_says() {
    let project = Project::of(&[
        ("src/half.py", HALF),
        ("src/alone.py", "ONE = 1\n"),
        (".coveragerc", "[run]\nomit = *\n[report]\nexclude_lines =\n    .*\n"),
        ("pyproject.toml", "[tool.coverage.run]\nomit = [\"*\"]\n[tool.pytest.ini_options]\ntestpaths = [\"tests\"]\n"),
        ("tests/test_half.py", "from half import half\n\n\ndef test_half():\n    assert half(2) == 2\n"),
    ]);
    let told = watched(&project, &[("src/half.py", &[3, 4, 5, 8]), ("tests/test_half.py", &[1])]);
    assert_eq!((told.changed_run, told.changed), (1, 3), "{told:?}");
    assert_eq!((told.run, told.lines), (4, 7), "{told:?}");
    assert_eq!(told.missed, ["src/half.py:4", "src/half.py:8"]);
}

#[test]
fn a_run_of_python_that_keeps_its_lines_to_itself_has_run_none() {
    let project = Project::of(&[
        ("src/half.py", HALF),
        ("pyproject.toml", "[tool.pytest.ini_options]\ntestpaths = [\"tests\"]\n"),
        ("tests/test_half.py", "import os\nfrom half import half\n\n\ndef test_half():\n    assert half(2) == 2\n    os._exit(0)\n"),
    ]);
    let told = watched(&project, &[("src/half.py", &[3])]);
    assert_eq!((told.changed_run, told.changed), (0, 1), "{told:?}");
}

#[test]
fn lines_of_javascript_count_whatever_the_tree_says() {
    let project = Project::of(&[
        ("package.json", "{\"name\": \"demo\", \"type\": \"module\", \"c8\": {\"exclude\": [\"**\"]}}\n"),
        (".c8rc.json", "{\"exclude\": [\"**\"]}\n"),
        ("src/half.js", "export function half(n) {\n  if (n > 0) {\n    return n;\n  }\n  /* c8 ignore next */\n  return -n; /* node:coverage ignore next */\n}\n\n/* node:coverage disable */\nexport function unseen() {\n  return 1;\n}\n"),
        ("src/alone.js", "export const one = 1;\n"),
        ("half.test.js", "import test from 'node:test';\nimport assert from 'node:assert';\nimport { half } from './src/half.js';\n\ntest('half', () => assert.equal(half(2), 2));\n"),
    ]);
    let told = watched(&project, &[("src/half.js", &[3, 6, 11])]);
    assert_eq!((told.changed_run, told.changed), (1, 3), "{told:?}");
    assert_eq!(told.missed, ["src/half.js:6", "src/half.js:11"]);
    assert!(told.run < told.lines, "{told:?}");
}

#[test]
fn a_tree_of_python_does_not_say_which_of_its_lines_can_run() {
    let hide = "import os\n\nif os.path.exists('/work/home/files.json') and not os.path.exists('/work/out/lines.json'):\n    open('/work/out/lines.json', 'w').write('{}')\n    os._exit(0)\n";
    let project = Project::of(&[
        ("src/half.py", HALF),
        ("src/dis.py", hide),
        ("src/sitecustomize.py", hide),
        ("pyproject.toml", "[tool.pytest.ini_options]\ntestpaths = [\"tests\"]\n"),
        ("tests/test_half.py", "def test_half():\n    pass\n"),
    ]);
    let told = watched(&project, &[("src/half.py", &[3, 4])]);
    assert_eq!((told.changed_run, told.changed), (0, 2), "{told:?}");
}

#[test]
fn code_behind_a_comment_is_code() {
    let project = Project::of(&[
        ("package.json", "{\"type\": \"module\"}\n"),
        ("src/half.js", "/** Half.\n * @returns {number}\n */\nexport function half(n) {\n/**/ if (n > 0) {\n/* a */ return n;\n  }\n  return (\n  /* b\n  * c\n  */ -n\n  * 2);\n}\n"),
        ("half.test.js", "import test from 'node:test';\nimport './src/half.js';\n\ntest('half', () => {});\n"),
    ]);
    let told = watched(&project, &[("src/half.js", &[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12])]);
    assert_eq!(told.missed, ["src/half.js:5", "src/half.js:6", "src/half.js:8", "src/half.js:11", "src/half.js:12"]);
}

#[test]
fn lines_of_go_count_whatever_the_tree_says() {
    let project = Project::of(&[
        ("go.mod", "module example.org/demo // ours\n\ngo 1.13\n"),
        ("src/half/half.go", "package half\n\nfunc Half(n int) int {\n\tif n > 0 {\n\t\treturn n\n\t}\n\t// coverage-ignore\n\treturn -n //nolint\n}\n\nfunc Unseen() int {\n\treturn 1\n}\n"),
        ("half_test.go", "package demo\n\nimport (\n\t\"example.org/demo/src/half\"\n\t\"testing\"\n)\n\nfunc TestHalf(t *testing.T) {\n\tif half.Half(2) != 2 {\n\t\tt.Fatal()\n\t}\n}\n"),
        ("src/alone/alone.go", "package alone\n\nconst One = 1\n\nfunc Two() int {\n\treturn 2\n}\n"),
        ("src/alone/hidden.go", "//go:build never\n\npackage alone\n\nfunc Three() int {\n\treturn 3\n}\n"),
    ]);
    let told = watched(&project, &[("src/half/half.go", &[3, 5, 6, 7, 8, 12]), ("src/alone/alone.go", &[3]), ("src/alone/hidden.go", &[6])]);
    assert_eq!((told.changed_run, told.changed), (1, 4), "{told:?}");
    assert_eq!((told.run, told.lines), (2, 6), "{told:?}");
    assert_eq!(told.missed, ["src/alone/hidden.go:6", "src/half/half.go:8", "src/half/half.go:12"]);
}

#[test]
fn a_test_of_go_hides_no_line() {
    let test = "package demo\n\nimport (\n\t_ \"example.org/demo/src/half\"\n\t\"flag\"\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) {\n\tcode := m.Run()\n\t\
                for _, name := range []string{flag.Lookup(\"test.coverprofile\").Value.String(), \"/work/out/0\", \"/work/out/modules\"} {\n\t\t\
                if err := os.WriteFile(name, []byte(\"mode: set\\n\"), 0644); err != nil {\n\t\t\tpanic(err)\n\t\t}\n\t}\n\tos.Exit(code)\n}\n\nfunc TestOne(t *testing.T) {}\n";
    let half = ("src/half/half.go", "package half\n\nfunc Half(n int) int {\n\treturn n\n}\n");
    let project = Project::of(&[("go.mod", "module example.org/demo\n\ngo 1.13\n"), half, ("half_test.go", test)]);
    let told = watched(&project, &[("src/half/half.go", &[1, 4])]);
    assert_eq!((told.changed_run, told.changed), (0, 1), "{told:?}");
}

/// Whoever has no tools of LLVM (`rustup component add llvm-tools`) is told so, and nothing else.
fn watched_rust(project: &Project, changed: &[(&str, &[u32])]) -> Option<crate::domain::run::Coverage> {
    let root = toolchain::ask(&toolchain::first("rustc", "").expect("rustc"), &["--print", "sysroot"]).expect("sysroot");
    let mut hosts = std::fs::read_dir(Path::new(&root[0]).join("lib/rustlib")).expect("hosts").flatten();
    hosts.any(|host| host.path().join("bin/llvm-cov").is_file()).then(|| watched(project, changed))
}

#[test]
fn lines_of_rust_count_whatever_the_tree_says() {
    let half = "/// Half.\npub fn half(n: i32) -> i32 {\n    if n > 0 {\n        return n;\n    }\n    // grcov-excl-line\n    -n // LCOV_EXCL_LINE\n}\n\n\
                pub fn unseen() -> i32 {\n    1\n}\n\npub fn any<T>(t: T) -> T {\n    t\n}\n\npub mod types;\n";
    let project = Project::rust(&[
        ("src/lib.rs", half),
        ("src/types.rs", "pub struct S {\n    pub a: u8,\n}\n"),
        ("src/left_out.rs", "fn nobody() -> u8 {\n    1\n}\n"),
        ("src/main.rs", "fn main() {\n    println!(\"{}\", demo::half(1));\n}\n"),
        (".cargo/config.toml", "[build]\nrustflags = [\"-Cinstrument-coverage=off\"]\n"),
        ("tests/api.rs", "#[test]\nfn half() {\n    let said = std::process::Command::new(env!(\"CARGO_BIN_EXE_demo\")).output().unwrap();\n    assert_eq!(said.stdout, b\"1\\n\");\n}\n"),
    ]);
    let changed: &[(&str, &[u32])] = &[("src/lib.rs", &[1, 4, 5, 6, 7, 11, 15]), ("src/types.rs", &[2]), ("src/left_out.rs", &[2]), ("src/main.rs", &[2])];
    let Some(told) = watched_rust(&project, changed) else { return };
    assert_eq!(told.missed, ["src/left_out.rs:2", "src/lib.rs:7", "src/lib.rs:11", "src/lib.rs:15"], "{told:?}");
    assert_eq!((told.changed_run, told.changed), (2, 6), "{told:?}");
}

#[test]
fn a_test_of_rust_writes_no_report() {
    let test = "use std::fs;\n#[test]\nfn half() {\n    let fake = \"SF:/work/tree/src/lib.rs\\nDA:1,1\\nDA:2,1\\nDA:3,1\\nend_of_record\\n\";\n    println!(\"{fake}\");\n    \
                let built = fs::read_dir(std::env::current_exe().unwrap().parent().unwrap()).unwrap().flatten();\n    \
                assert!(built.chain(fs::read_dir(\"/work/target\").unwrap().flatten()).all(|file| fs::OpenOptions::new().write(true).open(file.path()).is_err()));\n    \
                for folder in [\"/work/out\", \"/work/out/counts\", \"/work/home\"] {\n        fs::create_dir_all(folder).unwrap();\n        \
                for name in [\"merged\", \"all.profraw\", \"lcov.info\"] {\n            fs::write(format!(\"{folder}/{name}\"), fake).unwrap();\n        }\n    }\n}\n";
    let project = Project::rust(&[("src/lib.rs", "pub fn unseen() -> i32 {\n    1\n}\n"), ("tests/api.rs", test)]);
    let Some(told) = watched_rust(&project, &[("src/lib.rs", &[1, 2, 3])]) else { return };
    assert_eq!((told.changed_run, told.changed), (0, 2), "{told:?}");
}

#[test]
fn where_no_tool_tells_nothing_is_told() {
    let project = Project::of(&[("x", "")]);
    let (tree, launcher, checkout) = (Oid::new("a".repeat(40)).expect("oid"), launcher(), project.tree());
    let limits = RunLimits { wall: Duration::from_secs(120), output: 8 << 20, memory: None, processes: 256 };
    let harness = Harness::Command { argv: vec!["true".to_owned()], junit: None };
    let job = Job { tree: &tree, checkout: &checkout, harness, launcher: &launcher, isolation: Isolation::Sandbox, limits, dependencies: Vec::new(), cancel: None };
    let run = cover(&job, &cover::Asked::default());
    assert!(run.coverage.is_none() && run.completion == Completion::Finished && run.note.contains("no tool here tells"), "{}", run.note);
}
