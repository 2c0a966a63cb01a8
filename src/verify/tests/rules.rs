//! The charter of the small workshop.

use super::world::WORKSHOP;
use crate::domain::charter::Charter;
use serde_json::json;

pub fn charter() -> Charter {
    let role = |name: &str, place: u32, seats: &[&str], capabilities: &[&str], by: &[&str]| {
        json!({ "front": { "name": name, "place": place, "group": "development", "colour": "green", "about": "Works.", "seats": seats,
            "capabilities": capabilities, "reviewed_by": by }, "prompt": "Work." })
    };
    let gate = |name: &str, checks: &[&str]| json!({ "name": name, "about": "Wants.", "checks": checks, "limits": {} });
    let mut deploy = gate("deploy", &["co-signed", "owner-confirmed", "merge-still-tested"]);
    let order = json!({ "argv": ["true"], "where": "sandbox", "seconds": 9 });
    deploy["deployment"] = json!({ "workshop": WORKSHOP, "files": ["**"], "confirm": "code", "checks": [order], "run": order, "health": order });
    let (all, short, budget) =
        (json!(["red", "green", "peer", "qa", "deploy"]), json!(["peer", "qa", "deploy"]), json!({ "per_hour": 20 }));
    serde_json::from_value(json!({
        "policy": {
            "thresholds": { "single_review_lines": 50, "single_review_files": 3, "rewritten_tests_need_two": true },
            "risk": { "critical": ["**/auth/**"], "high": [], "medium": ["**/*.rs"], "low": ["**/*.md"] },
            "paths": { "control": ["**/Cargo.toml"], "tests": ["**/tests/**"], "docs": ["**/*.md"] },
            "route": { "source": all, "control": short, "test": short, "docs": short },
            "entries": { "binary": "owner", "executable": "two-approvals", "symlink": "deny", "gitlink": "deny" },
            "cumulative": { "hours": 24, "lines": 40, "files": 0, "fast_track": 0 },
            "review": { "due_seconds": 86400, "due_critical_seconds": 14400, "reminder_percent": 50, "redraws": 3, "cosigned_back": true, "fix_lines": 50, "same_eyes": true },
            "bypass": { "lines": 100, "files": 10, "minutes": 60, "follow_up_hours": 24, "no_stops": true },
            "messages": { "max_body_bytes": 262_144, "ttl_seconds": 86400 },
            "delivery": { "automatic": false, "to": "branch" },
            "runner": { "command": [], "wall_seconds": 60, "output_bytes": 1, "memory_bytes": 1, "runs": 1 },
            "agent": { "command": "claude", "hosts": [] },
            "budgets": { "commits": budget, "messages": budget, "locks": budget, "submissions": budget, "reviews": budget, "decisions": budget },
        },
        "gates": [gate("red", &["new-tests-fail"]), gate("green", &["red-ids-pass", "nothing-lost"]), gate("peer", &["reviewed", "files-judged"]),
            gate("qa", &["suite-passes", "qa-verdict"]), deploy],
        "roles": [
            role("orchestrator", 1, &["orchestrator"], &["open-task", "cosign-deploy"], &[]),
            role("librarian", 2, &["librarian"], &["cosign-deploy", "veto", "freeze", "thaw"], &[]),
            role("architect", 3, &["architect-a", "architect-b"], &["review-peer"], &[]),
            role("dev", 4, &["dev-a", "dev-b"], &["submit", "review-peer"], &["dev", "architect"]),
            role("qa", 5, &["qa-a"], &["verify-qa"], &[]),
        ],
        "shared": "Be kind.",
    }))
    .unwrap()
}
