//! What an agent's client has to be able to do, seen in its program: no version is asked, since it is the features that are used.

use super::{Kind, Launch};
use crate::domain::failure::{Doing as _, Failure};
use memchr::memmem::Finder;
use std::fs::File;
use std::io::{ErrorKind, Read as _};

/// A word that stands in the program of every client that has the feature, and what it is needed for.
const NEEDED: [(&str, &str); 8] = [
    ("asyncRewake", "hooks that wake it, so that mail arrives"),
    ("dontAsk", "a mode in which what is not allowed is denied, so that no dialog opens"),
    ("permissionDecision", "a hook that is asked before each tool"),
    ("managed-settings.json", "settings that a seat cannot change"),
    ("--append-system-prompt", "a role's prompt"),
    ("--mcp-config", "the workshop's tools"),
    ("--resume", "going on with the session that it had"),
    ("statusUpdatedAt", "saying what it is at"),
];
const PIECE: usize = 1 << 20;
/// Longer than any program.
const MOST: u64 = 2 << 30;

/// Whether the client can do all that a seat needs; names what it lacks. A script that starts it is taken on trust.
pub fn capable(launch: &Launch) -> Result<(), Failure> {
    if launch.kind != Kind::Claude {
        return Ok(());
    }
    let lacking = lacking(&launch.argv[0])?;
    // What has none of the words is a wrapper: it starts a client that cannot be looked into from here.
    if lacking.is_empty() || lacking.len() == NEEDED.len() {
        return Ok(());
    }
    let words: Vec<String> = lacking.iter().map(|(word, why)| format!("{why} ({word})")).collect();
    let hint = "npm install -g @anthropic-ai/claude-code   (or name another agent: --agent CMD)";
    Err(Failure::new(format!("{} is too old", launch.argv[0]), format!("it lacks {}", words.join("; "))).hint(hint))
}

fn lacking(program: &str) -> Result<Vec<(&'static str, &'static str)>, Failure> {
    let what = || format!("cannot read {program}");
    let mut file = File::open(program).doing(what())?.take(MOST);
    let (mut piece, mut kept) = (vec![0; PIECE], Vec::new());
    let mut left: Vec<_> = NEEDED.iter().map(|needed| (Finder::new(needed.0), *needed)).collect();
    let longest = NEEDED.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    while !left.is_empty() {
        let read = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            Err(why) => return Err(why).doing(what()),
        };
        kept.extend_from_slice(&piece[..read]);
        left.retain(|(word, _)| word.find(&kept).is_none());
        // A word may stand on both sides of a cut.
        kept.drain(..kept.len().saturating_sub(longest));
    }
    Ok(left.into_iter().map(|(_, needed)| needed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_too_old_is_told_what_it_lacks_and_another_agent_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claude");
        let launch = |kind| Launch { kind, argv: vec![path.to_str().unwrap().to_owned()], read_only: Vec::new() };
        let words = |skip: &str| NEEDED.iter().filter(|(word, _)| *word != skip).map(|(word, _)| format!("x{word}y")).collect::<String>();
        std::fs::write(&path, words("")).unwrap();
        assert_eq!(capable(&launch(Kind::Claude)), Ok(()));
        for (word, why) in NEEDED {
            std::fs::write(&path, words(word)).unwrap();
            let failure = capable(&launch(Kind::Claude)).unwrap_err();
            assert!(failure.why.contains(why) && failure.hint.contains("npm install"), "{failure:?}");
            assert_eq!(failure.why.matches(';').count(), 0, "{failure:?}");
        }
        for cut in 1..12 {
            std::fs::write(&path, format!("{}{}", "-".repeat(PIECE - cut), words(""))).unwrap();
            assert_eq!(capable(&launch(Kind::Claude)), Ok(()), "{cut}");
        }
        std::fs::write(&path, "#!/bin/sh\nexec /opt/elsewhere/claude\n").unwrap();
        assert_eq!((capable(&launch(Kind::Claude)), capable(&launch(Kind::Other))), (Ok(()), Ok(())));
        assert_eq!(lacking(path.to_str().unwrap()).unwrap().len(), NEEDED.len());
    }
}
