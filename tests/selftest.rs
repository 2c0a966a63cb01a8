//! The product's own attack suite, run as an owner runs it.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test runs the real program")]

use crate::world::World;
use crate::world::processes::{Family, gone};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The probes of the wall, as they are numbered.
const PROBES: &str = "01 02 03 04 04b 05 06 06b 07 08 09 09b 10 10b 11 11b 12 13 13b 13c 14 14b 14c 15 15b 15c 15d 16 16b 17 17b 18 18b 18c \
    19 19b 20 21 21b 22 22b 23 23b 23c 24 25 26 27 30 30b 30c 30d 31 31b 31c 31d 32 32b 32c 33 34 35 36 37 38 39";
const LINES: &str = "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 B1 B2 B3 B4 B5 B6 B7 \
    C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 D14 D15 E1 E2 E3 E4 E5 E6 E7 E8 G1 G2 G3 G4 G7 G8 G9 \
    H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12 H13 H14 H15 H16 H17 O1 O2 O3 O4 O5 O6 O7 O8 O9 O10 O11 \
    P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 Q1 Q2 Q3 Q4 Q5 Q6 Q8 Q10 R3 R5 R6 R7 R9 R12";
/// Wanted functions, and what a machine may forbid by itself: nested namespaces, typing, keyrings, rings, parts of the kernel, tracing.
const NOT_ALWAYS_OPEN: &str = "11a 11b 13c 19b 23 23b 23c 24 33 22b 26 34 36 37 25 25b 05 06 06b 07 08 31b 41";

/// An owner with few seats and a folder for what is thrown away.
struct Owner {
    world: World,
}

impl Owner {
    fn new() -> Self {
        let world = World::bare();
        std::fs::create_dir(world.path("t")).unwrap();
        Self { world }
    }

    fn scratch(&self) -> PathBuf {
        self.world.path("t")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrate"));
        command.arg("selftest").args(words).env_clear().current_dir(self.world.path("home")).stdin(Stdio::null());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.world.path("home")).env("TMPDIR", self.scratch());
        command.env("ORCHESTRATE_CONFIG", self.world.path("rules")).env("ORCHESTRATE_STATE", self.world.path("state"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        let said = self.command(words).output().unwrap();
        self.clean();
        said
    }

    /// Nothing stays: no folder, no process, nothing in the owner's own state folder.
    fn clean(&self) {
        Family::of(&self.scratch()).wait_gone();
        for name in ["t", "state"] {
            let left: Vec<_> = std::fs::read_dir(self.world.path(name)).unwrap().flatten().map(|entry| entry.path()).collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

fn report(said: &Output) -> Value {
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|why| panic!("{why}: {said:?}"));
    answer["done"].clone()
}

/// Every attack with its end; those that did not end as `wanted` says are shown with all that is known of them.
fn ends(report: &Value, wanted: impl Fn(&str, &str) -> bool) -> BTreeMap<String, String> {
    let rows = report["attacks"].as_array().unwrap().iter();
    rows.map(|row| {
        let (id, outcome) = (row["id"].as_str().unwrap(), row["outcome"].as_str().unwrap());
        assert!(wanted(id, outcome), "{row:#}");
        (id.to_owned(), outcome.to_owned())
    })
    .collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

#[test]
fn at_sandbox_every_attack_is_refused() {
    let owner = Owner::new();
    let said = owner.run(&["--json"]);
    let report = report(&said);
    let ends = ends(&report, |_, outcome| outcome == "refused");
    assert_eq!((said.status.code(), report["ok"].as_bool(), report["level"].as_str()), (Some(0), Some(true), Some("sandbox")));
    let missing: Vec<&str> = words(PROBES).union(&words(LINES)).copied().filter(|id| !ends.contains_key(*id)).collect();
    assert!(missing.is_empty(), "no script for {missing:?}");
}

/// The same attacks without a wall: they are real ones, and are named as open.
#[test]
fn at_none_the_walls_attacks_are_open_and_named() {
    let owner = Owner::new();
    let said = owner.run(&["--json", "--isolation", "none", "--group", "wall"]);
    let report = report(&said);
    let not_always = words(NOT_ALWAYS_OPEN);
    let ends =
        ends(&report, |id, outcome| outcome == "open" || (not_always.contains(id) && ["refused", "not-promised"].contains(&outcome)));
    assert_eq!((said.status.code(), report["ok"].as_bool(), report["level"].as_str()), (Some(1), Some(false), Some("none")));
    let named = report["open"].as_array().unwrap().len();
    assert_eq!(named, ends.values().filter(|outcome| *outcome == "open").count());
    assert!(named > 40, "{ends:?}");
}

#[test]
fn the_page_stands_alone_and_has_every_row() {
    let owner = Owner::new();
    let said = owner.run(&["--html", "--only", "A1,Q0,Q1,01,39"]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    let page = String::from_utf8(said.stdout).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    for part in [
        "<td class=\"id\">A1</td>",
        "<td class=\"id\">Q1</td>",
        "<td class=\"id\">39</td>",
        "protected-branch",
        "5 refused",
        "refused</td>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for part in ["<script", "http://", "https://", "src=", "@import", "\u{1b}"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
}

#[test]
fn what_cannot_be_tried_is_not_green() {
    let owner = Owner::new();
    for words in
        [&["--group", "Z"][..], &["--only", "A999"], &["--group", "A", "--only", "B1"], &["--isolation", "landlock"], &["--html", "--json"]]
    {
        assert_eq!(owner.run(words).status.code(), Some(2), "{words:?}");
    }
    let list = owner.run(&["--list", "--group", "wall"]);
    let text = String::from_utf8(list.stdout).unwrap();
    assert!(list.status.success() && text.lines().count() >= words(PROBES).len() && !text.contains("A16"), "{text}");
    let long = owner.scratch().join("a-folder-with-a-name-that-is-too-long-for-sockets");
    std::fs::create_dir(&long).unwrap();
    let said = owner.command(&["--only", "A1"]).env("TMPDIR", &long).output().unwrap();
    assert_eq!(said.status.code(), Some(10), "{said:?}");
    std::fs::remove_dir(&long).unwrap();
    owner.clean();
}

/// `orchestrate selftest | head`: the rest is not told, but tried, judged and taken away.
#[test]
fn a_reader_that_leaves_leaves_nothing_behind() {
    let owner = Owner::new();
    for (level, code) in [("sandbox", 0), ("none", 1)] {
        let mut child = owner.command(&["--only", "01,02", "--isolation", level]).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        owner.clean();
    }
}

/// While it is only just being laid out, and while it is starting.
#[test]
fn an_early_interrupt_takes_everything_away_too() {
    let owner = Owner::new();
    for wanted in ["", "project/.git/HEAD", "state"] {
        let mut child = owner.command(&["--only", "A1"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let there = |folder: std::fs::DirEntry| folder.path().join(wanted).exists();
        while !std::fs::read_dir(owner.scratch()).unwrap().flatten().any(there) && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{wanted:?}");
        owner.clean();
    }
}

#[test]
fn an_interrupt_takes_everything_away() {
    let owner = Owner::new();
    let mut child = owner.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert!(first.contains("attacks from inside"), "{first}");
    let family = Family::of(&owner.scratch());
    assert!(!family.shown().is_empty());
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    lines.read_to_string(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(gone(pid.as_raw_nonzero().get()));
    family.wait_gone();
    owner.clean();
}

#[test]
fn at_users_the_same_attacks_are_refused() {
    let owner = Owner::new();
    let said = owner.run(&["--json", "--isolation", "users", "--only", "A1,C1,E1,H2,O1,Q1,01,05,10,14,27,31,36"]);
    if !rustix::process::geteuid().is_root() {
        assert_eq!(said.status.code(), Some(10), "{said:?}");
        return;
    }
    let report = report(&said);
    let ends = ends(&report, |_, outcome| outcome == "refused");
    assert_eq!((said.status.code(), report["level"].as_str(), ends.len()), (Some(0), Some("users"), 13));
}
