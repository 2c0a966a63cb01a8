//! Words for people: what was refused or failed, and what to run next.

use super::wire::No;
use std::fmt::Write as _;

/// Shows text that others wrote: no control character, and nothing that reorders a line, reaches a terminal.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || reorders(c) => write!(shown, "\\u{{{:x}}}", u32::from(c)).unwrap_or_default(),
            c => shown.push(c),
        }
    }
    shown
}

fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A refusal or a failure as lines for standard error.
pub(super) fn words(no: &No) -> String {
    let (first, hint) = match no {
        No::Refused(refusal) => (format!("orchestrate: refused: {} [{}]", plain(&refusal.why), plain(&refusal.code)), &refusal.hint),
        No::Failed(failure) => (format!("orchestrate: {}: {}", plain(&failure.what), plain(&failure.why)), &failure.hint),
    };
    if hint.is_empty() { first } else { format!("{first}\nhint: {}", plain(hint)) }
}

/// Tells on standard error why something did not happen.
pub(super) fn tell(no: &No) {
    eprintln!("{}", words(no));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::Refusal;

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        assert_eq!(plain("a\x1b[2Jb\r\nc\u{202e}d\te"), "a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{202e}d e");
        assert_eq!(plain("häß ✅"), "häß ✅");
    }

    #[test]
    fn a_refusal_has_its_code_and_its_hint() {
        let no = No::Refused(Refusal::new("ref-not-yours", "not\nyours", "git push"));
        assert_eq!(words(&no), "orchestrate: refused: not\\u{a}yours [ref-not-yours]\nhint: git push");
    }
}
