//! What a lock can be on: one path, a folder, or a pattern, from the repository's root and without regard to case.

use super::super::glob::{FoldedPath, Glob, shown};
use super::super::refusal::Refusal;
use super::terms::Terms;

/// The most paths that one wish names.
const MOST_TEXTS: usize = 256;
const HINT: &str = "orchestrate lock acquire src/parser/ docs/parser.md   (from the repository's root)";

/// Reads what a seat wants to lock; a folder ends with `/` and covers all that is below.
pub fn read(texts: &[String], terms: &Terms) -> Result<Vec<Glob>, Refusal> {
    few(texts)?;
    let mut globs = texts.iter().map(|text| one(text, terms)).collect::<Result<Vec<Glob>, Refusal>>()?;
    globs.sort();
    globs.dedup();
    match globs.len() {
        0 => Err(Refusal::new("lock-path", "nothing was named that could be locked", HINT)),
        _ => Ok(globs),
    }
}

/// No more at once than anybody can hold.
pub fn few(texts: &[String]) -> Result<(), Refusal> {
    if texts.len() <= MOST_TEXTS {
        return Ok(());
    }
    Err(Refusal::new("lock-too-many", format!("{} paths were named, {MOST_TEXTS} are the most at once", texts.len()), HINT))
}

/// One pattern in its canonical spelling: lower case, no `./`, no `/` at the end.
pub fn one(text: &str, terms: &Terms) -> Result<Glob, Refusal> {
    let glob = spelled(text)?;
    if terms.wide || glob.begins_plain() {
        return Ok(glob);
    }
    let why = format!("{glob} begins with a wildcard, and could be anything; name the folder or file");
    Err(Refusal::new("lock-too-wide", why, HINT))
}

/// Reads a pattern of any width.
pub fn spelled(text: &str) -> Result<Glob, Refusal> {
    let refuse = |why: String| Err(Refusal::new("lock-path", why, HINT));
    if text.starts_with('/') {
        return refuse(format!("{} is absolute; paths are from the repository's root", shown(text)));
    }
    let from_root = text.strip_prefix("./").unwrap_or(text).to_ascii_lowercase();
    let whole = from_root.strip_suffix('/').map_or_else(|| from_root.clone(), |folder| format!("{folder}/**"));
    Glob::new(whole).or_else(|why| refuse(format!("{}: {}", shown(text), why.why)))
}

/// Tells whether two locks could be in each other's way.
pub fn clash(a: &[Glob], b: &[Glob]) -> bool {
    a.iter().any(|a| b.iter().any(|b| a.meets(b) || a.is_above(b) || b.is_above(a)))
}

/// Tells whether writing a path needs what one of these locks is on; a file in the place of a locked folder needs the folder.
pub fn touches(path: &FoldedPath, locked: &[Glob]) -> bool {
    locked.iter().any(|glob| covers(path, glob) || path.is_above(glob))
}

/// Tells whether a lock on this allows to write a path.
pub fn covers(path: &FoldedPath, glob: &Glob) -> bool {
    path.is(glob) || path.is_below(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> Result<String, String> {
        one(text, &Terms::default()).map(|glob| glob.as_str().to_owned()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn paths_have_one_spelling() {
        for (text, canonical) in [
            ("src/a.rs", "src/a.rs"),
            ("./src/a.rs", "src/a.rs"),
            ("SRC/A.rs", "src/a.rs"),
            ("src/", "src/**"),
            ("src/*/", "src/*/**"),
            ("src/**/a*.rs", "src/**/a*.rs"),
            (".github/", ".github/**"),
        ] {
            assert_eq!(read_one(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_from_the_root_is_refused() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a//b",
            "a\nb",
            "a\\b",
            "./",
            ".//a",
            "./.",
            "a.",
            "!a",
            "ü",
            "[a]",
            "a**",
        ] {
            assert_eq!(read_one(bad), Err("lock-path".to_owned()), "{bad:?}");
        }
        for wide in ["**", "**/", "*", "**/*", "*/", "**/*.rs", "?rc/a", "*/a", "./**"] {
            assert_eq!(read_one(wide), Err("lock-too-wide".to_owned()), "{wide}");
        }
        let terms = Terms { wide: true, ..Terms::default() };
        assert!(one("**", &terms).is_ok() && one("**/*.rs", &terms).is_ok());
        assert_eq!(read(&[], &terms).unwrap_err().code, "lock-path");
        assert_eq!(read(&["b".to_owned(), "A".to_owned(), "a".to_owned()], &terms).unwrap().len(), 2);
    }

    #[test]
    fn locks_clash_where_both_could_want_the_same_path() {
        let glob = |text: &str| vec![spelled(text).unwrap()];
        for (a, b) in [
            ("src/a.rs", "SRC/A.RS"),
            ("src/", "src/a.rs"),
            ("src/", "src/deep/er/a.rs"),
            ("src", "src/a.rs"),
            ("src/", "src"),
            ("src/*.rs", "src/a*"),
            ("src/**/a.rs", "src/b/"),
            ("**", "x"),
            ("**/*.rs", "src/"),
        ] {
            assert!(clash(&glob(a), &glob(b)) && clash(&glob(b), &glob(a)), "{a} {b}");
        }
        for (a, b) in
            [("src/", "srcs/a"), ("src/a.rs", "src/b.rs"), ("src/*.rs", "src/*.md"), ("src/*", "src/a/b"), ("readme.md", "**/x.rs")]
        {
            assert!(!clash(&glob(a), &glob(b)) && !clash(&glob(b), &glob(a)), "{a} {b}");
        }
    }

    #[test]
    fn writing_a_path_needs_what_is_at_it_above_it_or_in_its_place() {
        let touches = |path: &str, lock: &str| touches(&FoldedPath::new(path), &[spelled(lock).unwrap()]);
        for (path, lock) in [
            ("src/A.rs", "src/a.rs"),
            ("src/a", "src/"),
            ("src", "src/a.rs"),
            ("src", "src/"),
            ("src/a/b", "src/a"),
            ("te\u{17f}ts/a", "tests/"),
        ] {
            assert!(touches(path, lock), "{path} {lock}");
        }
        for (path, lock) in [("src/b.rs", "src/a.rs"), ("srcs/a", "src/"), ("readme.md", "**/x.rs"), ("a*", "ab/c")] {
            assert!(!touches(path, lock), "{path} {lock}");
        }
        assert!(!covers(&FoldedPath::new("src"), &spelled("src/a.rs").unwrap()), "a lock on a file is none on its folder");
    }
}
