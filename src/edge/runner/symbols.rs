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

/// Every plain file below a folder, sorted, without following links.
/// The lines of a file that say something: neither empty nor only a comment or a bracket.
pub(super) fn spoken_lines(file: &Path, comments: &[&str]) -> BTreeSet<u32> {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let says = |line: &str| line.chars().any(char::is_alphanumeric) && !comments.iter().any(|mark| line.trim_start().starts_with(mark));
    (1..).zip(text.split('\n')).filter(|(_, line)| says(line)).map(|(number, _)| number).collect()
}

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
