//! Path patterns by whole segments: a rule about a folder holds for that folder and never for a namesake.
//!
//! `*` and `?` stay inside a segment, `**` is any number of whole segments (also none). There is no negation and no order: a list of
//! patterns matches when one of them does. Patterns are ASCII; paths are folded first, so that a spelling which some file system takes for
//! the same name is the same name here.

use super::name::BadName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest pattern that is taken.
pub const MAX_PATTERN: usize = 200;
/// The longest path that is taken for a path.
pub const MAX_PATH: usize = 4096;

/// A checked pattern for repository-relative paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
    quick: Quick,
}

/// By what most paths are told from a pattern, without a look at its parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Quick {
    /// The first and the last letter of the last segment; `*` where that is open.
    ends: (char, char),
    /// The length of a segment that has to be there somewhere; none is 0.
    length: u64,
}

impl Quick {
    fn of(parts: &[Part]) -> Self {
        let letter = |letter: Option<&char>| letter.copied().filter(|letter| *letter != '?').unwrap_or('*');
        let ends = match parts.last() {
            Some(Part::Plain(name) | Part::Open(name)) => (letter(name.first()), letter(name.last())),
            Some(Part::Segments) | None => ('*', '*'),
        };
        let plain = parts.iter().find_map(|part| if let Part::Plain(name) = part { Some(length(name)) } else { None });
        Self { ends, length: plain.unwrap_or(0) }
    }

    fn may_be(&self, path: &FoldedPath) -> bool {
        let meets = |wanted: char, letter: char| wanted == '*' || wanted == letter;
        meets(self.ends.0, path.ends.0) && meets(self.ends.1, path.ends.1) && path.lengths & self.length == self.length
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Segments,
    /// A name that stands for itself alone.
    Plain(Vec<char>),
    /// A name with something left open.
    Open(Vec<char>),
}

/// A path, folded and cut into segments, ready to be matched many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedPath {
    segments: Vec<Vec<char>>,
    /// Which lengths segments have, a bit each; the last stands for all longer ones.
    lengths: u64,
    /// The first and the last letter of the last segment; both 0 where it is empty.
    ends: (char, char),
}

impl Glob {
    /// Takes the text if every part of it is a pattern this matcher understands.
    pub fn new(text: impl Into<String>) -> Result<Self, BadName> {
        let text = text.into();
        match fault(&text) {
            None => {
                let parts: Vec<Part> = text.split('/').map(part).collect();
                Ok(Self { quick: Quick::of(&parts), parts, text })
            }
            Some(why) => Err(BadName { what: "path pattern", text: text.chars().take(120).collect(), why }),
        }
    }

    /// Tells whether a path matches; fold the path once with `FoldedPath` where it meets many patterns.
    pub fn matches(&self, path: &str) -> bool {
        FoldedPath::new(path).is(self)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether some path matches both patterns.
    pub fn meets(&self, other: &Glob) -> bool {
        // Most pairs part at a name before anything is left open.
        if self.beginning().zip(other.beginning()).any(|(a, b)| a != b) {
            return false;
        }
        let (a, b) = (&self.parts, &other.parts);
        // Row by row from the end: can what is left of one and what is left of the other be the same path?
        let mut below: Vec<bool> = Vec::new();
        for i in (0..=a.len()).rev() {
            let mut row = vec![false; b.len() + 1];
            for j in (0..=b.len()).rev() {
                row[j] = match (a.get(i), b.get(j)) {
                    (None, None) => true,
                    (Some(Part::Segments), _) => below[j] || (j < b.len() && row[j + 1]),
                    (_, Some(Part::Segments)) => row[j + 1] || (i < a.len() && below[j]),
                    (Some(Part::Plain(a) | Part::Open(a)), Some(Part::Plain(b) | Part::Open(b))) => names_meet(a, b) && below[j + 1],
                    (None, Some(_)) | (Some(_), None) => false,
                };
            }
            below = row;
        }
        below.first().copied().unwrap_or(false)
    }

    /// Tells whether the pattern is one path, with nothing left open.
    pub fn is_plain(&self) -> bool {
        self.beginning().count() == self.parts.len()
    }

    /// Tells whether the first segment is a name with nothing left open.
    pub fn begins_plain(&self) -> bool {
        self.beginning().next().is_some()
    }

    /// Tells whether this is one path, and a folder on the way to everything that the other matches.
    pub fn is_above(&self, other: &Glob) -> bool {
        self.is_plain() && self.parts.len() < other.parts.len() && self.beginning().eq(other.beginning().take(self.parts.len()))
    }

    /// The leading segments that stand for themselves alone.
    fn beginning(&self) -> impl Iterator<Item = &[char]> {
        self.parts.iter().map_while(|part| match part {
            Part::Plain(name) => Some(name.as_slice()),
            Part::Open(_) | Part::Segments => None,
        })
    }
}

impl FoldedPath {
    pub fn new(path: &str) -> Self {
        let folded = fold(path);
        let segments = folded.split('/').map(|segment| segment.trim_end_matches(['.', ' '])).map(|segment| segment.chars().collect());
        let segments: Vec<Vec<char>> = segments.collect();
        let lengths = segments.iter().fold(0, |lengths, name| lengths | length(name));
        let ends = segments.last().and_then(|name| Some((*name.first()?, *name.last()?))).unwrap_or_default();
        Self { segments, lengths, ends }
    }

    pub fn is(&self, glob: &Glob) -> bool {
        if !glob.quick.may_be(self) {
            return false;
        }
        let any = |part: &Part| matches!(part, Part::Segments);
        let meets = |(part, name): (&Part, &Vec<char>)| any(part) || part.is(name);
        match glob.parts.as_slice() {
            // Most patterns are of these two forms.
            [Part::Segments, one] if !any(one) => self.segments.last().is_some_and(|name| one.is(name)),
            [Part::Segments, one, Part::Segments] if !any(one) => self.segments.iter().any(|name| one.is(name)),
            parts => {
                let begins = parts.first().zip(self.segments.first()).is_none_or(meets);
                begins && parts.last().zip(self.segments.last()).is_none_or(meets) && wild(parts, &self.segments, any, Part::is)
            }
        }
    }

    /// Tells whether at least one pattern of a list matches.
    pub fn is_any(&self, globs: &[Glob]) -> bool {
        globs.iter().any(|glob| self.is(glob))
    }

    /// Tells whether the path is a folder on the way to everything that the pattern matches.
    pub fn is_above(&self, glob: &Glob) -> bool {
        self.segments.len() < glob.parts.len() && self.segments.iter().map(Vec::as_slice).eq(glob.beginning().take(self.segments.len()))
    }

    /// Tells whether the pattern is one path, and a folder on the way to this one.
    pub fn is_below(&self, glob: &Glob) -> bool {
        glob.is_plain() && glob.parts.len() < self.segments.len() && glob.beginning().eq(self.segments.iter().map(Vec::as_slice).take(glob.parts.len()))
    }

    /// Tells whether a segment is this name, which is folded already.
    pub fn has(&self, name: &str) -> bool {
        self.segments.iter().any(|segment| segment.iter().copied().eq(name.chars()))
    }

    pub fn segments(&self) -> impl Iterator<Item = String> {
        self.segments.iter().map(|segment| segment.iter().collect())
    }
}

impl TryFrom<String> for Glob {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(text)
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> String {
        glob.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says why a text is no plain repository-relative path; such a path is never exempt from anything.
pub fn odd_path(path: &str) -> Option<&'static str> {
    let dotted = |segment: &str| segment == "." || segment == "..";
    match path {
        "" => Some("it is empty"),
        _ if path.len() > MAX_PATH => Some("it is longer than 4096 bytes"),
        _ if path.split('/').any(str::is_empty) => Some("it has an empty segment"),
        _ if path.split('/').any(dotted) => Some("it has a segment . or .."),
        _ if path.contains('\\') => Some("it holds a backslash"),
        _ if path.chars().any(char::is_control) => Some("it holds a control character"),
        _ if path.chars().any(is_ignorable) => Some("it holds an invisible character"),
        _ if path.split('/').any(|segment| segment.ends_with(['.', ' '])) => Some("a segment ends with a dot or a space"),
        _ => None,
    }
}

/// A foreign text (a path, a test's name) as people may see it: no control or invisible characters, and not endless.
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(160).map(|c| if c.is_control() || is_ignorable(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(160).is_some() {
        shown.push('…');
    }
    shown
}

fn fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("it is empty"),
        _ if text.len() > MAX_PATTERN => Some("it is longer than 200 bytes"),
        _ if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) => Some("it uses printable ASCII only; write * for anything else"),
        _ if text.starts_with('!') => Some("there is no negation"),
        _ if text.contains(['\\', '[', ']', '{', '}']) => Some("it knows *, ? and ** only"),
        _ => text.split('/').find_map(segment_fault),
    }
}

fn segment_fault(segment: &str) -> Option<&'static str> {
    match segment {
        "" => Some("a segment is empty: no / at either end, and no //"),
        "." | ".." => Some("a segment is . or .."),
        "**" => None,
        _ if segment.contains("**") => Some("** stands for whole segments only"),
        _ if segment.ends_with(['.', ' ']) => Some("a segment ends with a dot or a space"),
        _ => None,
    }
}

fn part(segment: &str) -> Part {
    let name = || segment.to_ascii_lowercase().chars().collect();
    match segment {
        "**" => Part::Segments,
        _ if segment.contains(['*', '?']) => Part::Open(name()),
        _ => Part::Plain(name()),
    }
}

impl Part {
    fn is(&self, name: &Vec<char>) -> bool {
        match self {
            Part::Segments => false,
            Part::Plain(wanted) => wanted == name,
            Part::Open(wanted) => name_matches(wanted, name),
        }
    }
}

fn name_matches(pattern: &[char], name: &[char]) -> bool {
    let meets = |(wanted, letter): (&char, &char)| matches!(wanted, '*' | '?') || wanted == letter;
    let begins = pattern.first().zip(name.first()).is_none_or(meets);
    begins && pattern.last().zip(name.last()).is_none_or(meets) && wild(pattern, name, |wanted| *wanted == '*', |wanted, letter| *wanted == '?' || wanted == letter)
}

/// The bit of a name's length.
fn length(name: &[char]) -> u64 {
    1 << usize::min(name.len(), 63)
}

/// Matches a pattern whose `any` stands for any number of things. After a miss the last `any` takes one thing more; those before it took as little
/// as they could, so that they need no second try.
fn wild<P, T>(pattern: &[P], things: &[T], any: impl Fn(&P) -> bool, one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut next, mut last) = (0, 0, None);
    while let Some(thing) = things.get(next) {
        match pattern.get(at) {
            Some(part) if any(part) => {
                at += 1;
                last = Some((at, next));
            }
            Some(part) if one(part, thing) => (at, next) = (at + 1, next + 1),
            Some(_) | None => {
                let Some((after, taken)) = last else { return false };
                (at, next) = (after, taken + 1);
                last = Some((after, next));
            }
        }
    }
    pattern[at..].iter().all(any)
}

/// Tells whether some name matches both patterns; built like `Glob::meets`, letter by letter.
fn names_meet(a: &[char], b: &[char]) -> bool {
    let mut below: Vec<bool> = Vec::new();
    for i in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            row[j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some('*'), _) => below[j] || (j < b.len() && row[j + 1]),
                (_, Some('*')) => row[j + 1] || (i < a.len() && below[j]),
                (Some(a), Some(b)) => (a == b || *a == '?' || *b == '?') && below[j + 1],
                (None, Some(_)) | (Some(_), None) => false,
            };
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.replace('\\', "/").to_ascii_lowercase();
    }
    path.chars().filter(|c| !is_ignorable(*c)).flat_map(fold_char).collect()
}

/// What some file system folds into ASCII must not hide from an ASCII pattern: long s, Kelvin sign, sharp s, ligatures, backslash.
fn fold_char(c: char) -> Vec<char> {
    match c {
        '\\' => vec!['/'],
        'ſ' => vec!['s'],
        'ß' | 'ẞ' => vec!['s', 's'],
        'ﬀ' => vec!['f', 'f'],
        'ﬁ' => vec!['f', 'i'],
        'ﬂ' => vec!['f', 'l'],
        'ﬃ' => vec!['f', 'f', 'i'],
        'ﬄ' => vec!['f', 'f', 'l'],
        'ﬅ' | 'ﬆ' => vec!['s', 't'],
        _ => c.to_lowercase().collect(),
    }
}

/// Code points that show nothing and that some file system drops from names.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::new(text).unwrap()
    }

    #[test]
    fn table() {
        for (row, line) in include_str!("../../tests/check/glob.txt").lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] | ["#", ..] => {}
                ["yes", pattern, path] => assert!(glob(pattern).matches(path), "row {}: {line}", row + 1),
                ["no", pattern, path] => assert!(!glob(pattern).matches(path), "row {}: {line}", row + 1),
                ["bad", pattern] => assert!(Glob::new(pattern).is_err(), "row {}: {line}", row + 1),
                _ => panic!("row {}: {line}", row + 1),
            }
        }
    }

    #[test]
    fn patterns_with_blanks_and_foreign_letters_are_judged() {
        assert!(glob("my docs/*.md").matches("my docs/a.md"));
        for bad in ["", " /", "a\tb", "prüfung/**", "a\n", &"a".repeat(201)] {
            assert!(Glob::new(bad).is_err(), "{bad:?}");
        }
    }

    /// A second, naive matcher: tries every way, exponential, obviously right.
    fn naive(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            (["**", rest @ ..], _) => naive(rest, path) || (!path.is_empty() && naive(pattern, &path[1..])),
            ([name, rest @ ..], [first, others @ ..]) => naive_name(name.as_bytes(), first.as_bytes()) && naive(rest, others),
            _ => false,
        }
    }

    fn naive_name(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => naive_name(rest, name) || (!name.is_empty() && naive_name(pattern, &name[1..])),
            ([b'?', rest @ ..], [_, others @ ..]) => naive_name(rest, others),
            ([want, rest @ ..], [have, others @ ..]) => want == have && naive_name(rest, others),
            _ => false,
        }
    }

    fn words(alphabet: &[&str], longest: usize, between: &str) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut last: Vec<String> = vec![String::new()];
        for _ in 0..longest {
            let longer = |word: &String| {
                alphabet.iter().map(|a| if word.is_empty() { (*a).to_owned() } else { format!("{word}{between}{a}") }).collect::<Vec<_>>()
            };
            last = last.iter().flat_map(longer).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn agrees_with_the_naive_matcher_on_every_short_pattern_and_path() {
        let paths = words(&["a", "ab", "aab"], 4, "/");
        for pattern in words(&["a", "*", "**", "?b", "a*"], 4, "/") {
            let compiled = glob(&pattern);
            let parts: Vec<&str> = pattern.split('/').collect();
            for path in &paths {
                let expected = naive(&parts, &path.split('/').collect::<Vec<_>>());
                assert_eq!(compiled.matches(path), expected, "{pattern} on {path}");
            }
        }
    }

    #[test]
    fn agrees_with_the_naive_matcher_inside_a_segment() {
        let names = words(&["a", "b"], 6, "");
        for pattern in words(&["a", "?", "*"], 5, "").into_iter().filter(|p| !p.contains("**")) {
            for name in &names {
                assert_eq!(glob(&pattern).matches(name), naive_name(pattern.as_bytes(), name.as_bytes()), "{pattern} on {name}");
            }
        }
    }

    /// Two patterns meet when one of all short paths matches both: the shortest such path is never longer than both together.
    #[test]
    fn patterns_meet_where_a_path_matches_both_and_nowhere_else() {
        let paths: Vec<FoldedPath> = words(&["a", "b", "ab", "aab"], 4, "/").iter().map(|path| FoldedPath::new(path)).collect();
        let patterns: Vec<Glob> = words(&["a", "*b", "**", "?b", "a*"], 3, "/").iter().map(|text| glob(text)).collect();
        let matched: Vec<Vec<bool>> = patterns.iter().map(|pattern| paths.iter().map(|path| path.is(pattern)).collect()).collect();
        for (a, of_a) in patterns.iter().zip(&matched) {
            for (b, of_b) in patterns.iter().zip(&matched) {
                let both = of_a.iter().zip(of_b).any(|(a, b)| *a && *b);
                assert_eq!(a.meets(b), both, "{a} and {b}");
            }
        }
    }

    #[test]
    fn names_meet_where_a_name_matches_both_and_nowhere_else() {
        let names: Vec<FoldedPath> = words(&["a", "b", "c"], 6, "").iter().map(|name| FoldedPath::new(name)).collect();
        let texts = words(&["a", "b", "?", "*"], 3, "");
        let patterns: Vec<Glob> = texts.iter().filter(|text| !text.contains("**")).map(|text| glob(text)).collect();
        for a in &patterns {
            let of_a: Vec<&FoldedPath> = names.iter().filter(|name| name.is(a)).collect();
            for b in &patterns {
                assert_eq!(a.meets(b), of_a.iter().any(|name| name.is(b)), "{a} and {b}");
            }
        }
    }

    #[test]
    fn what_lies_above_and_below_is_known() {
        assert!(glob("src").is_above(&glob("src/*/a")) && glob("SRC/a").is_above(&glob("src/A/**")));
        for (a, b) in [("src", "src"), ("src", "sr*/a"), ("s*", "src/a"), ("src/a", "src"), ("src", "**/a")] {
            assert!(!glob(a).is_above(&glob(b)), "{a} {b}");
        }
        assert!(FoldedPath::new("Src").is_above(&glob("src/a")) && !FoldedPath::new("src/a").is_above(&glob("src/a")));
        assert!(FoldedPath::new("src/a/b").is_below(&glob("src")) && !FoldedPath::new("src/a").is_below(&glob("s*")));
        assert!(!FoldedPath::new("s*").is_above(&glob("src/a")), "a name is no pattern");
    }

    #[test]
    fn a_pattern_built_to_explode_is_answered_at_once() {
        let pattern = format!("{}b", "**/*a*a*a*/".repeat(15));
        assert!(glob(&pattern).meets(&glob(&format!("{}c/**", "**/*a?a*/".repeat(15)))));
        assert!(!glob(&pattern).matches(&"aaaaaaaaaaaaaaaaaaaaaaaa/".repeat(60)));
    }

    #[test]
    fn spellings_that_some_disk_takes_for_the_same_are_the_same() {
        for twin in ["Tests/a", "TESTS/a", "te\u{17f}ts/a", "te\u{200d}sts/a", "tests./a", "tests /a", "tests\\a", "te\u{fb06}s/a"] {
            assert!(glob("tests/**").matches(twin), "{twin:?}");
        }
        assert!(glob("**/kernel/**").matches("\u{212a}ernel/x"));
        assert!(glob("config/**").matches("con\u{fb01}g/x"));
    }

    #[test]
    fn foreign_text_is_shown_without_tricks() {
        assert_eq!(shown("src/ä b.rs"), "src/ä b.rs");
        assert_eq!(shown("a\u{1b}[31mb\u{202e}c\n"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(shown(&"a".repeat(160)).len(), 160);
        assert_eq!(shown(&"a".repeat(161)).chars().count(), 161);
        assert!(shown(&"a".repeat(161)).ends_with('…'));
    }

    #[test]
    fn odd_paths_are_named() {
        for odd in ["", "/a", "a/", "a//b", "./a", "a/../b", "a\\b", "a\nb", "a\u{200b}b", "a./b", "a /b", &"a".repeat(4097)] {
            assert!(odd_path(odd).is_some(), "{odd:?}");
        }
        for plain in ["a", "a/b.c", ".github/x", "über/ä b", "..a/b", "a..b"] {
            assert_eq!(odd_path(plain), None, "{plain:?}");
        }
    }
}
