//! `guard`: asked by the agent's client before each tool it uses. Without a yes nothing runs; an edit that could not be pushed gets a no.
//!
//! Comfort, not the wall: a seat can change files by other ways, and what it pushes is judged at the gate.

use super::say::words;
use super::wire::{self, No};
use crate::domain::refusal::Refusal;
use crate::supervisor::protocol::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// A tool's whole input is read; no more than this.
const MOST: u64 = 64 << 20;
/// The tools that change a file by its path.
const EDITS: [&str; 4] = ["Edit", "MultiEdit", "NotebookEdit", "Write"];

#[derive(Deserialize)]
struct Asked {
    tool_name: String,
    #[serde(default)]
    cwd: String,
    #[serde(default)]
    tool_input: Value,
}

pub(super) fn run(_: &[OsString]) -> u8 {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(MOST).read_to_end(&mut text);
    let said = match read.map(|_| serde_json::from_slice::<Asked>(&text)) {
        Ok(Ok(asked)) => judge(&asked),
        Ok(Err(why)) => Err(format!("the question cannot be read: {why}")),
        Err(why) => Err(format!("the question cannot be read: {why}")),
    };
    let (word, why) = said.map_or_else(|why| ("deny", why), |()| ("allow", String::new()));
    println!(
        "{}",
        json!({"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": word, "permissionDecisionReason": why}})
    );
    0
}

fn judge(asked: &Asked) -> Result<(), String> {
    if !EDITS.contains(&asked.tool_name.as_str()) {
        return Ok(());
    }
    let named = ["file_path", "notebook_path"].iter().find_map(|field| asked.tool_input.get(field)?.as_str());
    let path = named.ok_or_else(|| format!("{} names no file", asked.tool_name))?;
    let clone = std::env::var_os("ORCHESTRATE_CLONE").map(PathBuf::from).ok_or("this is no seat: ORCHESTRATE_CLONE is not set")?;
    match within(&clone, Path::new(&asked.cwd), Path::new(path)) {
        // What is not of the repository is the seat's own.
        None => Ok(()),
        Some(path) => ask(path),
    }
}

fn ask(path: String) -> Result<(), String> {
    let answer = wire::call(&wire::seat_socket(), &Request::EditMay { path }, wire::patience()).map_err(|no| words(&no))?;
    match answer.get("refused") {
        Some(Value::Null) => Ok(()),
        Some(refused) => match serde_json::from_value::<Refusal>(refused.clone()) {
            Ok(refusal) => Err(words(&No::Refused(refusal))),
            Err(why) => Err(format!("the supervisor's answer cannot be read: {why}")),
        },
        None => Err("the supervisor's answer cannot be read".to_owned()),
    }
}

/// The path from the clone's root, where it lies in the clone.
fn within(clone: &Path, cwd: &Path, path: &Path) -> Option<String> {
    let mut whole = PathBuf::new();
    for part in cwd.join(path).components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(part),
        }
    }
    let inside = whole.strip_prefix(clone).ok()?;
    Some(inside.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_through_dots() {
        let within = |path: &str| within(Path::new("/work/demo"), Path::new("/work/demo/src"), Path::new(path));
        for (path, inside) in [
            ("/work/demo/a.py", Some("a.py")),
            ("a.py", Some("src/a.py")),
            ("../b/../c.py", Some("c.py")),
            ("/home/x/../../work/demo/./d", Some("d")),
            ("/work/demo/../other", None),
            ("/work/demolition", None),
            ("/tmp/x", None),
        ] {
            assert_eq!(within(path).as_deref(), inside, "{path}");
        }
    }

    #[test]
    fn what_edits_no_file_passes_and_what_names_none_does_not() {
        let asked = |tool: &str, input: Value| judge(&Asked { tool_name: tool.to_owned(), cwd: "/".to_owned(), tool_input: input });
        assert_eq!(asked("Bash", json!({"command": "echo > x"})), Ok(()));
        assert_eq!(asked("mcp__orchestrate__submit", json!({})), Ok(()));
        assert!(asked("Write", json!({"content": "x"})).is_err());
        assert!(asked("Edit", json!({"file_path": 7})).is_err());
    }
}
