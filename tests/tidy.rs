//! Taste as a test: reads the source tree and names, by file and line, what breaks the rules of the house.

mod direction;
mod rules;
mod source;
mod tree;

use source::Source;
use std::path::Path;

/// One breach: where, which rule, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    seen: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.seen)
    }
}

/// A rule: its name, why it stands, and how a file (or, for the last ones, the tree) is judged by it.
pub struct Rule {
    name: &'static str,
    why: &'static str,
    judge: Judge,
}

pub enum Judge {
    File(fn(&Source) -> Vec<(usize, String)>),
    Tree(fn(&[Source]) -> Vec<Placed>),
}

/// A path, a line, and what was seen there.
type Placed = (String, usize, String);

fn findings(tree: &[Source]) -> Vec<Finding> {
    rules::RULES.iter().flat_map(|rule| judge(rule, tree)).collect()
}

fn judge(rule: &Rule, tree: &[Source]) -> Vec<Finding> {
    let finding = |(path, line, seen)| Finding { path, line, rule: rule.name, seen };
    match rule.judge {
        Judge::Tree(judge) => judge(tree).into_iter().map(finding).collect(),
        Judge::File(judge) => {
            let one = |source: &Source| judge(source).into_iter().map(|(line, seen)| (source.path.clone(), line, seen)).collect::<Vec<_>>();
            tree.iter().flat_map(one).map(finding).collect()
        }
    }
}

#[test]
fn the_tree_is_tidy() {
    let tree = tree::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(tree.iter().any(|source| source.path == "src/lib.rs"), "no source was judged");
    let found: Vec<String> = findings(&tree).iter().map(ToString::to_string).collect();
    let whys: Vec<String> = rules::RULES
        .iter()
        .filter(|rule| found.iter().any(|line| line.contains(&format!(": {}: ", rule.name))))
        .map(|rule| format!("{}: {}", rule.name, rule.why))
        .collect();
    assert!(found.is_empty(), "\n\n{}\n\n{}\n", found.join("\n"), whys.join("\n"));
}

/// Every rule can go red: a row is rule, path, text, and the line to be named.
#[test]
fn every_rule_finds_its_breach() {
    let rows = breaches();
    for rule in rules::RULES {
        assert!(rows.iter().any(|row| row.0 == rule.name), "no breach shows that {} works", rule.name);
    }
    for (rule, path, text, line) in rows {
        let found = findings(&[Source::new(path, &text)]);
        let wanted = found.iter().any(|finding| finding.rule == rule && finding.path == path && finding.line == line);
        assert!(wanted, "{rule} must name {path}:{line}, but: {found:#?}\n{text}");
    }
}

type Row = (&'static str, &'static str, String, usize);

fn breaches() -> Vec<Row> {
    let row = |rule, path, text: &str, line| (rule, path, text.to_owned(), line);
    let mut rows = vec![
        row("direction", "src/domain/task.rs", "use std::fmt;\nuse crate::ledger::chain;", 2),
        row("direction", "src/domain/task.rs", "use crate::{domain::name, edge::git};", 1),
        row("direction", "src/domain/task.rs", "fn f() { super::super::ledger::open(); }", 1),
        row("direction", "src/edge/git.rs", "\nuse crate::edge::files::Folder;", 2),
        row("direction", "src/edge/git.rs", "use super::files;", 1),
        row("direction", "src/edge/tmux/grid.rs", "use crate::{\n  domain::name,\n  supervisor::drive,\n};", 3),
        row("direction", "src/ledger/sqlite.rs", "use crate::edge::files;", 1),
        row("direction", "src/view/page.rs", "use crate::ledger::chain;", 1),
        row("direction", "src/verify/mod.rs", "use crate::ledger::sqlite;", 1),
        row("direction", "src/verify/mod.rs", "use crate::{ledger};", 1),
        row("direction", "src/supervisor/drive.rs", "use crate::interface::cli;", 1),
        row("direction", "src/interface/cli/status.rs", "use crate::supervisor::drive;", 1),
        row("direction", "src/interface/cli/status.rs", "use crate::interface::web::page;", 1),
        row("direction", "src/interface/web/page.rs", "fn f() { crate::edge::clock::now() }", 1),
        row("direction", "src/strange/mod.rs", "use crate::domain::name;", 1),
        row("pure", "src/domain/lease.rs", "fn now() {\n    std::time::SystemTime::now()\n}", 2),
        row("pure", "src/domain/lease.rs", "use std::{fmt, time::Instant};", 1),
        row("pure", "src/domain/lease.rs", "use std::{fmt,\n fs};", 2),
        row("pure", "src/view/page.rs", "fn f() { println!(\"x\") }", 1),
        row("pure", "src/domain/draw.rs", "fn f() { rand::random() }", 1),
        row("pure", "src/domain/draw.rs", "fn f() { getrandom::fill(b) }", 1),
        row("pure", "src/domain/draw.rs", "use tokio::sync::mpsc;", 1),
        row("pure", "src/domain/draw.rs", "async fn f() {}", 1),
        row("process", "src/supervisor/drive.rs", "use std::process::Command;", 1),
        row("process", "src/ledger/sqlite.rs", "fn f() { std::process::Command::new(x) }", 1),
        row("process", "src/supervisor/drive.rs", "use tokio::{process::Command, sync::mpsc};", 1),
        row("process", "src/main.rs", "use std::os::unix::process::CommandExt as _;", 1),
        row("swallowed", "src/edge/git.rs", "fn f() {\n    send(x).ok();\n}", 2),
        row("swallowed", "src/edge/git.rs", "fn f() { let _ = send(x); }", 1),
        row("swallowed", "src/edge/git.rs", "fn f() { let _: Result<(), E> = send(x); }", 1),
        row("sleep", "src/edge/git.rs", "fn f() { std::thread::sleep(d) }", 1),
        row("sleep", "tests/world.rs", "use tokio::time::{sleep, timeout};", 1),
        row("sleep", "tests/world.rs", "async fn f() { tokio::time::sleep(d).await }", 1),
        row("stub", "src/edge/git.rs", "fn f() { todo!() }", 1),
        row("stub", "src/edge/git.rs", "fn f() { unimplemented!() }", 1),
        row("stub", "tests/world.rs", "#[test]\n#[ignore]\nfn f() {}", 2),
        row("stub", "src/edge/git.rs", "fn f() { dbg!(x) }", 1),
        row("name", "src/edge/git_helper.rs", "", 1),
        row("name", "src/edge/git.rs", "\npub struct TaskManager;", 2),
        row("name", "src/edge/git.rs", "enum ContextKind {}", 1),
        row("version", "src/edge/git_v2.rs", "", 1),
        row("version", "gates/red_old.toml", "", 1),
        row("version", "README.md.bak", "", 1),
        row("version", "src/edge/new_git_new.rs", "", 1),
        row("shim", "git-hooks/pre-push", "#!/bin/sh\nexit 0", 1),
        row("check", "src/domain/check/lonely.rs", "pub const LONELY: Check = x;", 1),
    ];
    let long = |head: &str| format!("{head} {{\n{}}}\n", "    x();\n".repeat(69));
    rows.push(("function", "src/edge/git.rs", format!("\n{}", long("pub fn f(a: [u8; 2]) -> Vec<u8>")), 2));
    rows.push(("function", "tests/world.rs", format!("mod m {{\n{}}}", long("async fn f<T>(a: T)\nwhere\n    T: Fn()")), 2));
    rows.push(("file", "src/edge/git.rs", "\n".repeat(601), 601));
    rows.push(("file", "tests/world.rs", "x\n".repeat(601), 601));
    for host in rules::hosts() {
        rows.push(("registry", "README.md", format!("first\nsee https://{host}/x"), 2));
    }
    rows
}

#[test]
fn what_only_looks_like_a_breach_is_left_alone() {
    let full = format!("fn f() {{\n{}}}\n", "    x();\n".repeat(68));
    let rows = [
        (
            "src/domain/task.rs",
            "// use crate::ledger::chain;\n/* std::fs /* println!() */ todo!() */\nuse super::name;\nuse crate::domain::{name, role};",
        ),
        ("src/domain/task.rs", "fn f<'a>(x: &'a str) -> char { let y = \"std::fs \\\" todo!()\"; let z = r#\"let _ = \"dbg!()\"#; '\"' }"),
        (
            "src/domain/task.rs",
            "fn f() { x }\n#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn g() { let _ = crate::edge::git::f(); }\n}\n",
        ),
        ("src/domain/gate.rs", "struct Instantiation; fn fingerprint() {} // tokio, rand::x\nuse crate::domain::gate::Operand;"),
        (
            "src/edge/tmux/grid.rs",
            "use super::quote;\nuse crate::edge::tmux::watch;\nuse crate::domain::failure::Failure;\nuse std::process::Command;",
        ),
        ("src/verify/mod.rs", "use crate::ledger::{chain, checkpoint::Note};\nuse crate::edge::git;\nuse crate::domain::name;"),
        (
            "src/interface/cli/status.rs",
            "use crate::supervisor::{protocol, door::Door};\nuse crate::view::page;\nuse crate::verify::judge;\nuse super::Options;",
        ),
        ("src/supervisor/drive.rs", "fn f() { tokio::time::sleep_until(x).await; let x = y.ok(); let _guard = z; std::process::exit(1) }"),
        ("src/edge/git.rs", "struct Datagram; struct Informed; fn todo() {} fn dbg(x: fn(u8) -> u8) {} const A: [u8; { 3 }] = x;"),
        ("src/edge/git.rs", full.as_str()),
        ("tests/world.rs", "use std::process::Command; fn f() { let _ = x(); }"),
        ("src/edge/renewal.rs", ""),
        ("notes/renew.md", "let _ = todo!() std::fs"),
    ];
    for (path, text) in rows {
        assert_eq!(findings(&[Source::new(path, text)]), [], "{path}\n{text}");
    }
}

#[test]
fn shims_are_alike_but_for_their_names() {
    let shim = |name: &str, text: &str| Source::new(&format!("git-hooks/{name}"), text);
    let good = |name: &str| shim(name, "#!/bin/sh\nhook=${0##*/}\nexec orchestrate hook \"$hook\" \"$@\"\n");
    assert_eq!(findings(&[good("pre-push"), good("commit-msg"), good("pre-commit"), shim("README.md", "other")]), []);
    let odd = shim("pre-push", "#!/bin/sh\nexit 0\n");
    let found = findings(&[good("commit-msg"), good("pre-commit"), odd]);
    assert!(found.iter().any(|finding| finding.rule == "shim" && finding.path == "git-hooks/pre-push"), "{found:?}");
}

#[test]
fn a_check_with_a_line_in_the_table_is_known() {
    let table = "pub mod paths;\npub const CHECKS: &[Check] = &[\n    paths::PATHS,\n];\n";
    let tree = |table: &str| [Source::new("src/domain/check/mod.rs", table), Source::new("src/domain/check/paths.rs", "")];
    assert_eq!(findings(&tree(table)), []);
    let missing = findings(&tree(&table.replace("    paths::PATHS,\n", "")));
    assert!(missing.iter().any(|finding| finding.rule == "check"), "{missing:?}");
}
