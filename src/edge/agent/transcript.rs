//! Which session an agent had last, from the transcripts in its home. The seat writes them: what is taken from there is one number of a
//! known form, which only the seat's own client is told.

use super::home::Home;

/// Transcripts that are looked at.
const MOST_FILES: usize = 4096;

/// The newest session that was held in this folder, by the name of its transcript.
pub(super) fn newest(config: &Home, clone_inside: &str) -> Option<String> {
    let folder: String = clone_inside.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let transcripts = config.existing("projects")?.existing(&folder)?;
    let sessions = transcripts.files(MOST_FILES).into_iter().filter(|file| file.size > 0);
    let named = sessions.filter_map(|file| Some((file.changed, id(file.name.strip_suffix(".jsonl")?)?.to_owned())));
    named.max().map(|(_, id)| id)
}

/// A UUID in its usual spelling.
fn id(name: &str) -> Option<&str> {
    let hex = |part: &str, length| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let parts: Vec<&str> = name.split('-').collect();
    let whole = parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| hex(part, length));
    whole.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const OLD: &str = "11111111-2222-3333-4444-555555555555";
    const NEW: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    fn aged(path: &std::path::Path, seconds: u64) {
        let when = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).unwrap().set_modified(when).unwrap();
    }

    #[test]
    fn the_newest_transcript_of_the_clone_names_the_session_and_nothing_else_does() {
        let home = tempfile::tempdir().unwrap();
        let newest = || newest(&Home::open(home.path()).unwrap(), "/work/my.repo");
        assert_eq!(newest(), None);
        let folder = home.path().join("projects/-work-my-repo");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(newest(), None);
        for (name, content, second) in [
            (format!("{OLD}.jsonl"), "x", 10),
            (format!("{NEW}.jsonl"), "x", 20),
            ("99999999-2222-3333-4444-555555555555.jsonl".to_owned(), "", 30),
            (format!("{}.jsonl", NEW.to_uppercase()), "x", 30),
            ("--dangerously.jsonl".to_owned(), "x", 30),
            (format!("{OLD}.json"), "x", 30),
        ] {
            fs::write(folder.join(&name), content).unwrap();
            aged(&folder.join(&name), second);
        }
        symlink("/etc/passwd", folder.join("00000000-2222-3333-4444-555555555555.jsonl")).unwrap();
        fs::create_dir(folder.join("12345678-2222-3333-4444-555555555555.jsonl")).unwrap();
        assert_eq!(newest().as_deref(), Some(NEW));
        fs::rename(home.path().join("projects"), home.path().join("elsewhere")).unwrap();
        symlink(home.path().join("elsewhere"), home.path().join("projects")).unwrap();
        assert_eq!(newest(), None, "a link is not followed");
    }
}
