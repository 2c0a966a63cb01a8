//! The suite itself on trial: without a guard, the attack that the guard stops is no longer refused for its reason.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test runs the real program")]

use crate::world::World;
use crate::world::processes::kill;
use orchestrate::domain::planted;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

/// Each guard that a test build can leave out, and the row of `attacks/` that then goes red.
const GUARDS: &[(&str, &str)] = &[
    ("bad-signature", "H3"),
    ("branch-collision", "C20"),
    ("broker-commits-only", "H12"),
    ("broker-own-name", "H2"),
    ("bypass-librarian", "I19"),
    ("checkpoint-root", "Q1f"),
    ("checkpoint-signature", "Q5d"),
    ("commit-grammar", "D14b"),
    ("contributors", "I1"),
    ("cosigned-back", "I20"),
    ("deletions", "C3b"),
    ("drawn-only", "I9"),
    ("same-eyes", "I10b"),
    ("fair-queue", "N10"),
    ("fetch-advertised-only", "C23"),
    ("former-hands", "I21"),
    ("freeze", "A11c"),
    ("frozen-delivery", "R6c"),
    ("frozen-relay", "R6b"),
    ("history-related", "C6"),
    ("home-links", "A17"),
    ("husks", "Q9"),
    ("mail-addressee", "O6"),
    ("marks", "D8"),
    ("mail-sender", "O1"),
    ("lock-fencing", "P2"),
    ("managed-settings", "40"),
    ("merge-commits", "G2"),
    ("mirror-read-only", "A6c"),
    ("namespace", "C2b"),
    ("network-namespace", "13"),
    ("object-kind", "C23b"),
    ("openpgp-only", "H5"),
    ("own-branches-shown", "C23d"),
    ("own-processes", "H17c"),
    ("own-socket-read-only", "39"),
    ("owner-requests", "A16b"),
    ("port-token", "Q2e"),
    ("private-tmp", "01"),
    ("process-namespace", "31d"),
    ("programs-read-only", "16"),
    ("protected-branch", "C1"),
    ("push-certificates", "C14b"),
    ("push-options", "C12"),
    ("quotes", "I18"),
    ("reference-count", "C20b"),
    ("reference-names", "C9"),
    ("relay-hosts", "41"),
    ("release-role", "I22"),
    ("reserved", "I23"),
    ("secrets", "D12b"),
    ("shallow-pushes", "C5b"),
    ("signature-needed", "H2b"),
    ("slices", "F2"),
    ("steady-draw", "I10"),
    ("system-calls", "36"),
    ("thaw-agreed", "R5c"),
    ("tree-entries", "G1"),
    ("veto-sticks", "I13"),
    ("witness-consistency", "Q2d"),
    ("witness-demanded", "Q5f"),
    ("write-locks", "P10"),
];

#[test]
fn every_guard_has_an_attack_that_needs_it() {
    let named: BTreeSet<&str> = GUARDS.iter().map(|(guard, _)| *guard).collect();
    assert_eq!(named, planted::ALL.iter().copied().collect(), "guards without an attack, or attacks without a guard");
    let ids: BTreeSet<&str> = GUARDS.iter().map(|(_, id)| *id).collect();
    let whole = ends(None, &ids.iter().copied().collect::<Vec<_>>().join(","));
    let red: Vec<_> = whole.iter().filter(|(_, end)| *end != "refused").collect();
    assert!(red.is_empty() && whole.len() == ids.len(), "with all guards in place: {red:?} of {whole:?}");
}

#[test]
fn without_its_guard_each_attack_is_seen() {
    let (left, right) = GUARDS.split_at(GUARDS.len() / 2);
    let unseen = std::thread::scope(|scope| {
        let other = scope.spawn(|| unseen(left));
        let mut all = unseen(right);
        all.extend(other.join().expect("no panic"));
        all
    });
    assert!(unseen.is_empty(), "still green without their guards: {unseen:?}");
}

fn unseen(guards: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    guards.iter().filter(|(guard, id)| ends(Some(guard), id).values().all(|end| end == "refused")).copied().collect()
}

/// Runs these rows with the real program, one guard left out or none, and tells how each ended.
fn ends(without: Option<&str>, ids: &str) -> BTreeMap<String, String> {
    let world = World::bare();
    let scratch = world.path("t");
    std::fs::create_dir(&scratch).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrate"));
    command.args(["selftest", "--json", "--only", ids]).env_clear().current_dir(world.path("home")).stdin(Stdio::null());
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", world.path("home")).env("TMPDIR", &scratch);
    command.env("ORCHESTRATE_CONFIG", world.path("rules")).env("ORCHESTRATE_STATE", world.path("state"));
    command.envs(without.map(|guard| (planted::VARIABLE, guard)));
    let said = command.output().unwrap();
    outlived(world.path("t").parent().unwrap());
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|why| panic!("{without:?}: {why}: {said:?}"));
    let rows = answer["done"]["attacks"].as_array().unwrap_or_else(|| panic!("{without:?}: {answer:#}"));
    // What could not even be prepared shows nothing.
    let prepared = |row: &Value| assert!(!row["happened"].as_str().unwrap().starts_with("cannot prepare"), "{without:?}: {row:#}");
    rows.iter().inspect(|row| prepared(row)).map(|row| (row["id"].as_str().unwrap().to_owned(), row["outcome"].as_str().unwrap().to_owned())).collect()
}

/// Ends what outlives a sandbox without a process namespace: whoever still has a part of the folder mounted.
fn outlived(folder: &Path) {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap();
    let numbers = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mounted = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).is_ok_and(|mounts| mounts.contains(name));
    numbers.filter(mounted).for_each(kill);
}
