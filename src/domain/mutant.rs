//! Mutants: an operator of a line that a change brings becomes its opposite, and a test that asks for the line notices.
//!
//! They are made here and by no tool of the language, as such a tool obeys files and comments of the very tree that is judged. What stands
//! in comments and texts is left alone, as far as that can be told without the language's whole grammar.

/// One operator of a file, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// Bytes from the file's beginning.
    pub at: usize,
    pub from: &'static str,
    pub to: &'static str,
}

impl Mutant {
    /// The content with this operator turned.
    pub fn apply(&self, content: &[u8]) -> Vec<u8> {
        let (before, rest) = content.split_at(usize::min(self.at, content.len()));
        [before, self.to.as_bytes(), rest.get(self.from.len()..).unwrap_or_default()].concat()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    Python,
    JavaScript,
    Go,
}

/// Where an operator begins and ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// No other sign of an operator stands beside it.
    Signs,
    /// A blank stands on both sides: elsewhere it is another sign.
    Blanks,
    /// It is a word.
    Word,
}

const EVERYWHERE: &[(&str, &str, Edge)] = &[
    ("===", "!==", Edge::Signs),
    ("!==", "===", Edge::Signs),
    ("==", "!=", Edge::Signs),
    ("!=", "==", Edge::Signs),
    ("<=", ">", Edge::Signs),
    (">=", "<", Edge::Signs),
    ("&&", "||", Edge::Signs),
    ("||", "&&", Edge::Signs),
    ("<", ">=", Edge::Blanks),
    (">", "<=", Edge::Blanks),
    ("+", "-", Edge::Blanks),
    ("-", "+", Edge::Blanks),
    ("true", "false", Edge::Word),
    ("false", "true", Edge::Word),
];
const PYTHON: &[(&str, &str, Edge)] = &[
    ("<", ">=", Edge::Signs),
    (">", "<=", Edge::Signs),
    ("and", "or", Edge::Word),
    ("or", "and", Edge::Word),
    ("True", "False", Edge::Word),
    ("False", "True", Edge::Word),
];
const GO: &[(&str, &str, Edge)] = &[("<", ">=", Edge::Signs), (">", "<=", Edge::Signs)];

/// Every operator of a file that has an opposite, in order; none where the language is not known.
pub fn mutants(path: &str, content: &[u8]) -> Vec<Mutant> {
    let Some(language) = Language::of(path) else { return Vec::new() };
    let code = Scan { language, text: content, at: 0, code: vec![false; content.len()], tests: None }.scan();
    let own = match language {
        Language::Python => PYTHON,
        Language::Go => GO,
        Language::Rust | Language::JavaScript => &[],
    };
    let at = |at: usize| {
        let fits = |(from, _, edge): &&(&'static str, &'static str, Edge)| stands(content, &code, at, from, *edge);
        EVERYWHERE.iter().chain(own).find(fits).map(|(from, to, _)| Mutant { at, from, to })
    };
    (0..content.len()).filter_map(at).collect()
}

fn stands(text: &[u8], code: &[bool], at: usize, word: &str, edge: Edge) -> bool {
    let end = at + word.len();
    if !text[at..].starts_with(word.as_bytes()) || !code[at..end].iter().all(|code| *code) {
        return false;
    }
    let beside = [at.checked_sub(1).and_then(|at| text.get(at)), text.get(end)];
    beside.into_iter().flatten().all(|byte| match edge {
        Edge::Signs => !b"=!<>&|+-*/%^~:".contains(byte),
        Edge::Blanks => byte.is_ascii_whitespace(),
        Edge::Word => !byte.is_ascii_alphanumeric() && *byte != b'_' && *byte < 0x80,
    })
}

impl Language {
    fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "rs" => Some(Language::Rust),
            "py" => Some(Language::Python),
            "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => Some(Language::JavaScript),
            "go" => Some(Language::Go),
            _ => None,
        }
    }
}

/// A walk through a file that tells code from comments and texts.
struct Scan<'a> {
    language: Language,
    text: &'a [u8],
    at: usize,
    code: Vec<bool>,
    /// Inside what Rust builds for tests alone: how many braces are open in it.
    tests: Option<usize>,
}

impl Scan<'_> {
    fn scan(mut self) -> Vec<bool> {
        while self.at < self.text.len() {
            match self.skipped() {
                Some(length) => self.at += length.max(1),
                None => self.step(),
            }
        }
        self.code
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    /// How long the comment or text is that begins here.
    fn skipped(&self) -> Option<usize> {
        let rest = self.rest();
        let slash = self.language != Language::Python;
        match rest[0] {
            b'#' if !slash => Some(line(rest)),
            b'/' if slash && rest.starts_with(b"//") => Some(line(rest)),
            b'/' if slash && rest.starts_with(b"/*") => Some(self.block(rest)),
            b'r' if self.language == Language::Rust && !self.in_word() => raw(rest),
            b'b' | b'c' if self.language == Language::Rust && !self.in_word() && rest.get(1) == Some(&b'r') => raw(&rest[1..]).map(|length| 1 + length),
            b'/' if self.language == Language::JavaScript && self.begins_value() => pattern(rest),
            b'"' if self.language == Language::Rust => Some(quoted(rest, b"\"", true, true)),
            b'\'' if self.language == Language::Rust => letter(rest),
            b'"' | b'\'' if self.language == Language::Python && rest.len() > 2 && rest[1] == rest[0] && rest[2] == rest[0] => {
                Some(quoted(rest, &rest[..3], true, true))
            }
            b'`' if slash => Some(quoted(rest, b"`", self.language == Language::JavaScript, true)),
            b'"' | b'\'' => Some(quoted(rest, &rest[..1], true, false)),
            _ => None,
        }
    }

    fn in_word(&self) -> bool {
        self.at.checked_sub(1).is_some_and(|at| self.text[at].is_ascii_alphanumeric() || self.text[at] == b'_')
    }

    /// Whether a value can begin here, so that a slash begins a pattern and divides nothing.
    fn begins_value(&self) -> bool {
        let before = self.text[..self.at].trim_ascii_end();
        before.last().is_none_or(|byte| b"(,=:[!&|?{};+-*%<>~^".contains(byte)) || before.ends_with(b"return")
    }

    fn block(&self, rest: &[u8]) -> usize {
        let (mut depth, mut at) = (0_usize, 0);
        while at < rest.len() {
            match &rest[at..] {
                [b'/', b'*', ..] if depth == 0 || self.language == Language::Rust => (depth, at) = (depth + 1, at + 2),
                [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        at
    }

    /// One byte of code. What is built for tests alone is a test, and no source.
    fn step(&mut self) {
        let byte = self.text[self.at];
        let begins = self.language == Language::Rust && tests(self.rest());
        match (&mut self.tests, byte) {
            (None, _) if begins => self.tests = Some(0),
            (None, _) => self.code[self.at] = true,
            (Some(0), b';') => self.tests = None,
            (Some(open), b'{') => *open += 1,
            (Some(open), b'}') => {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    self.tests = None;
                }
            }
            (Some(_), _) => {}
        }
        self.at += 1;
    }
}

/// Whether a module begins here that is built for tests alone. Nothing else counts as such: an attribute on a field or a parameter would take
/// along what follows.
fn tests(rest: &[u8]) -> bool {
    let Some(mut rest) = [&b"#[cfg(test)]"[..], b"#[cfg(all(test,"].iter().find_map(|mark| rest.strip_prefix(*mark)) else { return false };
    if let Some(end) = rest.iter().position(|byte| *byte == b'\n').filter(|end| rest[..*end].ends_with(b")]")) {
        rest = &rest[end..];
    }
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [b'#', b'[', ..] => rest = &rest[line(rest)..],
            _ => return rest.strip_prefix(b"pub ").unwrap_or(rest).starts_with(b"mod "),
        }
    }
}

/// How long a pattern of JavaScript is; nothing where it does not end in its line.
fn pattern(rest: &[u8]) -> Option<usize> {
    let (mut at, mut class) = (1, false);
    loop {
        match rest.get(at)? {
            b'\n' => return None,
            b'\\' => at += 1,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
}

fn line(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// How long a text is that ends with `mark`; where it may not go on in the next line, it ends with its own.
fn quoted(rest: &[u8], mark: &[u8], escapes: bool, lines: bool) -> usize {
    let mut at = mark.len();
    while at < rest.len() {
        match rest[at] {
            b'\\' if escapes => at += 2,
            b'\n' if !lines => return at,
            _ if rest[at..].starts_with(mark) => return at + mark.len(),
            _ => at += 1,
        }
    }
    rest.len()
}

/// Rust's `r"…"` and `r#"…"#`.
fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    rest.get(1 + hashes).filter(|byte| **byte == b'"')?;
    let end = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let begin = 2 + hashes;
    let length = rest[begin..].windows(end.len()).position(|window| window == end);
    Some(length.map_or(rest.len(), |length| begin + length + end.len()))
}

/// Rust's `'x'`; nothing where it is a lifetime.
fn letter(rest: &[u8]) -> Option<usize> {
    let first = std::str::from_utf8(&rest[1..usize::min(rest.len(), 5)]).unwrap_or_else(|why| {
        std::str::from_utf8(&rest[1..1 + why.valid_up_to()]).unwrap_or_default()
    });
    match first.chars().next()? {
        '\\' => Some(quoted(rest, b"'", true, false)),
        one => (rest.get(1 + one.len_utf8()) == Some(&b'\'')).then_some(2 + one.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Vec<String> {
        mutants(path, text.as_bytes()).iter().map(|mutant| String::from_utf8(mutant.apply(text.as_bytes())).unwrap()).collect()
    }

    #[test]
    fn an_operator_becomes_its_opposite() {
        for (path, from, to) in [
            ("a.rs", "if a == b {", "if a != b {"),
            ("a.rs", "a != b", "a == b"),
            ("a.go", "if a <= b {", "if a > b {"),
            ("a.go", "a>=b", "a<b"),
            ("a.js", "a === b", "a !== b"),
            ("a.ts", "a !== b", "a === b"),
            ("a.tsx", "a < b", "a >= b"),
            ("a.PY", "a > b", "a <= b"),
            ("a.rs", "a && b", "a || b"),
            ("a.js", "a||b", "a&&b"),
            ("a.py", "a + b", "a - b"),
            ("a.py", "a - b", "a + b"),
            ("a.py", "return a and b", "return a or b"),
            ("a.py", "x = True", "x = False"),
            ("a.rs", "false", "true"),
        ] {
            assert_eq!(of(path, from), [to], "{path}: {from}");
        }
        assert_eq!(of("a.py", "a == b and c"), ["a != b and c", "a == b or c"]);
    }

    #[test]
    fn what_is_no_operator_is_left_alone() {
        for (path, text) in [
            ("a.rs", "fn f<T>(x: Vec<T>) -> &'a T where T: Fn() -> U, 'a: 'b {}"),
            ("a.rs", "match x { a => b, _ => c }"),
            ("a.rs", "x += 1; y <<= 2; z -= -1; let r = 0..=9;"),
            ("a.rs", "let s = \"a == b\"; // a == b\n/* a == b /* c */ d == e */"),
            ("a.rs", "let s = r#\"a \" == b\"#; let c = '='; let d = '\\''; let e = '\"';"),
            ("a.rs", "#[cfg(test)]\nmod tests { fn f() { if a == b { c } } }"),
            ("a.py", "# a and b\ns = ['a and b', \"c or d\"]\n'''a == b\n\"\nc == d'''\n"),
            ("a.py", "band = android\n"),
            ("a.py", "def f() -> int:\n    x <<= 1; y = x >> 2\n"),
            ("a.rs", "#[cfg(all(test, unix))]\n#[path = \"x.rs\"]\npub mod tests { a == b }"),
            ("a.rs", "br#\"a \" == b\"#"),
            ("a.js", "const p = /a == [/]b/;"),
            ("a.js", "x => y; `a == ${b}\n == c`; 'a == b'; x--; ++y"),
            ("a.go", "c <- x; s := `a == b`; r := '=' // ==\n"),
            ("a.md", "a == b"),
            ("Makefile", "a == b"),
            ("a.rs", ""),
        ] {
            assert_eq!(of(path, text), [""; 0], "{path}: {text}");
        }
    }

    #[test]
    fn what_follows_a_comment_a_text_or_the_tests_is_code_again() {
        for (path, text) in [
            ("a.rs", "/* a */ a == b"),
            ("a.rs", "x('a', \"b\", r\"c\", b'\\n'); a == b"),
            ("a.rs", "#[cfg(test)]\nuse x;\nfn f() { a == b }"),
            ("a.rs", "fn f(#[cfg(test)] _p: (), a: i32) { a == b }"),
            ("a.rs", "fn f(\n    #[cfg(test)]\n    _p: (),\n) { a == b }"),
            ("a.rs", "const S: &[u8] = br\"\\\"; a == b"),
            ("a.js", "const p = /`/; a == b"),
            ("a.js", "const p = /[/*]/; a == b"),
            ("a.js", "x / y; a == b; z / 2"),
            ("a.py", "a<b"),
            ("a.go", "a<b"),
            ("a.rs", "let x = a\n    + b;"),
            ("a.rs", "let x = a +\n\tb;"),
            ("a.rs", "#[cfg(test)]\nmod t { { } }\nfn f<'a>() { a == b }"),
            ("a.py", "'''x''' == b"),
            ("a.py", "it's\na == b"),
            ("a.js", "`a\n` == b"),
            ("a.go", "'a' == b"),
            ("a.rs", "r == b"),
        ] {
            assert_eq!(of(path, text).len(), 1, "{path}: {text}");
        }
    }

    #[test]
    fn no_content_stops_it() {
        let marks = ["\"", "'", "'''", "/*", "*/", "//", "r#\"", "#[cfg(test)]", "{", "}", ";", "\\", "`", "é", "\n", "==", " "];
        for one in marks {
            for two in marks {
                for three in marks {
                    let text = [one, two, three].concat();
                    ["a.rs", "a.py", "a.js", "a.go"].iter().for_each(|path| drop(of(path, &text)));
                    let bytes = &text.as_bytes()[..text.len() - 1];
                    drop(mutants("a.rs", &[bytes, &[0xff, b'\'', 0xc3]].concat()));
                }
            }
        }
    }
}
