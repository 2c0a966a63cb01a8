//! The rules, one line each.

use super::source::{Source, body, find_all, is_word, line_of, paths};
use super::{Judge, Placed, Rule, direction};

pub const RULES: &[Rule] = &[
    Rule {
        name: "direction",
        why: "a layer uses only what the table of tests/tidy/direction.rs allows",
        judge: Judge::File(direction::judge),
    },
    Rule {
        name: "pure",
        why: "domain and view do no IO, read no clock, draw no chance, print nothing, wait for nothing",
        judge: Judge::File(pure),
    },
    Rule { name: "process", why: "processes are started in src/edge only", judge: Judge::File(process) },
    Rule { name: "function", why: "a function has at most 70 lines", judge: Judge::File(function) },
    Rule { name: "file", why: "a file has at most 600 lines: split it by noun", judge: Judge::File(file) },
    Rule { name: "swallowed", why: "a result is used, passed on or told; it is not thrown away", judge: Judge::File(swallowed) },
    Rule { name: "sleep", why: "wait for the thing itself: an entry, an end, a deadline", judge: Judge::File(sleep) },
    Rule { name: "stub", why: "what is there works, and every test runs", judge: Judge::File(stub) },
    Rule { name: "name", why: "a name says what the thing is; these words fit anything", judge: Judge::File(name) },
    Rule { name: "version", why: "git keeps the old versions", judge: Judge::File(version) },
    Rule { name: "registry", why: "no package registry is named anywhere", judge: Judge::File(registry) },
    Rule { name: "shim", why: "git hooks are all alike: exec orchestrate hook <name> \"$@\"", judge: Judge::Tree(shim) },
    Rule { name: "check", why: "a check has its line in CHECKS", judge: Judge::Tree(check) },
];

type Found = Vec<(usize, String)>;

/// Names the lines where one of these words stands.
fn words(code: &str, needles: &[&str]) -> Found {
    needles.iter().flat_map(|needle| find_all(code, needle).map(|at| (line_of(code, at), (*needle).to_owned()))).collect()
}

fn pure(source: &Source) -> Found {
    const MODULES: &[&str] = &["fs", "net", "process", "time", "env", "thread"];
    const WORDS: &[&str] =
        &["println!", "eprintln!", "print!", "eprint!", "rand::", "getrandom", "tokio", "rustix", "libc", "async", "SystemTime", "Instant"];
    if !source.path.starts_with("src/domain/") && !source.path.starts_with("src/view/") {
        return Vec::new();
    }
    let outside =
        paths(&source.plain, &["std"]).into_iter().filter(|named| named.parts.get(1).is_some_and(|part| MODULES.contains(&part.as_str())));
    words(&source.plain, WORDS).into_iter().chain(outside.map(|named| (named.line, named.parts.join("::")))).collect()
}

fn process(source: &Source) -> Found {
    if source.path.starts_with("src/edge/") {
        return Vec::new();
    }
    let starts = |parts: &[String]| {
        let at = parts.iter().position(|part| part == "process");
        at.is_some_and(|at| parts[0] == "tokio" || parts.get(at + 1).is_some_and(|part| part == "Command" || part == "CommandExt"))
    };
    let named = paths(&source.plain, &["std", "tokio"]).into_iter().filter(|named| starts(&named.parts));
    let short = words(&source.plain, &["process::Command", "process::CommandExt"]);
    named.map(|named| (named.line, named.parts.join("::"))).chain(short).collect()
}

fn function(source: &Source) -> Found {
    let code = &source.code;
    let long = |at: usize| {
        let name: String = code[at + 2..].trim_start().chars().take_while(|c| is_word(*c)).collect();
        let (_, end) = body(code, at).filter(|_| !name.is_empty())?;
        let lines = code[at..end].matches('\n').count() + 1;
        (lines > 70).then(|| (line_of(code, at), format!("fn {name} has {lines} lines")))
    };
    find_all(code, "fn").filter_map(long).collect()
}

fn file(source: &Source) -> Found {
    let lines = source.text.lines().count();
    if source.path.ends_with(".rs") && lines > 600 { vec![(601, format!("{lines} lines"))] } else { Vec::new() }
}

fn swallowed(source: &Source) -> Found {
    let dense = |at: &usize| source.plain[at + ".ok()".len()..].trim_start().starts_with(';');
    let ok = source.plain.match_indices(".ok()").map(|(at, _)| at).filter(dense).filter(|at| is_statement(&source.plain, *at));
    let ok = ok.map(|at| (line_of(&source.plain, at), ".ok();".to_owned()));
    words(&source.plain, &["let _ =", "let _:"]).into_iter().chain(ok).collect()
}

/// Tells whether what ends here throws its value away: nothing takes it since the last `;` or brace.
fn is_statement(code: &str, at: usize) -> bool {
    let start = code[..at].rfind([';', '{', '}']).map_or(0, |before| before + 1);
    let statement = code[start..at].trim_start();
    !statement.starts_with("let ") && !statement.starts_with("return ") && !statement.contains(" = ")
}

fn sleep(source: &Source) -> Found {
    let named = paths(&source.code, &["std", "tokio"]).into_iter();
    let sleeps = named.filter(|named| named.parts.last().is_some_and(|part| part == "sleep"));
    words(&source.code, &["thread::sleep", "time::sleep"])
        .into_iter()
        .chain(sleeps.map(|named| (named.line, named.parts.join("::"))))
        .collect()
}

fn stub(source: &Source) -> Found {
    words(&source.code, &["todo!", "unimplemented!", "#[ignore", "dbg!"])
}

const EMPTY_WORDS: &[&str] = &["manager", "handler", "util", "helper", "context", "info", "data"];

fn is_empty_word(word: &str) -> bool {
    let word = word.to_lowercase();
    EMPTY_WORDS.contains(&word.strip_suffix('s').unwrap_or(&word))
}

fn name(source: &Source) -> Found {
    if !source.path.ends_with(".rs") {
        return Vec::new();
    }
    let stems = source.path.trim_end_matches(".rs").split(['/', '_', '-']).filter(|word| is_empty_word(word));
    let stems = stems.map(|word| (1, format!("a path with {word}")));
    let types =
        ["struct", "enum", "trait", "type", "union"].into_iter().flat_map(|kind| find_all(&source.code, kind).map(move |at| (at, kind)));
    let types = types.filter_map(|(at, kind)| {
        let name: String = source.code[at + kind.len()..].trim_start().chars().take_while(|c| is_word(*c)).collect();
        humps(&name).iter().any(|word| is_empty_word(word)).then(|| (line_of(&source.code, at), format!("{kind} {name}")))
    });
    stems.chain(types).collect()
}

/// Splits `TaskManager` into its words.
fn humps(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if !c.is_uppercase() => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    words
}

fn version(source: &Source) -> Found {
    const ENDS: &[&str] = &["old", "new", "bak", "backup", "copy", "final", "fixed", "enhanced", "simple"];
    let file = source.path.rsplit('/').next().unwrap_or_default();
    let stale = [".bak", ".orig", ".old", ".backup", "~"].iter().any(|end| file.ends_with(end));
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let last = stem.rsplit_once(['_', '-']).map(|(_, last)| last).unwrap_or_default();
    let number = last.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    if stale || number || ENDS.contains(&last) { vec![(1, file.to_owned())] } else { Vec::new() }
}

/// The hosts, put together here so that this file does not name them.
pub fn hosts() -> Vec<String> {
    const PARTS: &[(&str, &str)] = &[
        ("crates", "io"),
        ("registry.npmjs", "org"),
        ("registry.yarnpkg", "com"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("rubygems", "org"),
        ("proxy.golang", "org"),
        ("repo.maven.apache", "org"),
    ];
    PARTS.iter().map(|(name, end)| format!("{name}.{end}")).collect()
}

fn registry(source: &Source) -> Found {
    // The lock file is cargo's, and names the index that cargo used.
    if source.path == "Cargo.lock" {
        return Vec::new();
    }
    let hosts = hosts();
    let named = |(at, line): (usize, &str)| hosts.iter().find(|host| line.contains(host.as_str())).map(|host| (at + 1, host.clone()));
    source.text.lines().enumerate().filter_map(named).collect()
}

fn shim(tree: &[Source]) -> Vec<Placed> {
    let shims = tree.iter().filter_map(|source| Some((source, source.path.strip_prefix("git-hooks/")?)));
    let odd = |source: &Source| !source.text.contains("exec orchestrate hook \"$hook\" \"$@\"\n");
    let shims: Vec<_> = shims.filter(|(_, name)| !name.ends_with(".md")).collect();
    let first = shims.first().map(|(source, _)| source.text.clone());
    let alike = |source: &Source| first.as_ref().is_some_and(|first| source.text == *first);
    let found = shims.iter().filter(|(source, _)| odd(source) || !alike(source));
    found.map(|(source, name)| (source.path.clone(), 1, format!("{name} is not like the others"))).collect()
}

fn check(tree: &[Source]) -> Vec<Placed> {
    let inner =
        |source: &Source| source.path.strip_prefix("src/domain/check/").and_then(|file| file.strip_suffix(".rs")).map(str::to_owned);
    let heads = ["src/domain/check/mod.rs", "src/domain/check.rs"];
    let table = tree.iter().find(|source| heads.contains(&source.path.as_str())).map_or("", |source| &source.code);
    let table = table.find("CHECKS").map_or("", |at| table[at..].split("];").next().unwrap_or_default());
    let known =
        |stem: &str| ["mod", "tests"].contains(&stem) || stem.contains('/') || find_all(table, &format!("{stem}::")).next().is_some();
    let lonely = tree.iter().filter_map(|source| inner(source).filter(|stem| !known(stem)).map(|stem| (source, stem)));
    lonely.map(|(source, stem)| (source.path.clone(), 1, format!("{stem} is not in CHECKS"))).collect()
}
