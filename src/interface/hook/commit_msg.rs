//! `commit-msg`: a subject that people can read; and a word to who writes approvals into a message, where they count nothing.

use super::say;
use std::ffi::OsString;
use std::fs;

const MOST_SUBJECT: usize = 100;
/// Words that look like somebody's approval. Approvals are signed statements in the ledger, never text.
const APPROVALS: [&str; 5] = ["reviewed-by", "approved-by", "acked-by", "tested-by", "verified-by"];
/// Subjects that git itself makes, as long as they come.
const GIT_S_OWN: [&str; 5] = ["Merge ", "Revert ", "fixup! ", "squash! ", "amend! "];
const SCISSORS: &str = "------------------------ >8 ------------------------";

pub(super) fn run(args: &[OsString]) -> u8 {
    let Some(path) = args.first() else {
        eprintln!("orchestrate: commit-msg wants the file with the message\nhint: git commit   (it calls this hook itself)");
        return 1;
    };
    match fs::read(path) {
        Ok(text) => judge(&String::from_utf8_lossy(&text)),
        Err(why) => {
            eprintln!("orchestrate: cannot read the message: {}", say::plain(&why.to_string()));
            1
        }
    }
}

fn judge(text: &str) -> u8 {
    let lines = || text.lines().take_while(|line| !line.contains(SCISSORS)).filter(|line| !line.starts_with('#'));
    for trailer in lines().filter_map(approval) {
        eprintln!("hint: {trailer:?} in a message counts nothing: orchestrate review approve <task> is what counts");
    }
    match trouble(lines().find(|line| !line.trim().is_empty()).unwrap_or_default()) {
        None => 0,
        Some(why) => {
            eprintln!("orchestrate: {why}\nhint: git commit -m '<what changes, in one line>'");
            1
        }
    }
}

fn trouble(subject: &str) -> Option<String> {
    let length = subject.trim().chars().count();
    let made_by_git = GIT_S_OWN.iter().any(|start| subject.starts_with(start));
    match length {
        0 => Some("the commit has no subject".to_owned()),
        length if length > MOST_SUBJECT && !made_by_git => Some(format!("the subject has {length} characters, at most {MOST_SUBJECT}")),
        _ => None,
    }
}

fn approval(line: &str) -> Option<&str> {
    let name = line.split_once(':')?.0.trim();
    APPROVALS.contains(&name.to_ascii_lowercase().as_str()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_at_both_edges() {
        for (text, code) in [
            ("", 1),
            ("\n  \n# comment\n", 1),
            ("fix it\n", 0),
            (&"x".repeat(100), 0),
            (&"x".repeat(101), 1),
            (&"ü".repeat(100), 0),
            (&format!("Merge {}", "x".repeat(120)), 0),
            ("# only\n\nlater\n", 0),
            (&format!("# {SCISSORS}\ndiff\n"), 1),
            ("fix\n\nReviewed-by: qa-a <qa-a@x>\n", 0),
        ] {
            assert_eq!(judge(text), code, "{text:?}");
        }
    }

    #[test]
    fn approvals_in_text_are_seen() {
        assert_eq!(approval("Reviewed-By: qa-a"), Some("Reviewed-By"));
        assert_eq!(approval("Co-authored-by: dev-b"), None);
    }
}
