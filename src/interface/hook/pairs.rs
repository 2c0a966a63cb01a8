//! Which source files want a test file, and what that file is usually called, language by language.

/// A source file's wish: the names that a test of it goes by, and where one would be put first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    names: Vec<String>,
    /// Test files only count in the source's own folder.
    beside: bool,
    /// Any file in a folder of tests counts: the source is a whole program or library.
    any: bool,
    pub suggestion: String,
}

const TEST_FOLDERS: [&str; 8] = ["tests", "test", "__tests__", "spec", "specs", "testing", "e2e", "it"];
/// Folders whose files nobody tests: other people's code, generated code, documents, examples.
const EXEMPT_FOLDERS: [&str; 14] = [
    "node_modules",
    "vendor",
    "third_party",
    "target",
    "dist",
    "build",
    "docs",
    "doc",
    "examples",
    "benches",
    "fixtures",
    "testdata",
    "migrations",
    ".github",
];
const RUST_MODULES: [&str; 2] = ["tests.rs", "test.rs"];
const SCRIPT_ENDS: [&str; 8] = ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts"];

/// Says which test a path wants; `None` for tests, documents, settings, and languages without a known habit.
pub(super) fn wish(path: &str) -> Option<Wish> {
    let (folders, base) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, end) = base.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    if folders.split('/').any(|folder| TEST_FOLDERS.contains(&folder) || EXEMPT_FOLDERS.contains(&folder)) {
        return None;
    }
    match end {
        "rs" => rust(folders, stem),
        "py" => python(folders, stem),
        "go" => go(folders, stem),
        "java" => java(folders, stem),
        end if SCRIPT_ENDS.contains(&end) => script(folders, stem, end),
        _ => None,
    }
}

impl Wish {
    /// Names that a test file may have.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether any test of the package will do.
    pub fn takes_any(&self) -> bool {
        self.any
    }

    /// Whether a file of a fitting name stands where a test of the source may stand.
    pub fn fits(&self, source: &str, candidate: &str) -> bool {
        if RUST_MODULES.contains(&base(candidate)) {
            return is_module(source, candidate);
        }
        let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        let own = folder(source) == folder(candidate) && source != candidate;
        own || (!self.beside && in_test_folder(candidate))
    }
}

/// Whether a path goes through a folder of tests.
pub(super) fn in_test_folder(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folders, _)| folders.split('/').any(|folder| TEST_FOLDERS.contains(&folder)))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `src/a/tests.rs` is the test module of `src/a.rs` and of `src/a/mod.rs`.
fn is_module(source: &str, candidate: &str) -> bool {
    let module = source.strip_suffix("/mod.rs").or_else(|| source.strip_suffix(".rs"));
    module.is_some_and(|module| candidate.strip_suffix(base(candidate)) == Some(&format!("{module}/")))
}

fn named(names: &[String], suggestion: String) -> Option<Wish> {
    Some(Wish { names: names.to_vec(), beside: false, any: false, suggestion })
}

/// The place of the `tests` folder for a source in `src`, or beside the source elsewhere.
fn tests_for(folders: &str) -> String {
    match folders.find("src").filter(|at| is_part(folders, *at, "src")) {
        Some(at) => format!("{}tests", &folders[..at]),
        None => "tests".to_owned(),
    }
}

fn is_part(path: &str, at: usize, part: &str) -> bool {
    let before = at == 0 || path.as_bytes()[at - 1] == b'/';
    let after = path.as_bytes().get(at + part.len()).is_none_or(|b| *b == b'/');
    before && after
}

fn rust(folders: &str, stem: &str) -> Option<Wish> {
    let is_test =
        ["test", "tests"].contains(&stem) || ["_test", "_tests"].iter().any(|end| stem.ends_with(end)) || stem.starts_with("test_");
    if is_test || stem == "build" {
        return None;
    }
    let name = if stem == "mod" { folders.rsplit('/').next().unwrap_or(stem) } else { stem };
    let mut names: Vec<String> = ["", "test_", "tests_"].iter().map(|before| format!("{before}{name}.rs")).collect();
    names.extend(["_test", "_tests"].iter().map(|after| format!("{name}{after}.rs")));
    names.extend(RUST_MODULES.map(str::to_owned));
    let any = ["lib", "main"].contains(&stem);
    Some(Wish { names, beside: false, any, suggestion: format!("{}/{name}.rs, or #[cfg(test)] in the file itself", tests_for(folders)) })
}

fn python(folders: &str, stem: &str) -> Option<Wish> {
    let exempt = ["__init__", "__main__", "__version__", "conftest", "setup", "noxfile", "fabfile", "manage"].contains(&stem);
    if exempt || stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("_tests") || stem == "tests" {
        return None;
    }
    let bare = stem.trim_start_matches('_');
    let names = [format!("test_{bare}.py"), format!("{bare}_test.py"), format!("{bare}_tests.py"), format!("test_{stem}.py")];
    named(&names, format!("{}/test_{bare}.py", tests_for(folders)))
}

fn script(folders: &str, stem: &str, end: &str) -> Option<Wish> {
    let parts: Vec<&str> = stem.split('.').collect();
    let exempt = ["config", "d", "stories", "min", "test", "spec", "cy", "generated", "setup"];
    if stem.starts_with('.') || parts[1..].iter().any(|part| exempt.contains(part)) || parts[0].ends_with("rc") {
        return None;
    }
    let folder = folders.rsplit('/').next().filter(|_| stem == "index");
    let stems: Vec<&str> = std::iter::once(stem).chain(folder).collect();
    let mut names = Vec::new();
    for stem in &stems {
        for end in SCRIPT_ENDS {
            names.extend([
                format!("{stem}.test.{end}"),
                format!("{stem}.spec.{end}"),
                format!("{stem}-test.{end}"),
                format!("{stem}_test.{end}"),
            ]);
            names.extend([format!("test-{stem}.{end}"), format!("{stem}.{end}")]);
        }
    }
    let place = if folders.is_empty() { String::new() } else { format!("{folders}/") };
    named(&names, format!("{place}{stem}.test.{end}"))
}

fn go(folders: &str, stem: &str) -> Option<Wish> {
    let generated = stem.ends_with(".pb") || stem.ends_with("_gen") || stem.ends_with("_generated") || stem.starts_with("zz_generated");
    if stem.ends_with("_test") || stem == "doc" || generated {
        return None;
    }
    let name = format!("{stem}_test.go");
    let suggestion = if folders.is_empty() { name.clone() } else { format!("{folders}/{name}") };
    Some(Wish { names: vec![name], beside: true, any: false, suggestion })
}

fn java(folders: &str, stem: &str) -> Option<Wish> {
    let is_test = ["Test", "Tests", "IT", "TestCase"].iter().any(|end| stem.ends_with(end)) || stem.starts_with("Test");
    if is_test || stem == "package-info" || stem == "module-info" {
        return None;
    }
    let mut names: Vec<String> = ["Test", "Tests", "IT", "TestCase"].iter().map(|end| format!("{stem}{end}.java")).collect();
    names.push(format!("Test{stem}.java"));
    let place = if folders.is_empty() { String::new() } else { format!("{}/", folders.replacen("src/main/", "src/test/", 1)) };
    named(&names, format!("{place}{stem}Test.java"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paired(source: &str, test: &str) -> bool {
        let wish = wish(source).unwrap_or_else(|| panic!("{source} wants no test"));
        let named = wish.names().any(|name| name == base(test)) && wish.fits(source, test);
        named || (wish.takes_any() && in_test_folder(test))
    }

    #[test]
    fn usual_pairs() {
        for (source, test) in [
            ("src/auth.py", "tests/test_auth.py"),
            ("src/auth.py", "src/test_auth.py"),
            ("pkg/a/auth.py", "tests/a/auth_test.py"),
            ("auth.py", "test_auth.py"),
            ("src/_auth.py", "tests/test_auth.py"),
            ("src/auth.rs", "tests/auth.rs"),
            ("src/auth.rs", "src/auth/tests.rs"),
            ("src/auth/mod.rs", "src/auth/tests.rs"),
            ("src/auth/mod.rs", "tests/auth.rs"),
            ("src/lib.rs", "tests/whatever.rs"),
            ("crates/a/src/x.rs", "crates/a/tests/x_test.rs"),
            ("src/auth.ts", "src/auth.test.ts"),
            ("src/Auth.tsx", "src/__tests__/Auth.tsx"),
            ("lib/auth.js", "test/auth.spec.mjs"),
            ("src/auth/index.ts", "src/auth/auth.test.ts"),
            ("lib/auth.js", "test/auth.js"),
            ("pkg/auth.go", "pkg/auth_test.go"),
            ("auth.go", "auth_test.go"),
            ("src/main/java/a/Auth.java", "src/test/java/a/AuthTest.java"),
            ("Auth.java", "AuthTests.java"),
        ] {
            assert!(paired(source, test), "{source} / {test}");
        }
    }

    #[test]
    fn other_files_are_no_pair() {
        for (source, test) in [
            ("src/auth.py", "src/auth.py"),
            ("src/auth.py", "tests/test_other.py"),
            ("src/auth.py", "lib/test_auth.py"),
            ("pkg/auth.go", "other/auth_test.go"),
            ("pkg/auth.go", "tests/auth_test.go"),
            ("src/auth.rs", "src/other/tests.rs"),
            ("src/auth.ts", "lib/auth.test.ts"),
            ("src/auth.rs", "src/auth.rs"),
            ("src/lib.rs", "src/other.rs"),
        ] {
            assert!(!paired(source, test), "{source} / {test}");
        }
    }

    #[test]
    fn documents_settings_and_tests_want_none() {
        for path in [
            "README.md",
            "docs/conf.py",
            "Cargo.toml",
            "setup.py",
            "src/__init__.py",
            "tests/test_auth.py",
            "tests/helper.py",
            "conftest.py",
            "test_auth.py",
            "build.rs",
            "src/auth/tests.rs",
            "vite.config.ts",
            "types/x.d.ts",
            ".eslintrc.js",
            "src/a.test.ts",
            "src/a.stories.tsx",
            "vendor/x.go",
            "pkg/auth_test.go",
            "pkg/doc.go",
            "api/x.pb.go",
            "src/test/java/AuthTest.java",
            "src/main/java/package-info.java",
            "Makefile",
            ".gitignore",
            "src/x.unknown",
            "node_modules/a/b.js",
        ] {
            assert_eq!(wish(path), None, "{path}");
        }
    }
}
