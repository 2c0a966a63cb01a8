//! Stories: what people do with the program, told in Markdown and lived through in a world. See tests/stories/README.md for the form.

use crate::world::{Said, World};
use orchestrate::domain::event::Event;
use orchestrate::domain::name::SeatName;
use orchestrate::domain::task;
use orchestrate::view;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A fenced block: the words after the fence, and the lines in it.
#[derive(Debug)]
struct Block {
    at: usize,
    words: Vec<String>,
    lines: Vec<String>,
}

/// A command with what it should say and how it should end.
#[derive(Debug, Default)]
struct Step {
    command: String,
    expected: Vec<String>,
    code: i32,
}

struct Telling {
    world: World,
    started: bool,
    /// The position in the ledger up to which the story has been told.
    told: u64,
    /// Codes used so far: each one counts once.
    codes: u64,
}

#[test]
fn every_story_comes_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let wanted = std::env::var("STORY").unwrap_or_default();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| !path.ends_with("README.md") && path.to_string_lossy().contains(&wanted)).collect();
    files.sort();
    assert!(!files.is_empty(), "there is no story");
    let files = Mutex::new(files.into_iter());
    let (next, untrue) = (|| files.lock().unwrap().next(), Mutex::new(Vec::new()));
    let live = || {
        while let Some(file) = next() {
            if catch_unwind(|| tell(&file)).is_err() {
                untrue.lock().unwrap().push(file);
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(live))));
    assert_eq!(untrue.into_inner().unwrap(), Vec::<PathBuf>::new(), "these did not come true; see above");
}

fn tell(file: &Path) {
    tell_in(file, |world| world);
}

/// Tells one story in a world that is furnished further.
pub fn told(name: &str, furnish: impl FnOnce(World) -> World) {
    tell_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(name), furnish);
}

fn tell_in(file: &Path, furnish: impl FnOnce(World) -> World) {
    let text = std::fs::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "{name} tells nothing");
    let mut world = if text.contains("```world rust") { World::rust() } else { World::python() };
    if text.contains("```world twelve") {
        world = world.every_seat();
    }
    if text.contains("orchestrate deliver") {
        world.delivered();
    }
    let mut telling = Telling { world: furnish(world), started: false, told: 0, codes: 0 };
    for block in blocks {
        telling.block(&name, &block);
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (at, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(words), None) => {
                open = Some(Block { at: at + 1, words: words.split(' ').map(str::to_owned).collect(), lines: Vec::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), ..Step::default() });
            continue;
        }
        let step = steps.last_mut().unwrap_or_else(|| panic!("line {}: a block begins with `$ `", block.at));
        let code = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(|code| code.parse().ok());
        match (line.strip_prefix("> "), code) {
            (Some(more), _) => step.command.push_str(&format!("\n{more}")),
            (None, Some(code)) => step.code = code,
            (None, None) => step.expected.push(line.clone()),
        }
    }
    steps
}

impl Telling {
    fn block(&mut self, story: &str, block: &Block) {
        let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
        if !self.started && !matches!(words[0], "world" | "rules") {
            self.world.start().ok();
            self.started = true;
        }
        let place = format!("{story}:{}", block.at);
        match words.as_slice() {
            ["world", _] => {}
            ["rules"] => self.world.rule(&self.here(block)),
            ["rules", path] => self.world.rules(path, &self.here(block)),
            ["clock", seconds] => self.world.ahead(seconds.parse().unwrap()),
            ["seat", name] => self.each(&place, block, |world, command| world.seat(name).run(command)),
            ["drawn", task] => {
                for seat in self.drawn(task) {
                    self.each(&place, block, |world, command| world.seat(seat.as_str()).run(command));
                }
            }
            ["lookers", task] => {
                let (seats, _) = self.world.fold().bypasses[&task.parse().unwrap()].drawn.clone().unwrap();
                for seat in seats {
                    self.each(&place, block, |world, command| world.seat(seat.as_str()).run(command));
                }
            }
            ["owner"] => self.each(&place, block, owner),
            ["ledger"] => block.lines.iter().for_each(|line| self.wait(&place, line)),
            other => panic!("{place}: nobody knows what {other:?} is"),
        }
    }

    /// A block's lines, with this world's own folder and workshop where they name them.
    fn here(&self, block: &Block) -> String {
        let workshop = orchestrate::supervisor::place::workshop_id(&self.world.repo());
        block.lines.join("\n").replace("{here}", &self.world.path("").display().to_string()).replace("{workshop}", &workshop)
    }

    /// The seats that chance drew for the gate where a task stands.
    fn drawn(&self, task: &str) -> Vec<SeatName> {
        let state = self.world.fold();
        let attempt = state.tasks[&task.parse().unwrap()].attempt.as_ref().unwrap();
        let task::Stage::At(gate) = attempt.stage else { panic!("{task} stands at no gate: {:?}", attempt.stage) };
        attempt.draws[&gate].seats.clone()
    }

    fn each(&mut self, place: &str, block: &Block, run: impl Fn(&World, &str) -> Said) {
        for step in steps(block) {
            let mut command = step.command.replace("{here}", &self.world.path("").display().to_string());
            if command.contains("{code}") {
                command = command.replace("{code}", &self.code());
            }
            let said = run(&self.world, &command);
            assert_eq!(said.code, step.code, "{place}: {said}");
            assert!(
                step.expected.is_empty() || fits(&step.expected, &said),
                "{place}: expected\n{}\n\nbut\n{said}",
                step.expected.join("\n")
            );
        }
    }

    /// A code that was not used before: the clock moves on by one step for each.
    fn code(&mut self) -> String {
        self.codes += 1;
        self.world.code_at(self.codes * 30)
    }

    fn wait(&mut self, place: &str, pattern: &str) {
        let parts: Vec<&str> = pattern.split('…').collect();
        let (line, seq) = self.world.wait_from(self.told, &format!("{place}: {pattern:?}"), |entry| {
            let line = view::line(entry);
            let bad = matches!(&entry.event, Event::Task(task::Event::SentBack { .. } | task::Event::Stalled { .. }));
            let found = in_order(&line, &parts);
            assert!(found || !bad, "{place}: expected {pattern:?}, but {line}");
            found.then_some((line, entry.seq))
        });
        assert!(in_order(&line, &parts));
        self.told = seq + 1;
    }
}

/// What the owner types into a shell in the repository.
fn owner(world: &World, command: &str) -> Said {
    let program = Path::new(env!("CARGO_BIN_EXE_orchestrate")).parent().unwrap();
    let lines = format!("cd '{}' && PATH=\"{}:$PATH\"\n{command}", world.repo().display(), program.display());
    Said { line: command.to_owned(), ..world.command("sh", &["-ec", &lines], "") }
}

fn in_order(mut text: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| match text.find(part) {
        Some(at) => {
            text = &text[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Compares line by line; `…` alone stands for any lines, inside a line for any text.
fn fits(expected: &[String], said: &Said) -> bool {
    let all = format!("{}\n{}", said.out, said.err);
    let lines: Vec<&str> = all.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let expected: Vec<&str> = expected.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty()).collect();
    matches(&expected, &lines)
}

fn matches(expected: &[&str], lines: &[&str]) -> bool {
    match (expected, lines) {
        ([], []) => true,
        (["…", rest @ ..], _) => (0..=lines.len()).any(|skip| matches(rest, &lines[skip..])),
        ([first, rest @ ..], [line, more @ ..]) => one(first, line) && matches(rest, more),
        ([], _) | (_, []) => false,
    }
}

fn one(pattern: &str, line: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == line };
    let inner = line.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    inner.is_some_and(|inner| in_order(inner, middle))
}

#[test]
fn what_does_not_fit_is_seen() {
    let said = |out: &str| Said { line: String::new(), code: 0, out: out.to_owned(), err: String::new() };
    let fits = |expected: &[&str], out| fits(&expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), &said(out));
    assert!(fits(&["a…c", "…", "z"], "abc\nq\nz\n") && fits(&["…", "z"], "z") && fits(&["a…"], "a"));
    for bad in [&["a…d"][..], &["abc"], &["…", "y"], &["abc", "q", "z", "more"]] {
        assert!(!fits(bad, "abc\nq\nz\n"), "{bad:?}");
    }
    assert_eq!(blocks("```seat a\n$ x\n> y\nout\n[3]\n```\n").iter().map(|block| steps(block).len()).sum::<usize>(), 1);
}
