//! A small charter and changes for tests of the domain; the real defaults are tested where they are loaded.

use super::change::{Blob, Change, FileChange};
use super::charter::Charter;
use super::reading::{Bundle, FileText, Said};
use super::name::{Oid, SeatName};
use serde_json::{Value, json};

pub fn seat(name: &str) -> SeatName {
    SeatName::new(name).unwrap()
}

pub fn seats(names: &[&str]) -> Vec<SeatName> {
    names.iter().map(|name| seat(name)).collect()
}

/// An object id made of one letter.
pub fn oid(digit: char) -> Oid {
    Oid::new(digit.to_string().repeat(40)).unwrap()
}

pub fn blob(digit: char, mode: u32) -> Blob {
    Blob { oid: oid(digit), mode, size: 100 }
}

/// A new file with this many lines.
pub fn file(path: &str, lines: u64) -> FileChange {
    FileChange { path: path.to_owned(), old: None, new: Some(blob('f', 0o100_644)), added: lines, deleted: 0, binary: false, marks: Vec::new() }
}

/// A change that adds these files; the first holds all but one line of each other.
pub fn change(paths: &[&str], lines: u64) -> Change {
    let first = lines - (paths.len().max(1) as u64 - 1);
    let files: Vec<FileChange> = paths.iter().enumerate().map(|(at, path)| file(path, if at == 0 { first } else { 1 })).collect();
    let touched = paths.iter().map(|path| (*path).to_owned()).collect();
    Change { base: oid('1'), base_tree: oid('2'), commit: oid('3'), tree: oid('4'), commits: Vec::new(), files, churn: lines, touched }
}

/// What a reviewer says who finds every file so and quotes all that changed, and the difference that it read.
pub fn reading(change: &Change, good: bool) -> (Said, Option<Box<Bundle>>) {
    let paths: Vec<String> = change.files.iter().map(|file| file.path.clone()).collect();
    let files = paths.iter().map(|path| FileText { path: path.clone(), text: "+x".to_owned() }).collect();
    let (ok, bad) = if good { (paths, Vec::new()) } else { (Vec::new(), paths) };
    (Said { ok, bad, quotes: vec!["+x".to_owned()] }, Some(Box::new(Bundle { commit: change.commit.clone(), files, earlier: Vec::new() })))
}

fn role(name: &str, place: u32, seats: &[&str], capabilities: &[&str], reviewed_by: &[&str]) -> Value {
    let front = json!({ "name": name, "place": place, "group": "development", "colour": "green", "about": "Works.", "seats": seats,
        "capabilities": capabilities, "reviewed_by": reviewed_by });
    json!({ "front": front, "prompt": "Work well." })
}

fn roles() -> Value {
    json!([
        role("orchestrator", 1, &["orchestrator"], &["open-task", "cosign-deploy"], &[]),
        role("librarian", 2, &["librarian"], &["review-peer", "cosign-deploy", "veto", "freeze"], &[]),
        role("planner", 3, &["planner-a", "planner-b"], &["submit", "review-peer"], &["architect"]),
        role("architect", 4, &["architect-a", "architect-b", "architect-c"], &["submit", "review-peer"], &["planner"]),
        role("dev", 5, &["dev-a", "dev-b"], &["submit", "review-peer"], &["dev", "architect"]),
        role("qa", 6, &["qa-a", "qa-b"], &["submit", "review-peer", "verify-qa"], &["qa", "dev"]),
        role("docs", 7, &["docs"], &["submit", "write-docs-only"], &["librarian", "qa"]),
    ])
}

fn gates() -> Value {
    let gate = |name: &str, check: &str| json!({ "name": name, "about": "Wants.", "checks": [check], "limits": {} });
    json!([
        gate("red", "new-tests-fail"),
        gate("green", "red-ids-pass"),
        gate("peer", "reviewed"),
        gate("qa", "suite-passes"),
        gate("deploy", "co-signed")
    ])
}

fn policy() -> Value {
    let all = json!(["red", "green", "peer", "qa", "deploy"]);
    let short = json!(["peer", "qa", "deploy"]);
    let budget = json!({ "per_hour": 20 });
    json!({
        "thresholds": { "single_review_lines": 50, "single_review_files": 3, "rewritten_tests_need_two": true },
        "risk": { "critical": ["**/auth/**", "**/auth.*"], "high": ["**/security/**"], "medium": ["**/*.rs"], "low": ["**/*.md"] },
        "paths": { "control": ["**/Cargo.toml", "**/.gitmodules"], "tests": ["**/tests/**"], "docs": ["**/*.md"] },
        "route": { "source": all, "control": short, "test": short, "docs": short },
        "entries": { "binary": "owner", "executable": "two-approvals", "symlink": "deny", "gitlink": "deny" },
        "decisions": { "council": { "by": ["architect"], "majority": true, "hours": 48, "tie_hours": 12 } }, "council": { "paths": ["**/infra/**"] },
        "review": { "due_seconds": 86400, "due_critical_seconds": 14400, "reminder_percent": 50, "redraws": 3 },
        "messages": { "max_body_bytes": 262_144, "ttl_seconds": 86400 },
        "delivery": { "automatic": false, "to": "branch" },
        "runner": { "command": [], "wall_seconds": 60, "output_bytes": 1, "memory_bytes": 1, "runs": 1 },
        "agent": { "command": "claude", "hosts": ["api.anthropic.com:443"] },
        "budgets": { "commits": budget, "messages": budget, "locks": budget, "submissions": budget, "reviews": budget, "decisions": budget },
    })
}

/// The parts of the sample charter, to be broken in one place.
pub fn value() -> Value {
    json!({ "policy": policy(), "gates": gates(), "roles": roles(), "shared": "Be kind." })
}

pub fn charter() -> Charter {
    serde_json::from_value(value()).unwrap()
}
