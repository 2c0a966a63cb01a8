//! The help as one reviewed page, and what holds for every command.

use super::*;
use std::fmt::Write;
use std::path::Path;

/// All commands that people see, each with its full name, in the order of the help.
fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    found.push((path.to_owned(), command.clone()));
    for child in command.get_subcommands().filter(|child| !child.is_hide_set() && child.get_name() != "help") {
        commands(child, &format!("{path} {}", child.get_name()), found);
    }
}

fn all() -> Vec<(String, clap::Command)> {
    let mut built = tree().term_width(100);
    built.build();
    let mut found = Vec::new();
    commands(&built, "orchestrate", &mut found);
    found
}

fn reference() -> String {
    let mut page =
        String::from("# The commands\n\nMade by `UPDATE_REFERENCE=1 cargo test --lib reference`; a test compares it with the program.\n");
    for (name, command) in all() {
        let help = command.clone().bin_name(&name).render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()).unwrap();
    }
    page
}

#[test]
fn the_command_tree_is_sound() {
    tree().debug_assert();
}

#[test]
fn the_reference_is_the_help() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let now = reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(now == written, "docs/reference.md is not the help any more\nhint: UPDATE_REFERENCE=1 cargo test --lib reference");
}

#[test]
fn every_command_has_an_example_that_parses() {
    let tree = tree();
    for (name, command) in all().into_iter().skip(1) {
        let help = command.clone().render_long_help().to_string();
        let examples: Vec<&str> = help
            .lines()
            .filter_map(|line| {
                line.trim().strip_prefix("Example: ").or_else(|| line.trim().strip_prefix("orchestrate ").and(Some(line.trim())))
            })
            .collect();
        let own: Vec<&&str> = examples
            .iter()
            .filter(|example| example.starts_with(name.as_str()) || name.starts_with(example.split(" -").next().unwrap()))
            .collect();
        assert!(!examples.is_empty() && !own.is_empty(), "{name} has no example of its own:\n{help}");
        for example in examples {
            let words = shell_words(example.split(['|', '>']).next().unwrap());
            assert!(tree.clone().try_get_matches_from(&words).is_ok(), "{name}: {example} is not understood: {words:?}");
        }
    }
}

/// Splits a line as a shell would, as far as our examples need it.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_and_option_says_what_it_is_for() {
    for (name, command) in all() {
        assert!(command.get_about().is_some(), "{name} does not say what it does");
        let first = command.get_about().unwrap().to_string();
        assert!(name == "orchestrate" || first.chars().count() <= 64, "{name}: the first line of its help is long: {first}");
        for argument in command.get_opts().filter(|argument| argument.get_id() != "help") {
            assert!(argument.get_help().is_some(), "{name} --{} is not explained", argument.get_id());
        }
    }
}

#[test]
fn exit_codes_of_misuse() {
    let run = |words: &[&str]| parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
    assert_eq!(run(&["task", "show", "nonsense"]), Exit::Usage);
    assert_eq!(run(&["frobnicate"]), Exit::Usage);
    assert_eq!(run(&["mail", "send"]), Exit::Usage);
    assert_eq!(run(&["explain", "no-such-word"]), Exit::Usage);
    assert_eq!(run(&["explain", "not-drawn"]), Exit::Done);
    assert_eq!(run(&["-C", "/nonexistent-folder", "status"]), Exit::Failed);
    assert_eq!(run(&["bootstrap", "/nonexistent-folder"]), Exit::Failed);
}

fn seat() -> crate::domain::name::SeatName {
    crate::domain::name::SeatName::new("dev-a").unwrap()
}

/// A lock with much in it, and somebody who waits behind it.
fn held() -> crate::domain::state::State {
    use crate::domain::glob::Glob;
    use crate::domain::lock::{Lease, Waiting};
    use crate::domain::message::Priority;
    let mut state = crate::view::tests::Journey::at_deploy().state;
    let paths: Vec<Glob> = (0..12).map(|n| Glob::new(format!("src/a-long-folder-{n}/**")).unwrap()).collect();
    let lease =
        Lease { seat: seat(), paths: paths.clone(), priority: Priority::Low, since: 0, used: 0, until: 300_000, ends: Some(300_000) };
    let other = crate::domain::name::SeatName::new("dev-b").unwrap();
    let waiting = Waiting { seat: other, paths, priority: Priority::Critical, since: 0, until: 300_000 };
    state.locks.leases.insert(7, lease);
    state.locks.queue.insert(9, waiting);
    state
}

/// Every page of a workshop in which seats write what they like.
fn pages(paint: &paint::Paint) -> Vec<(&'static str, String)> {
    use crate::domain::actor::Actor;
    use crate::domain::task::RunKind;
    use crate::view::tests::{Journey, dev, letter, oid, t1};
    let mut journey = Journey::at_deploy();
    let id = journey.mail();
    journey.run(&dev(), crate::domain::command::Act::Freeze { reason: "mine".into() });
    let state = &journey.state;
    let mut earlier = Journey::measured();
    earlier.tested(RunKind::Base, oid('2'));
    let diff = "+a\u{1b}[2J\n-b\u{202e}\n@@ c\n".to_owned();
    vec![
        ("status", status::page(&crate::view::status(state, state.now), paint)),
        ("whoami", whoami::page(&crate::view::whoami(state, &dev()), paint)),
        ("tasks", task::pages::list(&crate::view::tasks(state), paint)),
        ("task", task::pages::show(&crate::view::task(state, &t1()).unwrap(), paint)),
        ("gate", gate::show::page(&crate::view::gate(state, &t1()).unwrap(), paint)),
        ("gate early", gate::show::page(&crate::view::gate(&earlier.state, &t1()).unwrap(), paint)),
        ("reviews", review::pages::list(&crate::view::reviews(state, &Actor::Owner), paint)),
        ("review", review::show::page(&crate::view::review(state, &t1(), &diff).unwrap(), paint)),
        ("inbox", mail::pages::inbox(&crate::view::inbox(state, &Actor::Owner, true), paint)),
        ("locks", lock::pages::list(&crate::view::locks(&held(), 100_000), paint)),
        ("lock", lock::pages::acquire(&crate::view::locked(&held(), &seat(), &[], 100_000), paint)),
        ("lock why", lock::pages::why(&crate::view::lock_why(&held(), &dev(), "src/a-long-folder-1/a\u{1b}[2J", 100_000), paint)),
        ("mail", mail::pages::read(&crate::view::mail(&letter(&journey), &id, state), paint)),
    ]
}

#[test]
fn pages_fit_eighty_columns_and_cannot_act() {
    for (name, page) in pages(&paint::Paint::plain()) {
        assert!(!page.chars().any(|c| c != '\n' && crate::view::text::is_treacherous(c)), "{name}: {page:?}");
        let allowed = |line: &str| line.chars().count() <= 80 || line.contains("next: ") || line.starts_with("  or: ");
        let wide: Vec<&str> = page.lines().filter(|line| !allowed(line)).collect();
        assert!(wide.is_empty(), "{name} is too wide: {wide:#?}");
        assert!(page.ends_with('\n'), "{name}");
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = pages(&paint::Paint { colour: true, ..paint::Paint::plain() });
    for ((name, plain), (_, page)) in pages(&paint::Paint::plain()).into_iter().zip(coloured) {
        assert!(page.contains("\u{1b}[") || name == "reviews", "{name} has no colour");
        let stripped: String =
            page.split("\u{1b}[").enumerate().map(|(at, part)| if at == 0 { part } else { part.split_once('m').unwrap().1 }).collect();
        assert_eq!(stripped, plain, "{name}");
    }
}
