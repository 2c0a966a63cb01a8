//! Tests that are bent: every way by which `cargo test` or pytest ends with 0 although a test fails or never ran, seen by the supervisor's own
//! runner; and candidates that would profit from it, handed in and sent back, each for its own reason.

use crate::world::World;
use crate::world::project::{Kind, put};
use orchestrate::domain::event::Event;
use orchestrate::domain::name::Oid;
use orchestrate::domain::run::{Outcome, Run};
use orchestrate::domain::task;
use orchestrate::edge::runner::{Harness, Job, RunLimits, detect, run};
use orchestrate::edge::sandbox::Isolation;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A way to end well: the line of the catalogue, files of the project, and the id that must not count as passed.
type Way = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const CARGO: &str = "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const FAILS: &str = "pub fn two() -> u8 { 3 }\n#[cfg(test)] mod tests { #[test] fn works() { assert_eq!(super::two(), 2) } }\n";

/// Nine ways for Rust. In each the source is wrong, and plain `cargo test` says that all is well.
const RUST: [Way; 11] = [
    (
        "K2 ignored",
        &[("src/lib.rs", "#[cfg(test)] mod tests { #[test] #[ignore] fn works() { assert_eq!(3, 2) } }\n")],
        "demo::tests::works",
    ),
    (
        "K4 compiled out",
        &[("src/lib.rs", "#[cfg(test)] mod tests { #[cfg(any())] #[test] fn works() { assert_eq!(3, 2) } }\n")],
        "demo::tests::works",
    ),
    (
        "K6 lib.test",
        &[
            ("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ntest = false\ndoctest = false\n"),
            ("src/lib.rs", FAILS),
        ],
        "demo::tests::works",
    ),
    (
        "K6 harness",
        &[
            (
                "Cargo.toml",
                "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[[test]]\nname = \"api\"\nharness = false\n",
            ),
            ("src/lib.rs", ""),
            ("tests/api.rs", "#[allow(dead_code)] fn works() { assert_eq!(3, 2) }\nfn main() {}\n"),
        ],
        "demo::api::works",
    ),
    (
        "K6 autotests",
        &[
            ("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\nautotests = false\n"),
            ("src/lib.rs", ""),
            ("tests/api.rs", "#[test] fn works() { assert_eq!(3, 2) }\n"),
        ],
        "demo::api::works",
    ),
    ("K7 runner", &[(".cargo/config.toml", "[target.'cfg(all())']\nrunner = \"true\"\n"), ("src/lib.rs", FAILS)], "demo::tests::works"),
    (
        "K7 wrapper",
        &[
            (".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"fine\"]\n"),
            ("src/lib.rs", "#[cfg(test)] mod tests { #[test] fn works() { assert!(cfg!(fine)) } }\n"),
        ],
        "demo::tests::works",
    ),
    (
        "K9 a sibling leaves",
        &[(
            "src/lib.rs",
            "#[cfg(test)] mod tests { #[test] fn a_leaves() { std::process::exit(0) }\n#[test] fn works() { std::thread::sleep(std::time::Duration::from_secs(2)); assert_eq!(3, 2) } }\n",
        )],
        "demo::tests::works",
    ),
    (
        "K9 it leaves itself",
        &[(
            "src/lib.rs",
            "#[cfg(test)] mod tests { struct End; impl Drop for End { fn drop(&mut self) { std::process::exit(0) } }\n#[test] fn works() { let _end = End; assert_eq!(3, 2) } }\n",
        )],
        "demo::tests::works",
    ),
    (
        "K10 rewritten before it is built",
        &[
            ("build.rs", "fn main() { drop(std::fs::write(\"src/lib.rs\", \"#[cfg(test)] mod tests { #[test] fn works() {} }\")); }\n"),
            ("src/lib.rs", FAILS),
        ],
        "demo::tests::works",
    ),
    (
        "K6 no target at all",
        &[
            (
                "Cargo.toml",
                "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[[bin]]\nname = \"demo\"\npath = \"src/main.rs\"\ntest = false\n",
            ),
            ("src/main.rs", "fn main() {}\n#[cfg(test)] mod tests { #[test] fn works() { assert_eq!(3, 2) } }\n"),
        ],
        "demo::demo::tests::works",
    ),
];

const WORKS: &str = "def test_works():\n    assert 3 == 2\n";
const PYTHON: [Way; 6] = [
    (
        "K11 the status is set",
        &[("conftest.py", "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"), ("tests/test_a.py", WORKS)],
        "tests/test_a.py::test_works",
    ),
    ("K12 only collected", &[("pytest.ini", "[pytest]\naddopts = --co\n"), ("tests/test_a.py", WORKS)], "tests/test_a.py::test_works"),
    (
        "K12 expected to fail",
        &[("tests/test_a.py", "import pytest\n\n\n@pytest.mark.xfail\ndef test_works():\n    assert 3 == 2\n")],
        "tests/test_a.py::test_works",
    ),
    (
        "K12 it leaves",
        &[("tests/test_a.py", "import os\n\n\ndef test_a_leaves():\n    os._exit(0)\n\n\ndef test_works():\n    assert 3 == 2\n")],
        "tests/test_a.py::test_works",
    ),
    (
        "K12 skipped",
        &[("tests/test_a.py", "import pytest\n\n\n@pytest.mark.skip\ndef test_works():\n    assert 3 == 2\n")],
        "tests/test_a.py::test_works",
    ),
    (
        "K12 expected by a setting",
        &[
            (
                "conftest.py",
                "import pytest\n\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n        item.add_marker(pytest.mark.xfail)\n",
            ),
            ("tests/test_a.py", WORKS),
        ],
        "tests/test_a.py::test_works",
    ),
];

#[test]
fn no_way_to_end_well_makes_a_failing_rust_test_pass() {
    for (way, files, id) in RUST {
        let project = tempfile::tempdir().unwrap();
        lay(project.path(), &[("Cargo.toml", CARGO), ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"demo\"\nversion = \"0.1.0\"\n")]);
        lay(project.path(), files);
        let seen = seen(project.path());
        // The build script rewrites what it stands in: the plain run comes last.
        assert!(plain(project.path(), "cargo", &["test", "--offline", "--quiet"]), "{way}: plain cargo does not end with 0");
        assert_ne!(seen.results.get(id), Some(&Outcome::Passed), "{way}: {seen:?}");
    }
}

#[test]
fn no_way_to_end_well_makes_a_failing_python_test_pass() {
    for (way, files, id) in PYTHON {
        let project = tempfile::tempdir().unwrap();
        lay(project.path(), files);
        let seen = seen(project.path());
        assert_ne!(seen.results.get(id), Some(&Outcome::Passed), "{way}: {seen:?}");
        assert!(plain(project.path(), "pytest", &["-q", "-p", "no:cacheprovider"]), "{way}: plain pytest does not end with 0");
    }
}

/// The compiler is the owner's, whatever the tree wishes for; and a report in the tree is nobody's.
#[test]
fn neither_a_wished_compiler_nor_a_report_in_the_tree_counts() {
    let project = tempfile::tempdir().unwrap();
    let report = "<testsuites><testsuite><testcase name=\"works\"/></testsuite></testsuites>";
    lay(
        project.path(),
        &[
            ("Cargo.toml", CARGO),
            ("src/lib.rs", FAILS),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"nightly-2001-01-01\"\n"),
            ("junit.xml", report),
            ("target/nextest/default/junit.xml", report),
        ],
    );
    let seen = seen(project.path());
    assert_eq!(seen.results.get("demo::tests::works"), Some(&Outcome::Failed), "{seen:?}");
    assert_eq!(seen.results.len(), 1, "{seen:?}");
}

fn lay(folder: &Path, files: &[(&str, &str)]) {
    files.iter().for_each(|(name, text)| put(folder, name, text));
}

/// The project as the supervisor's runner sees it, from a copy.
fn seen(project: &Path) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let checkout = folder.path().join("checkout");
    assert!(Command::new("cp").arg("-r").arg(project).arg(&checkout).status().unwrap().success());
    let tree = Oid::new("a".repeat(40)).unwrap();
    let limits = RunLimits { wall: Duration::from_secs(600), output: 8 << 20, memory: None, processes: 512 };
    let harness: Harness = detect(&checkout).unwrap();
    let launcher = Path::new(env!("CARGO_BIN_EXE_orchestrate"));
    run(&Job {
        tree: &tree,
        checkout: &checkout,
        harness,
        launcher,
        isolation: Isolation::Sandbox,
        limits,
        dependencies: Vec::new(),
        cancel: None,
    })
}

/// Whether the tool itself, as people call it, says that all is well.
fn plain(project: &Path, program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).current_dir(project).env("CARGO_TARGET_DIR", project.join("target")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// What is handed in: its line of the catalogue, what is done in the clone, and the gate's reason.
type Bent = (&'static str, &'static str, &'static str);

const RUST_BENT: [Bent; 13] = [
    ("K1", "echo 'pub fn bye() {}' >>src/lib.rs", "the change has no test file"),
    (
        "K1 empty",
        "echo 'pub fn bye() {}' >>src/lib.rs; printf '#[test]\\nfn says_bye() { assert!(true) }\\n' >tests/bye.rs",
        "pass without the change",
    ),
    (
        "K2",
        "echo 'pub fn bye() {}' >>src/lib.rs; printf '#[test]\\n#[ignore]\\nfn says_bye() { assert!(false) }\\n' >tests/bye.rs",
        "are skipped",
    ),
    (
        "K2 an old one",
        "echo 'pub fn bye() {}' >>src/lib.rs; sed -i 's/#.test./#[test] #[ignore]/' tests/greet.rs",
        "no longer pass once the test files change",
    ),
    ("K3", "echo 'pub fn bye() {}' >>src/lib.rs; sed -i '1i #[should_panic]' tests/greet.rs", "no longer pass once the test files change"),
    ("K4", "echo 'pub fn bye() {}' >>src/lib.rs; sed -i '1i #![cfg(any())]' tests/greet.rs", "no longer pass once the test files change"),
    (
        "K5",
        "sed -i 's/Hello, /Hi, /' src/lib.rs; sed -i '/fn greets/a return;' tests/greet.rs; printf '#[test]\\nfn says_hi() { assert!(greeter::greet(\"A\").starts_with(\"Hi\")) }\\n' >tests/hi.rs",
        "with the tests as they were",
    ),
    (
        "K6",
        "printf '\\nautotests = false\\n' >>Cargo.toml; sed -i 's/Hello, /Hi, /' src/lib.rs; printf '#[test]\\nfn says_hi() { assert!(greeter::greet(\"A\").starts_with(\"Hi\")) }\\n' >tests/hi.rs",
        "steers the tests",
    ),
    (
        "K7",
        "mkdir .cargo; printf '[target.\"cfg(all())\"]\\nrunner = \"true\"\\n' >.cargo/config.toml; echo 'pub fn bye() -> u8 { 1 }' >>src/lib.rs; printf '#[test]\\nfn says_bye() { assert_eq!(greeter::bye(), 1) }\\n' >tests/bye.rs",
        "steers the tests",
    ),
    (
        "K9",
        "echo 'pub fn bye() {}' >>src/lib.rs; printf '#[test]\\nfn says_bye() { std::process::exit(0) }\\n' >tests/bye.rs",
        "only broken",
    ),
    (
        "K10",
        "printf 'fn main() {}\\n' >build.rs; echo 'pub fn bye() -> u8 { 1 }' >>src/lib.rs; printf '#[test]\\nfn says_bye() { assert_eq!(greeter::bye(), 1) }\\n' >tests/bye.rs",
        "steers the tests",
    ),
    (
        "K13",
        "echo 'pub fn bye() -> u8 { 1 }' >>src/lib.rs; git rm -q tests/greet.rs; printf '#[test]\\nfn says_bye() { assert_eq!(greeter::greet(\"\").len(), 1) }\\n' >tests/bye.rs",
        "no longer pass once the test files change",
    ),
    ("K17", "echo 'pub fn bye() {}' >>src/lib.rs; printf '#[test]\\nfn says_bye( {}\\n' >tests/bye.rs", "the tests do not build"),
];

const PYTHON_BENT: [Bent; 10] = [
    ("K1", "echo 'bye = 1' >>src/greeter.py", "the change has no test file"),
    ("K1 empty", "echo 'bye = 1' >>src/greeter.py; printf 'def test_bye():\\n    pass\\n' >tests/test_bye.py", "pass without the change"),
    (
        "K5",
        "sed -i 's/Hello/Hi/' src/greeter.py; sed -i '/def test_greets/a \\    return' tests/test_greet.py; printf 'from greeter import greet\\n\\n\\ndef test_hi():\\n    assert greet(\"A\").startswith(\"Hi\")\\n' >tests/test_hi.py",
        "with the tests as they were",
    ),
    (
        "K11",
        "printf 'def pytest_sessionfinish(session):\\n    session.exitstatus = 0\\n' >conftest.py; echo 'bye = 1' >>src/greeter.py; printf 'import greeter\\n\\n\\ndef test_bye():\\n    assert hasattr(greeter, \"bye\")\\n' >tests/test_bye.py",
        "steers the tests",
    ),
    (
        "K12 settings",
        "printf '[pytest]\\naddopts = --co\\n' >pytest.ini; echo 'bye = 1' >>src/greeter.py; printf 'import greeter\\n\\n\\ndef test_bye():\\n    assert hasattr(greeter, \"bye\")\\n' >tests/test_bye.py",
        "steers the tests",
    ),
    (
        "K12 expected",
        "echo 'bye = 1' >>src/greeter.py; printf 'import pytest\\n\\n\\n@pytest.mark.xfail\\ndef test_bye():\\n    assert False\\n' >tests/test_bye.py",
        "are skipped",
    ),
    (
        "K12 leaves",
        "echo 'bye = 1' >>src/greeter.py; printf 'import os\\n\\n\\ndef test_bye():\\n    os._exit(0)\\n' >tests/test_bye.py",
        "no longer pass once the test files change",
    ),
    (
        "K13",
        "echo 'bye = 1' >>src/greeter.py; sed -i 's/test_greets/test_other/' tests/test_greet.py",
        "no longer pass once the test files change",
    ),
    ("K17", "echo 'bye = 1' >>src/greeter.py; printf 'def test_bye(:\\n    pass\\n' >tests/test_bye.py", "only broken"),
    (
        "K6",
        "sed -i 's/testpaths.*/testpaths = [\"none\"]/' pyproject.toml; echo 'bye = 1' >>src/greeter.py; printf 'import greeter\\n\\n\\ndef test_bye():\\n    assert hasattr(greeter, \"bye\")\\n' >tests/test_bye.py",
        "steers the tests",
    ),
];

#[test]
fn bent_rust_candidates_come_back_each_for_its_reason() {
    come_back(Kind::Rust, &RUST_BENT);
}

#[test]
fn bent_python_candidates_come_back_each_for_its_reason() {
    come_back(Kind::Python, &PYTHON_BENT);
}

fn come_back(kind: Kind, all: &[Bent]) {
    let world = World::of(kind);
    // None of them is ever finished.
    world.rule("[tasks]\nheld = 0\n");
    let world = world.bootstrap();
    let seat = world.seat("dev-a");
    let mut strange = Vec::new();
    for (number, (line, work, reason)) in (1..).zip(all) {
        let id = format!("T{number}");
        world.owner(&["task", "open", line]).ok();
        let branch = format!("dev-a/t{number}");
        let lines = format!(
            "orchestrate task take {id} && git checkout -q -f -B {branch} origin/main && git clean -qfdx\n{work}\ngit add -A && git commit -q -m bent && git push -q origin {branch} && orchestrate task submit {id}"
        );
        seat.run(&lines).ok();
        let wanted = id.parse().unwrap();
        let why = world.wait_for("the way back", |entry| match &entry.event {
            Event::Task(task::Event::SentBack { task, why, .. } | task::Event::Stalled { task, why, .. }) if *task == wanted => {
                Some(why.clone())
            }
            Event::Review(_) => Some(format!("{} passed its tests", wanted)),
            _ => None,
        });
        if !why.contains(reason) {
            strange.push(format!("{line}: {why}"));
        }
    }
    assert!(strange.is_empty(), "sent back for other reasons, or not at all:\n{}", strange.join("\n"));
    assert_eq!(world.gate(&["rev-parse", "main"]), world.git(&["rev-parse", "main"]));
}
