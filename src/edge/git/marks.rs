//! What a reader could miss in what a change adds: text that hides or turns, twins of letters, code that knows its tests, packages from elsewhere.
//!
//! Only content is read, line by line, and only lines that the old content did not have: what was there before is not the change's.

use super::lines::{Laid, Lines};
use crate::domain::change::Mark;
use crate::domain::secret;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Marks of one kind in one file; more say nothing new.
const MOST: usize = 20;
const LONGEST: usize = 120;

/// What a file's name says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sort {
    /// Names packages and where they come from.
    Lock,
    /// Says how something is built and tested.
    Manifest,
    Other,
}

const LOCKS: [&str; 12] = [
    "cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "pipfile.lock",
    "go.sum",
    "gemfile.lock",
];
const MANIFESTS: [&str; 9] =
    ["cargo.toml", "pyproject.toml", "setup.cfg", "setup.py", "package.json", "go.mod", "pipfile", "requirements.txt", "deno.json"];

/// How source finds out that it is being tested; in lower case, without blanks.
const TEST_AWARE: [&str; 16] = [
    "cfg!(test)",
    "cfg(not(test",
    "cfg_attr(test",
    "cfg!(any(test",
    "cfg!(all(test",
    "pytest_current_test",
    "\"pytest\"insys.modules",
    "'pytest'insys.modules",
    "env::var(\"ci\")",
    "env::var_os(\"ci\")",
    "environ[\"ci\"]",
    "environ.get(\"ci\"",
    "getenv(\"ci\"",
    "process.env.ci",
    "jest_worker_id",
    "testing.testing()",
];
/// What a manifest says about tests; in lower case, without blanks.
const STEERING: [&str; 16] = [
    "harness=",
    "autotests",
    "test=",
    "[[test",
    "[profile.test",
    "[lib]",
    "build=",
    "proc-macro",
    "pytest",
    "addopts",
    "testpaths",
    "unittest",
    "\"test\":",
    "\"pretest\":",
    "\"jest\"",
    "\"vitest\"",
];

impl Sort {
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        let listed = (name.starts_with("requirements") || name.starts_with("constraints")) && name.ends_with(".txt");
        match () {
            () if listed || LOCKS.contains(&name.as_str()) => Sort::Lock,
            () if MANIFESTS.contains(&name.as_str()) => Sort::Manifest,
            () => Sort::Other,
        }
    }
}

/// What the new content shows that the old did not. A line that stands there often is looked at once, and told at its first places.
pub(super) fn of(sort: Sort, laid: &Laid<'_>) -> Vec<Mark> {
    let (numbers, fresh): (Vec<u32>, Vec<Cow<'_, str>>) = laid.fresh().map(|(number, line)| (number, String::from_utf8_lossy(line))).unzip();
    let mut found: Vec<Mark> = fresh.iter().filter_map(|line| mixed(line)).collect();
    found.extend(placed(&numbers, &fresh, laid));
    found.extend(pointer(laid.after).then_some(Mark::Pointer));
    match sort {
        Sort::Lock => found.extend(packages(laid.before, laid.after).into_iter().chain(sources(laid.before, &fresh))),
        Sort::Manifest => found.extend(steering(laid.before, laid.after, &fresh).into_iter().chain(sources(laid.before, &fresh))),
        Sort::Other => found.extend(known_tests(&fresh)),
    }
    found.sort();
    found.dedup();
    // Of each kind some are kept: a crowd of one must not hide another, which may be a stricter matter.
    let mut kept: Vec<Mark> = Vec::new();
    for kind in found.chunk_by(|a, b| std::mem::discriminant(a) == std::mem::discriminant(b)) {
        kept.extend_from_slice(&kind[..usize::min(kind.len(), MOST)]);
    }
    kept
}

/// What a line shows wherever it stands.
struct Seen<'a> {
    line: &'a str,
    hidden: Option<char>,
    secret: Option<&'static str>,
    /// At how many places it was told.
    told: usize,
}

/// The marks that say in which line they are.
fn placed(numbers: &[u32], fresh: &[Cow<'_, str>], laid: &Laid<'_>) -> Vec<Mark> {
    let secrets = shown(fresh, secret::kind);
    let seen = numbers.iter().zip(fresh).map(|(number, line)| {
        let secret = if secrets { secret::kind(line) } else { None };
        (*number, Seen { line, hidden: hidden(line), secret, told: 0 })
    });
    let mut seen: HashMap<u32, Seen<'_>> = seen.filter(|(_, seen)| seen.hidden.is_some() || seen.secret.is_some()).collect();
    let places = if seen.is_empty() { None } else { Some((1..).zip(laid.after())) };
    let mut found = Vec::new();
    for (at, number) in places.into_iter().flatten() {
        let Some(seen) = seen.get_mut(&number).filter(|seen| seen.told <= MOST) else { continue };
        seen.told += 1;
        // A file may begin with a mark of its byte order, which says nothing of what follows.
        let point = if at == 1 { hidden(seen.line.strip_prefix('\u{feff}').unwrap_or(seen.line)) } else { seen.hidden };
        found.extend(point.map(|point| Mark::HiddenText { point: u32::from(point), line: at }));
        found.extend(seen.secret.map(|kind| Mark::Secret { kind: kind.to_owned(), line: at }));
    }
    found
}

/// Tells whether something is found in all lines taken as one, so that each has to be looked through.
fn shown<T>(fresh: &[Cow<'_, str>], find: impl Fn(&str) -> Option<T>) -> bool {
    find(&fresh.concat()).is_some()
}

/// A blank ends no line for these words, so that one may seem to stand across two.
fn known_tests<'a>(fresh: &'a [Cow<'_, str>]) -> impl Iterator<Item = Mark> + 'a {
    let lines = if shown(fresh, |text| one_of(&TEST_AWARE, text)) { fresh } else { &[] };
    lines.iter().filter_map(|line| one_of(&TEST_AWARE, line)).map(|word| Mark::KnowsTests { word })
}

/// Code points by which a line shows otherwise than it reads. A joiner or a variation is part of a sign where it follows one, and hides only
/// inside a name.
fn hidden(line: &str) -> Option<char> {
    if line.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n')) {
        return None;
    }
    let mut before = '\n';
    line.chars().find(|c| {
        let follows = before.is_ascii_alphabetic() || before == '_';
        before = *c;
        turns(*c) || (joins(*c) && follows)
    })
}

fn turns(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{80}'..='\u{9f}')
        || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\0'))
}

fn joins(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200c}'..='\u{200f}' | '\u{61c}' | '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180f}')
}

/// A word of Latin and of Greek or Cyrillic letters: one of them is there for its looks.
fn mixed(line: &str) -> Option<Mark> {
    if line.is_ascii() {
        return None;
    }
    let foreign = |c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{ff21}'..='\u{ff5a}');
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let word = words.find(|word| word.chars().any(foreign) && word.chars().any(|c| c.is_ascii_alphabetic()))?;
    Some(Mark::MixedScript { word: short(word) })
}

fn pointer(after: &[u8]) -> bool {
    after.starts_with(b"version https://git-lfs") || after.starts_with(b"version https://hawser")
}

fn one_of(words: &[&str], line: &str) -> Option<String> {
    let plain = match line.is_ascii() {
        true => line.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect::<String>(),
        false => line.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect(),
    };
    words.iter().find(|word| plain.contains(**word)).map(|word| (*word).to_owned())
}

/// A line about tests that comes, or that goes.
fn steering(before: &[u8], after: &[u8], fresh: &[Cow<'_, str>]) -> Vec<Mark> {
    let kept: HashSet<&[u8]> = Lines(after).collect();
    let gone = Lines(before).filter(|line| !kept.contains(line)).map(String::from_utf8_lossy);
    let lines = fresh.iter().cloned().chain(gone);
    lines.filter_map(|line| one_of(&STEERING, &line)).map(|word| Mark::SteersTests { word }).collect()
}

/// Hosts, repositories and folders that the old content did not name.
fn sources(before: &[u8], fresh: &[Cow<'_, str>]) -> Vec<Mark> {
    let known: HashSet<String> = Lines(before).flat_map(|line| places(&String::from_utf8_lossy(line))).collect();
    let places = fresh.iter().flat_map(|line| places(line));
    places.filter(|place| !known.contains(place)).map(|place| Mark::NewSource { place }).collect()
}

fn places(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line.match_indices("://").map(|(at, _)| host(line, at)).collect();
    let plain: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    for word in [
        "path=\"",
        "git=\"",
        "registry=\"",
        "[patch",
        "[replace",
        "[source",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "\"file:",
        "\"link:",
        "replace(",
    ] {
        found.extend(plain.find(word).map(|at| short(&plain[at..])));
    }
    found
}

/// A scheme and a host, without what stands behind it.
fn host(line: &str, at: usize) -> String {
    let begin = line[..at]
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || "+.-".contains(c)))
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let rest = &line[at + 3..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".-:@_".contains(c))).unwrap_or(rest.len());
    short(&line[begin..at + 3 + end])
}

/// Packages that a lock file of `[[package]]` blocks takes in, and those that have no checksum although their source is not here.
fn packages(before: &[u8], after: &[u8]) -> Vec<Mark> {
    let (old, new) = (blocks(before), blocks(after));
    let names: BTreeSet<&str> = old.iter().map(|block| block.name.as_str()).collect();
    let taken = new.iter().filter(|block| block.outside && !names.contains(block.name.as_str()));
    let known: HashSet<&Block> = old.iter().collect();
    let unsealed = new.iter().filter(|block| block.outside && !block.sealed && !known.contains(block));
    let taken = taken.map(|block| Mark::NewPackage { name: short(&block.name) });
    taken.chain(unsealed.map(|block| Mark::Unsealed { name: short(&block.name) })).collect()
}

#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Block {
    name: String,
    /// It comes from a registry.
    outside: bool,
    sealed: bool,
}

fn blocks(bytes: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(bytes);
    let mut all: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[[package]]";
            if inside {
                all.push(Block::default());
            }
        }
        let (Some(block), Some((key, value))) = (all.last_mut().filter(|_| inside), line.split_once('=')) else { continue };
        match key.trim() {
            "name" => value.trim().trim_matches('"').clone_into(&mut block.name),
            "source" => block.outside = value.contains("registry") || value.contains("sparse"),
            "checksum" => block.sealed = true,
            _ if value.contains("hash") || value.contains("sha256") => block.sealed = true,
            _ => {}
        }
    }
    all
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines::Side;
    use super::*;

    fn marks(path: &str, old: &str, new: &str) -> Vec<Mark> {
        let side = |text: &str| Side { size: text.len() as u64, bytes: Some(text.as_bytes().to_vec()) };
        let (old, new) = (side(old), side(new));
        of(Sort::of(path), &Laid::new(&old, &new).unwrap())
    }

    #[test]
    fn text_that_turns_or_hides_is_seen() {
        for (text, point) in [
            ("a\nif x\u{202e} }", 0x202e),
            ("a\nx = 1 \u{2066}", 0x2066),
            ("a\nis\u{200b}admin", 0x200b),
            ("a\nis\u{200d}admin", 0x200d),
            ("a\nvar \u{3164} = 1", 0x3164),
            ("a\necho \u{1b}[2J", 0x1b),
        ] {
            assert_eq!(marks("src/a.rs", "a\n", text), [Mark::HiddenText { point, line: 2 }], "{text:?}");
        }
        for fine in ["\u{feff}first", "a ⚠\u{fe0f} b", "👩\u{200d}💻", "naïve café", "日本語", "tab\tand\r\n", "1\u{fe0f}\u{20e3}"]
        {
            assert_eq!(marks("src/a.rs", "", fine), [], "{fine:?}");
        }
        assert_eq!(marks("src/a.rs", "x\u{202e}\n", "x\u{202e}\ny\n"), [], "it was there before");
        assert_eq!(marks("src/a.rs", "", "\u{feff}a \u{202e}b\n"), [Mark::HiddenText { point: 0x202e, line: 1 }], "behind a byte order mark");
        let again = [2, 4].map(|line| Mark::HiddenText { point: 0xfeff, line });
        assert_eq!(marks("src/a.rs", "a\n", "\u{feff}b\n\u{feff}b\na\n\u{feff}b\n"), again, "at each place but the first of all");
    }

    #[test]
    fn a_line_that_stands_often_is_told_at_its_first_places() {
        let key = format!("key = \"AKIA{}\"\n", "Q7".repeat(8));
        let found = marks("src/a.py", "a\n", &format!("a\n{}", format!("{key}x\u{202e}\n").repeat(5000)));
        let lines: Vec<u64> = found.iter().filter_map(|mark| if let Mark::Secret { line, .. } = mark { Some(*line) } else { None }).collect();
        assert_eq!(lines, (0..20).map(|n| 2 + 2 * n).collect::<Vec<_>>());
        assert_eq!(found.len(), 40);
    }

    #[test]
    fn a_secret_is_seen_where_it_comes_and_no_crowd_hides_it() {
        let key = format!("key = \"AKIA{}\"\n", "Q7".repeat(8));
        let crowd = (0..30).map(|n| format!("а{n}x\n")).collect::<String>();
        let found = marks("src/a.py", "a\n", &format!("a\n{crowd}{key}"));
        assert!(matches!(&found[0], Mark::Secret { line: 32, .. }), "{found:?}");
        assert_eq!(marks("src/a.py", &key, &key), [], "it was there before");
    }

    #[test]
    fn a_crowd_of_one_kind_hides_no_other() {
        let crowd = (0..30).map(|n| format!("# а{n}x\n")).collect::<String>();
        let found = marks("Cargo.toml", "", &format!("{crowd}[lib]\n[patch.x]\ngit = \"https://two.example/a\"\n"));
        assert_eq!(found.iter().filter(|mark| matches!(mark, Mark::MixedScript { .. })).count(), MOST);
        assert!(found.iter().any(|mark| matches!(mark, Mark::SteersTests { .. })), "{found:?}");
        assert!(found.iter().any(|mark| matches!(mark, Mark::NewSource { .. })), "{found:?}");
    }

    #[test]
    fn twins_of_letters_are_seen() {
        assert_eq!(marks("a.py", "", "def is_аdmin(): pass"), [Mark::MixedScript { word: "is_аdmin".to_owned() }]);
        assert_eq!(marks("a.py", "", "# привет Ω and µs"), []);
    }

    #[test]
    fn pointers_and_code_that_knows_its_tests_are_seen() {
        assert_eq!(marks("big.bin", "", "version https://git-lfs.example/spec/v1\noid sha256:1\n"), [Mark::Pointer]);
        for line in
            ["if cfg!( test ) {", "#[cfg(not(test))]", "if 'pytest' in sys.modules:", "os.environ.get(\"CI\")", "process.env.CI === 'true'"]
        {
            assert!(matches!(marks("src/a", "", line)[..], [Mark::KnowsTests { .. }]), "{line}");
        }
        assert_eq!(marks("src/a.rs", "", "#[cfg(test)]\nmod tests {\n"), []);
    }

    #[test]
    fn a_manifest_that_steers_tests_is_seen_coming_and_going() {
        let manifest = "[package]\nname = \"a\"\n";
        for more in ["[lib]\ntest = false\n", "autotests = false\n", "[[test]]\nname = \"x\"\nharness = false\n", "build = \"b.rs\"\n"] {
            assert!(!marks("Cargo.toml", manifest, &format!("{manifest}{more}")).is_empty(), "{more}");
            assert!(!marks("Cargo.toml", &format!("{manifest}{more}"), manifest).is_empty(), "{more}");
        }
        assert_eq!(marks("Cargo.toml", manifest, "[package]\nname = \"a\"\nversion = \"0.2.0\"\n"), []);
        assert!(!marks("pyproject.toml", "", "[tool.pytest.ini_options]\n").is_empty());
    }

    #[test]
    fn lock_files_tell_what_they_take_in() {
        let lock = "[[package]]\nname = \"a\"\nsource = \"registry+https://one.example/index\"\nchecksum = \"12\"\n";
        let more = |text: &str| marks("Cargo.lock", lock, &format!("{lock}\n{text}"));
        let b = "[[package]]\nname = \"b\"\nsource = \"registry+https://one.example/index\"\n";
        assert_eq!(more(&format!("{b}checksum = \"34\"\n")), [Mark::NewPackage { name: "b".to_owned() }]);
        assert_eq!(more(b), [Mark::NewPackage { name: "b".to_owned() }, Mark::Unsealed { name: "b".to_owned() }]);
        let elsewhere = "[[package]]\nname = \"a\"\nsource = \"git+https://two.example/a#1\"\n";
        assert_eq!(more(elsewhere), [Mark::NewSource { place: "git+https://two.example".to_owned() }]);
        let cut = marks("requirements.txt", "a @ https://one.example/a\n", "a @ https://one.exampl/a\n");
        assert_eq!(cut, [Mark::NewSource { place: "https://one.exampl".to_owned() }], "the beginning of a known name is another's");
        assert_eq!(marks("Cargo.lock", lock, &lock.replace("checksum = \"12\"\n", "")), [Mark::Unsealed { name: "a".to_owned() }]);
        assert_eq!(marks("Cargo.lock", lock, &lock.replace("12", "13")), []);
        assert_eq!(marks("requirements.txt", "a==1\n", "a==1\n--index-url https://two.example/x\n").len(), 2);
        assert_eq!(marks("Cargo.toml", "", "[patch.x]\na = { path = \"../a\" }\n").len(), 2);
    }
}
