//! Names in source files: which of those that tests missed did a change add?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LARGEST: u64 = 4 << 20;
const ELSEWHERE: [&str; 5] = [".git", "target", "node_modules", "__pycache__", ".venv"];

/// Tells which of the missing symbols stand as identifiers in the candidate's files that are not tests, and not in the base's.
pub fn added_symbols(missing: &[String], base: &Path, candidate: &Path, is_test: &dyn Fn(&str) -> bool) -> Vec<String> {
    let wanted: BTreeSet<&str> = missing.iter().map(String::as_str).collect();
    let (before, after) = (present(&wanted, base, is_test), present(&wanted, candidate, is_test));
    after.difference(&before).cloned().collect()
}

fn present(wanted: &BTreeSet<&str>, root: &Path, is_test: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in files(root) {
        let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if is_test(&shown) {
            continue;
        }
        let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        found.extend(words.filter(|word| wanted.contains(word)).map(str::to_owned));
    }
    found
}

/// The lines of a text that say something: neither empty nor only a bracket or a comment, which is told by how it begins.
/// Where `/*` begins comments, a line is one up to `*/` only, and a line with `*` only below one.
pub(super) fn spoken(text: &str, begins: &[&str]) -> BTreeSet<u32> {
    let (mut lines, mut inside) = (BTreeSet::new(), false);
    for (number, line) in (1..).zip(text.split('\n')) {
        let (line, starred) = (line.trim_start(), begins.contains(&"/*"));
        inside = starred && (line.starts_with("/*") || (inside && line.starts_with('*')));
        let rest = if inside { line.split_once("*/").map_or("", |(_, rest)| rest) } else { line };
        inside &= !line.contains("*/");
        if rest.chars().any(char::is_alphanumeric) && !begins.iter().any(|begin| *begin != "/*" && rest.trim_start().starts_with(begin)) {
            lines.insert(number);
        }
    }
    lines
}

/// Every plain file below a folder, sorted, without following links.
pub(super) fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            let aside = ELSEWHERE.iter().any(|name| entry.file_name() == *name);
            match () {
                () if meta.is_dir() && !aside => folders.push(entry.path()),
                () if meta.is_file() && meta.len() <= LARGEST => found.push(entry.path()),
                () => {}
            }
        }
    }
    found.sort();
    found
}

/// Tells whether a text could name something in a program.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_hides_nothing_that_follows_it() {
        let said = |text: &str| spoken(text, &["//", "/*"]).into_iter().collect::<Vec<u32>>();
        assert_eq!(said("/* a\n * b\n */\nc\n// d\n\n}\n"), [4]);
        assert_eq!(said("/**/ a\n/* b */ c\n/* d */ // e\n"), [1, 2]);
        assert_eq!(said("a\n* b\n*c() {}\n"), [1, 2, 3]);
        assert_eq!(said("/* a */\n* b\n/* c\nd\n* e\n"), [2, 4, 5]);
        assert_eq!(spoken("# a\n/* b\n", &["#"]), [2].into());
    }

    #[test]
    fn only_whole_names_outside_tests_count() {
        let (base, candidate) = (tempfile::tempdir().expect("base"), tempfile::tempdir().expect("candidate"));
        let put = |root: &Path, name: &str, text: &str| {
            fs::create_dir_all(root.join(name).parent().expect("parent")).expect("folder");
            fs::write(root.join(name), text).expect("file");
        };
        put(base.path(), "src/lib.rs", "pub fn old() {}");
        put(candidate.path(), "src/lib.rs", "pub fn old() {} pub fn frob() {} fn half_done() {}");
        put(candidate.path(), "tests/t.rs", "demo::only_tested()");
        put(candidate.path(), "target/x.rs", "built");
        let missing = ["old", "frob", "half", "only_tested", "built"].map(str::to_owned);
        assert_eq!(added_symbols(&missing, base.path(), candidate.path(), &|path| path.starts_with("tests/")), ["frob"]);
    }
}
