//! A file, its code without comments and texts, and the paths that the code names.

pub struct Source {
    pub path: String,
    pub text: String,
    /// The code alone, as long as the text: comments and literals are blank.
    pub code: String,
    /// The code without its test modules.
    pub plain: String,
}

/// A path such as `crate::edge::git`, with the line that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub parts: Vec<String>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blank(text) } else { String::new() };
        let tests = path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/");
        let plain = if tests { String::new() } else { without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, plain }
    }

    /// Splits `src/edge/tmux/grid.rs` into its module path, `edge tmux grid`; none for what is no module of the library.
    pub fn module(&self) -> Option<Vec<&str>> {
        let inner = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let inner = inner.strip_suffix("/mod").unwrap_or(inner);
        (!["lib", "main"].contains(&inner)).then(|| inner.split('/').collect())
    }
}

pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Finds a word, or words joined by signs, where no letter goes on before or after it.
pub fn find_all<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: Option<char>| c.is_some_and(is_word);
    let whole = move |at: &usize| {
        let before = needle.starts_with(is_word) && part(code[..*at].chars().next_back());
        let after = needle.ends_with(is_word) && part(code[at + needle.len()..].chars().next());
        !before && !after
    };
    code.match_indices(needle).map(|(at, _)| at).filter(whole)
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Lists every path that begins with one of these roots, groups in braces taken apart.
pub fn paths(code: &str, roots: &[&str]) -> Vec<Named> {
    let mut all = Vec::new();
    for root in roots {
        for at in find_all(code, root).filter(|at| !code[..*at].ends_with("::")) {
            let end = at + root.len();
            if code[end..].trim_start().starts_with("::") {
                follow(code, end, line_of(code, at), vec![(*root).to_owned()], &mut all);
            }
        }
    }
    all
}

/// Reads on behind a part of a path; answers where the path ends.
fn follow(code: &str, at: usize, line: usize, mut parts: Vec<String>, all: &mut Vec<Named>) -> usize {
    let Some(rest) = code[at..].trim_start().strip_prefix("::") else {
        all.push(Named { line, parts });
        return at;
    };
    let rest = rest.trim_start();
    let start = code.len() - rest.len();
    if rest.starts_with('{') {
        return group(code, start + 1, &parts, all);
    }
    let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    if length == 0 {
        all.push(Named { line, parts });
        return start;
    }
    parts.push(rest[..length].to_owned());
    follow(code, start + length, line_of(code, start), parts, all)
}

/// Reads the members of a group in braces; answers where it ends.
fn group(code: &str, mut at: usize, parts: &[String], all: &mut Vec<Named>) -> usize {
    while at < code.len() {
        let rest = code[at..].trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '*');
        let start = code.len() - rest.len();
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if length == 0 {
            return start + 1;
        }
        let mut member = parts.to_vec();
        if &rest[..length] != "self" {
            member.push(rest[..length].to_owned());
        }
        at = follow(code, start + length, line_of(code, start), member, all);
        at += code[at..].find([',', '}']).unwrap_or(code.len() - at);
        if code[at..].starts_with('}') {
            return at + 1;
        }
    }
    at
}

/// Blanks comments, texts and characters; lines stay where they are.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = comment(rest).or_else(|| literal(rest, code.chars().next_back())).unwrap_or(0);
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let mut depth = usize::from(rest.starts_with("/*"));
    let mut at = 2;
    while depth > 0 {
        let open = rest.get(at..)?.find("/*").unwrap_or(usize::MAX);
        let close = rest[at..].find("*/").unwrap_or(rest.len() - at);
        depth = if open < close { depth + 1 } else { depth - 1 };
        at = (at + open.min(close) + 2).min(rest.len());
    }
    (at > 2).then_some(at)
}

fn literal(rest: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(is_word) {
        return quoted(rest);
    }
    let body = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let prefix = rest.len() - body.len();
    match body.strip_prefix('r').map(|raw| (raw, raw.len() - raw.trim_start_matches('#').len())) {
        Some((raw, hashes)) if raw[hashes..].starts_with('"') => {
            let end = format!("\"{}", "#".repeat(hashes));
            let inner = raw[hashes + 1..].find(&end).map_or(raw.len(), |at| hashes + 1 + at + end.len());
            Some(prefix + 1 + inner)
        }
        _ => quoted(body).map(|length| prefix + length),
    }
}

fn quoted(rest: &str) -> Option<usize> {
    match rest.chars().next()? {
        '"' => Some(closing(rest, '"')),
        '\'' if rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'') => Some(closing(rest, '\'')),
        _ => None,
    }
}

fn closing(rest: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if !escaped && c == mark {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    rest.len()
}

/// Blanks what stands behind `#[cfg(test)]`, up to the end of its braces.
fn without_tests(code: &str) -> String {
    let mut plain = code.to_owned();
    for (at, mark) in code.match_indices("#[cfg(test)]") {
        let behind = at + mark.len();
        let semicolon = || code[behind..].find(';').map_or(code.len(), |end| behind + end);
        let end = body(code, behind).map_or_else(semicolon, |(_, end)| end);
        let blank: String = code[at..end].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
        plain.replace_range(at..end, &blank);
    }
    plain
}

/// Finds the braces of an item: where they open and where they end. None when the item ends without.
pub fn body(code: &str, from: usize) -> Option<(usize, usize)> {
    let (mut round, mut depth, mut open) = (0i32, 0i32, None);
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && depth == 0 => return None,
            '{' if round == 0 || depth > 0 => {
                depth += 1;
                open = open.or(Some(from + at));
            }
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return Some((open?, from + at + 1));
                }
            }
            _ => {}
        }
    }
    None
}
