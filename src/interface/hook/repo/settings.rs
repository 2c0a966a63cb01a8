//! Git's settings as one file says them: enough for a handful of keys. Includes are not followed.

/// The last value of `section.key` (or `section.sub.key`); a key without a value is `true`.
pub(in crate::interface::hook) fn find(text: &str, wanted: &str) -> Option<String> {
    let mut section = String::new();
    let mut found = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start();
        if let Some((name, rest)) = header(line) {
            section = name;
            line = rest.trim_start();
        }
        let Some((key, value)) = pair(line, &mut lines) else { continue };
        if wanted == format!("{section}.{key}") {
            found = Some(value);
        }
    }
    found
}

/// Reads `[section]` or `[section "sub"]`; gives what follows it on the line.
fn header(line: &str) -> Option<(String, &str)> {
    let inner = line.strip_prefix('[')?;
    match inner.find(['"', ']'])? {
        end if inner[end..].starts_with(']') => Some((inner[..end].trim().to_ascii_lowercase(), &inner[end + 1..])),
        start => {
            let mut sub = String::new();
            let mut chars = inner[start + 1..].char_indices();
            while let Some((at, c)) = chars.next() {
                match c {
                    '\\' => sub.extend(chars.next().map(|(_, c)| c)),
                    '"' => {
                        let rest = inner[start + 1 + at + 1..].trim_start().strip_prefix(']')?;
                        return Some((format!("{}.{sub}", inner[..start].trim().to_ascii_lowercase()), rest));
                    }
                    c => sub.push(c),
                }
            }
            None
        }
    }
}

fn pair(line: &str, more: &mut std::str::Lines<'_>) -> Option<(String, String)> {
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    match rest.trim_start().strip_prefix('=') {
        _ if key.is_empty() => None,
        Some(text) => Some((key.to_ascii_lowercase(), value(text, more))),
        None => Some((key.to_ascii_lowercase(), "true".to_owned())),
    }
}

/// Undoes quotes, escapes, comments, and lines that go on.
fn value(text: &str, more: &mut std::str::Lines<'_>) -> String {
    let (mut out, mut quoted, mut kept) = (String::new(), false, 0);
    let mut chars = text.trim_start().chars();
    loop {
        match chars.next() {
            Some('"') => quoted = !quoted,
            Some('#' | ';') if !quoted => break,
            Some('\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(c) => out.push(c),
                None => match more.next() {
                    Some(next) => chars = next.chars(),
                    None => break,
                },
            },
            Some(c) => out.push(c),
            None => break,
        }
        if quoted || !out.ends_with([' ', '\t']) {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_git_reads_them() {
        let text = "[core] bare = true\n[Orchestrate]\n\tbundle = \"/a b;c\" ; not this\n\tbundle = x\\\\y \\\nz # c\n\tflag\n[a \"B.\\\"c\"]\nk=1\n";
        assert_eq!(find(text, "core.bare").as_deref(), Some("true"));
        assert_eq!(find(text, "orchestrate.bundle").as_deref(), Some("x\\y z"));
        assert_eq!(find(text, "orchestrate.flag").as_deref(), Some("true"));
        assert_eq!(find(text, "a.B.\"c.k").as_deref(), Some("1"));
        assert_eq!(find(text, "orchestrate.none"), None);
        assert_eq!(find("[orchestrate]\nbundle = \"/a b;c\" ; x", "orchestrate.bundle").as_deref(), Some("/a b;c"));
    }
}
