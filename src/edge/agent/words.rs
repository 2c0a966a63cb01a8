//! A command as a person types it: words and quotes, nothing a shell would run.

use crate::domain::failure::Failure;

/// What only a shell understands.
const SHELL: &str = "|&;<>()$`*?[]{}~#\n";

/// Splits a command into words. Quotes and backslashes work as in a shell; what only a shell could do is refused.
pub(super) fn split(command: &str) -> Result<Vec<String>, Failure> {
    let bad = |why: String| {
        Failure::new(format!("cannot read the agent's command {command:?}"), why).hint("--agent \"sh -c '…'\"   (for what needs a shell)")
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => quoted(&mut chars, '\'', word.get_or_insert_default()).ok_or_else(|| bad("a quote is open".to_owned()))?,
            '"' => quoted(&mut chars, '"', word.get_or_insert_default()).ok_or_else(|| bad("a quote is open".to_owned()))?,
            '\\' => word.get_or_insert_default().push(chars.next().ok_or_else(|| bad("it ends with a backslash".to_owned()))?),
            '~' | '#' if word.is_some() => word.get_or_insert_default().push(c),
            c if SHELL.contains(c) => return Err(bad(format!("{c:?} needs a shell"))),
            c if c.is_control() => return Err(bad("it holds a control character".to_owned())),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) { Err(bad("it names no program".to_owned())) } else { Ok(words) }
}

/// Reads up to the closing quote. Within double quotes a backslash protects a quote or itself.
fn quoted(chars: &mut std::str::Chars<'_>, end: char, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            c if c == end => return Some(()),
            '\\' if end == '"' => match chars.next()? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_quotes() {
        for (command, words) in [
            ("claude", &["claude"][..]),
            ("  claude\t--model  haiku ", &["claude", "--model", "haiku"]),
            ("'/opt/my agent/run' \"a \\\"b\\\" $x\" c\\ d '' e'f'g", &["/opt/my agent/run", "a \"b\" $x", "c d", "", "efg"]),
            ("a b~1#c", &["a", "b~1#c"]),
        ] {
            assert_eq!(split(command).unwrap(), words, "{command}");
        }
        for bad in ["", "  ", "''", "a 'b", "a \"b", "a \\", "a | b", "a; b", "a $X", "a `b`", "~/a", "a\nb", "a\u{1b}b"] {
            assert!(split(bad).is_err(), "{bad:?}");
        }
    }
}
