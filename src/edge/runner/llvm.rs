//! Rust's coverage, by LLVM's own instruments and tools: what the tests leave behind is counts alone, and the report is made of them and of
//! executables that no test could write to, when all tests have ended.
//!
//! Lines that a build leaves out (`cfg`) are not known to it; a file that no build read is code as a whole.

use super::cargo::{Rust, keep_only_sources};
use super::cover::{Covered, Lines};
use super::execute::{Bench, Ended, Program, Trouble};
use super::messages::Messages;
use super::symbols;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Nothing where the owner's Rust has no tools of LLVM.
pub(super) fn cover(bench: &Bench, files: &[&str]) -> Result<Option<Covered>, Trouble> {
    let rust = Rust::found(bench)?;
    let Some(tools) = rust.tools() else { return Ok(None) };
    keep_only_sources(&bench.place.checkout().join(".cargo"))?;
    let text = |path: &str| String::from_utf8_lossy(&std::fs::read(bench.place.checkout().join(path)).unwrap_or_default()).into_owned();
    let spoken: BTreeMap<&str, BTreeSet<u32>> = files.iter().map(|path| (*path, symbols::spoken(&text(path), &["//"]))).collect();
    let built = Built::with_counters(bench, rust, tools)?;
    let code = code(&spoken, &built.known()?, &built.exported("--empty-profile".into())?.0);
    let (counts, merged) = (bench.place.out.join("counts"), bench.place.home.join("merged").to_string_lossy().into_owned());
    for executable in &built.messages.executables {
        let mut program = built.rust.started(bench, &built.messages, executable, &[]);
        program.env.extend([counted(&counts.join("%m.profraw"))]);
        bench.execute(&program)?;
    }
    let words = ["merge", "--failure-mode=all", "-o", &merged, &counts.to_string_lossy()].map(str::to_owned);
    let hit = match built.tool("llvm-profdata", words.into())?.code {
        Some(0) => built.exported(format!("--instr-profile={merged}"))?.1,
        _ => Lines::new(),
    };
    Ok(Some(Covered { tool: "LLVM", code, hit }))
}

fn counted(file: &Path) -> (String, String) {
    ("LLVM_PROFILE_FILE".into(), file.to_string_lossy().into_owned())
}

/// The tests as they were built with counters in them.
struct Built<'a> {
    bench: &'a Bench<'a>,
    rust: Rust,
    tools: PathBuf,
    messages: Messages,
}

impl<'a> Built<'a> {
    fn with_counters(bench: &'a Bench<'a>, rust: Rust, tools: PathBuf) -> Result<Self, Trouble> {
        let mut build = rust.build(bench);
        build.env.extend([("RUSTFLAGS".into(), "-Cinstrument-coverage".into()), counted(Path::new("/dev/null"))]);
        let built = bench.execute(&build)?;
        let messages = Messages::read(&built.text(), &bench.place.target);
        match built.code {
            Some(0) => Ok(Self { bench, rust, tools, messages }),
            _ => Err(Trouble::Infrastructure(format!(
                "the tests do not build with LLVM's counters\n{}{}",
                messages.rendered(),
                built.errors()
            ))),
        }
    }

    fn tool(&self, name: &str, args: Vec<String>) -> Result<Ended, Trouble> {
        let argv = [self.tools.join(name).into_os_string()].into_iter().chain(args.into_iter().map(Into::into)).collect();
        self.bench.execute(&Program { argv, ..self.rust.program(self.bench) })
    }

    /// The lines of the tree that can run in what was built, and those that a profile says ran.
    fn exported(&self, profile: String) -> Result<(Lines, Lines), Trouble> {
        let objects = self.messages.executables.iter().map(|executable| &executable.path).chain(&self.messages.programs);
        let objects: Vec<String> = objects.map(|path| path.to_string_lossy().into_owned()).collect();
        let Some((first, others)) = objects.split_first() else { return Ok(<(Lines, Lines)>::default()) };
        let mut words: Vec<String> = ["export", "--format=lcov", "--skip-functions", &profile, first].map(str::to_owned).to_vec();
        words.extend(others.iter().flat_map(|path| ["--object".to_owned(), path.clone()]));
        words.extend(["--sources".to_owned(), self.bench.place.tree.to_string_lossy().into_owned()]);
        let ended = self.tool("llvm-cov", words)?;
        match ended.code {
            Some(0) => Ok(lcov(&ended.text(), &self.bench.place.tree)),
            _ if ended.errors().contains("no coverage data found") => Ok(<(Lines, Lines)>::default()),
            _ => {
                Err(Trouble::Infrastructure(format!("llvm-cov does not tell which lines run; fix: Rust 1.82 or newer\n{}", ended.errors())))
            }
        }
    }

    /// The files of the tree that the compiler read, by its own lists of them.
    fn known(&self) -> Result<BTreeSet<String>, Trouble> {
        let folder = self.bench.place.target.join("debug/deps").to_string_lossy().into_owned();
        let words = ["/usr/bin/find", &folder, "-name", "*.d", "-exec", "cat", "{}", "+"];
        let listed = self.bench.execute(&Program { argv: words.map(Into::into).to_vec(), ..self.rust.program(self.bench) })?;
        let tree = &self.bench.place.tree;
        let inside = |line: &str| {
            let path = PathBuf::from(line.strip_suffix(':')?.replace("\\ ", " "));
            Some(path.strip_prefix(tree).unwrap_or(&path).to_string_lossy().into_owned())
        };
        Ok(listed.text().lines().filter_map(inside).collect())
    }
}

fn code(spoken: &BTreeMap<&str, BTreeSet<u32>>, known: &BTreeSet<String>, can: &Lines) -> Lines {
    let of = |path: &str, lines: &BTreeSet<u32>| match can.get(path) {
        Some(can) => can.intersection(lines).copied().collect(),
        None if known.contains(path) => BTreeSet::new(),
        None => lines.clone(),
    };
    spoken.iter().map(|(path, lines)| ((*path).to_owned(), of(path, lines))).collect()
}

/// The lines of the tree's files in a report of the form LCOV: all, and those with a count.
fn lcov(text: &str, tree: &Path) -> (Lines, Lines) {
    let (mut all, mut hit, mut file) = (Lines::new(), Lines::new(), None);
    for line in text.lines() {
        match line.split_once(':') {
            Some(("SF", path)) => file = Path::new(path).strip_prefix(tree).ok().map(|path| path.to_string_lossy().into_owned()),
            Some(("DA", told)) => {
                let Some((path, (number, count))) = file.as_ref().zip(counts(told)) else { continue };
                all.entry(path.clone()).or_default().insert(number);
                if count > 0 {
                    hit.entry(path.clone()).or_default().insert(number);
                }
            }
            _ if line == "end_of_record" => file = None,
            _ => {}
        }
    }
    (all, hit)
}

/// `line,count` and perhaps a checksum.
fn counts(told: &str) -> Option<(u32, u64)> {
    let mut words = told.split(',');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[(&str, &[u32])]) -> Lines {
        of.iter().map(|(path, lines)| ((*path).to_owned(), lines.iter().copied().collect())).collect()
    }

    #[test]
    fn reports_are_read_and_nonsense_in_them_is_not() {
        let text = "SF:/work/tree/src/a.rs\nFNF:1\nDA:1,2\nDA:2,0\nDA:x,1\nDA:-3,1\nDA:4\nDA:5,1,sum\nBRF:0\nend_of_record\nDA:9,9\nSF:/elsewhere/b.rs\nDA:1,1\n\
                    end_of_record\nSF:/work/tree/src/a.rs\nDA:2,99999999999999999999\nDA:6,0\nDA:1,0\nend_of_record\n";
        let (all, hit) = lcov(text, Path::new("/work/tree"));
        assert_eq!(all, lines(&[("src/a.rs", &[1, 2, 5, 6])]));
        assert_eq!(hit, lines(&[("src/a.rs", &[1, 5])]));
    }

    #[test]
    fn a_file_that_no_build_read_is_code_as_a_whole() {
        let spoken: BTreeMap<&str, BTreeSet<u32>> = ["a.rs", "types.rs", "left_out.rs"].map(|path| (path, [1, 2].into())).into();
        let known = ["a.rs".to_owned(), "types.rs".to_owned()].into();
        let told = code(&spoken, &known, &lines(&[("a.rs", &[2, 3])]));
        assert_eq!(told, lines(&[("a.rs", &[2]), ("types.rs", &[]), ("left_out.rs", &[1, 2])]));
    }
}
