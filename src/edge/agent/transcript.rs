//! Which session an agent had last and what its end shows, from the transcripts in its home. The seat writes them: what is taken from there is
//! one number of a known form, which only the seat's own client is told, and what people are shown.

use super::home::{Home, PlainFile};
use crate::domain::entry::Millis;
use crate::domain::spend::Used;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Transcripts that are looked at, and the bytes of one's end.
const MOST_FILES: usize = 4096;
const MOST_TAIL: u64 = 1 << 20;
/// How often a transcript that grew is looked at for what it tells; what is beyond waits for the next time.
const MOST_LOOKS: u32 = 64;
/// More tokens than any message has.
const MOST_TOKENS: u64 = 1 << 24;

/// The newest session that was held in this folder, by the name of its transcript.
pub(super) fn newest(config: &Home, clone_inside: &str) -> Option<String> {
    let transcripts = folder(config, clone_inside)?;
    last(&transcripts).and_then(|file| Some(id(file.name.strip_suffix(".jsonl")?)?.to_owned()))
}

fn folder(config: &Home, clone_inside: &str) -> Option<Home> {
    let name: String = clone_inside.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    config.existing("projects")?.existing(&name)
}

fn last(transcripts: &Home) -> Option<PlainFile> {
    let files = transcripts.files(MOST_FILES).into_iter().filter(|file| file.size > 0);
    files.filter(|file| file.name.strip_suffix(".jsonl").and_then(id).is_some()).max_by(|a, b| (a.changed, &a.name).cmp(&(b.changed, &b.name)))
}

/// What the newest transcript shows of a client that says nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// When it grew last, in milliseconds since 1970.
    pub changed: Millis,
    /// A tool was begun there and has not ended.
    pub in_tool: bool,
}

/// Looks at the end of the newest transcript of a seat. The seat writes it as it likes; it is shown to people, and nothing is decided by it.
pub fn trace(home: &Path, clone_inside: &str) -> Option<Trace> {
    let transcripts = folder(&Home::open(home).ok()?.existing(".claude")?, clone_inside)?;
    let file = last(&transcripts)?;
    let (seconds, nanoseconds) = file.changed;
    let changed = Millis::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(nanoseconds / 1_000_000);
    let in_tool = transcripts.tail(&file.name, MOST_TAIL).is_some_and(|(bytes, whole)| tool_open(&bytes, whole));
    Some(Trace { changed, in_tool })
}

/// How far each transcript has been read, by its session.
pub type Marks = BTreeMap<String, u64>;

/// A message of the model's, as a transcript tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    pub message: String,
    pub model: String,
    pub used: Used,
}

/// Where all transcripts of a seat end now.
pub fn ends(home: &Path, clone_inside: &str) -> Marks {
    let ends = |transcripts: Home| transcripts.files(MOST_FILES).into_iter().filter_map(|file| Some((id(file.name.strip_suffix(".jsonl")?)?.to_owned(), file.size)));
    Home::open(home).ok().and_then(|home| folder(&home.existing(".claude")?, clone_inside)).into_iter().flat_map(ends).collect()
}

/// The messages that the transcripts have told of since their marks, each once with the most that it says was used; the marks move on. A
/// transcript that became shorter is read from its new end on.
pub fn spoken(home: &Path, clone_inside: &str, marks: &mut Marks) -> Vec<Spoken> {
    let Some(transcripts) = Home::open(home).ok().and_then(|home| folder(&home.existing(".claude")?, clone_inside)) else { return Vec::new() };
    let mut pieces = Vec::new();
    for file in transcripts.files(MOST_FILES) {
        let Some(session) = file.name.strip_suffix(".jsonl").and_then(id) else { continue };
        let mark = marks.entry(session.to_owned()).or_default();
        *mark = (*mark).min(file.size);
        for _ in 0..MOST_LOOKS {
            let Some(bytes) = look(&transcripts, &file, mark).filter(|bytes| !bytes.is_empty()) else { break };
            pieces.extend(messages(&bytes));
        }
    }
    pieces
}

/// The whole lines that follow the mark, at most so many bytes of them; the mark moves on.
fn look(transcripts: &Home, file: &PlainFile, mark: &mut u64) -> Option<Vec<u8>> {
    if *mark >= file.size {
        return None;
    }
    let mut bytes = transcripts.piece(&file.name, *mark, MOST_TAIL)?;
    let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => end + 1,
        // A line that is longer than a look is passed over.
        None if bytes.len() as u64 == MOST_TAIL => bytes.len(),
        None => 0,
    };
    *mark += whole as u64;
    bytes.truncate(whole);
    Some(bytes)
}

fn messages(bytes: &[u8]) -> Vec<Spoken> {
    let mut all: Vec<Spoken> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        let message = &line["message"];
        let figure = |name: &str| message["usage"][name].as_u64().unwrap_or(0).min(MOST_TOKENS);
        let used = Used {
            input: figure("input_tokens"),
            output: figure("output_tokens"),
            cache_read: figure("cache_read_input_tokens"),
            cache_write: figure("cache_creation_input_tokens"),
            micros: 0,
        };
        let (Some("assistant"), Some(id), Some(model)) = (line["type"].as_str(), message["id"].as_str(), message["model"].as_str()) else { continue };
        let short = |text: &str| text.chars().take(100).collect::<String>();
        match all.iter_mut().rev().find(|known| known.message == short(id)) {
            Some(known) if known.used.output < used.output => known.used = used,
            Some(_) => {}
            None => all.push(Spoken { message: short(id), model: short(model), used }),
        }
    }
    all
}

/// Whether a tool was begun in these lines and none of them has its result. Half a line, at either end, and one that is no JSON say nothing.
fn tool_open(bytes: &[u8], whole: bool) -> bool {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').skip(usize::from(!whole)).filter(|line| line.ends_with(b"\n"));
    let mut open = BTreeSet::new();
    for line in lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        let blocks = line["message"]["content"].as_array().into_iter().flatten();
        for block in blocks {
            match (block["type"].as_str(), block["id"].as_str(), block["tool_use_id"].as_str()) {
                (Some("tool_use"), Some(id), _) => drop(open.insert(id.to_owned())),
                (Some("tool_result"), _, Some(id)) => drop(open.remove(id)),
                _ => {}
            }
        }
    }
    !open.is_empty()
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

    fn line(kind: &str, key: &str, id: &str) -> String {
        format!("{{\"type\":\"x\",\"message\":{{\"content\":[{{\"type\":\"{kind}\",\"{key}\":\"{id}\"}}]}}}}\n")
    }

    #[test]
    fn a_tool_is_under_way_from_its_beginning_to_its_result() {
        let (begun, ended) = (line("tool_use", "id", "t1"), line("tool_result", "tool_use_id", "t1"));
        for (text, whole, open) in [
            (String::new(), true, false),
            (begun.clone(), true, true),
            (format!("{begun}{ended}"), true, false),
            (format!("{begun}{}{ended}", line("tool_use", "id", "t2")), true, true),
            (begun.trim_end().to_owned(), true, false),
            (format!("{begun}{}", ended.trim_end()), true, true),
            (format!("{begun}{ended}"), false, false),
            (format!("half a line\n{begun}"), false, true),
            (format!("{begun}nonsense\n[[\n\u{0}\n{{}}\n{ended}"), true, false),
            (format!("{begun}{}\n", "[".repeat(100_000)), true, true),
        ] {
            assert_eq!(tool_open(text.as_bytes(), whole), open, "{}", &text[..text.len().min(300)]);
        }
    }

    #[test]
    fn the_end_of_a_transcript_is_looked_at_wherever_it_was_cut_and_no_link_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".claude/projects/-work-my-repo");
        fs::create_dir_all(&folder).unwrap();
        let trace = || trace(home.path(), "/work/my.repo");
        assert_eq!(trace(), None);
        let path = folder.join(format!("{OLD}.jsonl"));
        fs::write(&path, format!("{}{}", "x".repeat(3 << 20), line("tool_use", "id", "t"))).unwrap();
        aged(&path, 10);
        assert_eq!(trace(), Some(Trace { changed: 10_000, in_tool: false }), "its beginning is not there");
        fs::write(&path, format!("{}\n{}", "x".repeat(3 << 20), line("tool_use", "id", "t"))).unwrap();
        aged(&path, 20);
        assert_eq!(trace(), Some(Trace { changed: 20_000, in_tool: true }));
        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert_eq!(trace(), None);
    }

    #[test]
    fn each_message_is_told_of_once_from_where_the_last_look_ended() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".claude/projects/-work-my-repo");
        fs::create_dir_all(&folder).unwrap();
        let (path, mut marks) = (folder.join(format!("{NEW}.jsonl")), Marks::new());
        let said = |id: &str, output: u64| format!("{{\"type\":\"assistant\",\"message\":{{\"id\":\"{id}\",\"model\":\"m\",\"usage\":{{\"input_tokens\":2,\"output_tokens\":{output}}}}}}}\n");
        let mut look = |text: &str| {
            fs::write(&path, text).unwrap();
            let mut told: Vec<_> = spoken(home.path(), "/work/my.repo", &mut marks).into_iter().map(|spoken| (spoken.message, spoken.used.output)).collect();
            told.sort();
            told
        };
        let one = |id: &str, output: u64| (id.to_owned(), output);
        let (first, second) = (format!("{}{}", said("a", 1), said("a", 5)), said("b", 7));
        assert_eq!(look(&first), [one("a", 5)]);
        assert_eq!(look(&first), []);
        let half = &second[..20];
        assert_eq!(look(&format!("{first}nonsense\n{half}")), []);
        assert_eq!(look(&format!("{first}nonsense\n{second}")), [one("b", 7)]);
        assert_eq!(look(&second), [], "rotated: read from its new end on");
        assert_eq!(look(&format!("{second}{}", said("c", u64::MAX))), [one("c", MOST_TOKENS)]);
        assert_eq!(look(&"x".repeat(3 << 20)), []);
        // What an earlier session told after the last look is not forgotten.
        let earlier = folder.join(format!("{OLD}.jsonl"));
        fs::write(&earlier, said("d", 9)).unwrap();
        assert_eq!(look(&format!("{}\n{}", "x".repeat(3 << 20), said("e", 4))), [one("d", 9), one("e", 4)]);
        fs::remove_file(&earlier).unwrap();
        fs::write(&path, "x".repeat(3 << 20)).unwrap();
        assert_eq!(ends(home.path(), "/work/my.repo"), Marks::from([(NEW.to_owned(), 3 << 20)]));
        fs::remove_file(folder.join(format!("{NEW}.jsonl"))).unwrap();
        symlink("/etc/passwd", folder.join(format!("{NEW}.jsonl"))).unwrap();
        assert!(spoken(home.path(), "/work/my.repo", &mut Marks::new()).is_empty());
    }
}
