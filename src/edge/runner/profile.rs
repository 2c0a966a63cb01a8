//! Go's coverage: the blocks of each file that hold statements, told by Go's own tool before anything of the tree runs, and those of
//! them that the tests' profile says ran.

use super::cover::{Covered, Lines};
use super::execute::{Bench, Program, Trouble};
use super::{go, symbols};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Has each listed file marked, and tells where the modules stand.
const MARK: &str = r#"
"$1" list -m -f '{{.Path}} {{.Dir}}' >"$2/modules"
n=0
while IFS= read -r name; do "$1" tool cover -mode=set -var=MARKED -o "$2/$n" "./$name" || :; n=$((n + 1)); done <"$3"
"#;
const MARKED: &str = "\nvar MARKED = struct {\n";
const PROFILE: &str = "profile";

/// A stretch of a file: first line and column, last line and the column after it; both count from one, columns in bytes.
type Block = [usize; 4];

/// The lines of a file, and its blocks with statements; none where the tool could not tell them.
struct Marked {
    lines: Vec<String>,
    blocks: Option<BTreeSet<Block>>,
}

/// Lines of a file that the tool cannot read, or that says itself to be another, did not run.
pub(super) fn cover(bench: &Bench, files: &[&str]) -> Result<Covered, Trouble> {
    let go = go::program(bench, &[])?;
    let listed: Vec<&str> = files.iter().copied().filter(|path| !path.contains('\n')).collect();
    let list = bench.place.home.join("files");
    fs::write(bench.place.host("home").join("files"), listed.join("\n") + "\n")
        .map_err(|why| Trouble::outside("cannot list the files", why))?;
    let words =
        ["/bin/sh".into(), "-c".into(), MARK.into(), "mark".into(), go.argv[0].clone(), bench.place.out.clone().into(), list.into()];
    bench.execute(&Program { argv: words.into(), ..go })?;
    let marked: BTreeMap<&str, Marked> =
        listed.into_iter().enumerate().map(|(number, path)| (path, Marked::read(bench, number, path))).collect();
    let modules = modules(&String::from_utf8_lossy(&bench.place.report("modules").unwrap_or_default()), &bench.place.tree);
    let profile = bench.place.out.join(PROFILE);
    bench
        .execute(&go::program(bench, &["-covermode=set", "-coverpkg=./...", &format!("-coverprofile={}", profile.display()), "./..."])?)?;
    let told = String::from_utf8_lossy(&bench.place.report(PROFILE).unwrap_or_default()).into_owned();
    let ran: BTreeSet<(String, Block)> =
        told.lines().filter_map(ran).filter_map(|(name, block)| Some((in_tree(name, &modules)?, block))).collect();
    let mut hit = Lines::new();
    for (path, block) in ran {
        let Some(file) = marked.get(path.as_str()).filter(|file| file.blocks.as_ref().is_some_and(|known| known.contains(&block))) else {
            continue;
        };
        hit.entry(path).or_default().extend(said(&file.lines, block));
    }
    let code = marked.iter().map(|(path, file)| ((*path).to_owned(), file.code())).collect();
    Ok(Covered { tool: "go's own coverage", code, hit })
}

impl Marked {
    fn read(bench: &Bench, number: usize, path: &str) -> Self {
        let text = fs::read(bench.place.checkout().join(path)).unwrap_or_default();
        let told = bench.place.report(&number.to_string()).unwrap_or_default();
        Self::of(String::from_utf8_lossy(&text).into_owned(), &String::from_utf8_lossy(&told))
    }

    fn of(text: String, told: &str) -> Self {
        // Such a comment moves what follows to other lines, and to another file.
        let elsewhere = text.lines().any(|line| line.starts_with("//line ")) || text.contains("/*line ");
        let blocks = told.rsplit_once(MARKED).filter(|_| !elsewhere).map(|(_, table)| blocks(table));
        Self { lines: text.split('\n').map(str::to_owned).collect(), blocks }
    }

    fn code(&self) -> BTreeSet<u32> {
        match &self.blocks {
            Some(blocks) => blocks.iter().flat_map(|block| said(&self.lines, *block)).collect(),
            None => symbols::spoken(&self.lines.join("\n"), &["//"]),
        }
    }
}

/// The blocks in the table that the tool puts at a file's end: positions first, then how many statements each has.
fn blocks(table: &str) -> BTreeSet<Block> {
    let numbers = |line: &str| -> Option<Vec<usize>> {
        let number = |word: &str| word.strip_prefix("0x").map_or_else(|| word.parse(), |hex| usize::from_str_radix(hex, 16)).ok();
        line.split_once("//")?.0.trim().trim_end_matches(',').split(',').map(|word| number(word.trim())).collect()
    };
    let rows: Vec<Vec<usize>> = table.lines().filter_map(numbers).collect();
    let positions = rows.iter().filter(|row| row.len() == 3).map(|row| [row[0], row[2] & 0xffff, row[1], row[2] >> 16]);
    let statements = rows.iter().filter(|row| row.len() == 1).map(|row| row[0]);
    positions.zip(statements).filter(|(_, statements)| *statements > 0).map(|(block, _)| block).collect()
}

/// The lines on which a block says something.
fn said(lines: &[String], [first, from, last, to]: Block) -> BTreeSet<u32> {
    let part = |number: usize| -> Option<String> {
        let line = lines.get(number - 1)?.as_bytes();
        let end = if number == last { to.saturating_sub(1).min(line.len()) } else { line.len() };
        let begin = if number == first { from.saturating_sub(1).min(end) } else { 0 };
        Some(String::from_utf8_lossy(&line[begin..end]).into_owned())
    };
    let says = |part: String| part.chars().any(char::is_alphanumeric) && !part.trim_start().starts_with("//");
    let numbers = first.max(1)..=last.min(lines.len());
    numbers.filter(|number| part(*number).is_some_and(says)).filter_map(|number| u32::try_from(number).ok()).collect()
}

/// A line of the profile, such as `example.org/demo/half.go:4.22,5.11 1 1`, of a block that ran.
fn ran(line: &str) -> Option<(&str, Block)> {
    let (name, rest) = line.rsplit_once(':')?;
    let (place, counts) = rest.split_once(' ')?;
    let numbers: Vec<usize> = place.split(['.', ',']).map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let ran = counts.split_once(' ')?.1.parse::<u64>().ok()? > 0;
    Some((name, Block::try_from(numbers).ok()?)).filter(|_| ran)
}

/// Each module's path and its folder in the tree.
fn modules(told: &str, tree: &Path) -> Vec<(String, PathBuf)> {
    let lines = told.lines().filter_map(|line| line.split_once(' '));
    lines.filter_map(|(module, folder)| Some((module.to_owned(), Path::new(folder).strip_prefix(tree).ok()?.to_owned()))).collect()
}

/// A file's place in the tree by the name that the profile has for it: the longest module wins.
fn in_tree(name: &str, modules: &[(String, PathBuf)]) -> Option<String> {
    let inside =
        modules.iter().filter_map(|(module, folder)| Some((module.len(), folder, name.strip_prefix(module.as_str())?.strip_prefix('/')?)));
    let (_, folder, rest) = inside.max_by_key(|(length, _, _)| *length)?;
    Some(folder.join(rest).to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "package half\n\n// Half is.\nfunc Half(n int) int {\n\tif n > 0 {\n\t\treturn n\n\t}\n\t// why\n\treturn -n\n}\n\nfunc Empty() {}\n";
    const TABLE: &str = "\tCount     [4]uint32\n} {\n\tPos: [3 * 4]uint32{\n\t\t4, 5, 0xb0016, // [0]\n\t\t8, 9, 0xb0002, // [1]\n\t\t5, 7, 0x3000b, // [2]\n\
                         \t\t12, 12, 0x10000e, // [3]\n\t},\n\tNumStmt: [4]uint16{\n\t\t1, // 0\n\t\t1, // 1\n\t\t1, // 2\n\t\t0, // 3\n\t},\n}\n";

    fn lines(of: &[u32]) -> BTreeSet<u32> {
        of.iter().copied().collect()
    }

    #[test]
    fn blocks_with_statements_are_code_and_brackets_and_comments_are_not() {
        let told = format!("{TEXT}{MARKED}{TABLE}");
        let marked = Marked::of(TEXT.into(), &told);
        assert_eq!(marked.blocks, Some([[4, 22, 5, 11], [5, 11, 7, 3], [8, 2, 9, 11]].into()));
        assert_eq!(marked.code(), lines(&[5, 6, 9]));
        let forged = Marked::of(TEXT.into(), &format!("{MARKED}\t\t1, 1, 0x10001, // [0]\n\t\t1, // 0\n{told}"));
        assert_eq!(forged.blocks, marked.blocks, "the last table is the tool's");
    }

    #[test]
    fn a_file_that_cannot_be_marked_or_says_to_be_another_is_code_as_a_whole() {
        assert_eq!(Marked::of(TEXT.into(), "").code(), lines(&[1, 4, 5, 6, 9, 12]));
        let moved = TEXT.replace("// why", "//line other.go:1");
        let marked = Marked::of(moved.replace("\t//line", "//line"), &format!("{MARKED}{TABLE}"));
        assert!(marked.blocks.is_none() && marked.code().contains(&9), "{:?}", marked.code());
    }

    #[test]
    fn profiles_are_read_and_nonsense_in_them_is_not() {
        assert_eq!(ran("example.org/demo/half.go:4.22,5.11 1 1"), Some(("example.org/demo/half.go", [4, 22, 5, 11])));
        for none in [
            "mode: set",
            "a.go:4.22,5.11 1 0",
            "a.go:4.22,5 1 1",
            "a.go:4.22,5.11,6.1 1 1",
            "a.go:4.22,5.11 1 -1",
            "a.go:99999999999999999999.1,1.1 1 1",
            "",
        ] {
            assert_eq!(ran(none), None, "{none}");
        }
        let text = Marked::of(TEXT.into(), "").lines;
        assert_eq!(said(&text, [0, 9, usize::MAX, usize::MAX]), lines(&[1, 4, 5, 6, 9, 12]));
        assert_eq!(said(&text, [9, 7, 4, 0]), lines(&[]));
    }

    #[test]
    fn names_become_paths_by_the_longest_module() {
        let known = modules(
            "example.org/demo /work/tree\nexample.org/demo/sub /work/tree/other\nexample.org/far /elsewhere\n",
            Path::new("/work/tree"),
        );
        assert_eq!(in_tree("example.org/demo/half.go", &known).as_deref(), Some("half.go"));
        assert_eq!(in_tree("example.org/demo/sub/a/b.go", &known).as_deref(), Some("other/a/b.go"));
        assert_eq!(in_tree("example.org/demosub/b.go", &known), None);
        assert_eq!(in_tree("example.org/far/b.go", &known), None);
    }
}
